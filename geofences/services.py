"""Verbs on places: keep a fence, and judge where a phone is. The console, the demo and the phone
channel call these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection

from core.raw_sql import run_sql, to_db_datetime
from employees.models import Employee
from geofences.evaluation import (
    PositionEvaluation,
    PositionReading,
    PositionRules,
    evaluate_reading,
)
from geofences.geometry.bounding_box import box_around
from geofences.geometry.coordinates import degree_square_of, looks_swapped
from geofences.geometry.lookup_grid import grid_squares_meeting
from geofences.geometry.shapes import Shape
from geofences.models import (
    MAX_SSID_BYTES,
    AllowedNetwork,
    Geofence,
    GeofencePolicy,
    shape_from_columns,
)
from geofences.shape_messages import describe_swapped_coordinates

# Fences are fetched by so many at a time: nearly always all that are near, and never ten thousand
# that lie on one spot.
_BATCH_SIZE: Final = 50
# A metre more than the tolerance, so that no rounding in degrees leaves a fence out.
_SEARCH_MARGIN_M: Final = 1.0
# What `shape_from_columns` takes.
_SHAPE_COLUMNS: Final = ("kind", "geojson", "latitude", "longitude", "radius_m")


def save_geofence(fence: Geofence) -> Geofence:
    """Validate and store a fence. Raises ValidationError with the field named and the reason a
    clerk can act on.
    """
    fence.full_clean()
    _refuse_swapped(fence)
    fence.save()
    return fence


def save_allowed_network(network: AllowedNetwork) -> AllowedNetwork:
    """Validate and store an allowed Wi-Fi name. Raises ValidationError with the field named."""
    network.full_clean()
    network.save()
    return network


def save_geofence_policy(policy: GeofencePolicy) -> GeofencePolicy:
    """Validate and store an organization's rules about places. Raises ValidationError with the
    field named.
    """
    policy.full_clean()
    policy.save()
    return policy


def _refuse_swapped(fence: Geofence) -> None:
    """Raise ValidationError when only the other way round the fence would be anywhere near the
    organization's others.
    """
    others = (
        Geofence.objects.of(fence.organization_id)
        .exclude(pk=fence.pk)
        .values_list("latitude", "longitude")
    )
    if looks_swapped(
        fence.latitude, fence.longitude, {degree_square_of(*place) for place in others}
    ):
        field = "latitude" if fence.kind == Geofence.Kind.CIRCLE else "geojson"
        raise ValidationError(
            {field: describe_swapped_coordinates(fence.latitude, fence.longitude)}
        )


def geofence_by_external_id(organization_id: int, text: str) -> Geofence | None:
    """The fence that another system calls `text`; None when there is none, or when it is no name at
    all.
    """
    text = text.strip()
    if not text or not is_storable_text(text):
        return None
    return Geofence.objects.of(organization_id).filter(external_id=text).first()


def geofence_ids_near(fences: Any, lat: float, lng: float, within_m: float) -> list[int]:
    """The ids of those of `fences` (a FenceQuerySet) that hold the place or are at most `within_m`
    metres away from it.
    """
    rows = (
        fences.intersecting(box_around(lat, lng, within_m + _SEARCH_MARGIN_M))
        .order_by()
        .values_list("pk", *_SHAPE_COLUMNS)
    )
    return [
        pk for pk, *columns in rows if shape_from_columns(*columns).outside_m(lat, lng) <= within_m
    ]


def evaluate_position(
    *,
    organization_id: int,
    employee_id: UUID,
    site_id: int | None,
    department_id: int | None,
    at: datetime,
    lat: float,
    lng: float,
    accuracy_m: float,
    ssid: str | None,
) -> PositionEvaluation:
    """Judge where a phone says it is. Degrees and metres as the phone gave them; `site_id` and
    `department_id` are those of the employee's assignment at `at`, the instant of the punch.

    One query for a known Wi-Fi, two for a place in a fence, one more for a refusal. Raises nothing
    for any reading: what cannot be read is refused.
    """
    who = _PunchScope(organization_id, site_id, department_id, employee_id)
    policy, network_id = _policy_and_network(who, ssid)
    reading = _position_reading(lat, lng, accuracy_m)

    def is_fenced() -> bool:
        return (
            Geofence.objects.of(organization_id)
            .applying_to(employee_id, site_id, department_id)
            .valid_at(at)
            .exists()
        )

    return evaluate_reading(
        reading, _nearby_shapes(who, at, reading, policy), network_id, policy, is_fenced
    )


def _position_reading(lat: float, lng: float, accuracy_m: float) -> PositionReading:
    try:
        return PositionReading(float(lat), float(lng), float(accuracy_m))
    except OverflowError:  # An integer that no float holds.
        return PositionReading(float("nan"), float("nan"), float("nan"))


# The two statements that run for every punch of a phone, in plain SQL: see core.raw_sql.
_APPLIES_SQL = """(
    (r.site_id IS NULL AND r.department_id IS NULL AND r.employee_id IS NULL)
    OR r.site_id = %s OR r.department_id = %s OR r.employee_id = %s)"""
_POLICY_SQL = f"""
SELECT p.ssid_sufficient, p.unfenced, p.max_accuracy_m, p.tolerance_m,
       (SELECT r.id FROM geofences_allowednetwork r
        WHERE r.organization_id = %s AND r.ssid = %s AND r.active AND {_APPLIES_SQL}
        ORDER BY r.id LIMIT 1)
