"""The rows of attendance: punches as they came in, days, exceptions and corrections."""

from attendance.models.corrections import Correction, ManualImport, Regularization
from attendance.models.days import Day
from attendance.models.exceptions import AttendanceException, DeviceActivityProfile
from attendance.models.lateness import LateDay
from attendance.models.period_locks import DayAdjustment, PeriodLock
from attendance.models.policies import AttendancePolicy
from attendance.models.punches import (
    Channel,
    Direction,
    IngestionLogEntry,
    Punch,
    PunchEvidence,
    PunchMatch,
    PunchQuerySet,
    Verdict,
)
from attendance.models.recalculations import Recalculation, StaleDayRange

__all__ = [
    "AttendanceException",
    "AttendancePolicy",
    "Channel",
    "Correction",
    "Day",
    "DayAdjustment",
    "DeviceActivityProfile",
    "Direction",
    "IngestionLogEntry",
    "LateDay",
    "ManualImport",
    "PeriodLock",
    "Punch",
    "PunchEvidence",
    "PunchMatch",
    "PunchQuerySet",
    "Recalculation",
    "Regularization",
    "StaleDayRange",
    "Verdict",
]
