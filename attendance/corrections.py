"""The one way in which people put times right: rows beside the punches, which stay as they came.

Called by the console's form of a day, by the import of files, and when a regularization is
approved. Whatever is put right is worked out again soon after; in a locked month that makes an
adjustment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from attendance import causes, stale
from attendance.days import Facts, Stamp, place
from attendance.models import Correction, ManualImport, Punch, Regularization, Verdict
from attendance.shifts import Duty
from attendance.times import in_zone, local
from employees.models import Assignment, Employee
from employees.refusals import Conflict, Refused

DAY: Final = timedelta(days=1)
WIDEST: Final = timedelta(hours=48)
FIRST_YEAR: Final = 1950
# Punches of the days around a date may belong to it, or continue what began before it.
AROUND: Final = timedelta(days=7)
AT_ONCE: Final = 1000
LONGEST_REASON: Final = 400
# What a time is called that is only tried: no punch and no entered time has such a number.
ENTERED: Final = 10**15
Kind = Correction.Kind


@dataclass(frozen=True, slots=True)
class Entry:
    """A time that is to count: `at` in UTC; `direction` None where turns decide. `field` is where a
    caller said it.
    """

    at: datetime
    direction: str | None = None
    field: str = "at"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be put right for somebody: times to enter, and stamps that are not to count (as
    `causes` numbers them).
    """

    employee: Employee
    reason: str
    enter: Sequence[Entry] = ()
    void: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Who puts it right, and what it comes from."""

    actor: User | None = None
    regularization: Regularization | None = None
    manual_import: ManualImport | None = None


# --- Where and when somebody is in service --------------------------------------------------------
class Zones:
    """The clocks on the walls of some people, read at once."""

    def __init__(self, organization_id: int, employees: Collection[UUID]) -> None:
        self._posts: dict[UUID, list[Assignment]] = defaultdict(list)
        rows = (
            Assignment.objects.of(organization_id)
            .filter(employee__in=employees)
            .select_related("site")
        )
        for one in rows.order_by("-starts_on"):
            self._posts[one.employee_id].append(one)

    def of(self, employee: Employee, on: date) -> str:
        """The zone of the site of a date, or the organization's."""
        post = next((one for one in self._posts[employee.pk] if one.covers(on)), None)
        return (post.site.timezone if post else "") or employee.organization.timezone

    def date(self, employee: Employee, at: datetime) -> date:
        """The date on the wall of where somebody worked at an instant."""
        home = local(at, employee.organization.timezone).date()
        return local(at, self.of(employee, home)).date()

    def instant(self, employee: Employee, naive: datetime) -> tuple[datetime, tuple[str, ...]]:
        """What a clock on their wall showed as an instant, with flags of `times`. Raises
        OverflowError.
        """
        return in_zone(naive, ZoneInfo(self.of(employee, naive.date())))


def day_of(
    employee: Employee,
    on: date,
    now: datetime,
    *,
    enter: Sequence[Entry] = (),
    void: Collection[int] = (),
) -> tuple[Duty, list[Stamp], Facts]:
    """What somebody was expected to do on a date, what of the punches belongs to it as of now, and
    what stands beside them.

    `enter` and `void`: as if these times were entered and these stamps did not count. What is
    entered is numbered from ENTERED.
    """
    read = causes.read(employee.organization_id, [employee.pk], on - AROUND, on + AROUND)
    person = read.people[employee.pk]
    dates = [on + timedelta(days=number) for number in range(-AROUND.days, AROUND.days + 1)]
    added = [Stamp(ENTERED + number, one.at, one.direction) for number, one in enumerate(enter)]
    counting = [*(one for one in person.stamps if one.id not in void), *added]
    stamps = place(counting, causes.duties(read, person, dates)).get(on, [])
    return read.duty(person, on), stamps, read.facts(person, on, now)


def outside(entries: Iterable[Entry], duty: Duty) -> Refused | None:
    """That a time lies outside the window in which somebody is seen for a date: it would not count
    there.
    """
    window = duty.window
    found = next((one for one in entries if not window.start <= one.at <= window.end), None)
    if found is None:
        return None
    words = {
        name: f"{local(at, duty.zone):%Y-%m-%d %H:%M}"
        for name, at in (("start", window.start), ("end", window.end))
    }
    return Refused(
        _("A time of this day lies between %(start)s and %(end)s.") % words,
        code="OUTSIDE_WINDOW",
        rule="R2",
        field=found.field,
        details={"start": window.start.isoformat(), "end": window.end.isoformat()},
    )


