"""Read what the rules need to know about one person, and put it into the pure modules' own values.

Called by `services`, `ledger` and `calendar_office`, under the lock of the person's accounts when
something is to be written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum

from employees.models import Assignment, Employee
from leaves import accrual
from leaves.accrual import AbsenceKind, AccrualTerms, ServicePeriod
from leaves.balances import BalanceMovement, BalanceProjection
from leaves.calendars import (
    CalendarMark,
    MarkedDate,
    OfficeCalendar,
    SiteAssignment,
    WeeklyOffs,
    WorkCalendar,
)
from leaves.day_counting import MAX_CLOSURE_DAYS, DayHalf, RuleContext, Spell
from leaves.eligibility import ChildDetails, PersonalStatus
from leaves.models import (
    Absence,
    Child,
    HolidayCalendar,
    LeaveAccount,
    LeaveApplication,
    LeaveDay,
    LeaveLedgerEntry,
    LeavePolicy,
    LeaveProfile,
    Suspension,
)
from leaves.policies import (
    AccrualCycle,
    EligibleGroup,
    LeavePolicyHistory,
    LeavePolicyVersion,
    LeaveType,
    versions_in_force,
)

# Slots that the rules fill by themselves begin with this; all others were caused by somebody.
RULE_SLOT_PREFIX: Final = "rule/"
DEFAULT_STATUS: Final = PersonalStatus(date.min)


@dataclass(frozen=True)
class AccountLedger:
    """One account with what stands in it. `posted`: sums by slot and day of what the rules filled
    so far.
    """

    account: LeaveAccount
    projection: BalanceProjection
    posted_by_rules: Mapping[tuple[str, date], int]


@dataclass(frozen=True)
class LeaveContext:
    """Everything about one person's leave. `applications` are the live ones near the dates that
    were asked for.
    """

    employee: Employee
    today: date
    rule_context: RuleContext
    ledgers: Mapping[LeaveType, AccountLedger]
    applications: Sequence[LeaveApplication]
    status_on: Callable[[date], PersonalStatus]
    service: ServicePeriod
    suspensions: Sequence[tuple[date, date | None]] = ()

    @property
    def projections(self) -> dict[LeaveType, BalanceProjection]:
        """The accounts as the rules see them."""
        return {kind: one.projection for kind, one in self.ledgers.items()}


def local_today(employee: Employee) -> date:
    """The date now where an employee's organization is."""
    return datetime.now(ZoneInfo(employee.organization.timezone)).date()


def load_leave_context(
    employee: Employee,
    first: date,
    last: date,
    *,
    excluding: LeaveApplication | None = None,
    draft_calendar: HolidayCalendar | None = None,
    draft_policy: LeavePolicy | None = None,
) -> LeaveContext:
    """The file of a person around some dates. `excluding`: as if that application were not there;
    `draft_calendar`: a draft calendar as if it were published; `draft_policy`: draft rules as if
    they were. Accounts that do not exist yet are left out: `ledger.lock` makes them.
    """
    rows = list(
        LeaveProfile.objects.of(employee.organization_id)
        .filter(employee=employee)
        .order_by("starts_on")
    )
    rules = policy_history_of(employee, rows, draft_policy=draft_policy)
    near = [
        one
        for one in _nearby_applications(employee, first, last)
        if excluding is None or one.pk != excluding.pk
    ]
    years = _calendar_years([(first, last), *((one.starts_on, one.ends_on) for one in near)])
    almanac = work_calendar_of(employee, years, rules, draft_calendar=draft_calendar)
    service = service_period_of(employee, rows)
    statuses = [personal_status(one) for one in rows]
    return LeaveContext(
        employee,
        local_today(employee),
        RuleContext(rules, almanac),
        _ledgers(employee, rules, service, statuses, excluding),
        near,
        lambda day: _status_on(statuses, day),
        service,
        _suspensions(employee),
    )


