"""Leave applications, balances and calendars."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LeavesConfig(AppConfig):
    name = "leaves"
    verbose_name = _("Leave")
