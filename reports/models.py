"""Screens of the live board."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from employees.models import Site
from employees.tenancy import TenantModel, TenantQuerySet


class Screen(TenantModel):
    """A screen that shows the live board to whoever passes: counts of one site, or of all."""

    name = models.CharField(_("name"), max_length=100, help_text=_("Where it hangs, such as Lobby."))
    site = models.ForeignKey(
        Site, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("site"), help_text=_("Empty: all sites.")
    )
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE)
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    issued_at = models.DateTimeField(_("address issued"), null=True, editable=False)

    objects = TenantQuerySet["Screen"].as_manager()

    class Meta:
        ordering = ("name",)
        verbose_name = _("screen")
        verbose_name_plural = _("screens")
        constraints = (models.UniqueConstraint(fields=("organization", "name"), name="screen_name_once"),)

    def __str__(self) -> str:
        return self.name
