"""The leave accounts of a year: of one person for the API, and of many at once for reports, read
together without a lock or a new row. Both say the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import QuerySet, Sum

from accounts.permissions import local_today
from core.raw_sql import run_sql
from employees.models import Employee, Organization
from leaves import accrual, ledger
from leaves.account_balances import (
    RULE_SLOT_PREFIX,
    AccountEntries,
    build_balances,
    personal_status,
    service_period_of,
)
from leaves.balances import BalanceMovement
from leaves.context import load_leave_context
from leaves.models import (
    Absence,
    LeaveApplication,
    LeaveDay,
    LeaveLedgerEntry,
    LeavePolicy,
    LeaveProfile,
)
from leaves.policies import LeaveType
from leaves.policy_history import effective_rules, policies_by_scheme
from leaves.year_balances import LeaveBalance, StatementYear, leave_balances


def leave_statement(employee: Employee, year: int) -> tuple[date, list[LeaveBalance]]:
    """A person's accounts in a year as of today (or as of the end of a year that is over): the date
    and six kinds.

    What the rules credit is worked out from facts, so it is right even before the job of the day
    has run. Debits of approved leave in the year count, those to come too.
    """
    with transaction.atomic():
        ledger.lock_accounts(employee)
    now = local_today(employee)
    first, last = date(year, 1, 1), date(year, 12, 31)
    as_of = max(first, min(now, last))
    context = load_leave_context(employee, as_of, as_of)
    entries = non_rule_entries(
        LeaveLedgerEntry.objects.of(employee.organization_id).filter(account__employee=employee),
        first,
        last,
    )
    moved: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for kind, entry_type, amount in entries.values_list("account__kind", "type", "half_days"):
        moved[kind].append((entry_type, amount))
    return as_of, leave_balances(
        context.projections, moved, context.rule_context.policies, StatementYear(year, now)
    )


def non_rule_entries(
    entries: QuerySet[LeaveLedgerEntry], first: date, last: date
) -> QuerySet[LeaveLedgerEntry]:
    """Of some entries those that people caused, with effect between two dates."""
    return (
        entries.filter(effective_on__range=(first, last))
        .exclude(slot__startswith=RULE_SLOT_PREFIX)
        .order_by()
    )


def bulk_leave_statements(
    organization: Organization, employees: Sequence[Employee], year: int
) -> dict[Any, list[LeaveBalance]]:
    """The statements of many people of an organization, by their ids: as `leave_statement`, in ten
    queries, without a lock or a row.

    Accounts that do not exist yet are read as empty ones. On PostgreSQL everything is read as it
    was at one moment.
    """
    now = datetime.now(ZoneInfo(organization.timezone)).date()
    with _consistent_snapshot():
        return _bulk_leave_statements(organization, employees, StatementYear(year, now))


def _bulk_leave_statements(
    organization: Organization, employees: Sequence[Employee], year: StatementYear
) -> dict[Any, list[LeaveBalance]]:
    ids = [one.pk for one in employees]
    particulars: dict[Any, list[LeaveProfile]] = defaultdict(list)
    for row in LeaveProfile.objects.of(organization).filter(employee__in=ids).order_by("starts_on"):
        particulars[row.employee_id].append(row)
    by_scheme = policies_by_scheme(
        LeavePolicy.objects.of(organization).filter(published_at__isnull=False)
    )
    held, lost = _holds_by_employee(organization, ids), _absences_by_employee(organization, ids)
    entries = LeaveLedgerEntry.objects.of(organization).filter(account__employee__in=ids)
    sums: dict[Any, list[tuple[str, str, date, int]]] = defaultdict(list)
    grouped = entries.order_by().values_list(
        "account__employee", "account__kind", "slot", "effective_on"
    )
    for employee_id, *sum_ in grouped.annotate(total=Sum("half_days")):
        sums[employee_id].append((sum_[0], sum_[1], sum_[2], sum_[3]))
    opened: dict[Any, dict[str, date]] = defaultdict(dict)
    openings = entries.filter(type=LeaveLedgerEntry.Type.OPENING).order_by("effective_on")
    for employee_id, kind, day in openings.values_list(
        "account__employee", "account__kind", "effective_on"
    ):
        opened[employee_id][kind] = day
    moved: dict[Any, dict[str, list[tuple[str, int]]]] = defaultdict(lambda: defaultdict(list))
    own = non_rule_entries(entries, year.first, year.last).values_list(
        "account__employee", "account__kind", "type", "half_days"
    )
    for employee_id, kind, entry_type, amount in own:
        moved[employee_id][kind].append((entry_type, amount))
    found: dict[Any, list[LeaveBalance]] = {}
    for one in employees:
        rows = particulars[one.pk]
        rules = effective_rules(by_scheme, rows)
        stood = AccountEntries(
            ledger.ACCOUNT_TYPES, sums[one.pk], opened[one.pk], held[one.pk], lost[one.pk]
        )
        books = build_balances(
            rules,
            service_period_of(one, rows),
            [personal_status(row) for row in rows],
            stood,
            year.today,
        )
        found[one.pk] = leave_balances(
            {kind: book for kind, (book, _posted) in books.items()}, moved[one.pk], rules, year
        )
    return found


def _holds_by_employee(
    organization: Organization, ids: Sequence[Any]
) -> dict[Any, dict[LeaveType, list[BalanceMovement]]]:
    found: dict[Any, dict[LeaveType, list[BalanceMovement]]] = defaultdict(
        lambda: defaultdict(list)
    )
    rows = LeaveDay.objects.of(organization).filter(
        application__employee__in=ids,
        application__status=LeaveApplication.Status.PENDING,
        half_days__gt=0,
    )
    for employee_id, account, day, amount in rows.values_list(
        "application__employee", "account", "date", "half_days"
    ):
        found[employee_id][LeaveType(account)].append((day, -amount))
    return found


def _absences_by_employee(
    organization: Organization, ids: Sequence[Any]
) -> dict[Any, list[accrual.AbsencePeriod]]:
    found: dict[Any, list[accrual.AbsencePeriod]] = defaultdict(list)
    for one in Absence.objects.of(organization).filter(employee__in=ids, revoked_at__isnull=True):
        found[one.employee_id].append(
            accrual.AbsencePeriod(accrual.AbsenceKind(one.kind), one.starts_on, one.ends_on)
        )
    return found


@contextmanager
def _consistent_snapshot() -> Iterator[None]:
    """Let all that is read within be as it was at one moment. Whoever is in a transaction already
    sees what that one sees.
    """
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        run_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield
