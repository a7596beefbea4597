"""Verbs on rules and calendars: draft, compare, publish. What is published is fixed; a change is a
new version.

What is published is worked into all leave it touches in the same transaction;
`holiday_calendar_impact` and `leave_policy_impact` show the difference beforehand. Called by the
console and the demo.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from core.errors import Conflict, RuleViolation
from employees.changes import record_change_of_many, subject_of
from employees.models import Change, Employee, Organization, Site
from leaves import ledger, suggestions
from leaves.context import LeaveContext, load_leave_context, to_spell
from leaves.day_counting import MAX_CLOSURE_DAYS, calculate_all_day_debits, total_half_days
from leaves.models import (
    CalendarDay,
    HolidayCalendar,
    LeaveAccount,
    LeaveApplication,
    LeaveDay,
    LeavePolicy,
    LeaveTypeRule,
    SanctionRule,
)

CCS_1972_FILE: Final = Path(__file__).with_name("ccs_1972.json")
DELHI_2026_FILE: Final = Path(__file__).with_name("delhi_2026.json")


# --- Rules ----------------------------------------------------------------------------------------
def ccs_1972_rules() -> dict[str, Any]:
    """The central government's rules as plain data, to start from."""
    data: dict[str, Any] = json.loads(CCS_1972_FILE.read_text())
    return data


def draft_leave_policy(
    organization: Organization,
    data: Mapping[str, Any],
    effective_from: date,
    *,
    scheme: str = "standard",
) -> LeavePolicy:
    """Store a version of rules from plain data (the form of `ccs_1972.json`) as a draft. Raises
    ValidationError.
    """
    with transaction.atomic():
        policy = LeavePolicy(
            organization=organization,
            scheme=scheme,
            name=data.get("name", scheme),
            effective_from=effective_from,
            source=data.get("source", ""),
            combinations=data["combinations"],
            **data.get("switches", {}),
        )
        policy.full_clean()
        policy.save()
        add_leave_type_rules(policy, data["kinds"])
        for row in data.get("sanctions", ()):
            save_sanction_rule(SanctionRule(organization=organization, policy=policy, **row))
    return policy


