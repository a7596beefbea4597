"""The console's pages of shifts, in one list: Django looks for them in this module."""

from __future__ import annotations

from django.contrib import admin

from shifts.admin.patterns import ShiftPatternAdmin
from shifts.admin.rosters import RosterAdmin
from shifts.admin.settings import ShiftSettingsAdmin
from shifts.admin.shift_types import ShiftTypeAdmin
from shifts.models import Roster, ShiftPattern, ShiftSettings, ShiftType

PAGES = (
    (ShiftType, ShiftTypeAdmin),
    (ShiftPattern, ShiftPatternAdmin),
    (Roster, RosterAdmin),
    (ShiftSettings, ShiftSettingsAdmin),
)
for model, page in PAGES:
    admin.site.register(model, page)
