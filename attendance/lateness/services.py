"""Days on which somebody came late or left early, for HR to decide: half a day of casual leave, or
condoned.

Nothing is taken by itself. The rules of it (L1 to L4) are kept by
`leaves.services.late_marks.record_late_mark`; the console calls these.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from attendance.models import Day, LateDay
from core.errors import Conflict, RuleViolation
from leaves import ledger
from leaves.context import load_leave_context
from leaves.models import LateMark
from leaves.policies import LeaveType
from leaves.services.late_marks import LateDecision, record_late_mark

# What nobody decided in so long is not asked about any more.
DECISION_HORIZON: Final = timedelta(days=366)


def undecided_late_days(rows: QuerySet[LateDay]) -> QuerySet[LateDay]:
    """Those of `rows` that are over, late or early, and not decided."""
    same = {name: OuterRef(name) for name in ("organization", "employee", "date")}
    late = rows.filter(Q(late_by__gt=0) | Q(early_by__gt=0), open_until__isnull=True)
    return late.filter(
        ~Exists(LateMark.objects.filter(**same)), date__gte=timezone.now().date() - DECISION_HORIZON
    )


def late_minutes(day: Day) -> int:
    """How late a day was: coming late and leaving early together (L2)."""
    return day.late_by + day.early_by


def decide_late_day(day: Any, *, condone: bool, reason: str, actor: User) -> LateMark:
    """Take half a day of casual leave for a day, or condone it. Raises RuleViolation (L1),
    Conflict, PermissionDenied.
    """
    with transaction.atomic():
        ledger.lock_accounts(day.employee)
        row = (
            undecided_late_days(LateDay.objects.of(day.organization_id))
            .filter(pk=day.pk)
            .select_related("employee__organization")
            .first()
        )
        if row is None:
            if (
                LateMark.objects.of(day.organization_id)
                .filter(employee=day.employee, date=day.date)
                .exists()
            ):
                raise Conflict(
                    _("This day is already decided."),
                    code="ALREADY_DECIDED",
                    rule="L1",
                    field="date",
                )
            raise RuleViolation(
                _("This day is no longer late: it was recalculated."),
                code="NOT_LATE",
                rule="L1",
                field="date",
            )
        return record_late_mark(
            row.employee,
            row.date,
            LateDecision(late_minutes(row), condone, reason.strip()),
            actor=actor,
        )


def casual_leave_left(day: Day) -> int:
    """Half-days of casual leave that could be taken on a day; none where no rules are in force."""
    casual = load_leave_context(day.employee, day.date, day.date).ledgers.get(LeaveType.CL)
    return max(casual.projection.available_on(day.date), 0) if casual is not None else 0
