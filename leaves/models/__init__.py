"""Leave as rows: rules with dates, calendars of offices, accounts whose entries only grow,
applications and their days.

No balance is stored: it is the sum of entries. The rules' arithmetic is in `leaves.policies`,
`leaves.accrual`, `leaves.day_counting` and `leaves.eligibility`.
"""

from leaves.models.applications import (
    LeaveApplication,
    LeaveApplicationQuerySet,
    LeaveDay,
    LeaveEvent,
)
from leaves.models.calendars import CalendarDay, HolidayCalendar, HolidayCalendarQuerySet
from leaves.models.choices import AccrualCycleChoices, AuthorityChoices, LeaveTypeChoices
from leaves.models.late_marks import LateMark
from leaves.models.ledger import LeaveAccount, LeaveAdjustment, LeaveLedgerEntry
from leaves.models.people import (
    Absence,
    Certificate,
    Child,
    LeaveProfile,
    Suspension,
    certificate_upload_path,
)
from leaves.models.policies import LeavePolicy, SanctionRule
from leaves.models.type_rules import LeaveTypeRule
from leaves.models.validators import validate_half_days, validate_weekly_offs

__all__ = [
    "Absence",
    "AccrualCycleChoices",
    "AuthorityChoices",
    "CalendarDay",
    "Certificate",
    "Child",
    "HolidayCalendar",
    "HolidayCalendarQuerySet",
    "LateMark",
    "LeaveAccount",
    "LeaveAdjustment",
    "LeaveApplication",
    "LeaveApplicationQuerySet",
    "LeaveDay",
    "LeaveEvent",
    "LeaveLedgerEntry",
    "LeavePolicy",
    "LeaveProfile",
    "LeaveTypeChoices",
    "LeaveTypeRule",
    "SanctionRule",
    "Suspension",
    "certificate_upload_path",
    "validate_half_days",
    "validate_weekly_offs",
]
