"""What publishing a leave policy or a holiday calendar changes: the debits of leave that exists.
Called by both publishing modules; also holds their rule that only drafts change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import RuleViolation
from employees.models import Employee
from leaves import ledger
from leaves.context import LeaveContext, load_leave_context, to_spell
from leaves.day_counting import calculate_all_day_debits, total_half_days
from leaves.debits import mark_leave_changed, recalculate_leave
from leaves.models import HolidayCalendar, LeaveApplication, LeaveDay, LeavePolicy


def check_is_draft(row: LeavePolicy | HolidayCalendar | None) -> None:
    """Raise RuleViolation for a version that is published."""
    if row is not None and row.published_at is not None:
        raise RuleViolation(
            _("A published version cannot be changed. Create a new version."),
            code="PUBLISHED",
            rule="VERSION",
        )


@dataclass(frozen=True, slots=True)
class DebitChange:
    """What a calendar, or a version of rules, would change for one application, in half-days
    debited.
    """

    application: LeaveApplication
    half_days_before: int
    half_days_after: int


def debit_changes(context: LeaveContext) -> Iterator[DebitChange]:
    """The applications of a person that are stored with another cost than the rules and
    calendars come to.
    """
    every = calculate_all_day_debits(
        [to_spell(one) for one in context.applications], context.rule_context
    )
    stored: dict[int, int] = {}
    days = LeaveDay.objects.filter(application__in=[one.pk for one in context.applications])
    for pk, amount in days.values_list("application_id", "half_days"):
        stored[pk] = stored.get(pk, 0) + amount
    for one in context.applications:
        if stored.get(one.pk, 0) != total_half_days(every[one.pk]):
            yield DebitChange(one, stored.get(one.pk, 0), total_half_days(every[one.pk]))


def recalculate_employee_leave(
    employee: Employee, first: date, last: date, *, actor: User | None = None
) -> list[LeaveApplication]:
    """Bring what one person's leave around some dates costs up to date. Within a transaction."""
    ledger.lock_accounts(employee)
    changed = recalculate_leave(load_leave_context(employee, first, last), actor=actor)
    for one in changed:
        mark_leave_changed(one)
    ledger.settle_accounts(employee)
    return changed
