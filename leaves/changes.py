"""The consumer of the change log for leave: service dates decide credits, so accounts are settled
when they change.

Called by `attendance.background.changes`, before days, within the transaction that marks the change
as processed. What leave itself changes by that, it records for days.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from employees.models import Change
from leaves.due_postings import settle_employee
from leaves.models import LeavePolicy


def settle_changed_accounts(change: Change) -> None:
    """Settle the accounts of an employee whose service dates may have changed, up to today."""
    employee = change.employee
    if change.kind != Change.Kind.IDENTITY or employee is None:
        return
    published = LeavePolicy.objects.of(change.organization_id).filter(published_at__isnull=False)
    if published.exists():
        zone = ZoneInfo(employee.organization.timezone)
        settle_employee(employee, datetime.now(zone).date())
