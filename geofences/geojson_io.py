"""Fences as GeoJSON, in and out: a FeatureCollection whose features carry what a fence has beside
its shape.

A feature's properties: `name`, `external_id` (or the feature's own `id`), `active`, `starts_at`,
`ends_at`, and one of `site` and `department` (by name) or `employee` (by code). A circle is a Point
with `radius_m`. Called by the console.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from employees.models import Department, Employee, Organization, Site
from geofences.geometry import (
    InvalidShape,
    degree_square_of,
    looks_swapped,
    parse_area,
    parse_geojson_text,
    stored_area,
)
from geofences.models import SCOPES, Geofence
from geofences.services import is_storable_text
from geofences.shape_messages import describe_invalid_shape, describe_swapped_coordinates

MAX_FEATURES: Final = 10_000
MAX_FILE_CHARS: Final = 10_000_000
_MAX_ERRORS_SHOWN: Final = 50
_SHAPE_COLUMNS: Final = (
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
_UPDATED_FIELDS: Final = (
    *_SHAPE_COLUMNS,
    "name",
    "external_id",
    "active",
    "starts_at",
    "ends_at",
    *SCOPES,
    "updated_at",
)


@dataclass(frozen=True, slots=True)
class GeoJsonImportResult:
    """What an import did."""

    created: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class _Draft:
    """A feature that was read: its number in the file, and the columns it says something about."""

    number: int
    columns: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by: its external id, or its name among the fences that have none."""
        return _match_key(self.columns.get("external_id", ""), self.columns["name"])

    def apply_to(self, fence: Geofence) -> bool:
        """Write what the feature says into a fence; whether anything is different now."""
        facts = self.columns
        if (
            fence.geojson
            and facts["geojson"]
            and stored_area(fence.geojson).is_same_area(stored_area(facts["geojson"]))
        ):
            # An export cuts at the antimeridian: what comes back is the same shape in two pieces.
            facts = {name: value for name, value in facts.items() if name not in _SHAPE_COLUMNS}
        before = {name: getattr(fence, name) for name in facts}
        for name, value in facts.items():
            setattr(fence, name, value)
        return before != facts


@dataclass(slots=True)
class _Directory:
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


# --- Out ------------------------------------------------------------------------------------------
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


# --- In -------------------------------------------------------------------------------------------
def import_geojson(organization: Organization, text: str) -> GeoJsonImportResult:
    """Store every fence of a GeoJSON text, or none. A fence that exists is changed: found by its
    external id, or by its name when neither has an external id. What a feature does not mention
    stays as it is.

    Raises ValidationError with one message for each feature that is wrong.
    """
    drafts, errors = _read_drafts(organization, text)
    errors += _duplicate_errors(drafts) + _swapped_errors(organization, drafts)
    _raise_errors(errors)
    # Everything slow is behind us: other writers wait for this transaction, punches too.
    with transaction.atomic():
        # Two imports of the same file, one after the other: the second changes what the first made.
        Organization.objects.select_for_update().get(pk=organization.pk)
        existing = _geofences_by_key(organization)
        made, changed, unchanged = [], [], 0
        for draft in drafts:
            known = existing.get(draft.key, [])
            if len(known) > 1:
                errors.append(
                    _feature_error(
                        draft.number,
                        draft.columns["name"],
                        _("Several geofences have this name. Give external ids."),
                    )
                )
                continue
            fence = known[0] if known else Geofence(organization=organization)
            differs = draft.apply_to(fence)
            if fence.starts_at and fence.ends_at and fence.ends_at <= fence.starts_at:
                errors.append(
                    _feature_error(draft.number, fence.name, _("It ends before it starts."))
                )
            if not known:
                made.append(fence)
            elif differs:
                changed.append(fence)
            else:
                unchanged += 1
        _raise_errors(errors)
        Geofence.objects.bulk_create(made, batch_size=500)
        # As an insert that meets its own id: a hundred times as fast as Django's bulk_update.
        Geofence.objects.bulk_create(
            changed,
            batch_size=500,
            update_conflicts=True,
            unique_fields=("id",),
            update_fields=_UPDATED_FIELDS,
        )
    return GeoJsonImportResult(len(made), len(changed), unchanged)


def _raise_errors(errors: list[str]) -> None:
    if errors:
        more = len(errors) - _MAX_ERRORS_SHOWN
        raise ValidationError(
            errors[:_MAX_ERRORS_SHOWN]
            + ([str(_("And %(count)d more.") % {"count": more})] if more > 0 else [])
        )


def _geofences_by_key(organization: Organization) -> dict[tuple[str, str], list[Geofence]]:
    """The organization's fences, by the keys of drafts."""
    found = defaultdict(list)
    for fence in Geofence.objects.of(organization):
        found[_match_key(fence.external_id, fence.name)].append(fence)
    return found


def _match_key(external_id: str, name: str) -> tuple[str, str]:
    return ("id", external_id) if external_id else ("name", name)


def _read_drafts(organization: Organization, text: str) -> tuple[list[_Draft], list[str]]:
    try:
        value = parse_geojson_text(text, max_length=MAX_FILE_CHARS)
    except InvalidShape as error:
        raise ValidationError(describe_invalid_shape(error)) from error
    features = (
        value.get("features")
        if isinstance(value, dict) and value.get("type") == "FeatureCollection"
        else [value]
    )
    if not isinstance(features, list) or not 0 < len(features) <= MAX_FEATURES:
        raise ValidationError(
            _("The file has no features, or more than %(most)d.") % {"most": MAX_FEATURES}
        )
    directory = _Directory(organization)
    drafts, errors = [], []
    for number, feature in enumerate(features, 1):
        try:
            drafts.append(_Draft(number, _feature_columns(feature, directory)))
        except ValidationError as error:
            errors += [
                _feature_error(number, _feature_name(feature), text) for text in error.messages
            ]
    return drafts, errors


def _feature_error(number: int, name: str, text: Any) -> str:
    """An error, with the feature it is about."""
    return str(
        _("Feature %(number)d (%(name)s): %(text)s")
        % {
            "number": number,
            "name": name or "–",
            "text": text,
        }
    )


def _feature_name(feature: Any) -> str:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name[:100] if isinstance(name, str) and is_storable_text(name) else ""


def _duplicate_errors(drafts: list[_Draft]) -> list[str]:
    """Two features that would be the same fence."""
    counts = Counter(draft.key for draft in drafts)
    text = _(
        "Another feature of this file has the same external id, or the same name and no"
        " external id."
    )
    return [
        _feature_error(draft.number, draft.columns["name"], text)
        for draft in drafts
        if counts[draft.key] > 1
    ]


def _swapped_errors(organization: Organization, drafts: list[_Draft]) -> list[str]:
    """Features that would be near the fences this file leaves alone, if only they were read the
    other way round.
    """
    keys = {draft.key for draft in drafts}
    rows = Geofence.objects.of(organization).values_list(
        "external_id", "name", "latitude", "longitude"
    )
    known = {
        degree_square_of(lat, lng)
        for external_id, name, lat, lng in rows
        if _match_key(external_id, name) not in keys
    }
    places = [(draft, draft.columns["latitude"], draft.columns["longitude"]) for draft in drafts]
    return [
        _feature_error(draft.number, draft.columns["name"], describe_swapped_coordinates(lat, lng))
        for draft, lat, lng in places
        if looks_swapped(lat, lng, known)
    ]


def _feature_columns(feature: Any, directory: _Directory) -> dict[str, Any]:
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
    return {name: getattr(scratch, name) for name in _SHAPE_COLUMNS}
