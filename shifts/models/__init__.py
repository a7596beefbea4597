"""The rows of shifts: kinds of shift, the patterns in which they follow each other, and for whom a
pattern holds from when to when.
"""

from shifts.models.patterns import PatternSlot, ShiftPattern
from shifts.models.rosters import Roster
from shifts.models.settings import ShiftSettings
from shifts.models.shift_types import ShiftType

__all__ = ["PatternSlot", "Roster", "ShiftPattern", "ShiftSettings", "ShiftType"]