# --- What stands against it -----------------------------------------------------------------------
def objection(wish: Wish, zones: Zones, now: datetime) -> Refused | None:
    """What of the wish itself stands against it: nothing said, no reason, times that cannot be."""
    if not wish.enter and not wish.void:
        return Refused(
            _("Enter a time, or say what does not count."), code="NOTHING", rule="FORM", field="at"
        )
    if not wish.reason.strip():
        return Refused(_("Say why."), code="REASON", rule="FORM", field="reason")
    if len(wish.reason.strip()) > LONGEST_REASON:
        return Refused(
            _("A reason has %(most)d characters at most.") % {"most": LONGEST_REASON},
            code="REASON",
            rule="FORM",
            field="reason",
        )
    for entry in wish.enter:
        wrong = _cannot_be(entry, wish.employee, zones, now)
        if wrong is not None:
            return wrong
    return _together(wish.enter)


def _cannot_be(entry: Entry, employee: Employee, zones: Zones, now: datetime) -> Refused | None:
    if entry.at.year < FIRST_YEAR:
        return Refused(
            _("No calendar is kept for this year."), code="TOO_OLD", rule="TIME", field=entry.field
        )
    if entry.at > now:
        return Refused(
            _("This time is still to come."), code="FUTURE", rule="TIME", field=entry.field
        )
    on = zones.date(employee, entry.at)
    # A last night's shift ends on the morning after.
    if on < employee.joined_on or (employee.left_on is not None and on > employee.left_on + DAY):
        return Refused(
            _("This time lies outside the time of service."),
            code="NOT_EMPLOYED",
            rule="TIME",
            field=entry.field,
        )
    return None


def _together(entries: Sequence[Entry]) -> Refused | None:
    ins = [one for one in entries if one.direction == "in"]
    outs = [one for one in entries if one.direction == "out"]
    if ins and outs and max(one.at for one in ins) >= min(one.at for one in outs):
        return Refused(
            _("Somebody leaves after they came."),
            code="OUT_BEFORE_IN",
            rule="TIME",
            field=outs[0].field,
        )
    times = sorted(entries, key=lambda one: one.at)
    if times and times[-1].at - times[0].at > WIDEST:
        return Refused(
            _("The times lie more than %(hours)d hours apart.")
            % {"hours": int(WIDEST / timedelta(hours=1))},
            code="TOO_LONG",
            rule="TIME",
            field=times[-1].field,
            details={"limit": int(WIDEST / timedelta(hours=1))},
        )
    return None


def own_hand(actor: User | None, people: Collection[UUID]) -> bool:
    """Whether somebody would put their own times right: that is another's to do, whatever their
    role.
    """
    return actor is not None and actor.employee_id is not None and actor.employee_id in people


# --- The verb -------------------------------------------------------------------------------------
def lock(organization_id: int, employees: Iterable[UUID]) -> None:
    """Hold the rows of some people until the end of the transaction: what is put right for them is
    put right in turn.
    """
    rows = Employee.objects.of(organization_id).filter(pk__in=list(employees)).order_by("pk")
    list(rows.select_for_update(no_key=True).values("pk"))


def correct(
    employee: Employee,
    *,
    reason: str,
    enter: Sequence[Entry] = (),
    void: Collection[int] = (),
    origin: Origin | None = None,
) -> list[Correction]:
    """Enter times, void punches or times entered before, for one reason; the days around them are
    worked out again.

    Raises Refused naming the field, Conflict when a time was entered or voided before,
    PermissionDenied for one's own times.
    """
    return correct_many(
        employee.organization_id, [Wish(employee, reason, enter, void)], origin or Origin()
    )


