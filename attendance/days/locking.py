"""Months that have gone to payroll: their days stand, and what a late fact would make of them is
counted in the open month.

`background.day_storage` hands over what it found for days of locked months; HR locks and lifts
through the console.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from attendance.days.rollover import employees_without_day
from attendance.models import Day, DayAdjustment, PeriodLock, StaleDayRange
from attendance.recalculation_queue import mark_calculated_days_stale
from core.errors import Conflict, RuleViolation
from core.raw_sql import run_sql
from core.times import to_local_time
from employees.models import Change, Organization
from leaves.calendars import days_between

# Any number: the advisory lock under which one transaction at a time works on the days of an
# organization.
_ADVISORY_LOCK_KEY: Final = 0x6D75
# Should a process be stopped with the lock in hand, the database ends its transaction after so
# long. Days are thought about between two statements, by a process that others go before: much
# longer than that takes on a busy machine.
IDLE_IN_TRANSACTION_TIMEOUT_MS: Final = "20000"
COUNTED_FIELDS: Final = ("status", "worked", "late_by", "early_by", "overtime")
ZERO_VALUES: Final[dict[str, Any]] = {
    "status": "",
    "worked": 0,
    "late_by": 0,
    "early_by": 0,
    "overtime": 0,
}


@dataclass(frozen=True, slots=True)
class LockedDayChange:
    """A day of a locked month: its row, and what it would be now."""

    employee_id: UUID
    date: date
    stored_day: Day | None
    values: dict[str, Any] | None


def try_lock_organization(organization_id: int) -> bool:
    """Whether this transaction is the one that works on the organization's days; it is until it
    ends.
    """
    if connection.vendor != "postgresql":
        return True
    ((mine, _timeout),) = run_sql(
        "SELECT pg_try_advisory_xact_lock(%s, %s),"
        " set_config('idle_in_transaction_session_timeout', %s, TRUE)",
        _ADVISORY_LOCK_KEY,
        organization_id % 2**31,
        IDLE_IN_TRANSACTION_TIMEOUT_MS,
    )
    return bool(mine)


def _lock_organization(organization_id: int) -> None:
    """As `try_lock_organization`, but wait for whoever works on them."""
    if connection.vendor == "postgresql":
        run_sql("SELECT pg_advisory_xact_lock(%s, %s)", _ADVISORY_LOCK_KEY, organization_id % 2**31)


def locked_months(organization_id: int) -> dict[date, int]:
    """The first days of the months that are locked, with their locks' ids."""
    rows = PeriodLock.objects.of(organization_id).filter(lifted_at__isnull=True)
    return dict(rows.values_list("month", "pk"))


def lock_month(organization: Organization, month: date, *, actor: User | None) -> PeriodLock:
    """Close a month.

    Raises RuleViolation while it is not over or days of it are still being worked out, Conflict
    when it is closed already.
    """
    month = month.replace(day=1)
    after = _next_month(month)
    with transaction.atomic():
        _lock_organization(organization.pk)
        if to_local_time(timezone.now(), organization.timezone).date() < after:
            raise RuleViolation(
                _("The month is not over yet."), code="NOT_OVER", rule="LOCK", field="month"
            )
        _require_month_calculated(organization, month, after)
        lock = PeriodLock(organization=organization, month=month, locked_by=actor)
        if PeriodLock.objects.of(organization).filter(month=month, lifted_at__isnull=True).exists():
            raise Conflict(
                _("This month is already locked."), code="LOCKED", rule="LOCK", field="month"
            )
        lock.full_clean()
        lock.save()
    return lock


def _require_month_calculated(organization: Organization, month: date, after: date) -> None:
    """Raise RuleViolation while something of a month waits to be worked out: it would be late the
    moment it is locked.
    """
    days = (
        Day.objects.of(organization)
        .filter(date__gte=month, date__lt=after, open_until__isnull=False)
        .count()
    )
    stale = (
        StaleDayRange.objects.of(organization)
        .filter(starts_on__lt=after, ends_on__gte=month)
        .count()
    )
    changes = Change.objects.of(organization).unprocessed().count()
    if days or stale or changes:
        raise RuleViolation(
            _("%(count)d days of this month are still being calculated. Try again in a moment.")
            % {"count": days + stale + changes},
            code="NOT_SETTLED",
            rule="LOCK",
            field="month",
            details={"open": days, "waiting": stale + changes},
        )
    absent = sum(
        len(employees_without_day(organization, on))
        for on in days_between(month, after - timedelta(days=1))
    )
    if absent:
        raise RuleViolation(
            _("%(count)d days of this month were never calculated. Recalculate the month first.")
            % {"count": absent},
            code="NEVER_WORKED_OUT",
            rule="LOCK",
            field="month",
            details={"missing": absent},
        )


