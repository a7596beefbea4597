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
from leaves.accrual import Lost, Service, Terms
from leaves.balances import Book, Movement
from leaves.calendars import Almanac, Mark, Marked, OfficeYear, Post, WeeklyOffs
from leaves.charging import LONGEST_CLOSURE, Ground, Half, Spell
from leaves.judgement import ChildFacts, Status
from leaves.models import (
    Absence,
    Account,
    Calendar,
    Child,
    Entry,
    LeaveApplication,
    LeaveDay,
    LeaveFacts,
    LeavePolicy,
    Suspension,
)
from leaves.policies import Cycle, Kind, Policy, Rules, Who, in_force

# Slots that the rules fill by themselves begin with this; all others were caused by somebody.
RULE_SLOT: Final = "rule/"
NO_STATUS: Final = Status(date.min)


@dataclass(frozen=True)
class Ledger:
    """One account with what stands in it. `posted`: sums by slot and day of what the rules filled
    so far.
    """

    account: Account
    book: Book
    posted: Mapping[tuple[str, date], int]


@dataclass(frozen=True)
class File:
    """Everything about one person's leave. `applications` are the live ones near the dates that
    were asked for.
    """

    employee: Employee
    today: date
    ground: Ground
    ledgers: Mapping[Kind, Ledger]
    applications: Sequence[LeaveApplication]
    status_on: Callable[[date], Status]
    service: Service
    suspended: Sequence[tuple[date, date | None]] = ()

    @property
    def books(self) -> dict[Kind, Book]:
        """The accounts as the rules see them."""
        return {kind: one.book for kind, one in self.ledgers.items()}


def today(employee: Employee) -> date:
    """The date now where an employee's organization is."""
    return datetime.now(ZoneInfo(employee.organization.timezone)).date()


def read(
    employee: Employee,
    first: date,
    last: date,
    *,
    without: LeaveApplication | None = None,
    instead: Calendar | None = None,
    under: LeavePolicy | None = None,
) -> File:
    """The file of a person around some dates. `without`: as if that application were not there;
    `instead`: a draft calendar as if it were published; `under`: draft rules as if they were.
    Accounts that do not exist yet are left out: `ledger.lock` makes them.
    """
    rows = list(
        LeaveFacts.objects.of(employee.organization_id)
        .filter(employee=employee)
        .order_by("starts_on")
    )
    rules = rules_of(employee, rows, under=under)
    near = [one for one in _near(employee, first, last) if without is None or one.pk != without.pk]
    years = _years([(first, last), *((one.starts_on, one.ends_on) for one in near)])
    almanac = almanac_of(employee, years, rules, instead=instead)
    service = service_of(employee, rows)
    statuses = [status(one) for one in rows]
    return File(
        employee,
        today(employee),
        Ground(rules, almanac),
        _ledgers(employee, rules, service, statuses, without),
        near,
        lambda day: _status_on(statuses, day),
        service,
        _suspensions(employee),
    )


def service_of(employee: Employee, rows: Sequence[LeaveFacts]) -> Service:
    """A person's service, and how it ended, from their particulars."""
    manner = accrual.Exit(rows[-1].exit_manner) if rows else accrual.Exit.NORMAL
    return Service(employee.joined_on, employee.left_on, manner)


def status(row: LeaveFacts) -> Status:
    """A row of particulars as the rules take it."""
    return Status(row.starts_on, row.sex == "F", row.single, row.disabled, row.probation_until)


def _status_on(statuses: Sequence[Status], day: date) -> Status:
    found = statuses[0] if statuses else NO_STATUS
    for one in statuses:
        if one.starts_on <= day:
            found = one
    return found


# --- Rules ----------------------------------------------------------------------------------------
def rules_of(
    employee: Employee, rows: Sequence[LeaveFacts], *, under: LeavePolicy | None = None
) -> Rules:
    """All versions of rules that ever held for a person, as the group of staff changed; `under`: a
    draft as if it held.
    """
    draft = Q() if under is None else Q(pk=under.pk)
    published = LeavePolicy.objects.of(employee.organization_id).filter(
        Q(published_at__isnull=False) | draft
    )
    return woven(schemes(published), rows)


def schemes(published: QuerySet[LeavePolicy]) -> dict[str, list[Policy]]:
    """Versions of rules by group of staff, the oldest first."""
    by_scheme: dict[str, list[Policy]] = defaultdict(list)
    for one in published.prefetch_related("rules", "sanctions").order_by("effective_from"):
        by_scheme[one.scheme].append(one.as_policy())
    return by_scheme


