"""Works in what changed in the floors below: numbers that were entered after the punch had come,
and causes of days.

A thread of the scheduler runs `drain_for_ever`; it needs only the database. A change is marked as
worked in within the transaction of its effect, so it is neither lost nor done by two workers.
"""

from __future__ import annotations

import threading
import time
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from attendance import matching, stale
from devices.models import DeviceUser
from employees.loops import look_for_ever, rest_after
from employees.models import Change, Employee, Organization

EVERY_S = 0.3
# A punch whose transaction was open while the number was entered saw nobody, and the change saw no
# punch. This look back, longer than any such transaction may last, finds it.
SWEEP_EVERY = timedelta(seconds=20)
SWEEP_BACK = timedelta(minutes=5)


def drain(limit: int = 100, *, stop: threading.Event | None = None) -> int:
    """Work in changes that wait; returns how many. With `stop` others get the database between two
    of them.
    """
    done = 0
    for change_id in list(
        Change.objects.filter(drained_at__isnull=True)
        .order_by("id")
        .values_list("id", flat=True)[:limit]
    ):
        began = time.monotonic()
        done += _work_in(change_id)
        if stop is not None and stop.wait(rest_after(began)):
            break
    return done


def _work_in(change_id: int) -> int:
    with transaction.atomic():
        # The conditional UPDATE decides who works a change in; it also holds the row until the work
        # is committed.
        mine = Change.objects.filter(pk=change_id, drained_at__isnull=True).update(
            drained_at=timezone.now()
        )
        if not mine:
            return 0
        change = Change.objects.select_related("employee").get(pk=change_id)
        if change.kind == Change.Kind.IDENTITY and change.employee is not None:
            while matching.match_waiting(change.organization_id, codes=_numbers(change.employee)):
                pass
        _note_days(change)
    return 1


def _note_days(change: Change) -> None:
    """Let the days that a change concerns be worked out again."""
    organization_id, first, last = change.organization_id, change.starts_on, change.ends_on
    if change.employee is None:
        stale.note_known(organization_id, None, first, last)
    elif (
        change.kind in (Change.Kind.LEAVE, Change.Kind.TOUR)
        and first is not None
        and last is not None
    ):
        stale.note(organization_id, [change.employee.pk], first, last, background=False)
    else:
        # Dates of service and assignments: what they were before is not known, so all there is of
        # this person.
        stale.note_life(change.employee)


def _numbers(employee: Employee) -> list[str]:
    mapped = (
        DeviceUser.objects.of(employee.organization_id)
        .filter(employee=employee)
        .values_list("user_code", flat=True)
    )
    return sorted({employee.code, *mapped, *([employee.worker_id] if employee.worker_id else [])})


def sweep() -> int:
    """Match recent punches that crossed with the entry of their number; returns how many."""
    since = timezone.now() - SWEEP_BACK
    return sum(
        matching.match_waiting(organization_id, received_since=since)
        for organization_id in Organization.objects.filter(
            punch__verdict="unmatched", punch__match__isnull=True, punch__received_at__gte=since
        )
        .distinct()
        .values_list("id", flat=True)
    )


def drain_for_ever(stop: threading.Event) -> None:
    """Drain again and again until `stop`, and sweep now and then."""
    swept = timezone.now()

    def look() -> float:
        nonlocal swept
        drain(stop=stop)
        if timezone.now() - swept > SWEEP_EVERY:
            swept = timezone.now()
            sweep()
        return EVERY_S

    look_for_ever(look, stop)
