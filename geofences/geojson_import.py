"""Import of a GeoJSON file: all its features become geofences, or none. Each is matched with the
geofences that exist.

Called by the console.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from employees.models import Organization
from geofences.geojson_features import SHAPE_COLUMNS, ScopeDirectory, feature_columns, feature_name
from geofences.geometry.coordinates import degree_square_of, looks_swapped
from geofences.geometry.faults import InvalidShape
from geofences.geometry.geojson import parse_geojson_text
from geofences.geometry.shapes import stored_area
from geofences.models import SCOPES, Geofence
from geofences.shape_messages import describe_invalid_shape, describe_swapped_coordinates

MAX_FEATURES: Final = 10_000
MAX_FILE_CHARS: Final = 10_000_000
_MAX_ERRORS_SHOWN: Final = 50

_UPDATED_FIELDS: Final = (
    *SHAPE_COLUMNS,
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
            facts = {name: value for name, value in facts.items() if name not in SHAPE_COLUMNS}
        before = {name: getattr(fence, name) for name in facts}
        for name, value in facts.items():
            setattr(fence, name, value)
        return before != facts


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
    directory = ScopeDirectory(organization)
    drafts, errors = [], []
    for number, feature in enumerate(features, 1):
        try:
            drafts.append(_Draft(number, feature_columns(feature, directory)))
        except ValidationError as error:
            errors += [
                _feature_error(number, feature_name(feature), text) for text in error.messages
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