def correct_many(organization_id: int, wishes: Sequence[Wish], origin: Origin) -> list[Correction]:
    """Put many things right at once, for people of one organization: all of them or none. Errors as
    `correct`.
    """
    now = timezone.now()
    people = {wish.employee.pk for wish in wishes}
    if own_hand(origin.actor, people):
        raise PermissionDenied(
            _("Nobody puts their own times right: ask for a correction, and somebody else decides.")
        )
    with transaction.atomic():
        lock(organization_id, people)
        zones = Zones(organization_id, people)
        for wish in wishes:
            wrong = objection(wish, zones, now)
            if wrong is not None:
                raise wrong
        rows = [*_entered(organization_id, wishes), *_voided(organization_id, wishes)]
        for row in rows:
            row.organization_id, row.made_at, row.made_by = organization_id, now, origin.actor
            row.regularization, row.manual_import = origin.regularization, origin.manual_import
        Correction.objects.bulk_create(rows, batch_size=AT_ONCE)
        stale.note_punches(organization_id, [(row.employee_id, row.at) for row in rows])
    return rows


def entered_before(
    organization_id: int, people: Collection[UUID], times: Collection[datetime]
) -> set[tuple[UUID, datetime, str]]:
    """Times (employee, instant, direction or empty) that were entered before and count, within the
    span of `times`.
    """
    if not times:
        return set()
    rows = Correction.objects.of(organization_id).filter(
        employee__in=people, kind=Kind.ADD, voided__isnull=True, at__range=(min(times), max(times))
    )
    return {
        (one, at, way or "")
        for one, at, way in rows.order_by().values_list("employee_id", "at", "direction")
    }


def _entered(organization_id: int, wishes: Sequence[Wish]) -> list[Correction]:
    pairs = [(wish, entry) for wish in wishes for entry in wish.enter]
    people = {wish.employee.pk for wish, _entry in pairs}
    known = entered_before(organization_id, people, [entry.at for _wish, entry in pairs])
    rows = []
    for wish, entry in pairs:
        key = (wish.employee.pk, entry.at, entry.direction or "")
        if key in known:
            raise Conflict(
                _("This time was entered before."),
                code="ENTERED_BEFORE",
                rule="TIME",
                field=entry.field,
            )
        known.add(key)
        rows.append(
            Correction(
                employee=wish.employee,
                kind=Kind.ADD,
                at=entry.at,
                direction=entry.direction,
                reason=wish.reason.strip(),
            )
        )
    return rows


def _voided(organization_id: int, wishes: Sequence[Wish]) -> list[Correction]:
    wanted = {number for wish in wishes for number in wish.void}
    if not wanted:
        return []
    counting = Punch.objects.of(organization_id).filter(
        verdict__in=(Verdict.ACCEPTED, Verdict.UNMATCHED)
    )
    punches = counting.select_related("match").in_bulk([number for number in wanted if number > 0])
    numbers = [number * causes.CORRECTION for number in wanted if number < 0]
    times = Correction.objects.of(organization_id).filter(kind=Kind.ADD).in_bulk(numbers)
    gone = Correction.objects.of(organization_id)
    voided = set(gone.filter(voids_punch__in=punches).values_list("voids_punch", flat=True))
    voided |= {
        pk * causes.CORRECTION
        for pk in gone.filter(voids__in=times).values_list("voids", flat=True)
        if pk is not None
    }
    rows = []
    for wish in wishes:
        for number in wish.void:
            punch, time = punches.get(number), times.get(number * causes.CORRECTION)
            at = _time_of(punch, time, wish.employee)
            if number in voided:
                raise Conflict(
                    _("This does not count already."),
                    code="VOIDED_BEFORE",
                    rule="TIME",
                    field="void",
                )
            voided.add(number)
            rows.append(
                Correction(
                    employee=wish.employee,
                    kind=Kind.VOID,
                    at=at,
                    voids_punch=punch,
                    voids=time,
                    reason=wish.reason.strip(),
                )
            )
    return rows


def _time_of(punch: Punch | None, time: Correction | None, employee: Employee) -> datetime:
    """When that was which is not to count. Raises Refused when it is nothing of this employee's."""
    if time is not None and time.employee_id == employee.pk:
        return time.at
    if punch is not None:
        whose = punch.match.employee_id if hasattr(punch, "match") else punch.employee_id
        if whose == employee.pk:
            return punch.occurred_at
    raise Refused(
        _("This is no time of this employee's that counts."),
        code="NOT_THEIRS",
        rule="TIME",
        field="void",
    )
