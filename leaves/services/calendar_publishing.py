"""Draft, fill in, compare and publish holiday calendars. A published version is fixed; a change
is a new version.

Publishing works the calendar into all leave it affects in the same transaction;
`holiday_calendar_impact` shows the difference beforehand. Called by the console and the demo.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict, RuleViolation
from employees.changes import record_change_of_many, subject_of
from employees.models import Change, Employee, Organization, Site
from leaves import ledger, suggestions
from leaves.context import load_leave_context
from leaves.day_counting import MAX_CLOSURE_DAYS
from leaves.models import CalendarDay, HolidayCalendar, LeaveApplication
from leaves.services.publishing_impact import (
    DebitChange,
    check_is_draft,
    debit_changes,
    recalculate_employee_leave,
)

DELHI_2026_FILE: Final = Path(__file__).parent.parent / "delhi_2026.json"


def draft_delhi_2026(organization: Organization, site: Site | None = None) -> HolidayCalendar:
    """The list of central offices in Delhi for 2026 as a draft, to be held against the order and
    published.
    """
    data = json.loads(DELHI_2026_FILE.read_text())
    with transaction.atomic():
        draft = draft_holiday_calendar(organization, site, 2026)
        draft.order_no, draft.weekly_offs = data["order_no"], data["weekly_offs"]
        save_holiday_calendar(draft)
        add_calendar_days(draft, delhi_2026_days())
    return draft


def delhi_2026_days() -> list[tuple[date, str, str]]:
    """Date, class and name of every day on that list."""
    return [
        (date.fromisoformat(on), mark, name)
        for on, mark, name in json.loads(DELHI_2026_FILE.read_text())["days"]
    ]


def draft_holiday_calendar(
    organization: Organization, site: Site | None, year: int
) -> HolidayCalendar:
    """A draft for an office and year: a copy of the version in force, or an empty one."""
    with transaction.atomic():
        same = HolidayCalendar.objects.of(organization).filter(site=site, year=year)
        latest = same.published().order_by("-version").first()
        number = (same.aggregate(most=Max("version"))["most"] or 0) + 1
        draft = HolidayCalendar(organization=organization, site=site, year=year, version=number)
        if latest is not None:
            draft.weekly_offs, draft.order_no = latest.weekly_offs, latest.order_no
        draft.full_clean()
        draft.save()
        if latest is not None:
            CalendarDay.objects.bulk_create(
                CalendarDay(
                    organization=organization,
                    calendar=draft,
                    date=day.date,
                    mark=day.mark,
                    name=day.name,
                )
                for day in latest.days.all()
            )
    return draft


def save_holiday_calendar(calendar: HolidayCalendar) -> HolidayCalendar:
    """Validate and store a draft; a new one takes the next version number of its office and
    year.
    """
    if calendar._state.adding:
        same = HolidayCalendar.objects.of(calendar.organization_id).filter(
            site=calendar.site, year=calendar.year
        )
        calendar.version = (same.aggregate(most=Max("version"))["most"] or 0) + 1
    calendar.full_clean()
    check_is_draft(HolidayCalendar.objects.filter(pk=calendar.pk).first())
    calendar.save()
    return calendar


def save_calendar_day(day: CalendarDay) -> CalendarDay:
    """Validate and store a date of a draft."""
    day.full_clean()
    check_is_draft(day.calendar)
    if day.date.year != day.calendar.year:
        raise RuleViolation(
            _("This holiday calendar is for %(year)s.") % {"year": day.calendar.year},
            code="OTHER_YEAR",
            rule="P1",
            field="date",
        )
    day.save()
    return day


def delete_calendar_day(day: CalendarDay) -> None:
    """Take a date out of a draft."""
    check_is_draft(day.calendar)
    day.delete()


def add_calendar_days(calendar: HolidayCalendar, days: Iterable[tuple[date, str, str]]) -> None:
    """Add dates (date, class, name) to a draft."""
    for on, mark, name in days:
        save_calendar_day(
            CalendarDay(
                organization_id=calendar.organization_id,
                calendar=calendar,
                date=on,
                mark=mark,
                name=name,
            )
        )


def prefill_holidays(calendar: HolidayCalendar, state: str = "") -> int:
    """Add what the `holidays` package suggests for a draft's year to the dates it has; returns how
    many were added.

    `state`: a key of `suggestions.holiday_states`, or empty. Dates that the draft names already
    stay as they are. It is a suggestion of state governments' lists: an officer holds it against
    the order and publishes. Raises RuleViolation.
    """
    with transaction.atomic():
        known = set(CalendarDay.objects.filter(calendar=calendar).values_list("date", flat=True))
        check_is_draft(HolidayCalendar.objects.filter(pk=calendar.pk).first())
        added = [
            one for one in suggestions.suggest_holidays(calendar.year, state) if one[0] not in known
        ]
        add_calendar_days(calendar, added)
    return len(added)


def holiday_calendar_impact(calendar: HolidayCalendar) -> list[DebitChange]:
    """The applications that would cost something else if this draft were published."""
    first, last = date(calendar.year, 1, 1), date(calendar.year, 12, 31)
    return [
        one
        for employee in _affected_by_calendar(calendar)
        for one in debit_changes(load_leave_context(employee, first, last, draft_calendar=calendar))
    ]


def _affected_by_calendar(calendar: HolidayCalendar) -> list[Employee]:
    """People with live leave in or beside the calendar's year, in the order in which their accounts
    are locked.
    """
    around = timedelta(days=MAX_CLOSURE_DAYS)
    live = LeaveApplication.objects.of(calendar.organization_id).live()
    near = live.overlapping(
        date(calendar.year, 1, 1) - around, date(calendar.year, 12, 31) + around
    )
    people = Employee.objects.of(calendar.organization_id).filter(pk__in=near.values("employee"))
    if calendar.site_id is not None:
        people = people.filter(Q(assignments__site=calendar.site_id)).distinct()
    return list(people.select_related("organization").order_by("pk"))


def publish_holiday_calendar(
    calendar: HolidayCalendar, *, actor: User | None
) -> list[LeaveApplication]:
    """Put a calendar into force and work it into all leave it touches; returns the approved
    applications whose cost changed.

    Raises Conflict when it is published already, or when a later version is.
    """
    with transaction.atomic():
        ledger.lock_policies(calendar.organization_id, [calendar.year], publishing=True)
        same = HolidayCalendar.objects.of(calendar.organization_id).filter(
            site=calendar.site, year=calendar.year
        )
        if same.published().filter(version__gt=calendar.version).exists():
            raise Conflict(
                _("A later version has already been published."), code="OUTDATED", rule="VERSION"
            )
        drafts = same.filter(pk=calendar.pk, published_at__isnull=True)
        if not drafts.update(published_at=timezone.now(), published_by=actor):
            raise Conflict(
                _("This holiday calendar has already been published."),
                code="PUBLISHED",
                rule="VERSION",
            )
        changed: list[LeaveApplication] = []
        for employee in _affected_by_calendar(calendar):
            changed += recalculate_employee_leave(
                employee, date(calendar.year, 1, 1), date(calendar.year, 12, 31), actor=actor
            )
        # For everybody's days, with or without leave.
        record_change_of_many(
            calendar.organization_id,
            Change.Kind.CALENDAR,
            date(calendar.year, 1, 1),
            date(calendar.year, 12, 31),
            subject=subject_of(calendar.site) if calendar.site else "",
        )
    calendar.refresh_from_db()
    return changed
