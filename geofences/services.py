"""Verbs on places: keep a fence, and judge where a phone is. The console, the demo and the phone
door call these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection

from employees.models import Employee
from employees.rows import moment, run
from geofences.geometry import Shape, box_around, degree_of, looks_swapped, squares_meeting
from geofences.models import MAX_SSID_BYTES, AllowedNetwork, Fence, FencePolicy, stored_shape
from geofences.places import PlaceJudgement, Policy, Reading, judge
from geofences.refusals import swapped_in_words

# Fences are fetched by so many at a time: nearly always all that are near, and never ten thousand
# that lie on one spot.
_AT_A_TIME: Final = 50
# A metre more than the tolerance, so that no rounding in degrees leaves a fence out.
_SLACK_M: Final = 1.0
# What `stored_shape` takes.
_SHAPE: Final = ("kind", "geojson", "latitude", "longitude", "radius_m")


def save_fence(fence: Fence) -> Fence:
    """Validate and store a fence. Raises ValidationError with the field named and the reason a
    clerk can act on.
    """
    fence.full_clean()
    _refuse_swapped(fence)
    fence.save()
    return fence


def save_network(network: AllowedNetwork) -> AllowedNetwork:
    """Validate and store an allowed Wi-Fi name. Raises ValidationError with the field named."""
    network.full_clean()
    network.save()
    return network


def save_policy(policy: FencePolicy) -> FencePolicy:
    """Validate and store an organization's rules about places. Raises ValidationError with the
    field named.
    """
    policy.full_clean()
    policy.save()
    return policy


def _refuse_swapped(fence: Fence) -> None:
    """Raise ValidationError when only the other way round the fence would be anywhere near the
    organization's others.
    """
    others = (
        Fence.objects.of(fence.organization_id)
        .exclude(pk=fence.pk)
        .values_list("latitude", "longitude")
    )
    if looks_swapped(fence.latitude, fence.longitude, {degree_of(*place) for place in others}):
        field = "latitude" if fence.kind == Fence.Kind.CIRCLE else "geojson"
        raise ValidationError({field: swapped_in_words(fence.latitude, fence.longitude)})


def by_external_id(organization_id: int, text: str) -> Fence | None:
    """The fence that another system calls `text`; None when there is none, or when it is no name at
    all.
    """
    text = text.strip()
    if not text or not storable(text):
        return None
    return Fence.objects.of(organization_id).filter(external_id=text).first()


def near(fences: Any, lat: float, lng: float, within_m: float) -> list[int]:
    """The ids of those of `fences` (a FenceQuerySet) that hold the place or are at most `within_m`
    metres away from it.
    """
    rows = (
        fences.meeting(box_around(lat, lng, within_m + _SLACK_M))
        .order_by()
        .values_list("pk", *_SHAPE)
    )
    return [pk for pk, *columns in rows if stored_shape(*columns).outside_m(lat, lng) <= within_m]


def place(
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
) -> PlaceJudgement:
    """Judge where a phone says it is. Degrees and metres as the phone gave them; `site_id` and
    `department_id` are those of the employee's assignment at `at`, the instant of the punch.

    One query for a known Wi-Fi, two for a place in a fence, one more for a refusal. Raises nothing
    for any reading: what cannot be read is refused.
    """
    who = _Who(organization_id, site_id, department_id, employee_id)
    policy, network_id = _policy_and_network(who, ssid)
    reading = _reading(lat, lng, accuracy_m)

    def is_fenced() -> bool:
        return (
            Fence.objects.of(organization_id)
            .applying_to(employee_id, site_id, department_id)
            .at(at)
            .exists()
        )

    return judge(reading, _near(who, at, reading, policy), network_id, policy, is_fenced)


def _reading(lat: float, lng: float, accuracy_m: float) -> Reading:
    try:
        return Reading(float(lat), float(lng), float(accuracy_m))
    except OverflowError:  # An integer that no float holds.
        return Reading(float("nan"), float("nan"), float("nan"))


# The two statements that run for every punch of a phone, in plain SQL: see employees.rows.
_FOR_THEM = """(
    (r.site_id IS NULL AND r.department_id IS NULL AND r.employee_id IS NULL)
    OR r.site_id = %s OR r.department_id = %s OR r.employee_id = %s)"""
_RULES = f"""
SELECT p.ssid_sufficient, p.unfenced, p.max_accuracy_m, p.tolerance_m,
       (SELECT r.id FROM geofences_allowednetwork r
        WHERE r.organization_id = %s AND r.ssid = %s AND r.active AND {_FOR_THEM}
        ORDER BY r.id LIMIT 1)
