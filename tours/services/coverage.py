"""What approved tours cover: the tour at an instant, and the half-days between two dates.

Called by the phone channel for its checks, and by attendance when it calculates days.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from employees.models import HalfDayReservation
from tours.models import Tour


def approved_tour_at(organization_id: int, employee_id: Any, at: datetime) -> Tour | None:
    """The approved tour on which somebody is at an instant, both ends included; None when there is
    none. One query.
    """
    granted = Tour.objects.of(organization_id).counted_as_duty()
    return (
        granted.filter(employee=employee_id, start_at__lte=at, end_at__gte=at)
        .order_by("pk")
        .first()
    )


@dataclass(frozen=True, slots=True)
class TourHalfDay:
    """A half-day on which somebody is on tour."""

    employee_id: Any
    date: date
    half: str
    tour_id: int
    tour_type: str


def tour_half_days(
    organization_id: int, first: date, last: date, employees: Iterable[Any] | None = None
) -> list[TourHalfDay]:
    """The half-days of approved tours between two dates, both included; not those that casual leave
    overlays.
    """
    claims = HalfDayReservation.objects.of(organization_id).filter(
        holder__startswith="tour:", date__range=(first, last)
    )
    if employees is not None:
        claims = claims.filter(employee__in=list(employees))
    rows = list(claims.order_by("date", "-half", "employee"))
    granted = (
        Tour.objects.of(organization_id)
        .counted_as_duty()
        .filter(pk__in={int(one.holder[5:]) for one in rows})
    )
    types = dict(granted.values_list("pk", "tour_type"))
    return [
        TourHalfDay(one.employee_id, one.date, one.half, number, types[number])
        for one in rows
        if (number := int(one.holder[5:])) in types
    ]
