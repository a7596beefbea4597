"""The job that posts what falls due by itself: credits, lapses, closes. It may run twice, late, or
for a past day.

`run_settlement_loop` is a thread of the scheduler; `settle_due_accounts` is one round of it. Each
person is one transaction.
"""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from core.background_loop import pause_after_transaction, run_background_loop
from employees.models import Employee, Organization
from leaves import ledger
from leaves.models import LeaveAccount, LeavePolicy

SETTLEMENT_INTERVAL_S: Final = 60.0
SETTLEMENT_BATCH_SIZE: Final = 200
# What HR corrects about somebody who left is still worked in for so long.
SETTLE_AFTER_EXIT: Final = timedelta(days=400)


def settle_due_accounts(
    limit: int = SETTLEMENT_BATCH_SIZE,
    *,
    on: date | None = None,
    stop: threading.Event | None = None,
) -> int:
    """Settle people whose accounts were not settled up to today (or up to `on`); returns how many.

    With `stop` it leaves the database to others between two of them, and ends early when that is
    set.
    """
    done = 0
    ruled = LeavePolicy.objects.filter(organization=OuterRef("pk"), published_at__isnull=False)
    for organization in Organization.objects.filter(Exists(ruled)):
        day = on or datetime.now(ZoneInfo(organization.timezone)).date()
        for employee in employees_to_settle(organization, day)[: limit - done]:
            began = time.monotonic()
            settle_employee(employee, day)
            done += 1
            if stop is not None and stop.wait(pause_after_transaction(began)):
                return done
        if done >= limit:
            break
    return done


def employees_to_settle(organization: Organization, day: date) -> list[Employee]:
    """People of an organization whose accounts are not settled up to `day`."""
    settled = LeaveAccount.objects.filter(employee=OuterRef("pk"), settled_on__gte=day)
    unsettled = LeaveAccount.objects.filter(
        Q(settled_on__isnull=True) | Q(settled_on__lt=day), employee=OuterRef("pk")
    )
    people = Employee.objects.of(organization).filter(joined_on__lte=day)
    people = people.filter(Q(left_on__isnull=True) | Q(left_on__gte=day - SETTLE_AFTER_EXIT))
    return list(
        people.filter(~Exists(settled) | Exists(unsettled))
        .select_related("organization")
        .order_by("pk")
    )


def settle_employee(employee: Employee, day: date) -> None:
    """Settle one person up to a day."""
    with transaction.atomic():
        ledger.lock_accounts(employee)
        ledger.settle_accounts(employee, day)


def run_settlement_loop(stop: threading.Event) -> None:
    """Settle what falls due again and again until `stop`."""

    def look() -> float:
        return (
            0.0
            if settle_due_accounts(stop=stop) == SETTLEMENT_BATCH_SIZE
            else SETTLEMENT_INTERVAL_S
        )

    run_background_loop(look, stop)
