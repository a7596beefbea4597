"""The job that posts what falls due by itself: credits, lapses, closes. It may run twice, late, or
for a past day.

`settle_for_ever` is a thread of the scheduler; `settle_due` is one round of it. Each person is one
transaction.
"""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from employees.loops import look_for_ever, rest_after
from employees.models import Employee, Organization
from leaves import ledger
from leaves.models import Account, LeavePolicy

EVERY_S: Final = 60.0
AT_A_TIME: Final = 200
# What HR corrects about somebody who left is still worked in for so long.
AFTER_LEAVING: Final = timedelta(days=400)


def settle_due(
    limit: int = AT_A_TIME, *, on: date | None = None, stop: threading.Event | None = None
) -> int:
    """Settle people whose accounts were not settled up to today (or up to `on`); returns how many.

    With `stop` it leaves the database to others between two of them, and ends early when that is
    set.
    """
    done = 0
    ruled = LeavePolicy.objects.filter(organization=OuterRef("pk"), published_at__isnull=False)
    for organization in Organization.objects.filter(Exists(ruled)):
        day = on or datetime.now(ZoneInfo(organization.timezone)).date()
        for employee in waiting(organization, day)[: limit - done]:
            began = time.monotonic()
            settle(employee, day)
            done += 1
            if stop is not None and stop.wait(rest_after(began)):
                return done
        if done >= limit:
            break
    return done


def waiting(organization: Organization, day: date) -> list[Employee]:
    """People of an organization whose accounts are not settled up to `day`."""
    settled = Account.objects.filter(employee=OuterRef("pk"), settled_on__gte=day)
    unsettled = Account.objects.filter(
        Q(settled_on__isnull=True) | Q(settled_on__lt=day), employee=OuterRef("pk")
    )
    people = Employee.objects.of(organization).filter(joined_on__lte=day)
    people = people.filter(Q(left_on__isnull=True) | Q(left_on__gte=day - AFTER_LEAVING))
    return list(
        people.filter(~Exists(settled) | Exists(unsettled))
        .select_related("organization")
        .order_by("pk")
    )


def settle(employee: Employee, day: date) -> None:
    """Settle one person up to a day."""
    with transaction.atomic():
        ledger.lock(employee)
        ledger.settle(employee, day)


def settle_for_ever(stop: threading.Event) -> None:
    """Settle what falls due again and again until `stop`."""

    def look() -> float:
        return 0.0 if settle_due(stop=stop) == AT_A_TIME else EVERY_S

    look_for_ever(look, stop)
