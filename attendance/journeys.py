"""Where punches were, as far as anybody can tell: what came with them, else the fences of the
device's site. For `gathering`.

A position is the sender's own word. It accuses nobody by itself: `travel` allows for its accuracy,
and a person decides.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from django.db.models import Case, F, Q, QuerySet, TextField, Value, When

from attendance.models import Punch
from attendance.travel import Spot
from geofences.geometry import distance_m
from geofences.models import Fence

_AT_ONCE: Final = 1000
# A terminal that says nothing of how good its position is, and a browser that located itself by its
# address.
UNSAID_M: Final = 1000.0
USELESS_M: Final = 50_000.0


def places(organization_id: int, punches: Sequence[int]) -> dict[int, Sequence[Spot]]:
    """Where punches may have been, by id; those of which nothing is known are left out."""
    found: dict[int, Sequence[Spot]] = {}
    sites: dict[int, int] = {}
    for start in range(0, len(punches), _AT_ONCE):
        for punch_id, site_id, body in _rows(organization_id, punches[start : start + _AT_ONCE]):
            if spot := said(body):
                found[punch_id] = (spot,)
            elif site_id is not None:
                sites[punch_id] = site_id
    known = _of_sites(organization_id, set(sites.values()))
    return found | {
        punch_id: known[site_id] for punch_id, site_id in sites.items() if site_id in known
    }


def _rows(
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


def said(body: str) -> Spot | None:
    """The position that came with a punch (its evidence as JSON); None when there is none, or none
    of use.
    """
    if not body:
        return None
    place: Any = json.loads(body).get("location")
    if not isinstance(place, dict):
        return None
    lat, lng, accuracy = (
        _number(place.get(name)) for name in ("latitude", "longitude", "accuracy_m")
    )
    # 0, 0 is what a receiver says that knows nothing.
    if (
        lat is None
        or lng is None
        or (lat, lng) == (0, 0)
        or not (abs(lat) <= 90 and abs(lng) <= 180)
    ):
        return None
    if accuracy is not None and not 0 <= accuracy <= USELESS_M:
        return None
    return Spot(lat, lng, UNSAID_M if accuracy is None else accuracy)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _of_sites(organization_id: int, sites: Iterable[int]) -> dict[int, list[Spot]]:
    """The fences of sites, each as its centre and how far it reaches."""
    wanted = list(sites)
    found: dict[int, list[Spot]] = defaultdict(list)
    if wanted:
        for fence in Fence.objects.of(organization_id).filter(site__in=wanted, active=True):
            if fence.site_id is not None:
                found[fence.site_id].append(Spot(fence.latitude, fence.longitude, _reach(fence)))
    return dict(found)


def _reach(fence: Fence) -> float:
    if fence.radius_m is not None:
        return fence.radius_m
    corners = [(lat, lng) for lat in (fence.south, fence.north) for lng in (fence.west, fence.east)]
    return max(distance_m(fence.latitude, fence.longitude, *corner) for corner in corners)