def woven(by_scheme: Mapping[str, list[Policy]], rows: Sequence[LeaveFacts]) -> Rules:
    """The versions that held for a person, by the group of staff of each time."""
    return Rules(tuple(in_force(by_scheme, [(row.starts_on, row.scheme) for row in rows])))


# --- Calendars ------------------------------------------------------------------------------------
def almanac_of(
    employee: Employee, years: Iterable[int], rules: Rules, *, instead: Calendar | None = None
) -> Almanac:
    """The days of a person's offices in some years; where there is no calendar, the weekly offs of
    the rules of each day.
    """
    assignments = Assignment.objects.of(employee.organization_id).filter(employee=employee)
    posts = [Post(one.site_id, one.starts_on, one.ends_on) for one in assignments]
    sites = {one.site for one in posts}
    patterns = [(one.effective_from, WeeklyOffs.parse(one.weekly_offs)) for one in rules.versions]
    return Almanac.of(
        offices(employee.organization_id, years, sites, instead=instead), posts, patterns
    )


def offices(
    organization_id: int,
    years: Iterable[int],
    sites: Iterable[Any],
    *,
    instead: Calendar | None = None,
) -> dict[tuple[Any, int], OfficeYear]:
    """The published calendars of some offices (and the common one) in some years, the highest
    version of each.
    """
    rows = Calendar.objects.of(organization_id).published().filter(year__in=set(years))
    chosen: dict[tuple[Any, int], Calendar] = {}
    wanted = {None, *sites}
    for one in rows.order_by("version").prefetch_related("days"):
        if one.site_id in wanted:
            chosen[one.site_id, one.year] = one
    if instead is not None:
        chosen[instead.site_id, instead.year] = instead
    return {key: office_year(one) for key, one in chosen.items()}


def office_year(calendar: Calendar) -> OfficeYear:
    """A calendar as the rules take it."""
    marks = {day.date: Marked(Mark(day.mark), day.name) for day in calendar.days.all()}
    return OfficeYear(WeeklyOffs.parse(calendar.weekly_offs), marks, calendar.pk)


def _years(spans: Iterable[tuple[date, date]]) -> set[int]:
    around = timedelta(days=LONGEST_CLOSURE + 5)
    found: set[int] = set()
    for first, last in spans:
        earliest = first - around if first > date.min + around else first
        latest = last + around if last < date.max - around else last
        found |= set(range(earliest.year, latest.year + 1))
    return found


# --- Applications ---------------------------------------------------------------------------------
def spell(application: LeaveApplication) -> Spell:
    """An application as the rules take it."""
    paper = application.certificate
    return Spell(
        application.pk,
        Kind(application.kind),
        application.starts_on,
        application.ends_on,
        Half(application.half) if application.half else None,
        paper.sick_on if paper else None,
        paper.fit_on if paper else None,
        application.withhold_prefix,
        application.withhold_suffix,
    )


def _near(employee: Employee, first: date, last: date) -> list[LeaveApplication]:
    """Live applications that may matter for some dates: of the same years, and those that lead
    there without a long gap.
    """
    live = LeaveApplication.objects.of(employee.organization_id).filter(employee=employee).live()
    rows = list(live.select_related("certificate").order_by("starts_on", "half", "id"))
    low, high = date(first.year, 1, 1), date(last.year, 12, 31)
    reach = timedelta(days=LONGEST_CLOSURE)
    for one in reversed(rows):
        if one.starts_on <= high and one.ends_on >= low - reach:
            low = min(low, one.starts_on)
    for one in rows:
        if one.ends_on >= low and one.starts_on <= high + reach:
            high = max(high, one.ends_on)
    return [one for one in rows if one.starts_on <= high and one.ends_on >= low]


def child_facts(child: Child) -> ChildFacts:
    """A child, with its place among the surviving children of the employee."""
    living = Child.objects.of(child.organization_id).filter(
        employee=child.employee_id, died_on__isnull=True
    )
    order = list(living.order_by("born_on", "id").values_list("pk", flat=True))
    return ChildFacts(
        child.born_on,
        child.disabled,
        order.index(child.pk) + 1 if child.pk in order else len(order) + 1,
    )


