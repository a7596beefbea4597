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

from core.tenancy import TenantQuerySet
from employees.models import Employee, HalfDayReservation

HALVES = (HalfDayReservation.Half.FN, HalfDayReservation.Half.AN)
HalfDay = tuple[date, str]
# Rows of one statement: SQLite takes some thousand values in one.
_BATCH_SIZE = 300


class AlreadyReserved(ValidationError):
    """A half-day is somebody else's already; `holder` says whose, such as "tour:5"."""

    def __init__(self, holder: str, on: date, half: str) -> None:
        super().__init__(
            _("%(date)s is already reserved.") % {"date": on.isoformat()}, code="already_reserved"
        )
        self.holder, self.on, self.half = holder, on, half


def half_days_in_range(first: date, last: date, only_half: str = "") -> list[HalfDay]:
    """Every half-day from one date to another, both included; with `only_half`, that half of
    each date.
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [(day, half) for day in days for half in HALVES if not only_half or half == only_half]


def reserve_half_days(
    employee: Employee, half_days: Iterable[HalfDay], holder: str, *, overlaid_kind: str = ""
) -> None:
    """Take half-days for `holder`. With `overlaid_kind` ("tour") it may lie upon claims of that
    sort, which come back later.

    Raises Taken: the caller's transaction must not be committed then. A parallel claim of the same
    half-day waits for this one.
    """
    wanted = list(half_days)
    for part in _batches(wanted):
        if overlaid_kind:
            lying = _reservations(employee, part).filter(
                holder__startswith=f"{overlaid_kind}:", overlaid_holder=""
            )
            lying.update(overlaid_holder=F("holder"), holder=holder)
        HalfDayReservation.objects.bulk_create(
            [
                HalfDayReservation(
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
        if (
            other := _reservations(employee, part)
            .exclude(holder=holder)
            .order_by("date", "-half")
            .first()
        ):
            raise AlreadyReserved(other.holder, other.date, other.half)


def release_half_days(
    employee: Employee, holder: str, half_days: Iterable[HalfDay] | None = None
) -> None:
    """Give half-days back, all of `holder`'s or some; what lay overlaid_holder holds them again."""
    mine = HalfDayReservation.objects.of(employee.organization_id).filter(employee=employee)
    for part in [None] if half_days is None else _batches(list(half_days)):
        rows = mine if part is None else _reservations(employee, part)
        rows.filter(overlaid_holder=holder).update(overlaid_holder="")
        rows.filter(holder=holder, overlaid_holder="").delete()
        rows.filter(holder=holder).update(holder=F("overlaid_holder"), overlaid_holder="")


def reserved_half_days(
    employee: Employee, half_days: Iterable[HalfDay]
) -> list[HalfDayReservation]:
    """The claims that stand on some half-days, in order."""
    wanted = set(half_days)
    if not wanted:
        return []
    days = [day for day, _half in wanted]
    rows = HalfDayReservation.objects.of(employee.organization_id).filter(
        employee=employee, date__range=(min(days), max(days))
    )
    return [row for row in rows.order_by("date", "-half") if (row.date, row.half) in wanted]


def _reservations(employee: Employee, slots: list[HalfDay]) -> TenantQuerySet[HalfDayReservation]:
    condition = Q(pk__in=[])
    for half in HALVES:
        if days := [day for day, one in slots if one == half]:
            condition |= Q(half=half, date__in=days)
    return HalfDayReservation.objects.of(employee.organization_id).filter(
        condition, employee=employee
    )


def _batches(slots: list[HalfDay]) -> list[list[HalfDay]]:
    return [slots[start : start + _BATCH_SIZE] for start in range(0, len(slots), _BATCH_SIZE)]
