"""The console's pages of attendance, in one list: Django looks for them in this module."""

from __future__ import annotations

from django.contrib import admin

from attendance.corrections.admin.corrections import CorrectionAdmin
from attendance.corrections.admin.days import CorrectableDayAdmin
from attendance.corrections.admin.imports import ManualImportAdmin
from attendance.corrections.admin.regularizations import RegularizationAdmin
from attendance.days.admin.adjustments import DayAdjustmentAdmin
from attendance.days.admin.period_locks import PeriodLockAdmin
from attendance.days.admin.policies import AttendancePolicyAdmin
from attendance.days.admin.recalculations import RecalculationAdmin
from attendance.exceptions.admin.exceptions import AttendanceExceptionAdmin
from attendance.lateness.admin import LateDayAdmin
from attendance.models import (
    AttendanceException,
    AttendancePolicy,
    Correction,
    Day,
    DayAdjustment,
    IngestionLogEntry,
    LateDay,
    ManualImport,
    PeriodLock,
    Punch,
    PunchMatch,
    Recalculation,
    Regularization,
)
from attendance.punches.admin import IngestionLogEntryAdmin, PunchAdmin, PunchMatchAdmin

PAGES = (
    (Punch, PunchAdmin),
    (PunchMatch, PunchMatchAdmin),
    (IngestionLogEntry, IngestionLogEntryAdmin),
    (Day, CorrectableDayAdmin),
    (AttendancePolicy, AttendancePolicyAdmin),
    (Recalculation, RecalculationAdmin),
    (PeriodLock, PeriodLockAdmin),
    (DayAdjustment, DayAdjustmentAdmin),
    (AttendanceException, AttendanceExceptionAdmin),
    (LateDay, LateDayAdmin),
    (Regularization, RegularizationAdmin),
    (Correction, CorrectionAdmin),
    (ManualImport, ManualImportAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
