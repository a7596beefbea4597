"""The console's pages on places, in one list: Django looks for them in this module."""

from __future__ import annotations

from django.contrib import admin

from geofences.admin.geofences import GeofenceAdmin
from geofences.admin.networks import AllowedNetworkAdmin
from geofences.admin.policies import GeofencePolicyAdmin
from geofences.models import AllowedNetwork, Geofence, GeofencePolicy

PAGES = (
    (Geofence, GeofenceAdmin),
    (AllowedNetwork, AllowedNetworkAdmin),
    (GeofencePolicy, GeofencePolicyAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
