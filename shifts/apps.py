"""Shift types, patterns and rosters: who is expected when. Asked by leave and by days."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShiftsConfig(AppConfig):
    name = "shifts"
    verbose_name = _("Shifts and rosters")
