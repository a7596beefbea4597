"""Verbs on shifts, patterns, rosters and the rules about days: what they decide is worked out
again, in the background.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from attendance.causes import as_pattern
from attendance.models import Day, DayPolicy, PatternSlot, Roster, ShiftPattern, ShiftType
from attendance.stale import LATELY, everybody, note, note_known
from employees.models import Assignment, Department, Employee, Site

AHEAD: Final = timedelta(days=1)

__all__ = [
    "as_pattern",
    "assign_many",
    "note_pattern",
    "remove_roster",
    "remove_slot",
    "save_pattern",
    "save_policy",
    "save_roster",
    "save_shift",
    "save_slot",
]


def save_shift(shift: ShiftType) -> ShiftType:
    """Validate and store a shift; days that were worked by it are worked out again."""
    shift.full_clean()
    with transaction.atomic():
        shift.save()
        days = Day.objects.of(shift.organization_id).filter(shift=shift)
        _note_days(shift.organization_id, days.order_by().values_list("employee_id", "date"))
        for roster in (
            Roster.objects.of(shift.organization_id).filter(pattern__slots__shift=shift).distinct()
        ):
            _note_roster(roster)
        if DayPolicy.objects.of(shift.organization_id).filter(default_shift=shift).exists():
            note_known(shift.organization_id, None, None, None)
    return shift


def save_pattern(
    pattern: ShiftPattern, slots: Iterable[ShiftType | None] | None = None
) -> ShiftPattern:
    """Validate and store a pattern, with its days in turn if they are given; who works by it is
    worked out again.
    """
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
        note_pattern(pattern)
    return pattern


def note_pattern(pattern: ShiftPattern) -> None:
    """A pattern changed, or a day of it: who works by it is worked out again."""
    for roster in Roster.objects.of(pattern.organization_id).filter(pattern=pattern):
        _note_roster(roster)


def save_slot(slot: PatternSlot) -> PatternSlot:
    """Validate and store a day of a pattern."""
    slot.full_clean()
    with transaction.atomic():
        slot.save()
        note_pattern(slot.pattern)
    return slot


def remove_slot(slot: PatternSlot) -> None:
    """Take a day out of a pattern."""
    with transaction.atomic():
        slot.delete()
        note_pattern(slot.pattern)


def save_roster(roster: Roster) -> Roster:
    """Validate and store a roster; the days it covers, and those it covered before, are worked out
    again.
    """
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
            _note_roster(before)
        _note_roster(roster)
    return roster


def remove_roster(roster: Roster) -> None:
    """Take a roster back; what it covered is worked out again by what holds beneath."""
    with transaction.atomic():
        _note_roster(roster)
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
    wanted = [
        *(Roster(employee=one) for one in employees),
        *(Roster(department=one) for one in departments),
        *(Roster(site=one) for one in sites),
    ]
    with transaction.atomic():
        for roster in wanted:
            roster.organization_id, roster.pattern = pattern.organization_id, pattern
            roster.starts_on, roster.ends_on = starts_on, ends_on
            save_roster(roster)
    return wanted


def save_policy(policy: DayPolicy) -> DayPolicy:
    """Validate and store the rules about days.

    If the default shift or what is a very long day is another, all days are worked out again; if
    the speed is, those of late.
    """
    policy.full_clean()
    with transaction.atomic():
        before = (
            DayPolicy.objects.of(policy.organization_id).filter(pk=policy.pk).first() or DayPolicy()
        )
        policy.save()
        if (before.default_shift_id, before.long_day_hours) != (
            policy.default_shift_id,
            policy.long_day_hours,
        ):
            note_known(policy.organization_id, None, None, None)
        elif before.travel_kmh != policy.travel_kmh:
            note_known(policy.organization_id, None, timezone.now().date() - LATELY, None)
    return policy


def _note_roster(roster: Roster) -> None:
    today = timezone.now().date() + AHEAD
    last = min(roster.ends_on or today, today)
    if roster.employee_id is not None:
        people = [roster.employee_id]
    elif roster.department_id is not None or roster.site_id is not None:
        places = Assignment.objects.of(roster.organization_id).filter(starts_on__lte=last)
        places = places.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=roster.starts_on))
        whom = (
            {"department": roster.department_id}
            if roster.department_id is not None
            else {"site": roster.site_id}
        )
        people = list(
            places.filter(**whom).order_by().values_list("employee_id", flat=True).distinct()
        )
    else:
        people = everybody(roster.organization_id, roster.starts_on, last)
    # Days before anything was worked out at all stay so: a rebuild makes them.
    known = (
        Day.objects.of(roster.organization_id)
        .filter(date__lte=last)
        .order_by("date")
        .values_list("date", flat=True)
        .first()
    )
    first = max(roster.starts_on, min(known or today, today - LATELY))
    note(roster.organization_id, people, first, last, background=len(people) > 1)


def _note_days(organization_id: int, days: Iterable[tuple[UUID, date]]) -> None:
    spans: dict[UUID, tuple[date, date]] = {}
    for employee_id, on in days:
        first, last = spans.get(employee_id, (on, on))
        spans[employee_id] = (min(first, on), max(last, on))
    for employee_id, span in spans.items():
        note(organization_id, [employee_id], *span)
