"""Geofences as a GeoJSON file: a FeatureCollection of everything that an import understands.

`geojson_features` describes the properties of a feature. Called by the console.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from geofences.models import Geofence


def export_geojson(fences: Iterable[Geofence]) -> dict[str, Any]:
    """A FeatureCollection by RFC 7946: an import of it changes nothing."""
    return {"type": "FeatureCollection", "features": [geofence_feature(fence) for fence in fences]}


def geofence_feature(fence: Geofence) -> dict[str, Any]:
    """One fence as a GeoJSON feature."""
    properties: dict[str, Any] = {
        "name": fence.name,
        "external_id": fence.external_id,
        "active": fence.active,
        "starts_at": fence.starts_at.isoformat() if fence.starts_at else None,
        "ends_at": fence.ends_at.isoformat() if fence.ends_at else None,
        "site": fence.site.name if fence.site else None,
        "department": fence.department.name if fence.department else None,
        "employee": fence.employee.code if fence.employee else None,
    }
    if fence.kind == Geofence.Kind.CIRCLE:
        properties["radius_m"] = fence.radius_m
    identity = {"id": fence.external_id} if fence.external_id else {}
    return {"type": "Feature", **identity, "geometry": fence.geometry, "properties": properties}
