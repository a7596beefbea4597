"""Places where an employee's phone may punch."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GeofencesConfig(AppConfig):
    name = "geofences"
    verbose_name = _("Geofences")