def service_period_of(employee: Employee, profiles: Sequence[LeaveProfile]) -> ServicePeriod:
    """A person's service, and how it ended, from their particulars."""
    manner = accrual.ExitManner(profiles[-1].exit_manner) if profiles else accrual.ExitManner.NORMAL
    return ServicePeriod(employee.joined_on, employee.left_on, manner)


def personal_status(profile: LeaveProfile) -> PersonalStatus:
    """A row of particulars as the rules take it."""
    return PersonalStatus(
        profile.starts_on,
        profile.sex == "F",
        profile.single,
        profile.disabled,
        profile.probation_until,
    )


def _status_on(statuses: Sequence[PersonalStatus], day: date) -> PersonalStatus:
    found = statuses[0] if statuses else DEFAULT_STATUS
    for one in statuses:
        if one.starts_on <= day:
            found = one
    return found


# --- Rules ----------------------------------------------------------------------------------------
def policy_history_of(
    employee: Employee, profiles: Sequence[LeaveProfile], *, draft_policy: LeavePolicy | None = None
) -> LeavePolicyHistory:
    """All versions of rules that ever held for a person, as the group of staff changed;
    `draft_policy`: a draft as if it held.
    """
    draft = Q() if draft_policy is None else Q(pk=draft_policy.pk)
    published = LeavePolicy.objects.of(employee.organization_id).filter(
        Q(published_at__isnull=False) | draft
    )
    return effective_rules(policies_by_scheme(published), profiles)


def policies_by_scheme(published: QuerySet[LeavePolicy]) -> dict[str, list[LeavePolicyVersion]]:
    """Versions of rules by group of staff, the oldest first."""
    by_scheme: dict[str, list[LeavePolicyVersion]] = defaultdict(list)
    for one in published.prefetch_related("rules", "sanctions").order_by("effective_from"):
        by_scheme[one.scheme].append(one.to_version())
    return by_scheme


def effective_rules(
    by_scheme: Mapping[str, list[LeavePolicyVersion]], profiles: Sequence[LeaveProfile]
) -> LeavePolicyHistory:
    """The versions that held for a person, by the group of staff of each time."""
    return LeavePolicyHistory(
        tuple(versions_in_force(by_scheme, [(row.starts_on, row.scheme) for row in profiles]))
    )


# --- Calendars ------------------------------------------------------------------------------------
def work_calendar_of(
    employee: Employee,
    years: Iterable[int],
    rules: LeavePolicyHistory,
    *,
    draft_calendar: HolidayCalendar | None = None,
) -> WorkCalendar:
    """The days of a person's offices in some years; where there is no calendar, the weekly offs of
    the rules of each day.
    """
    assignments = Assignment.objects.of(employee.organization_id).filter(employee=employee)
    posts = [SiteAssignment(one.site_id, one.starts_on, one.ends_on) for one in assignments]
    sites = {one.site for one in posts}
    patterns = [(one.effective_from, WeeklyOffs.parse(one.weekly_offs)) for one in rules.versions]
    return WorkCalendar.from_policies(
        load_office_calendars(
            employee.organization_id, years, sites, draft_calendar=draft_calendar
        ),
        posts,
        patterns,
    )


def load_office_calendars(
    organization_id: int,
    years: Iterable[int],
    sites: Iterable[Any],
    *,
    draft_calendar: HolidayCalendar | None = None,
) -> dict[tuple[Any, int], OfficeCalendar]:
    """The published calendars of some offices (and the common one) in some years, the highest
    version of each.
    """
    rows = HolidayCalendar.objects.of(organization_id).published().filter(year__in=set(years))
    chosen: dict[tuple[Any, int], HolidayCalendar] = {}
    wanted = {None, *sites}
    for one in rows.order_by("version").prefetch_related("days"):
        if one.site_id in wanted:
            chosen[one.site_id, one.year] = one
    if draft_calendar is not None:
        chosen[draft_calendar.site_id, draft_calendar.year] = draft_calendar
    return {key: to_office_calendar(one) for key, one in chosen.items()}


