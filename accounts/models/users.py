"""People who sign in: staff and employees of an organization, and operators of the installation."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class TenantUserManager(UserManager["User"]):
    """Names are unique within an organization; without one, the operator of that name is meant."""

    def get_by_natural_key(self, username: str | None) -> User:
        """The operator called `username`: what Django's own commands ask for. Raises
        User.DoesNotExist.
        """
        return self.get(username=username, organization=None)


class User(AbstractUser):
    """Somebody who signs in: staff or an employee of an organization, or an operator of the
    installation (a superuser).
    """

    # Two tenants may each have an `admin`, and neither can find out that the other has one.
    username = models.CharField(
        _("username"),
        max_length=150,
        validators=[AbstractUser.username_validator],
        help_text=_("Letters, digits and @ . + - _"),
    )
    organization = models.ForeignKey(
        "employees.Organization",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("organization"),
        help_text=_("Empty only for operators of the whole installation."),
    )
    employee = models.OneToOneField(
        "employees.Employee",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="user",
        verbose_name=_("employee"),
    )

    objects: ClassVar[TenantUserManager] = TenantUserManager()

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")  # type: ignore[assignment]
        verbose_name_plural = _("users")  # type: ignore[assignment]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_superuser=True) | Q(organization__isnull=False),
                name="user_has_organization",
                violation_error_message=_("Only an operator may be without an organization."),
            ),
            models.UniqueConstraint(fields=("organization", "username"), name="user_name_once"),
            models.UniqueConstraint(
                fields=("username",),
                name="operator_name_once",
                condition=Q(organization__isnull=True),
            ),
        ]