def add_leave_type_rules(policy: LeavePolicy, kinds: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a draft its kinds, from plain data. Raises ValidationError."""
    for kind, facts in kinds.items():
        rule = LeaveTypeRule(
            organization_id=policy.organization_id,
            policy=policy,
            kind=kind,
            **{"account": kind, **facts},
        )
        rule.full_clean()
        rule.save()


def draft_next_leave_policy(policy: LeavePolicy, effective_from: date) -> LeavePolicy:
    """A draft with the same rules for a later day, to be edited and published."""
    with transaction.atomic():
        rows: list[LeaveTypeRule | SanctionRule] = [*policy.rules.all(), *policy.sanctions.all()]
        copy = LeavePolicy.objects.get(pk=policy.pk)
        copy.pk, copy.effective_from, copy.published_at, copy.published_by = (
            None,
            effective_from,
            None,
            None,
        )
        copy._state.adding = True
        copy.full_clean()
        copy.save()
        for row in rows:
            row.pk, row.policy = None, copy
            row._state.adding = True
            row.save()
    return copy


def save_leave_policy(policy: LeavePolicy) -> LeavePolicy:
    """Validate and store a draft. Raises ValidationError for one that is published."""
    policy.full_clean()
    _check_is_draft(LeavePolicy.objects.filter(pk=policy.pk).first())
    policy.save()
    return policy


def save_leave_type_rule(rule: LeaveTypeRule) -> LeaveTypeRule:
    """Validate and store a rule of a draft. Raises ValidationError for one of a published
    version.
    """
    rule.full_clean()
    _check_is_draft(rule.policy)
    rule.save()
    return rule


def save_sanction_rule(sanction_rule: SanctionRule) -> SanctionRule:
    """Validate and store who may sanction what, in a draft. Raises ValidationError for one of a
    published version.
    """
    sanction_rule.full_clean()
    _check_is_draft(sanction_rule.policy)
    sanction_rule.save()
    return sanction_rule


def delete_sanction_rule(sanction_rule: SanctionRule) -> None:
    """Take a row out of a draft."""
    _check_is_draft(sanction_rule.policy)
    sanction_rule.delete()


def _check_is_draft(row: LeavePolicy | HolidayCalendar | None) -> None:
    if row is not None and row.published_at is not None:
        raise RuleViolation(
            _("A published version cannot be changed. Create a new version."),
            code="PUBLISHED",
            rule="VERSION",
        )


def publish_leave_policy(policy: LeavePolicy, *, actor: User | None) -> LeavePolicy:
    """Put a version of rules into force and work it into all leave from its first day on, in one
    transaction.

    Accounts follow with the next run of the job, or the next change of that account. Raises
    Conflict when it is published already, RuleViolation when it contradicts itself.
    """
    _check_consistent(policy)
    with transaction.atomic():
        people, last = _affected_by_policy(policy)
        ledger.lock_policies(
            policy.organization_id,
            range(policy.effective_from.year, last.year + 1),
            publishing=True,
        )
        drafts = LeavePolicy.objects.of(policy.organization_id).filter(
            pk=policy.pk, published_at__isnull=True
        )
        if not drafts.update(published_at=timezone.now(), published_by=actor):
            raise Conflict(
                _("This version has already been published."), code="PUBLISHED", rule="VERSION"
            )
        # Applications that were under way until the gate opened are among them now.
        people, last = _affected_by_policy(policy)
        accounts = LeaveAccount.objects.of(policy.organization_id)
        # In the order of their ids, as everybody locks them.
        list(accounts.order_by("pk").select_for_update(no_key=True).values("pk"))
        accounts.update(settled_on=None)
        for employee in people:
            _recalculate_employee(employee, policy.effective_from, last, actor=actor)
        _mark_everybody_changed(policy)
    policy.refresh_from_db()
    return policy


def _check_consistent(policy: LeavePolicy) -> None:
    try:
        policy.to_version()
    except ValueError as error:
        raise RuleViolation(str(error), code="CONTRADICTION", rule="POLICY") from error


def _affected_by_policy(policy: LeavePolicy) -> tuple[list[Employee], date]:
    """People with live leave from the first day of a version on, in the order of locking; and the
    last day of that leave.
    """
    live = LeaveApplication.objects.of(policy.organization_id).live()
    rows = live.filter(ends_on__gte=policy.effective_from - timedelta(days=MAX_CLOSURE_DAYS))
    last = rows.aggregate(last=Max("ends_on"))["last"] or policy.effective_from
    people = Employee.objects.of(policy.organization_id).filter(pk__in=rows.values("employee"))
    return list(people.select_related("organization").order_by("pk")), max(
        last, policy.effective_from
    )


def _mark_everybody_changed(policy: LeavePolicy) -> None:
    """Past days may look different to the floors above: weekly offs and pay are among the rules."""
    organization = policy.organization
    day = datetime.now(ZoneInfo(organization.timezone)).date()
    if policy.effective_from <= day:
        record_change_of_many(organization.pk, Change.Kind.LEAVE, policy.effective_from, day)


def leave_policy_impact(policy: LeavePolicy) -> list[DebitChange]:
    """The applications that would cost something else if this draft held. Raises RuleViolation when
    it contradicts itself.
    """
    _check_consistent(policy)
    people, last = _affected_by_policy(policy)
    return [
        one
        for employee in people
        for one in _debit_changes(
            load_leave_context(employee, policy.effective_from, last, draft_policy=policy)
        )
    ]


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


# --- Calendars ------------------------------------------------------------------------------------
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
    _check_is_draft(HolidayCalendar.objects.filter(pk=calendar.pk).first())
    calendar.save()
    return calendar


def save_calendar_day(day: CalendarDay) -> CalendarDay:
    """Validate and store a date of a draft."""
    day.full_clean()
    _check_is_draft(day.calendar)
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
    _check_is_draft(day.calendar)
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

    `state`: a subdivision of `suggestions.states`, or empty. Dates that the draft names already
    stay as they are. It is a suggestion of state governments' lists: an officer holds it against
    the order and publishes. Raises RuleViolation.
    """
    with transaction.atomic():
        known = set(CalendarDay.objects.filter(calendar=calendar).values_list("date", flat=True))
        _check_is_draft(HolidayCalendar.objects.filter(pk=calendar.pk).first())
        added = [
            one for one in suggestions.suggest_holidays(calendar.year, state) if one[0] not in known
        ]
        add_calendar_days(calendar, added)
    return len(added)


@dataclass(frozen=True, slots=True)
class DebitChange:
    """What a calendar, or a version of rules, would change for one application, in half-days
    debited.
    """

    application: LeaveApplication
    half_days_before: int
    half_days_after: int


def holiday_calendar_impact(calendar: HolidayCalendar) -> list[DebitChange]:
    """The applications that would cost something else if this draft were published."""
    first, last = date(calendar.year, 1, 1), date(calendar.year, 12, 31)
    return [
        one
        for employee in _affected_by_calendar(calendar)
        for one in _debit_changes(
            load_leave_context(employee, first, last, draft_calendar=calendar)
        )
    ]


def _debit_changes(context: LeaveContext) -> Iterator[DebitChange]:
    """The applications of a file that are stored with another cost than the file's rules and
    calendars come to.
    """
    every = calculate_all_day_debits(
        [to_spell(one) for one in context.applications], context.rule_context
    )
    stored: dict[int, int] = {}
    days = LeaveDay.objects.filter(application__in=[one.pk for one in context.applications])
    for pk, amount in days.values_list("application_id", "half_days"):
        stored[pk] = stored.get(pk, 0) + amount
    for one in context.applications:
        if stored.get(one.pk, 0) != total_half_days(every[one.pk]):
            yield DebitChange(one, stored.get(one.pk, 0), total_half_days(every[one.pk]))


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
            changed += _recalculate_employee(
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


def _recalculate_employee(
    employee: Employee, first: date, last: date, *, actor: User | None = None
) -> list[LeaveApplication]:
    """Bring what one person's leave around some dates costs up to date. Within a transaction."""
    ledger.lock_accounts(employee)
    changed = ledger.recalculate_leave(load_leave_context(employee, first, last), actor=actor)
    for one in changed:
        ledger.mark_leave_changed(one)
    ledger.settle_accounts(employee)
    return changed