def to_office_calendar(calendar: HolidayCalendar) -> OfficeCalendar:
    """A calendar as the rules take it."""
    marks = {day.date: MarkedDate(CalendarMark(day.mark), day.name) for day in calendar.days.all()}
    return OfficeCalendar(WeeklyOffs.parse(calendar.weekly_offs), marks, calendar.pk)


def _calendar_years(spans: Iterable[tuple[date, date]]) -> set[int]:
    around = timedelta(days=MAX_CLOSURE_DAYS + 5)
    found: set[int] = set()
    for first, last in spans:
        earliest = first - around if first > date.min + around else first
        latest = last + around if last < date.max - around else last
        found |= set(range(earliest.year, latest.year + 1))
    return found


# --- Applications ---------------------------------------------------------------------------------
def to_spell(application: LeaveApplication) -> Spell:
    """An application as the rules take it."""
    paper = application.certificate
    return Spell(
        application.pk,
        LeaveType(application.kind),
        application.starts_on,
        application.ends_on,
        DayHalf(application.half) if application.half else None,
        paper.sick_on if paper else None,
        paper.fit_on if paper else None,
        application.withhold_prefix,
        application.withhold_suffix,
    )


def _nearby_applications(employee: Employee, first: date, last: date) -> list[LeaveApplication]:
    """Live applications that may matter for some dates: of the same years, and those that lead
    there without a long gap.
    """
    live = LeaveApplication.objects.of(employee.organization_id).filter(employee=employee).live()
    rows = list(live.select_related("certificate").order_by("starts_on", "half", "id"))
    low, high = date(first.year, 1, 1), date(last.year, 12, 31)
    reach = timedelta(days=MAX_CLOSURE_DAYS)
    for one in reversed(rows):
        if one.starts_on <= high and one.ends_on >= low - reach:
            low = min(low, one.starts_on)
    for one in rows:
        if one.ends_on >= low and one.starts_on <= high + reach:
            high = max(high, one.ends_on)
    return [one for one in rows if one.starts_on <= high and one.ends_on >= low]


def child_details(child: Child) -> ChildDetails:
    """A child, with its place among the surviving children of the employee."""
    living = Child.objects.of(child.organization_id).filter(
        employee=child.employee_id, died_on__isnull=True
    )
    order = list(living.order_by("born_on", "id").values_list("pk", flat=True))
    return ChildDetails(
        child.born_on,
        child.disabled,
        order.index(child.pk) + 1 if child.pk in order else len(order) + 1,
    )


# --- Accounts -------------------------------------------------------------------------------------
def _ledgers(
    employee: Employee,
    rules: LeavePolicyHistory,
    service: ServicePeriod,
    statuses: Sequence[PersonalStatus],
    excluding: LeaveApplication | None,
) -> dict[LeaveType, AccountLedger]:
    if rules.starts_on is None:
        return {}
    accounts = {
        one.pk: one
        for one in LeaveAccount.objects.of(employee.organization_id).filter(employee=employee)
    }
    sums = LeaveLedgerEntry.objects.of(employee.organization_id).filter(account__in=accounts)
    if excluding is not None:
        sums = sums.exclude(application=excluding)
    stood = AccountEntries(
        [LeaveType(one.kind) for one in accounts.values()],
        sums.order_by()
        .values_list("account__kind", "slot", "effective_on")
        .annotate(total=Sum("half_days")),
        dict(
            sums.filter(type=LeaveLedgerEntry.Type.OPENING)
            .order_by("effective_on")
            .values_list("account__kind", "effective_on")
        ),
        _pending_holds(employee, excluding),
        _absences(employee),
    )
    by_kind = {LeaveType(one.kind): one for one in accounts.values()}
    books = build_balances(rules, service, statuses, stood, local_today(employee))
    return {
        kind: AccountLedger(by_kind[kind], book, posted) for kind, (book, posted) in books.items()
    }


@dataclass(frozen=True)
class AccountEntries:
    """What stands about one person's accounts: their kinds, sums of entries (kind, slot, day,
    half-days), the days on which balances were brought forward, what pending applications hold, and
    absences.
    """

    kinds: Sequence[LeaveType]
    entry_sums: Iterable[tuple[str, str, date, int]]
    opened_on: Mapping[str, date]
    holds: Mapping[LeaveType, Sequence[BalanceMovement]]
    absences: Sequence[accrual.AbsencePeriod]


