"""Works days out again when something they depend on changed. The rows in `StaleDayRange` are the
queue.

What a stretch of days is depends on its neighbours only through punches that lie in the windows of
both sides: `_day_bounds` widens a stretch until no such punch is left at its ends, so that working
out a part gives what working out everything would. One worker at a time works on an organization;
whatever commits while it reads leaves a stale row of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from attendance import recalculation_queue
from attendance.days import inputs as day_inputs
from attendance.days import locking
from attendance.days import rollover as day_rollover
from attendance.days.calculation import DayResult as Found
from attendance.days.calculation import (
    assign_punches_to_days,
    calculate_day,
    is_independent_boundary,
)
from attendance.days.explanation import explain_day
from attendance.days.inputs import DAY, DayInputs, EmployeeInputs
from attendance.exceptions import day_rules as day_exception_rules
from attendance.exceptions.day_rules import DayRange
from attendance.models import Day, Recalculation, StaleDayRange
from core.background_loop import pause_after_transaction, run_background_loop
from shifts.schedule import ScheduledShift, local_date

log = logging.getLogger(__name__)

# Days of one transaction, which is done again whole when its process dies. On SQLite all other
# writers wait for its end.
BATCH_DAYS: Final = {"postgresql": 500, "sqlite": 40}
QUEUE_PAGE_SIZE: Final = 200
# A stretch is widened by these many days at a time, and at most to this.
MARGIN_DAYS: Final = 3
MAX_MARGIN_DAYS: Final = 93
MAX_RETRY_DELAY: Final = timedelta(hours=1)
POLL_INTERVAL_S: Final = 0.4
ROLLOVER_INTERVAL: Final = timedelta(seconds=30)

STORED_FIELDS: Final = (
    "site_id",
    "department_id",
    "shift_id",
    "zone",
    "status",
    "first_half",
    "second_half",
    "first_in",
    "last_out",
    "worked",
    "late_by",
    "early_by",
    "overtime",
    "marks",
    "why",
    "open_until",
)
# Rows of one statement: SQLite takes 32 766 values in one.
INSERT_BATCH_SIZE: Final = 1000


def recalculate_days(
    organization_id: int, spans: dict[UUID, tuple[date, date]], now: datetime
) -> int:
    """Work out the days of some people from one date to another (both included) and store them;
    returns how many changed.

    Within a transaction. Days of a locked month stay; what would change them is posted as an
    adjustment.
    """
    first = min(start for start, _end in spans.values())
    last = max(end for _start, end in spans.values())
    changed = 0
    waiting: dict[UUID, tuple[date, date]] = spans
    margin = MARGIN_DAYS
    while waiting:
        read = day_inputs.load_day_inputs(
            organization_id, waiting, _days_before(first, margin), _days_after(last, margin)
        )
        wider: dict[UUID, tuple[date, date]] = {}
        done: list[DayRange] = []
        for employee_id, (start, end) in sorted(waiting.items()):
            person = read.employees.get(employee_id)
            if person is None:
                continue
            stretch = _calculate_range(read, person, (start, end), margin, now)
            if stretch is None:
                wider[employee_id] = (start, end)
            else:
                done.append(stretch)
        changed += _store_days(organization_id, done, now)
        waiting, margin = wider, margin * 4
    return changed


def _calculate_range(
    inputs: DayInputs, employee: EmployeeInputs, span: tuple[date, date], margin: int, now: datetime
) -> DayRange | None:
    """The days of a span and what depends on them; None when `margin` days around it are not enough
    to tell.
    """
    low, high = _days_before(span[0], margin), _days_after(span[1], margin)
    duties = {on: inputs.scheduled_shift(employee, on) for on in _dates(low, high)}
    first = _find_independent_boundary(
        employee, duties, _dates(low + 2 * DAY, span[0] - DAY), reverse=True
    )
    after = _find_independent_boundary(
        employee, duties, _dates(span[1] + 2 * DAY, high - DAY), reverse=False
    )
    if (first is None or after is None) and margin < MAX_MARGIN_DAYS:
        return None
    begins, ends = first or span[0] - DAY, (after or span[1] + 2 * DAY) - DAY
    placed = assign_punches_to_days(employee.punches, list(duties.values()))
    days: dict[date, dict[str, Any]] = {}
    for on in _dates(begins, ends):
        duty, stamps = duties[on], placed.get(on, [])
        if not employee.is_employed_on(on) or (on > local_date(now, duty.zone) and not stamps):
            continue
        facts = inputs.day_context(employee, on, now)
        day = calculate_day(duty, stamps, facts)
        days[on] = _day_columns(employee, duty, day, explain_day(duty, day, facts))
    return DayRange(employee, begins, ends, days)


def _find_independent_boundary(
    employee: EmployeeInputs,
    scheduled_shifts: dict[date, ScheduledShift],
    dates: Iterable[date],
    *,
    reverse: bool,
) -> date | None:
    """The nearest date before which nothing can matter after it: no punch lies in the windows of
    both sides.
    """
    for on in sorted(dates, reverse=reverse):
        earlier = [
            scheduled_shifts[one] for one in (on - 2 * DAY, on - DAY) if one in scheduled_shifts
        ]
        later = [scheduled_shifts[one] for one in (on, on + DAY) if one in scheduled_shifts]
        if is_independent_boundary(earlier, later, employee.punches):
            return on
    return None


def _day_columns(
    employee: EmployeeInputs,
    scheduled_shift: ScheduledShift,
    day: Found,
    explanation: dict[str, Any],
) -> dict[str, Any]:
    post = employee.assignment_on(day.date)
    return {
        "site_id": post.site_id if post else None,
        "department_id": post.department_id if post else None,
        "shift_id": scheduled_shift.shift.id,
        "zone": scheduled_shift.zone,
        "status": str(day.status),
        "first_half": str(day.halves[0]),
        "second_half": str(day.halves[1]),
        "first_in": day.first_in,
        "last_out": day.last_out,
        "worked": day.worked,
        "late_by": day.late_by,
        "early_by": day.early_by,
        "overtime": day.overtime,
        "marks": list(day.marks),
        "why": explanation,
        "open_until": None if day.final else scheduled_shift.window.end,
    }


# --- Storing --------------------------------------------------------------------------------------
def _store_days(organization_id: int, ranges: Sequence[DayRange], now: datetime) -> int:
    """Make the rows what the stretches say; returns how many rows that changed."""
    if not ranges:
        return 0
    first, last = min(one.first for one in ranges), max(one.last for one in ranges)
    rows = Day.objects.of(organization_id).filter(
        employee__in=[one.inputs.id for one in ranges], date__range=(first, last)
    )
    kept: dict[UUID, dict[date, Day]] = defaultdict(dict)
    for known in rows.order_by():
        kept[known.employee_id][known.date] = known
    locked = locking.locked_months(organization_id)
    fresh: list[Day] = []
    changed: list[Day] = []
    gone: list[int] = []
    late: list[locking.LockedDayChange] = []
    for one in ranges:
        mine = kept.get(one.inputs.id, {})
        for on in _dates(one.first, one.last):
            row, values = mine.get(on), one.days.get(on)
            if on.replace(day=1) in locked:
                late.append(locking.LockedDayChange(one.inputs.id, on, row, values))
            elif row is None and values is not None:
                fresh.append(
                    Day(
                        organization_id=organization_id,
                        employee_id=one.inputs.id,
                        date=on,
                        **values,
                    )
                )
            elif row is not None and values is None:
                gone.append(row.pk)
            elif row is not None and values is not None and _has_changed(row, values):
                changed.append(
                    Day(
                        organization_id=organization_id,
                        employee_id=one.inputs.id,
                        date=on,
                        **values,
                    )
                )
    Day.objects.bulk_create(
        [*fresh, *changed],
        batch_size=INSERT_BATCH_SIZE,
        update_conflicts=True,
        unique_fields=("employee", "date"),
        update_fields=STORED_FIELDS,
    )
    for start in range(0, len(gone), INSERT_BATCH_SIZE):
        Day.objects.filter(pk__in=gone[start : start + INSERT_BATCH_SIZE]).delete()
    posted = locking.post_adjustments(organization_id, late, now)
    day_exception_rules.update_day_exceptions(organization_id, ranges, now)
    return len(fresh) + len(changed) + len(gone) + posted


def _has_changed(row: Day, values: dict[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


# --- The queue ------------------------------------------------------------------------------------
def recalculate_next_batch(now: datetime | None = None) -> int:
    """Take up what waits longest, one portion of one organization; returns how many stale rows that
    settled.
    """
    ready = StaleDayRange.objects.filter(
        Q(not_before__isnull=True) | Q(not_before__lte=now or timezone.now())
    )
    for background in (False, True):
        rows = list(ready.filter(background=background).order_by("id")[:QUEUE_PAGE_SIZE])
        for organization_id in dict.fromkeys(row.organization_id for row in rows):
            mine = _take_batch([row for row in rows if row.organization_id == organization_id])
            if done := _recalculate_or_postpone(organization_id, mine, now):
                return done
    return 0


def _take_batch(rows: Sequence[StaleDayRange]) -> list[StaleDayRange]:
    """As many of these rows as one transaction takes, at least one; what is asked for twice takes
    no room twice.
    """
    room = BATCH_DAYS[connection.vendor]
    taken: list[StaleDayRange] = []
    asked: set[tuple[UUID, date, date]] = set()
    for row in rows:
        days = (row.ends_on - row.starts_on).days + 1 + 2 * MARGIN_DAYS
        same = (row.employee_id, row.starts_on, row.ends_on)
        if same not in asked:
            if taken and days > room:
                continue
            room -= days
        asked.add(same)
        taken.append(row)
    return taken


def _recalculate_or_postpone(
    organization_id: int, rows: Sequence[StaleDayRange], now: datetime | None
) -> int:
    """Work these rows out; if that fails each alone, and the one that fails is put off."""
    try:
        return _recalculate_in_transaction(organization_id, rows, now)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        if len(rows) > 1:
            return sum(_recalculate_or_postpone(organization_id, [row], now) for row in rows)
        log.exception("Days could not be worked out: %s", rows[0])
        _postpone(rows[0])
        return 1


def _recalculate_in_transaction(
    organization_id: int, rows: Sequence[StaleDayRange], now: datetime | None
) -> int:
    with transaction.atomic():
        if not locking.try_lock_organization(organization_id):
            return 0
        # Read anew under the lock: another worker may have settled some of them meanwhile.
        mine = list(
            StaleDayRange.objects.of(organization_id).filter(pk__in=[row.pk for row in rows])
        )
        if not mine:
            return 0
        spans: dict[UUID, tuple[date, date]] = {}
        for row in mine:
            first, last = spans.get(row.employee_id, (row.starts_on, row.ends_on))
            spans[row.employee_id] = (min(first, row.starts_on), max(last, row.ends_on))
        changed = 0
        for group in _group_by_period(spans):
            changed += recalculate_days(organization_id, group, now or timezone.now())
        StaleDayRange.objects.filter(pk__in=[row.pk for row in mine]).delete()
        _update_progress(mine, changed)
    return len(mine)


def _group_by_period(spans: dict[UUID, tuple[date, date]]) -> list[dict[UUID, tuple[date, date]]]:
    """People whose periods are near each other together: what is read is read for all of them from
    the first to the last.
    """
    groups: list[dict[UUID, tuple[date, date]]] = []
    for employee_id, span in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        if groups:
            begun = next(iter(groups[-1].values()))
            if (span[0] - begun[0]).days <= MARGIN_DAYS:
                groups[-1][employee_id] = span
                continue
        groups.append({employee_id: span})
    return groups


def _update_progress(rows: Sequence[StaleDayRange], changed: int) -> None:
    """Bring the rebuilds that these rows belonged to up to date."""
    for recalculation_id in {
        row.recalculation_id for row in rows if row.recalculation_id is not None
    }:
        Recalculation.objects.filter(pk=recalculation_id).update(changed=F("changed") + changed)
        if not StaleDayRange.objects.filter(recalculation=recalculation_id).exists():
            Recalculation.objects.filter(pk=recalculation_id).update(finished_at=timezone.now())


def _postpone(row: StaleDayRange) -> None:
    wait = min(timedelta(seconds=30) * 2 ** min(row.failures, 10), MAX_RETRY_DELAY)
    StaleDayRange.objects.filter(pk=row.pk).update(
        failures=F("failures") + 1, not_before=timezone.now() + wait
    )


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _days_before(on: date, days: int) -> date:
    return on - timedelta(days=min(days, (on - date.min).days))


def _days_after(on: date, days: int) -> date:
    return on + timedelta(days=min(days, (date.max - on).days))


def run_recalculation_loop(stop: threading.Event) -> None:
    """Work days out until `stop`: what changed, and with the clock what begins and what is over."""
    looked: datetime | None = None
    adopted_at = 0.0

    def look() -> float:
        nonlocal looked, adopted_at
        if time.monotonic() - adopted_at >= POLL_INTERVAL_S:
            now = timezone.now()
            if looked is None or now - looked > ROLLOVER_INTERVAL:
                day_rollover.open_days(
                    now,
                    day_rollover.LONG_LOOKBACK_DAYS
                    if looked is None or looked.hour != now.hour
                    else day_rollover.SHORT_LOOKBACK_DAYS,
                )
                looked = now
            day_rollover.close_days(now)
            # Not with every transaction: who punches twice in a moment is worked out once.
            adopted_at = (
                0.0
                if recalculation_queue.mark_days_of_new_punches_stale()
                == recalculation_queue.BATCH_SIZE
                else time.monotonic()
            )
        began = time.monotonic()
        if recalculate_next_batch():
            return pause_after_transaction(began)
        return max(adopted_at + POLL_INTERVAL_S - time.monotonic(), 0)

    run_background_loop(look, stop)
