"""What every verb on an application begins and ends with: lock and read it, check that its
status allows the verb, write the event, bring neighbouring leave up to date.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict
from leaves import ledger
from leaves.context import load_leave_context
from leaves.debits import mark_leave_changed, recalculate_leave
from leaves.models import LeaveApplication, LeaveEvent
from leaves.rule_messages import to_json_value

ApplicationStatus = LeaveApplication.Status
ApplicationAction = LeaveEvent.Action


def log_leave_event(
    application: LeaveApplication,
    action: LeaveEvent.Action,
    actor: User | None,
    remarks: str = "",
    **details: Any,
) -> None:
    """Append to the history of an application."""
    LeaveEvent.objects.create(
        organization_id=application.organization_id,
        application=application,
        at=timezone.now(),
        action=action,
        actor=actor,
        remarks=remarks,
        details=to_json_value(details),
    )


def recalculate_neighbours(application: LeaveApplication, actor: User | None) -> None:
    """Recalculate what applications beside this one cost, and bring the accounts up to date."""
    employee = application.employee
    context = load_leave_context(employee, application.starts_on, application.ends_on)
    for one in recalculate_leave(context, actor=actor):
        if one.pk != application.pk:
            mark_leave_changed(one)
    ledger.settle_accounts(employee)


def lock_and_reload(application: LeaveApplication) -> LeaveApplication:
    """Lock, and read the application as it is now."""
    ledger.lock_policies(
        application.organization_id, range(application.starts_on.year, application.ends_on.year + 1)
    )
    ledger.lock_accounts(application.employee)
    fresh = LeaveApplication.objects.of(application.organization_id).select_related(
        "employee__organization", "certificate"
    )
    return fresh.get(pk=application.pk)


def must_be_pending(application: LeaveApplication) -> None:
    """Raise Conflict when an application was decided or cancelled before."""
    if application.status != ApplicationStatus.PENDING:
        raise Conflict(
            _("This application is already %(status)s.")
            % {"status": application.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="G10",
            field="decision",
            details={"status": application.status},
        )


def must_be_live(application: LeaveApplication) -> None:
    """Raise Conflict when an application is neither pending nor approved."""
    if application.status not in LeaveApplication.LIVE:
        raise Conflict(
            _("This application is already %(status)s.")
            % {"status": application.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="G10",
            field="status",
            details={"status": application.status},
        )