FROM employees_organization o LEFT JOIN geofences_fencepolicy p ON p.organization_id = o.id
WHERE o.id = %s
"""  # noqa: S608
_NEAR = f"""
SELECT r.id, r.kind, r.geojson, r.latitude, r.longitude, r.radius_m FROM geofences_fence r
WHERE r.organization_id = %s AND {{squares}} r.south <= %s AND r.north >= %s
  AND ((r.west <= %s AND r.east >= %s) OR (r.west <= %s AND r.east >= %s)
       OR (r.west <= %s AND r.east >= %s))
  AND r.active AND (r.starts_at IS NULL OR r.starts_at <= %s)
  AND (r.ends_at IS NULL OR r.ends_at > %s)
  AND {_FOR_THEM} AND r.id > %s
ORDER BY r.id LIMIT {_AT_A_TIME}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class _Who:
    """Whose punch it is, and where they work."""

    organization_id: int
    site_id: int | None
    department_id: int | None
    employee_id: UUID

    @property
    def scope(self) -> tuple[Any, ...]:
        """What `_FOR_THEM` asks for."""
        employee = Employee._meta.get_field("id").get_db_prep_value(self.employee_id, connection)
        return self.site_id, self.department_id, employee


def _near(who: _Who, at: datetime, reading: Reading, policy: Policy) -> Iterator[tuple[int, Shape]]:
    """The fences that apply and that the reading could be in or near enough to, fetched as far as
    somebody goes on asking.
    """
    box = box_around(reading.lat, reading.lng, policy.tolerance_m + _SLACK_M)
    squares = squares_meeting(box) or []
    named = f"r.square IN ({', '.join(['%s'] * len(squares))}) AND" if squares else ""
    across = [degrees for turn in (-360, 0, 360) for degrees in (box.east + turn, box.west + turn)]
    instant, last = moment(at), 0
    while True:
        rows = run(
            _NEAR.format(squares=named),
            who.organization_id,
            *squares,
            box.north,
            box.south,
            *across,
            instant,
            instant,
            *who.scope,
            last,
        )
        for pk, *columns in rows:
            yield pk, stored_shape(*columns)
        if len(rows) < _AT_A_TIME:
            return
        last = rows[-1][0]


def _policy_and_network(who: _Who, ssid: str | None) -> tuple[Policy, int | None]:
    """The organization's rules, and the allowed network that the phone sees, if it is one."""
    ((suffices, unfenced, max_accuracy_m, tolerance_m, network_id),) = run(
        _RULES, who.organization_id, _plain_ssid(ssid), *who.scope, who.organization_id
    ) or [(None,) * 5]
    if suffices is None:
        return Policy(), network_id
    accepts = unfenced == FencePolicy.Unfenced.ACCEPT
    return Policy(bool(suffices), accepts, max_accuracy_m, tolerance_m), network_id


def _plain_ssid(ssid: str | None) -> str:
    """The name as it stands in the list: Android says it in double quotes. Empty when it can be
    none.
    """
    name = ssid or ""
    if len(name) > 2 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return name if storable(name) and len(name.encode()) <= MAX_SSID_BYTES else ""


def storable(text: str) -> bool:
    """Whether a database can be asked for this text: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
