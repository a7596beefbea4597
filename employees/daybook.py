"""Who has which half of somebody's day. The database decides: one claim for each employee, date and
half.

Leave and tours live on one floor and do not know each other; here they meet. Both claim when they
are applied for and let go when they are refused, cancelled or cut short, always within the caller's
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from employees.models import DayClaim, Employee
from employees.tenancy import TenantQuerySet

HALVES = (DayClaim.Half.FN, DayClaim.Half.AN)
Slot = tuple[date, str]
# Rows of one statement: SQLite takes some thousand values in one.
_AT_A_TIME = 300


class Taken(ValidationError):
    """A half-day is somebody else's already; `holder` says whose, such as "tour:5"."""

    def __init__(self, holder: str, on: date, half: str) -> None:
        super().__init__(_("%(date)s is taken already.") % {"date": on.isoformat()}, code="taken")
        self.holder, self.on, self.half = holder, on, half


def halves(first: date, last: date, only: str = "") -> list[Slot]:
    """Every half-day from one date to another, both included; with `only`, that half of
    each date.
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [(day, half) for day in days for half in HALVES if not only or half == only]


def claim(employee: Employee, slots: Iterable[Slot], holder: str, *, over: str = "") -> None:
    """Take half-days for `holder`. With `over` ("tour") it may lie upon claims of that sort, which
    come back later.

    Raises Taken: the caller's transaction must not be committed then. A parallel claim of the same
    half-day waits for this one.
    """
    wanted = list(slots)
    for part in _parts(wanted):
        if over:
            lying = _rows(employee, part).filter(holder__startswith=f"{over}:", beneath="")
            lying.update(beneath=F("holder"), holder=holder)
        DayClaim.objects.bulk_create(
            [
                DayClaim(
                    organization_id=employee.organization_id,
                    employee=employee,
                    date=day,
                    half=half,
                    holder=holder,
                )
                for day, half in sorted(part)
            ],
            ignore_conflicts=True,
        )
        if other := _rows(employee, part).exclude(holder=holder).order_by("date", "-half").first():
            raise Taken(other.holder, other.date, other.half)


def let_go(employee: Employee, holder: str, slots: Iterable[Slot] | None = None) -> None:
    """Give half-days back, all of `holder`'s or some; what lay beneath holds them again."""
    mine = DayClaim.objects.of(employee.organization_id).filter(employee=employee)
    for part in [None] if slots is None else _parts(list(slots)):
        rows = mine if part is None else _rows(employee, part)
        rows.filter(beneath=holder).update(beneath="")
        rows.filter(holder=holder, beneath="").delete()
        rows.filter(holder=holder).update(holder=F("beneath"), beneath="")


def taken(employee: Employee, slots: Iterable[Slot]) -> list[DayClaim]:
    """The claims that stand on some half-days, in order."""
    wanted = set(slots)
    if not wanted:
        return []
    days = [day for day, _half in wanted]
    rows = DayClaim.objects.of(employee.organization_id).filter(
        employee=employee, date__range=(min(days), max(days))
    )
    return [row for row in rows.order_by("date", "-half") if (row.date, row.half) in wanted]


def _rows(employee: Employee, slots: list[Slot]) -> TenantQuerySet[DayClaim]:
    condition = Q(pk__in=[])
    for half in HALVES:
        if days := [day for day, one in slots if one == half]:
            condition |= Q(half=half, date__in=days)
    return DayClaim.objects.of(employee.organization_id).filter(condition, employee=employee)


def _parts(slots: list[Slot]) -> list[list[Slot]]:
    return [slots[start : start + _AT_A_TIME] for start in range(0, len(slots), _AT_A_TIME)]