def unlock_month(lock: PeriodLock, *, actor: User | None, reason: str) -> PeriodLock:
    """Open a locked month again. Its days follow their causes; what was posted for them elsewhere
    is taken back there.
    """
    if not reason.strip():
        raise RuleViolation(
            _("Enter the reason for unlocking the month."),
            code="REASON",
            rule="LOCK",
            field="reason",
        )
    now = timezone.now()
    with transaction.atomic():
        _lock_organization(lock.organization_id)
        rows = PeriodLock.objects.of(lock.organization_id).filter(
            pk=lock.pk, lifted_at__isnull=True
        )
        if not rows.update(lifted_at=now, lifted_by=actor, reason=reason.strip()):
            raise Conflict(_("This month is already unlocked."), code="OPEN", rule="LOCK")
        _reverse_adjustments(lock, now)
        mark_calculated_days_stale(
            lock.organization_id, None, lock.month, _next_month(lock.month) - timedelta(days=1)
        )
        lock.refresh_from_db()
    return lock


def _reverse_adjustments(lock: PeriodLock, now: datetime) -> None:
    last = _latest_adjustments([lock.pk])
    rows = Day.objects.of(lock.organization_id).filter(
        date__gte=lock.month, date__lt=_next_month(lock.month)
    )
    days = {
        (row.employee_id, row.date): row
        for row in rows.filter(employee__in={one for one, _on in last})
    }
    to = current_open_month(lock.organization_id, now)
    DayAdjustment.objects.bulk_create(
        DayAdjustment(
            organization_id=lock.organization_id,
            employee_id=key[0],
            date=key[1],
            lock=lock,
            posted_to=to,
            posted_at=now,
            before=one.after,
            after=counted_values(days.get(key)),
            why={"lifted": True},
        )
        for key, one in last.items()
        if one.after != counted_values(days.get(key))
    )


def post_adjustments(
    organization_id: int, changes: Sequence[LockedDayChange], now: datetime
) -> int:
    """Write down what late facts would make of days of locked months; returns how many are new.
    Within a transaction.
    """
    if not changes:
        return 0
    locks = locked_months(organization_id)
    last = _latest_adjustments(locks.values())
    to = current_open_month(organization_id, now)
    new = []
    for late in changes:
        known = last.get((late.employee_id, late.date))
        before = known.after if known else counted_values(late.stored_day)
        after = (
            {name: late.values[name] for name in COUNTED_FIELDS}
            if late.values
            else dict(ZERO_VALUES)
        )
        if before != after:
            new.append(
                DayAdjustment(
                    organization_id=organization_id,
                    employee_id=late.employee_id,
                    date=late.date,
                    lock_id=locks[late.date.replace(day=1)],
                    posted_to=to,
                    posted_at=now,
                    before=before,
                    after=after,
                    why=late.values["why"] if late.values else {},
                )
            )
    DayAdjustment.objects.bulk_create(new, batch_size=1000)
    return len(new)


def _latest_adjustments(locks: Iterable[int]) -> dict[tuple[UUID, date], DayAdjustment]:
    """The last adjustment of each day under some locks."""
    rows = DayAdjustment.objects.filter(lock__in=list(locks)).order_by("id")
    return {(one.employee_id, one.date): one for one in rows}


def counted_values(row: Day | None) -> dict[str, Any]:
    """What of a day is paid by."""
    return (
        {name: getattr(row, name) for name in COUNTED_FIELDS}
        if row is not None
        else dict(ZERO_VALUES)
    )


def current_open_month(organization_id: int, now: datetime) -> date:
    """The month that takes adjustments now: this one, or the next that is not locked."""
    month = (
        to_local_time(now, Organization.objects.get(pk=organization_id).timezone)
        .date()
        .replace(day=1)
    )
    locked = locked_months(organization_id)
    while month in locked:
        month = _next_month(month)
    return month


def _next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)