# --- Accounts -------------------------------------------------------------------------------------
def _ledgers(
    employee: Employee,
    rules: Rules,
    service: Service,
    statuses: Sequence[Status],
    without: LeaveApplication | None,
) -> dict[Kind, Ledger]:
    if rules.begins is None:
        return {}
    accounts = {
        one.pk: one
        for one in Account.objects.of(employee.organization_id).filter(employee=employee)
    }
    sums = Entry.objects.of(employee.organization_id).filter(account__in=accounts)
    if without is not None:
        sums = sums.exclude(application=without)
    stood = Stood(
        [Kind(one.kind) for one in accounts.values()],
        sums.order_by()
        .values_list("account__kind", "slot", "effective_on")
        .annotate(total=Sum("half_days")),
        dict(
            sums.filter(type=Entry.Type.OPENING)
            .order_by("effective_on")
            .values_list("account__kind", "effective_on")
        ),
        _held(employee, without),
        _absences(employee),
    )
    by_kind = {Kind(one.kind): one for one in accounts.values()}
    books = assembled(rules, service, statuses, stood, today(employee))
    return {kind: Ledger(by_kind[kind], book, posted) for kind, (book, posted) in books.items()}


@dataclass(frozen=True)
class Stood:
    """What stands about one person's accounts: their kinds, sums of entries (kind, slot, day,
    half-days), the days on which balances were brought forward, what pending applications hold, and
    absences.
    """

    kinds: Sequence[Kind]
    sums: Iterable[tuple[str, str, date, int]]
    opened: Mapping[str, date]
    held: Mapping[Kind, Sequence[Movement]]
    lost: Sequence[accrual.Absence]


Posted = Mapping[tuple[str, date], int]


def assembled(
    rules: Rules, service: Service, statuses: Sequence[Status], stood: Stood, on: date
) -> dict[Kind, tuple[Book, Posted]]:
    """The books of accounts and what the rules posted in each, from what stands about them on a
    day. Reads nothing.
    """
    if rules.begins is None:
        return {}
    own: dict[str, list[Movement]] = defaultdict(list)
    posted: dict[str, dict[tuple[str, date], int]] = defaultdict(dict)
    for kind, slot, day, total in stood.sums:
        if slot.startswith(RULE_SLOT):
            posted[kind][slot.removeprefix(RULE_SLOT), day] = total
        elif total:
            own[kind].append((day, total))
    found: dict[Kind, tuple[Book, Posted]] = {}
    for kind in stood.kinds:
        terms = _terms(kind, rules, service, statuses, stood.opened.get(kind), stood.lost)
        rule = rules.rule(kind, on) or rules.rule(kind, rules.versions[-1].effective_from)
        found[kind] = (
            Book(terms, own[kind], stood.held.get(kind, ()), rule.floor if rule else 0),
            posted[kind],
        )
    return found


def _terms(
    kind: Kind,
    rules: Rules,
    service: Service,
    statuses: Sequence[Status],
    opened_on: date | None,
    lost: Sequence[accrual.Absence],
) -> Terms:
    def eligible(day: date) -> bool:
        rule = rules.rule(kind, day)
        return rule is not None and _may_have(rule.who, _status_on(statuses, day))

    begins = rules.begins or date.max
    first = max(begins, service.joined_on)
    candidates = [first, *(one.starts_on for one in statuses if one.starts_on > first)]
    lifetime = any(
        rule.cycle is Cycle.LIFETIME for one in rules.versions if (rule := one.rules.get(kind))
    )
    eligible_from = next((day for day in candidates if eligible(day)), None) if lifetime else None
    return Terms(
        lambda day: rules.rule(kind, day),
        service,
        begins,
        opened_on,
        lost,
        eligible,
        eligible_from,
        lambda day: _status_on(statuses, day).disabled,
    )


def _may_have(who: Who, status: Status) -> bool:
    if who is Who.DISABLED:
        return status.disabled
    return who is Who.ANYONE or status.female or status.single


def _held(employee: Employee, without: LeaveApplication | None) -> dict[Kind, list[Movement]]:
    rows = LeaveDay.objects.of(employee.organization_id).filter(
        application__employee=employee,
        application__status=LeaveApplication.Status.PENDING,
        half_days__gt=0,
    )
    if without is not None:
        rows = rows.exclude(application=without)
    found: dict[Kind, list[Movement]] = defaultdict(list)
    for account, day, amount in rows.values_list("account", "date", "half_days"):
        found[Kind(account)].append((day, -amount))
    return found


def _suspensions(employee: Employee) -> list[tuple[date, date | None]]:
    rows = Suspension.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True
    )
    return list(rows.order_by("starts_on").values_list("starts_on", "ends_on"))


def _absences(employee: Employee) -> list[accrual.Absence]:
    rows = Absence.objects.of(employee.organization_id).filter(
        employee=employee, revoked_at__isnull=True
    )
    return [accrual.Absence(Lost(one.kind), one.starts_on, one.ends_on) for one in rows]
