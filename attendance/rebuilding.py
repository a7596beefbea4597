"""Works days out again when something they depend on changed. The rows in `StaleDays` are the
queue.

What a stretch of days is depends on its neighbours only through punches that lie in the windows of
both sides: `_bounds` widens a stretch until no such punch is left at its ends, so that working out
a part gives what working out everything would. One worker at a time works on an organization;
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

from attendance import causes, gathering, locking, opening, stale
from attendance.causes import DAY, Causes, Person
from attendance.days import Day as Found
from attendance.days import cut_between, derive, place
from attendance.explanation import explain
from attendance.gathering import Stretch
from attendance.models import Day, Rebuild, StaleDays
from attendance.shifts import Duty, local_date
from employees.loops import look_for_ever, rest_after

log = logging.getLogger(__name__)

# Days of one transaction, which is done again whole when its process dies. On SQLite all other
# writers wait for its end.
PORTION: Final = {"postgresql": 500, "sqlite": 40}
ROWS_AT_ONCE: Final = 200
# A stretch is widened by these many days at a time, and at most to this.
STEP: Final = 3
WIDEST: Final = 93
LONGEST_WAIT: Final = timedelta(hours=1)
EVERY_S: Final = 0.4
LOOK_EVERY: Final = timedelta(seconds=30)

FIELDS: Final = (
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
    "final_at",
)
# Rows of one statement: SQLite takes 32 766 values in one.
INSERTED: Final = 1000


def rebuild(organization_id: int, spans: dict[UUID, tuple[date, date]], now: datetime) -> int:
    """Work out the days of some people from one date to another (both included) and store them;
    returns how many changed.

    Within a transaction. Days of a locked month stay; what would change them is posted as an
    adjustment.
    """
    first = min(start for start, _end in spans.values())
    last = max(end for _start, end in spans.values())
    changed = 0
    waiting: dict[UUID, tuple[date, date]] = spans
    margin = STEP
    while waiting:
        read = causes.read(organization_id, waiting, _back(first, margin), _on(last, margin))
        wider: dict[UUID, tuple[date, date]] = {}
        done: list[Stretch] = []
        for employee_id, (start, end) in sorted(waiting.items()):
            person = read.people.get(employee_id)
            if person is None:
                continue
            stretch = _stretch(read, person, (start, end), margin, now)
            if stretch is None:
                wider[employee_id] = (start, end)
            else:
                done.append(stretch)
        changed += _store(organization_id, done, now)
        waiting, margin = wider, margin * 4
    return changed


def _stretch(
    read: Causes, person: Person, span: tuple[date, date], margin: int, now: datetime
) -> Stretch | None:
    """The days of a span and what depends on them; None when `margin` days around it are not enough
    to tell.
    """
    low, high = _back(span[0], margin), _on(span[1], margin)
    duties = {on: read.duty(person, on) for on in _dates(low, high)}
    first = _clean(person, duties, _dates(low + 2 * DAY, span[0] - DAY), reverse=True)
    after = _clean(person, duties, _dates(span[1] + 2 * DAY, high - DAY), reverse=False)
    if (first is None or after is None) and margin < WIDEST:
        return None
    begins, ends = first or span[0] - DAY, (after or span[1] + 2 * DAY) - DAY
    placed = place(person.stamps, list(duties.values()))
    days: dict[date, dict[str, Any]] = {}
    for on in _dates(begins, ends):
        duty, stamps = duties[on], placed.get(on, [])
        if not person.employed(on) or (on > local_date(now, duty.zone) and not stamps):
            continue
        facts = read.facts(person, on, now)
        day = derive(duty, stamps, facts)
        days[on] = _columns(person, duty, day, explain(duty, day, facts))
    return Stretch(person, begins, ends, days)


def _clean(
    person: Person, duties: dict[date, Duty], dates: Iterable[date], *, reverse: bool
) -> date | None:
    """The nearest date before which nothing can matter after it: no punch lies in the windows of
    both sides.
    """
    for on in sorted(dates, reverse=reverse):
        earlier = [duties[one] for one in (on - 2 * DAY, on - DAY) if one in duties]
        later = [duties[one] for one in (on, on + DAY) if one in duties]
        if cut_between(earlier, later, person.stamps):
            return on
    return None


def _columns(person: Person, duty: Duty, day: Found, why: dict[str, Any]) -> dict[str, Any]:
    post = person.assignment(day.date)
    return {
        "site_id": post.site_id if post else None,
        "department_id": post.department_id if post else None,
        "shift_id": duty.shift.id,
        "zone": duty.zone,
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
        "why": why,
        "final_at": None if day.final else duty.window.end,
    }


# --- Storing --------------------------------------------------------------------------------------
def _store(organization_id: int, stretches: Sequence[Stretch], now: datetime) -> int:
    """Make the rows what the stretches say; returns how many rows that changed."""
    if not stretches:
        return 0
    first, last = min(one.first for one in stretches), max(one.last for one in stretches)
    rows = Day.objects.of(organization_id).filter(
        employee__in=[one.person.id for one in stretches], date__range=(first, last)
    )
    kept: dict[UUID, dict[date, Day]] = defaultdict(dict)
    for known in rows.order_by():
        kept[known.employee_id][known.date] = known
    locked = locking.locked_months(organization_id)
    fresh: list[Day] = []
    changed: list[Day] = []
    gone: list[int] = []
    late: list[locking.Late] = []
    for one in stretches:
        mine = kept.get(one.person.id, {})
        for on in _dates(one.first, one.last):
            row, values = mine.get(on), one.days.get(on)
            if on.replace(day=1) in locked:
                late.append(locking.Late(one.person.id, on, row, values))
            elif row is None and values is not None:
                fresh.append(
                    Day(
                        organization_id=organization_id,
                        employee_id=one.person.id,
                        date=on,
                        **values,
                    )
                )
            elif row is not None and values is None:
                gone.append(row.pk)
            elif row is not None and values is not None and _differs(row, values):
                changed.append(
                    Day(
                        organization_id=organization_id,
                        employee_id=one.person.id,
                        date=on,
                        **values,
                    )
                )
    Day.objects.bulk_create(
        [*fresh, *changed],
        batch_size=INSERTED,
        update_conflicts=True,
        unique_fields=("employee", "date"),
        update_fields=FIELDS,
    )
    for start in range(0, len(gone), INSERTED):
        Day.objects.filter(pk__in=gone[start : start + INSERTED]).delete()
    posted = locking.post(organization_id, late, now)
    gathering.gather(organization_id, stretches, now)
    return len(fresh) + len(changed) + len(gone) + posted


def _differs(row: Day, values: dict[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


# --- The queue ------------------------------------------------------------------------------------
def work(now: datetime | None = None) -> int:
    """Take up what waits longest, one portion of one organization; returns how many stale rows that
    settled.
    """
    ready = StaleDays.objects.filter(
        Q(not_before__isnull=True) | Q(not_before__lte=now or timezone.now())
    )
    for background in (False, True):
        rows = list(ready.filter(background=background).order_by("id")[:ROWS_AT_ONCE])
        for organization_id in dict.fromkeys(row.organization_id for row in rows):
            mine = _portion([row for row in rows if row.organization_id == organization_id])
            if done := _settle(organization_id, mine, now):
                return done
    return 0


def _portion(rows: Sequence[StaleDays]) -> list[StaleDays]:
    """As many of these rows as one transaction takes, at least one; what is asked for twice takes
    no room twice.
    """
    room = PORTION[connection.vendor]
    taken: list[StaleDays] = []
    asked: set[tuple[UUID, date, date]] = set()
    for row in rows:
        days = (row.ends_on - row.starts_on).days + 1 + 2 * STEP
        same = (row.employee_id, row.starts_on, row.ends_on)
        if same not in asked:
            if taken and days > room:
                continue
            room -= days
        asked.add(same)
        taken.append(row)
    return taken


def _settle(organization_id: int, rows: Sequence[StaleDays], now: datetime | None) -> int:
    """Work these rows out; if that fails each alone, and the one that fails is put off."""
    try:
        return _attempt(organization_id, rows, now)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        if len(rows) > 1:
            return sum(_settle(organization_id, [row], now) for row in rows)
        log.exception("Days could not be worked out: %s", rows[0])
        _put_off(rows[0])
        return 1


def _attempt(organization_id: int, rows: Sequence[StaleDays], now: datetime | None) -> int:
    with transaction.atomic():
        if not locking.alone(organization_id):
            return 0
        # Read anew under the lock: another worker may have settled some of them meanwhile.
        mine = list(StaleDays.objects.of(organization_id).filter(pk__in=[row.pk for row in rows]))
        if not mine:
            return 0
        spans: dict[UUID, tuple[date, date]] = {}
        for row in mine:
            first, last = spans.get(row.employee_id, (row.starts_on, row.ends_on))
            spans[row.employee_id] = (min(first, row.starts_on), max(last, row.ends_on))
        changed = 0
        for group in _alike(spans):
            changed += rebuild(organization_id, group, now or timezone.now())
        StaleDays.objects.filter(pk__in=[row.pk for row in mine]).delete()
        _tell(mine, changed)
    return len(mine)


def _alike(spans: dict[UUID, tuple[date, date]]) -> list[dict[UUID, tuple[date, date]]]:
    """People whose periods are near each other together: what is read is read for all of them from
    the first to the last.
    """
    groups: list[dict[UUID, tuple[date, date]]] = []
    for employee_id, span in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        if groups:
            begun = next(iter(groups[-1].values()))
            if (span[0] - begun[0]).days <= STEP:
                groups[-1][employee_id] = span
                continue
        groups.append({employee_id: span})
    return groups


def _tell(rows: Sequence[StaleDays], changed: int) -> None:
    """Bring the rebuilds that these rows belonged to up to date."""
    for rebuild_id in {row.rebuild_id for row in rows if row.rebuild_id is not None}:
        Rebuild.objects.filter(pk=rebuild_id).update(changed=F("changed") + changed)
        if not StaleDays.objects.filter(rebuild=rebuild_id).exists():
            Rebuild.objects.filter(pk=rebuild_id).update(finished_at=timezone.now())


def _put_off(row: StaleDays) -> None:
    wait = min(timedelta(seconds=30) * 2 ** min(row.failures, 10), LONGEST_WAIT)
    StaleDays.objects.filter(pk=row.pk).update(
        failures=F("failures") + 1, not_before=timezone.now() + wait
    )


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _back(on: date, days: int) -> date:
    return on - timedelta(days=min(days, (on - date.min).days))


def _on(on: date, days: int) -> date:
    return on + timedelta(days=min(days, (date.max - on).days))


def follow_for_ever(stop: threading.Event) -> None:
    """Work days out until `stop`: what changed, and with the clock what begins and what is over."""
    looked: datetime | None = None
    adopted_at = 0.0

    def look() -> float:
        nonlocal looked, adopted_at
        if time.monotonic() - adopted_at >= EVERY_S:
            now = timezone.now()
            if looked is None or now - looked > LOOK_EVERY:
                opening.open_days(
                    now,
                    opening.LONG if looked is None or looked.hour != now.hour else opening.SHORT,
                )
                looked = now
            opening.close_days(now)
            # Not with every transaction: who punches twice in a moment is worked out once.
            adopted_at = 0.0 if stale.adopt() == stale.AT_ONCE else time.monotonic()
        began = time.monotonic()
        if work():
            return rest_after(began)
        return max(adopted_at + EVERY_S - time.monotonic(), 0)

    look_for_ever(look, stop)
