"""People who sign in to the console. Employees' own tokens and API clients join them here."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """Somebody who signs in: staff of one organization, or an operator of the whole installation (a superuser)."""

    organization = models.ForeignKey(
        "employees.Organization", on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("organization"),
        help_text=_("Empty only for operators of the whole installation."),
    )  # fmt: skip
    employee = models.OneToOneField(
        "employees.Employee", on_delete=models.PROTECT, null=True, blank=True, related_name="user", verbose_name=_("employee")
    )

    class Meta(AbstractUser.Meta):
        verbose_name = _("user")  # type: ignore[assignment]
        verbose_name_plural = _("users")  # type: ignore[assignment]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_superuser=True) | Q(organization__isnull=False),
                name="user_has_organization",
                violation_error_message=_("Only an operator may be without an organization."),
            )
        ]