FROM employees_organization o LEFT JOIN geofences_geofencepolicy p ON p.organization_id = o.id
WHERE o.id = %s
"""  # noqa: S608
_NEARBY_SQL = f"""
SELECT r.id, r.kind, r.geojson, r.latitude, r.longitude, r.radius_m FROM geofences_geofence r
WHERE r.organization_id = %s AND {{squares}} r.south <= %s AND r.north >= %s
  AND ((r.west <= %s AND r.east >= %s) OR (r.west <= %s AND r.east >= %s)
       OR (r.west <= %s AND r.east >= %s))
  AND r.active AND (r.starts_at IS NULL OR r.starts_at <= %s)
  AND (r.ends_at IS NULL OR r.ends_at > %s)
  AND {_APPLIES_SQL} AND r.id > %s
ORDER BY r.id LIMIT {_BATCH_SIZE}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class _PunchScope:
    """Whose punch it is, and where they work."""

    organization_id: int
    site_id: int | None
    department_id: int | None
    employee_id: UUID

    @property
    def sql_params(self) -> tuple[Any, ...]:
        """What `_APPLIES_SQL` asks for."""
        employee = Employee._meta.get_field("id").get_db_prep_value(self.employee_id, connection)
        return self.site_id, self.department_id, employee


def _nearby_shapes(
    who: _PunchScope, at: datetime, reading: PositionReading, policy: PositionRules
) -> Iterator[tuple[int, Shape]]:
    """The fences that apply and that the reading could be in or near enough to, fetched as far as
    somebody goes on asking.
    """
    box = box_around(reading.lat, reading.lng, policy.tolerance_m + _SEARCH_MARGIN_M)
    squares = grid_squares_meeting(box) or []
    named = f"r.square IN ({', '.join(['%s'] * len(squares))}) AND" if squares else ""
    across = [degrees for turn in (-360, 0, 360) for degrees in (box.east + turn, box.west + turn)]
    instant, last = to_db_datetime(at), 0
    while True:
        rows = run_sql(
            _NEARBY_SQL.format(squares=named),
            who.organization_id,
            *squares,
            box.north,
            box.south,
            *across,
            instant,
            instant,
            *who.sql_params,
            last,
        )
        for pk, *columns in rows:
            yield pk, shape_from_columns(*columns)
        if len(rows) < _BATCH_SIZE:
            return
        last = rows[-1][0]


def _policy_and_network(who: _PunchScope, ssid: str | None) -> tuple[PositionRules, int | None]:
    """The organization's rules, and the allowed network that the phone sees, if it is one."""
    ((suffices, unfenced, max_accuracy_m, tolerance_m, network_id),) = run_sql(
        _POLICY_SQL,
        who.organization_id,
        _normalized_ssid(ssid),
        *who.sql_params,
        who.organization_id,
    ) or [(None,) * 5]
    if suffices is None:
        return PositionRules(), network_id
    accepts = unfenced == GeofencePolicy.Unfenced.ACCEPT
    return PositionRules(bool(suffices), accepts, max_accuracy_m, tolerance_m), network_id


def _normalized_ssid(ssid: str | None) -> str:
    """The name as it stands in the list: Android says it in double quotes. Empty when it can be
    none.
    """
    name = ssid or ""
    if len(name) > 2 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return name if is_storable_text(name) and len(name.encode()) <= MAX_SSID_BYTES else ""


def is_storable_text(text: str) -> bool:
    """Whether a database can be asked for this text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
