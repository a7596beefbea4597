"""The statements of many people at once: what `statements.statement` says of each, read together,
without a lock or a new row.

For reports. Nothing is written here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Sum

from employees.models import Employee, Organization
from employees.rows import run
from leaves import accrual, ledger
from leaves.balances import Movement
from leaves.facts import Stood, assembled, schemes, service_of, status, woven
from leaves.models import Absence, Entry, LeaveApplication, LeaveDay, LeaveFacts, LeavePolicy
from leaves.policies import Kind
from leaves.statements import Standing, Year, own_entries, standings


def overview(
    organization: Organization, employees: Sequence[Employee], year: int
) -> dict[Any, list[Standing]]:
    """The statements of many people of an organization, by their ids: as `statement`, in ten
    queries, without a lock or a row.

    Accounts that do not exist yet are read as empty ones. On PostgreSQL everything is read as it
    was at one moment.
    """
    now = datetime.now(ZoneInfo(organization.timezone)).date()
    with _one_moment():
        return _overview(organization, employees, Year(year, now))


def _overview(
    organization: Organization, employees: Sequence[Employee], year: Year
) -> dict[Any, list[Standing]]:
    ids = [one.pk for one in employees]
    particulars: dict[Any, list[LeaveFacts]] = defaultdict(list)
    for row in LeaveFacts.objects.of(organization).filter(employee__in=ids).order_by("starts_on"):
        particulars[row.employee_id].append(row)
    by_scheme = schemes(LeavePolicy.objects.of(organization).filter(published_at__isnull=False))
    held, lost = _held_by_many(organization, ids), _lost_by_many(organization, ids)
    entries = Entry.objects.of(organization).filter(account__employee__in=ids)
    sums: dict[Any, list[tuple[str, str, date, int]]] = defaultdict(list)
    grouped = entries.order_by().values_list(
        "account__employee", "account__kind", "slot", "effective_on"
    )
    for employee_id, *sum_ in grouped.annotate(total=Sum("half_days")):
        sums[employee_id].append((sum_[0], sum_[1], sum_[2], sum_[3]))
    opened: dict[Any, dict[str, date]] = defaultdict(dict)
    openings = entries.filter(type=Entry.Type.OPENING).order_by("effective_on")
    for employee_id, kind, day in openings.values_list(
        "account__employee", "account__kind", "effective_on"
    ):
        opened[employee_id][kind] = day
    moved: dict[Any, dict[str, list[tuple[str, int]]]] = defaultdict(lambda: defaultdict(list))
    own = own_entries(entries, year.first, year.last).values_list(
        "account__employee", "account__kind", "type", "half_days"
    )
    for employee_id, kind, entry_type, amount in own:
        moved[employee_id][kind].append((entry_type, amount))
    found: dict[Any, list[Standing]] = {}
    for one in employees:
        rows = particulars[one.pk]
        rules = woven(by_scheme, rows)
        stood = Stood(ledger.ACCOUNTS, sums[one.pk], opened[one.pk], held[one.pk], lost[one.pk])
        books = assembled(
            rules, service_of(one, rows), [status(row) for row in rows], stood, year.now
        )
        found[one.pk] = standings(
            {kind: book for kind, (book, _posted) in books.items()}, moved[one.pk], rules, year
        )
    return found


def _held_by_many(
    organization: Organization, ids: Sequence[Any]
) -> dict[Any, dict[Kind, list[Movement]]]:
    found: dict[Any, dict[Kind, list[Movement]]] = defaultdict(lambda: defaultdict(list))
    rows = LeaveDay.objects.of(organization).filter(
        application__employee__in=ids,
        application__status=LeaveApplication.Status.PENDING,
        half_days__gt=0,
    )
    for employee_id, account, day, amount in rows.values_list(
        "application__employee", "account", "date", "half_days"
    ):
        found[employee_id][Kind(account)].append((day, -amount))
    return found


def _lost_by_many(
    organization: Organization, ids: Sequence[Any]
) -> dict[Any, list[accrual.Absence]]:
    found: dict[Any, list[accrual.Absence]] = defaultdict(list)
    for one in Absence.objects.of(organization).filter(employee__in=ids, revoked_at__isnull=True):
        found[one.employee_id].append(
            accrual.Absence(accrual.Lost(one.kind), one.starts_on, one.ends_on)
        )
    return found


@contextmanager
def _one_moment() -> Iterator[None]:
    """Let all that is read within be as it was at one moment. Whoever is in a transaction already
    sees what that one sees.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
