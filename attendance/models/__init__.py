"""The rows of attendance: punches as they came in, shifts and rosters, days, and what people put
right.
"""

from attendance.models.corrections import Correction, ManualImport, Regularization
from attendance.models.days import (
    Day,
    DayAdjustment,
    DayException,
    DayPolicy,
    PeriodLock,
    Rebuild,
    StaleDays,
)
from attendance.models.habits import DeviceHabit
from attendance.models.lateness import LateDay
from attendance.models.punches import (
    Direction,
    Door,
    IngestCount,
    Punch,
    PunchEvidence,
    PunchMatch,
    PunchQuerySet,
    Verdict,
)
from attendance.models.shifts import PatternSlot, Roster, ShiftPattern, ShiftType

__all__ = [
    "Correction",
    "Day",
    "DayAdjustment",
    "DayException",
    "DayPolicy",
    "DeviceHabit",
    "Direction",
    "Door",
    "IngestCount",
    "LateDay",
    "ManualImport",
    "PatternSlot",
    "PeriodLock",
    "Punch",
    "PunchEvidence",
    "PunchMatch",
    "PunchQuerySet",
    "Rebuild",
    "Regularization",
    "Roster",
    "ShiftPattern",
    "ShiftType",
    "StaleDays",
    "Verdict",
]
