"""Where a phone may punch: geofences, Wi-Fi networks, and each organization's rules about them."""

from geofences.models.geofences import Geofence, GeofenceQuerySet, shape_from_columns
from geofences.models.networks import MAX_SSID_BYTES, AllowedNetwork
from geofences.models.policies import GeofencePolicy
from geofences.models.scopes import SCOPES, ScopedModel, ScopedQuerySet

__all__ = [
    "MAX_SSID_BYTES",
    "SCOPES",
    "AllowedNetwork",
    "Geofence",
    "GeofencePolicy",
    "GeofenceQuerySet",
    "ScopedModel",
    "ScopedQuerySet",
    "shape_from_columns",
]
