"""The rows of attendance: punches as they came in, days, exceptions and corrections."""

from attendance.models.corrections import Correction, ManualImport, Regularization
from attendance.models.days import (
    AttendanceException,
    AttendancePolicy,
    Day,
    DayAdjustment,
    PeriodLock,
    Recalculation,
    StaleDayRange,
)
from attendance.models.device_activity import DeviceActivityProfile
from attendance.models.lateness import LateDay
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
