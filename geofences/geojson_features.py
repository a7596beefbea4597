"""One feature of a GeoJSON file, read and checked into the columns of a geofence.

A feature's properties: `name`, `external_id` (or the feature's own `id`), `active`, `starts_at`,
`ends_at`, and one of `site` and `department` (by name) or `employee` (by code). A circle is a
Point with `radius_m`. Called by `geojson_import`; `geojson_export` writes the same properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from employees.models import Department, Employee, Organization, Site
from geofences.geometry.faults import InvalidShape
from geofences.geometry.geojson import parse_area
from geofences.models import SCOPES, Geofence
from geofences.services import is_storable_text
from geofences.shape_messages import describe_invalid_shape

SHAPE_COLUMNS: Final = (
    "kind",
    "geojson",
    "latitude",
    "longitude",
    "radius_m",
    "south",
    "west",
    "north",
    "east",
    "square",
)


@dataclass(slots=True)
class ScopeDirectory:
    """The organization's sites and departments by name, its employees by code."""

    organization: Organization
    ids_by_name: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for model, name, by in (
            (Site, "site", "name"),
            (Department, "department", "name"),
            (Employee, "employee", "code"),
        ):
            rows = model._default_manager.filter(organization=self.organization)
            self.ids_by_name[name] = dict(rows.values_list(by, "pk"))

    def scope(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of a scope; none when the feature says nothing about it. Raises
        ValidationError.
        """
        given = {name: properties[name] for name in SCOPES if name in properties}
        if not given:
            return {}
        named = {name: value for name, value in given.items() if value not in (None, "")}
        if len(named) > 1:
            raise ValidationError(_("It names more than one of site, department and employee."))
        pks = dict.fromkeys((f"{name}_id" for name in SCOPES), None)
        for name, value in named.items():
            pks[f"{name}_id"] = (
                self.ids_by_name[name].get(value) if isinstance(value, str) else None
            )
            if pks[f"{name}_id"] is None:
                raise ValidationError(
                    _("There is no %(kind)s “%(value)s”.")
                    % {
                        "kind": name,
                        "value": str(value)[:100],
                    }
                )
        return pks


def feature_columns(feature: Any, directory: ScopeDirectory) -> dict[str, Any]:
    """The columns a feature says something about. Raises ValidationError."""
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise ValidationError(_("This is not a GeoJSON feature."))
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        raise ValidationError(_("Its properties are not an object."))
    facts = (
        {"name": _read_text(properties, "name", 200)}
        | _external_id(feature, properties)
        | directory.scope(properties)
    )
    if not facts["name"]:
        raise ValidationError(_("It has no name."))
    if "active" in properties:
        if not isinstance(properties["active"], bool):
            raise ValidationError(_("“active” is true or false."))
        facts["active"] = properties["active"]
    for name in ("starts_at", "ends_at"):
        if name in properties:
            facts[name] = _read_instant(name, properties[name], directory.organization)
    return facts | _read_shape_columns(feature.get("geometry"), properties, directory.organization)


def feature_name(feature: Any) -> str:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name[:100] if isinstance(name, str) and is_storable_text(name) else ""


def _external_id(feature: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, str]:
    """The external id, from the properties or the feature's own id, which may be a number."""
    given = properties.get("external_id") or feature.get("id")
    if given in (None, ""):
        return {}
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)[:101]
    return {"external_id": _read_text({"external_id": given}, "external_id", 100)}


def _read_text(values: Mapping[str, Any], name: str, longest: int) -> str:
    value = values.get(name) or ""
    if not isinstance(value, str) or len(value.strip()) > longest or not is_storable_text(value):
        raise ValidationError(
            _("“%(name)s” is a text of at most %(longest)d characters.")
            % {
                "name": name,
                "longest": longest,
            }
        )
    return value.strip()


def _read_instant(name: str, value: Any, organization: Organization) -> datetime | None:
    """An ISO 8601 instant; without an offset it is on the organization's clock. None clears it."""
    if value is None:
        return None
    try:
        found = parse_datetime(value) if isinstance(value, str) else None
        if found is not None:
            found = found if found.tzinfo else found.replace(tzinfo=ZoneInfo(organization.timezone))
            found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise ValidationError(
            _("“%(name)s” is a date and time such as 2026-06-21T09:30:00+05:30.") % {"name": name}
        )
    return found


def _read_shape_columns(
    geometry: Any, properties: Mapping[str, Any], organization: Organization
) -> dict[str, Any]:
    """The columns of the shape, checked as on every way in."""
    scratch = Geofence(organization=organization)
    if isinstance(geometry, dict) and geometry.get("type") == "Point":
        scratch.kind = Geofence.Kind.CIRCLE
        place, radius_m = geometry.get("coordinates"), properties.get("radius_m")
        numbers = [*place[:2], radius_m] if isinstance(place, list) and len(place) >= 2 else []
        if not numbers or any(
            isinstance(one, bool) or not isinstance(one, int | float) for one in numbers
        ):
            raise ValidationError(_("A circle is a Point with the property “radius_m”, in metres."))
        try:
            scratch.longitude, scratch.latitude, scratch.radius_m = (float(one) for one in numbers)
        except OverflowError as error:
            raise ValidationError(
                _("A circle is a Point with the property “radius_m”, in metres.")
            ) from error
    else:
        try:
            scratch.geojson = parse_area(geometry).geojson_text
        except InvalidShape as error:
            raise ValidationError(describe_invalid_shape(error)) from error
    scratch.clean_shape()
    return {name: getattr(scratch, name) for name in SHAPE_COLUMNS}
