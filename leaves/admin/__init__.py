"""The console's pages of leave, in one list: Django looks for them in this module."""

from django.contrib import admin

from leaves.admin.absences import AbsenceAdmin, SuspensionAdmin
from leaves.admin.accounts import LeaveAccountAdmin, LeaveLedgerEntryAdmin
from leaves.admin.adjustments import LeaveAdjustmentAdmin
from leaves.admin.applications import LeaveApplicationAdmin
from leaves.admin.calendars import HolidayCalendarAdmin
from leaves.admin.lateness import LateMarkAdmin
from leaves.admin.people import CertificateAdmin, ChildAdmin, LeaveProfileAdmin
from leaves.admin.policies import LeavePolicyAdmin
from leaves.admin.type_rules import LeaveTypeRuleAdmin
from leaves.models import (
    Absence,
    Certificate,
    Child,
    HolidayCalendar,
    LateMark,
    LeaveAccount,
    LeaveAdjustment,
    LeaveApplication,
    LeaveLedgerEntry,
    LeavePolicy,
    LeaveProfile,
    LeaveTypeRule,
    Suspension,
)

PAGES = (
    (LeaveApplication, LeaveApplicationAdmin),
    (LeaveAccount, LeaveAccountAdmin),
    (LeaveLedgerEntry, LeaveLedgerEntryAdmin),
    (LeaveAdjustment, LeaveAdjustmentAdmin),
    (HolidayCalendar, HolidayCalendarAdmin),
    (LeavePolicy, LeavePolicyAdmin),
    (LeaveTypeRule, LeaveTypeRuleAdmin),
    (LeaveProfile, LeaveProfileAdmin),
    (Child, ChildAdmin),
    (Absence, AbsenceAdmin),
    (Suspension, SuspensionAdmin),
    (LateMark, LateMarkAdmin),
    (Certificate, CertificateAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
