"""Verbs on rules and calendars: draft, compare, publish. What is published is fixed; a change is a
new version.

What is published is worked into all leave it touches in the same transaction; `impact` and
`policy_impact` show the difference beforehand. Called by the console and the demo.
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
from employees.models import Change, Employee, Organization, Site
from employees.refusals import Conflict, Refused
from leaves import ledger, suggestions
from leaves.charging import LONGEST_CLOSURE, charge_all, total
from leaves.facts import File, read, spell
from leaves.models import (
    Account,
    Calendar,
    CalendarDay,
    KindRule,
    LeaveApplication,
    LeaveDay,
    LeavePolicy,
    SanctionRule,
)

CCS_1972: Final = Path(__file__).with_name("ccs_1972.json")
DELHI_2026: Final = Path(__file__).with_name("delhi_2026.json")


# --- Rules ----------------------------------------------------------------------------------------
def ccs_1972() -> dict[str, Any]:
    """The central government's rules as plain data, to start from."""
    data: dict[str, Any] = json.loads(CCS_1972.read_text())
    return data


def draft_policy(
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
        add_rules(policy, data["kinds"])
        for row in data.get("sanctions", ()):
            save_sanction(SanctionRule(organization=organization, policy=policy, **row))
    return policy


def add_rules(policy: LeavePolicy, kinds: Mapping[str, Mapping[str, Any]]) -> None:
    """Give a draft its kinds, from plain data. Raises ValidationError."""
    for kind, facts in kinds.items():
        rule = KindRule(
            organization_id=policy.organization_id,
            policy=policy,
            kind=kind,
            **{"account": kind, **facts},
        )
        rule.full_clean()
        rule.save()


def next_policy(policy: LeavePolicy, effective_from: date) -> LeavePolicy:
    """A draft with the same rules for a later day, to be edited and published."""
    with transaction.atomic():
        rows: list[KindRule | SanctionRule] = [*policy.rules.all(), *policy.sanctions.all()]
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


def save_policy(policy: LeavePolicy) -> LeavePolicy:
    """Validate and store a draft. Raises ValidationError for one that is published."""
    policy.full_clean()
    _must_be_draft(LeavePolicy.objects.filter(pk=policy.pk).first())
    policy.save()
    return policy


def save_rule(rule: KindRule) -> KindRule:
    """Validate and store a rule of a draft. Raises ValidationError for one of a published
    version.
    """
    rule.full_clean()
    _must_be_draft(rule.policy)
    rule.save()
    return rule


def save_sanction(row: SanctionRule) -> SanctionRule:
    """Validate and store who may sanction what, in a draft. Raises ValidationError for one of a
    published version.
    """
    row.full_clean()
    _must_be_draft(row.policy)
    row.save()
    return row


def remove_sanction(row: SanctionRule) -> None:
    """Take a row out of a draft."""
    _must_be_draft(row.policy)
    row.delete()


def _must_be_draft(row: LeavePolicy | Calendar | None) -> None:
    if row is not None and row.published_at is not None:
        raise Refused(
            _("What is published is not changed. Make a new version."),
            code="PUBLISHED",
            rule="VERSION",
        )


def publish_policy(policy: LeavePolicy, *, actor: User | None) -> LeavePolicy:
    """Put a version of rules into force and work it into all leave from its first day on, in one
    transaction.

    Accounts follow with the next run of the job, or the next change of that account. Raises
    Conflict when it is published already, Refused when it contradicts itself.
    """
    _consistent(policy)
    with transaction.atomic():
        people, last = _ruled_by(policy)
        ledger.gate(
            policy.organization_id,
            range(policy.effective_from.year, last.year + 1),
            publishing=True,
        )
        drafts = LeavePolicy.objects.of(policy.organization_id).filter(
            pk=policy.pk, published_at__isnull=True
        )
        if not drafts.update(published_at=timezone.now(), published_by=actor):
            raise Conflict(
                _("This version is published already."), code="PUBLISHED", rule="VERSION"
            )
        # Applications that were under way until the gate opened are among them now.
        people, last = _ruled_by(policy)
        accounts = Account.objects.of(policy.organization_id)
        # In the order of their ids, as everybody locks them.
        list(accounts.order_by("pk").select_for_update(no_key=True).values("pk"))
        accounts.update(settled_on=None)
        for employee in people:
            _rework(employee, policy.effective_from, last, actor=actor)
        _note_everybody(policy)
    policy.refresh_from_db()
    return policy


def _consistent(policy: LeavePolicy) -> None:
    try:
        policy.as_policy()
    except ValueError as error:
        raise Refused(str(error), code="CONTRADICTION", rule="POLICY") from error


def _ruled_by(policy: LeavePolicy) -> tuple[list[Employee], date]:
    """People with live leave from the first day of a version on, in the order of locking; and the
    last day of that leave.
    """
    live = LeaveApplication.objects.of(policy.organization_id).live()
    rows = live.filter(ends_on__gte=policy.effective_from - timedelta(days=LONGEST_CLOSURE))
    last = rows.aggregate(last=Max("ends_on"))["last"] or policy.effective_from
    people = Employee.objects.of(policy.organization_id).filter(pk__in=rows.values("employee"))
    return list(people.select_related("organization").order_by("pk")), max(
        last, policy.effective_from
    )


def _note_everybody(policy: LeavePolicy) -> None:
    """Past days may look different to the floors above: weekly offs and pay are among the rules."""
    organization = policy.organization
    day = datetime.now(ZoneInfo(organization.timezone)).date()
    if policy.effective_from <= day:
        Change.objects.create(
            organization=organization,
            kind=Change.Kind.LEAVE,
            starts_on=policy.effective_from,
            ends_on=day,
        )


def policy_impact(policy: LeavePolicy) -> list[Difference]:
    """The applications that would cost something else if this draft held. Raises Refused when it
    contradicts itself.
    """
    _consistent(policy)
    people, last = _ruled_by(policy)
    return [
        one
        for employee in people
        for one in _differences(read(employee, policy.effective_from, last, under=policy))
    ]


def draft_delhi_2026(organization: Organization, site: Site | None = None) -> Calendar:
    """The list of central offices in Delhi for 2026 as a draft, to be held against the order and
    published.
    """
    data = json.loads(DELHI_2026.read_text())
    with transaction.atomic():
        draft = draft_calendar(organization, site, 2026)
        draft.order_no, draft.weekly_offs = data["order_no"], data["weekly_offs"]
        save_calendar(draft)
        set_days(draft, delhi_2026_days())
    return draft


def delhi_2026_days() -> list[tuple[date, str, str]]:
    """Date, class and name of every day on that list."""
    return [
        (date.fromisoformat(on), mark, name)
        for on, mark, name in json.loads(DELHI_2026.read_text())["days"]
    ]


# --- Calendars ------------------------------------------------------------------------------------
def draft_calendar(organization: Organization, site: Site | None, year: int) -> Calendar:
    """A draft for an office and year: a copy of the version in force, or an empty one."""
    with transaction.atomic():
        same = Calendar.objects.of(organization).filter(site=site, year=year)
        latest = same.published().order_by("-version").first()
        number = (same.aggregate(most=Max("version"))["most"] or 0) + 1
        draft = Calendar(organization=organization, site=site, year=year, version=number)
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


def save_calendar(calendar: Calendar) -> Calendar:
    """Validate and store a draft; a new one takes the next version number of its office and
    year.
    """
    if calendar._state.adding:
        same = Calendar.objects.of(calendar.organization_id).filter(
            site=calendar.site, year=calendar.year
        )
        calendar.version = (same.aggregate(most=Max("version"))["most"] or 0) + 1
    calendar.full_clean()
    _must_be_draft(Calendar.objects.filter(pk=calendar.pk).first())
    calendar.save()
    return calendar


def save_day(day: CalendarDay) -> CalendarDay:
    """Validate and store a date of a draft."""
    day.full_clean()
    _must_be_draft(day.calendar)
    if day.date.year != day.calendar.year:
        raise Refused(
            _("This calendar is for %(year)s.") % {"year": day.calendar.year},
            code="OTHER_YEAR",
            rule="P1",
            field="date",
        )
    day.save()
    return day


def remove_day(day: CalendarDay) -> None:
    """Take a date out of a draft."""
    _must_be_draft(day.calendar)
    day.delete()


def set_days(calendar: Calendar, days: Iterable[tuple[date, str, str]]) -> None:
    """Add dates (date, class, name) to a draft."""
    for on, mark, name in days:
        save_day(
            CalendarDay(
                organization_id=calendar.organization_id,
                calendar=calendar,
                date=on,
                mark=mark,
                name=name,
            )
        )


def prefill(calendar: Calendar, state: str = "") -> int:
    """Add what the `holidays` package suggests for a draft's year to the dates it has; returns how
    many were added.

    `state`: a subdivision of `suggestions.states`, or empty. Dates that the draft names already
    stay as they are. It is a suggestion of state governments' lists: an officer holds it against
    the order and publishes. Raises Refused.
    """
    with transaction.atomic():
        known = set(CalendarDay.objects.filter(calendar=calendar).values_list("date", flat=True))
        _must_be_draft(Calendar.objects.filter(pk=calendar.pk).first())
        added = [one for one in suggestions.suggested(calendar.year, state) if one[0] not in known]
        set_days(calendar, added)
    return len(added)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a calendar, or a version of rules, would change for one application, in half-days
    debited.
    """

    application: LeaveApplication
    before: int
    after: int


def impact(calendar: Calendar) -> list[Difference]:
    """The applications that would cost something else if this draft were published."""
    first, last = date(calendar.year, 1, 1), date(calendar.year, 12, 31)
    return [
        one
        for employee in _affected(calendar)
        for one in _differences(read(employee, first, last, instead=calendar))
    ]


def _differences(file: File) -> Iterator[Difference]:
    """The applications of a file that are stored with another cost than the file's rules and
    calendars come to.
    """
    every = charge_all([spell(one) for one in file.applications], file.ground)
    stored: dict[int, int] = {}
    days = LeaveDay.objects.filter(application__in=[one.pk for one in file.applications])
    for pk, amount in days.values_list("application_id", "half_days"):
        stored[pk] = stored.get(pk, 0) + amount
    for one in file.applications:
        if stored.get(one.pk, 0) != total(every[one.pk]):
            yield Difference(one, stored.get(one.pk, 0), total(every[one.pk]))


def _affected(calendar: Calendar) -> list[Employee]:
    """People with live leave in or beside the calendar's year, in the order in which their accounts
    are locked.
    """
    around = timedelta(days=LONGEST_CLOSURE)
    live = LeaveApplication.objects.of(calendar.organization_id).live()
    near = live.touching(date(calendar.year, 1, 1) - around, date(calendar.year, 12, 31) + around)
    people = Employee.objects.of(calendar.organization_id).filter(pk__in=near.values("employee"))
    if calendar.site_id is not None:
        people = people.filter(Q(assignments__site=calendar.site_id)).distinct()
    return list(people.select_related("organization").order_by("pk"))


def publish_calendar(calendar: Calendar, *, actor: User | None) -> list[LeaveApplication]:
    """Put a calendar into force and work it into all leave it touches; returns the approved
    applications whose cost changed.

    Raises Conflict when it is published already, or when a later version is.
    """
    with transaction.atomic():
        ledger.gate(calendar.organization_id, [calendar.year], publishing=True)
        same = Calendar.objects.of(calendar.organization_id).filter(
            site=calendar.site, year=calendar.year
        )
        if same.published().filter(version__gt=calendar.version).exists():
            raise Conflict(
                _("A later version is published already."), code="OUTDATED", rule="VERSION"
            )
        drafts = same.filter(pk=calendar.pk, published_at__isnull=True)
        if not drafts.update(published_at=timezone.now(), published_by=actor):
            raise Conflict(
                _("This calendar is published already."), code="PUBLISHED", rule="VERSION"
            )
        changed: list[LeaveApplication] = []
        for employee in _affected(calendar):
            changed += _rework(
                employee, date(calendar.year, 1, 1), date(calendar.year, 12, 31), actor=actor
            )
        # For everybody's days, with or without leave.
        Change.objects.create(
            organization_id=calendar.organization_id,
            kind=Change.Kind.LEAVE,
            starts_on=date(calendar.year, 1, 1),
            ends_on=date(calendar.year, 12, 31),
        )
    calendar.refresh_from_db()
    return changed


def _rework(
    employee: Employee, first: date, last: date, *, actor: User | None = None
) -> list[LeaveApplication]:
    """Bring what one person's leave around some dates costs up to date. Within a transaction."""
    ledger.lock(employee)
    changed = ledger.rework(read(employee, first, last), actor=actor)
    for one in changed:
        ledger.note(one)
    ledger.settle(employee)
    return changed
