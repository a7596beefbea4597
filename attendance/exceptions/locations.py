"""Where punches were, as far as anybody can tell: what came with them, else the fences of the
device's site. For `exceptions.day_rules`.

A position is the sender's own word. It accuses nobody by itself: `exceptions.travel` allows for its
accuracy, and a person decides.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from django.db.models import Case, F, Q, QuerySet, TextField, Value, When

from attendance.exceptions.travel import Location
from attendance.models import Punch
from geofences.geometry.ellipsoid import distance_m
from geofences.models import Geofence

_BATCH_SIZE: Final = 1000
# A terminal that says nothing of how good its position is, and a browser that located itself by its
# address.
DEFAULT_ACCURACY_M: Final = 1000.0
MAX_ACCURACY_M: Final = 50_000.0


def locate_punches(organization_id: int, punch_ids: Sequence[int]) -> dict[int, Sequence[Location]]:
    """Where punches may have been, by id; those of which nothing is known are left out."""
    found: dict[int, Sequence[Location]] = {}
    sites: dict[int, int] = {}
    for start in range(0, len(punch_ids), _BATCH_SIZE):
        for punch_id, site_id, body in _located_rows(
            organization_id, punch_ids[start : start + _BATCH_SIZE]
        ):
            if spot := parse_location(body):
                found[punch_id] = (spot,)
            elif site_id is not None:
                sites[punch_id] = site_id
    known = _site_locations(organization_id, set(sites.values()))
    return found | {
        punch_id: known[site_id] for punch_id, site_id in sites.items() if site_id in known
    }


def _located_rows(
    organization_id: int, ids: Collection[int]
) -> QuerySet[Punch, tuple[int, int | None, str]]:
    body = Case(
        When(evidence__body__contains='"location":', then=F("evidence__body")),
        default=Value(""),
        output_field=TextField(),
    )
    rows = Punch.objects.of(organization_id).filter(pk__in=ids).annotate(located=body)
    rows = rows.filter(Q(device__site__isnull=False) | ~Q(located=""))
    return rows.order_by().values_list("pk", "device__site_id", "located")


def parse_location(body: str) -> Location | None:
    """The position that came with a punch (its evidence as JSON); None when there is none, or none
    of use.
    """
    if not body:
        return None
    place: Any = json.loads(body).get("location")
    if not isinstance(place, dict):
        return None
    lat, lng, accuracy = (
        _to_float(place.get(name)) for name in ("latitude", "longitude", "accuracy_m")
    )
    # 0, 0 is what a receiver says that knows nothing.
    if (
        lat is None
        or lng is None
        or (lat, lng) == (0, 0)
        or not (abs(lat) <= 90 and abs(lng) <= 180)
    ):
        return None
    if accuracy is not None and not 0 <= accuracy <= MAX_ACCURACY_M:
        return None
    return Location(lat, lng, DEFAULT_ACCURACY_M if accuracy is None else accuracy)


def _to_float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _site_locations(organization_id: int, site_ids: Iterable[int]) -> dict[int, list[Location]]:
    """The fences of sites, each as its centre and how far it reaches."""
    wanted = list(site_ids)
    found: dict[int, list[Location]] = defaultdict(list)
    if wanted:
        for fence in Geofence.objects.of(organization_id).filter(site__in=wanted, active=True):
            if fence.site_id is not None:
                found[fence.site_id].append(
                    Location(fence.latitude, fence.longitude, _fence_radius_m(fence))
                )
    return dict(found)


def _fence_radius_m(fence: Geofence) -> float:
    if fence.radius_m is not None:
        return fence.radius_m
    corners = [(lat, lng) for lat in (fence.south, fence.north) for lng in (fence.west, fence.east)]
    return max(distance_m(fence.latitude, fence.longitude, *corner) for corner in corners)
