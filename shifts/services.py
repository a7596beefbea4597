"""Verbs on shifts, patterns, rosters and shift settings. Called by the console.

Each appends to the change log in its transaction; the days that depend on it are calculated again
in the background.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.db import transaction

from employees.changes import record_change_of_many, subject_of
from employees.models import Change, Department, Employee, Site
from shifts.models import PatternSlot, Roster, ShiftPattern, ShiftSettings, ShiftType


def save_shift(shift: ShiftType) -> ShiftType:
    """Validate and store a shift."""
    shift.full_clean()
    with transaction.atomic():
        shift.save()
        record_change_of_many(
            shift.organization_id, Change.Kind.SHIFT, subject=shift_subject(shift)
        )
    return shift


def save_pattern(
    pattern: ShiftPattern, slots: Iterable[ShiftType | None] | None = None
) -> ShiftPattern:
    """Validate and store a pattern, with its days in order if they are given."""
    pattern.full_clean()
    with transaction.atomic():
        pattern.save()
        if slots is not None:
            PatternSlot.objects.filter(pattern=pattern).delete()
            for position, shift in enumerate(slots, 1):
                slot = PatternSlot(
                    organization_id=pattern.organization_id,
                    pattern=pattern,
                    position=position,
                    shift=shift,
                )
                slot.full_clean()
                slot.save()
        _record_pattern_change(pattern)
    return pattern


def save_slot(slot: PatternSlot) -> PatternSlot:
    """Validate and store a day of a pattern."""
    slot.full_clean()
    with transaction.atomic():
        slot.save()
        _record_pattern_change(slot.pattern)
    return slot


def remove_slot(slot: PatternSlot) -> None:
    """Take a day out of a pattern."""
    with transaction.atomic():
        slot.delete()
        _record_pattern_change(slot.pattern)


def save_roster(roster: Roster) -> Roster:
    """Validate and store a roster; the days it covers now and those it covered before change."""
    roster.full_clean()
    with transaction.atomic():
        before = (
            Roster.objects.of(roster.organization_id)
            .select_for_update()
            .filter(pk=roster.pk)
            .first()
        )
        roster.save()
        if before is not None:
            _record_roster_change(before)
        _record_roster_change(roster)
    return roster


def remove_roster(roster: Roster) -> None:
    """Remove a roster; the next wider one applies to its days again."""
    with transaction.atomic():
        _record_roster_change(roster)
        roster.delete()


def assign_many(
    pattern: ShiftPattern,
    starts_on: date,
    ends_on: date | None,
    *,
    employees: Iterable[Employee] = (),
    departments: Iterable[Department] = (),
    sites: Iterable[Site] = (),
) -> list[Roster]:
    """One roster for each of many employees, departments and sites; all of them or none."""
    rosters = [
        *(Roster(employee=employee) for employee in employees),
        *(Roster(department=department) for department in departments),
        *(Roster(site=site) for site in sites),
    ]
    with transaction.atomic():
        for roster in rosters:
            roster.organization_id, roster.pattern = pattern.organization_id, pattern
            roster.starts_on, roster.ends_on = starts_on, ends_on
            save_roster(roster)
    return rosters


def save_shift_settings(settings: ShiftSettings) -> ShiftSettings:
    """Validate and store which shift applies where no roster does."""
    settings.full_clean()
    with transaction.atomic():
        before = (
            ShiftSettings.objects.of(settings.organization_id).filter(pk=settings.pk).first()
            or ShiftSettings()
        )
        settings.save()
        if before.default_shift_id != settings.default_shift_id:
            record_change_of_many(settings.organization_id, Change.Kind.SHIFT)
    return settings


def shift_subject(shift: ShiftType) -> str:
    """How a shift is named in the change log."""
    return f"shift:{shift.pk}"


def _record_pattern_change(pattern: ShiftPattern) -> None:
    for roster in Roster.objects.of(pattern.organization_id).filter(pattern=pattern):
        _record_roster_change(roster)


def _record_roster_change(roster: Roster) -> None:
    scope = roster.department or roster.site
    record_change_of_many(
        roster.organization_id,
        Change.Kind.ROSTER,
        roster.starts_on,
        roster.ends_on,
        subject=subject_of(scope) if scope else "",
        employee=roster.employee,
    )
