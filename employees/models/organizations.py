"""Organizations, which are the tenants, and their sites and departments."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.fields import TimeZoneField
from core.tenancy import TenantModel, TenantQuerySet


class Organization(models.Model):
    """The tenant. Every other row leads here."""

    # Asked by core, which imports no app.
    is_tenant_root = True

    slug = models.SlugField(
        _("short name"), unique=True, help_text=_("Used in URLs and at sign-in, such as acme.")
    )
    name = models.CharField(_("name"), max_length=200)
    timezone = TimeZoneField(
        _("time zone"),
        help_text=_("IANA name, such as Asia/Kolkata. Sites and devices may have their own."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        ordering = ("name",)
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")

    def __str__(self) -> str:
        return self.name


class Site(TenantModel):
    """A place of work with its own clock."""

    name = models.CharField(_("name"), max_length=200)
    timezone = TimeZoneField(_("time zone"), blank=True, help_text=_("Empty: the organization's."))

    objects = TenantQuerySet["Site"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="site_name_once"),
        )

    def __str__(self) -> str:
        return self.name


class Department(TenantModel):
    """A unit of the organization; employees belong to one through their assignment."""

    name = models.CharField(_("name"), max_length=200)
    head = models.ForeignKey(
        "Employee",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="headed_departments",
        verbose_name=_("head"),
        help_text=_(
            "Decides on applications of the department, in addition to each employee's manager."
        ),
    )

    objects = TenantQuerySet["Department"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        constraints = (
            models.UniqueConstraint(fields=("organization", "name"), name="department_name_once"),
        )

    def __str__(self) -> str:
        return self.name