PostedSums = Mapping[tuple[str, date], int]


def build_balances(
    rules: LeavePolicyHistory,
    service: ServicePeriod,
    statuses: Sequence[PersonalStatus],
    account_entries: AccountEntries,
    on: date,
) -> dict[LeaveType, tuple[BalanceProjection, PostedSums]]:
    """The books of accounts and what the rules posted in each, from what stands about them on a
    day. Reads nothing.
    """
    if rules.starts_on is None:
        return {}
    own: dict[str, list[BalanceMovement]] = defaultdict(list)
    posted: dict[str, dict[tuple[str, date], int]] = defaultdict(dict)
    for kind, slot, day, total in account_entries.entry_sums:
        if slot.startswith(RULE_SLOT_PREFIX):
            posted[kind][slot.removeprefix(RULE_SLOT_PREFIX), day] = total
        elif total:
            own[kind].append((day, total))
    found: dict[LeaveType, tuple[BalanceProjection, PostedSums]] = {}
    for kind in account_entries.kinds:
        terms = _accrual_terms(
            kind,
            rules,
            service,
            statuses,
            account_entries.opened_on.get(kind),
            account_entries.absences,
        )
        rule = rules.rule_for(kind, on) or rules.rule_for(kind, rules.versions[-1].effective_from)
        found[kind] = (
            BalanceProjection(
                terms, own[kind], account_entries.holds.get(kind, ()), rule.floor if rule else 0
            ),
            posted[kind],
        )
    return found


def _accrual_terms(
    kind: LeaveType,
    rules: LeavePolicyHistory,
    service: ServicePeriod,
    statuses: Sequence[PersonalStatus],
    opened_on: date | None,
    absences: Sequence[accrual.AbsencePeriod],
) -> AccrualTerms:
    def eligible(day: date) -> bool:
        rule = rules.rule_for(kind, day)
        return rule is not None and _is_in_group(rule.eligible_group, _status_on(statuses, day))

    begins = rules.starts_on or date.max
    first = max(begins, service.joined_on)
    candidates = [first, *(one.starts_on for one in statuses if one.starts_on > first)]
    lifetime = any(
        rule.cycle is AccrualCycle.LIFETIME
        for one in rules.versions
        if (rule := one.rules.get(kind))
    )
    eligible_from = next((day for day in candidates if eligible(day)), None) if lifetime else None
    return AccrualTerms(
        lambda day: rules.rule_for(kind, day),
        service,
        begins,
        opened_on,
        absences,
        eligible,
        eligible_from,
        lambda day: _status_on(statuses, day).disabled,
    )


def _is_in_group(who: EligibleGroup, status: PersonalStatus) -> bool:
    if who is EligibleGroup.DISABLED:
        return status.disabled
    return who is EligibleGroup.ANYONE or status.female or status.single


def _pending_holds(
    employee: Employee, excluding: LeaveApplication | None
) -> dict[LeaveType, list[BalanceMovement]]:
    rows = LeaveDay.objects.of(employee.organization_id).filter(
        application__employee=employee,
        application__status=LeaveApplication.Status.PENDING,
        half_days__gt=0,
    )
    if excluding is not None:
        rows = rows.exclude(application=excluding)
    found: dict[LeaveType, list[BalanceMovement]] = defaultdict(list)
    for account, day, amount in rows.values_list("account", "date", "half_days"):
        found[LeaveType(account)].append((day, -amount))
    return found


def _suspensions(employee: Employee) -> list[tuple[date, date | None]]:
    rows = Suspension.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True
    )
    return list(rows.order_by("starts_on").values_list("starts_on", "ends_on"))


def _absences(employee: Employee) -> list[accrual.AbsencePeriod]:
    rows = Absence.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True
    )
    return [
        accrual.AbsencePeriod(AbsenceKind(one.kind), one.starts_on, one.ends_on) for one in rows
    ]
