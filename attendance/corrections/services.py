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
from attendance import recalculation_queue
from attendance.days import inputs as day_inputs
from attendance.days.counted_punches import CountedPunch
from attendance.days.punch_assignment import assign_punches_to_days
from attendance.days.results import DayContext
from attendance.models import Correction, ManualImport, Punch, Regularization, Verdict
from core.errors import Conflict, RuleViolation
from core.times import to_local_time, wall_time_to_utc
from employees.models import Assignment, Employee
from shifts.schedule import ScheduledShift

DAY: Final = timedelta(days=1)
MAX_SPAN: Final = timedelta(hours=48)
FIRST_YEAR: Final = 1950
# Punches of the days around a date may belong to it, or continue what began before it.
CONTEXT_WINDOW: Final = timedelta(days=7)
BATCH_SIZE: Final = 1000
MAX_REASON_LENGTH: Final = 400
# What a time is called that is only tried: no punch and no entered time has such a number.
ENTERED_ID_START: Final = 10**15
CorrectionKind = Correction.Kind


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """A time that is to count: `at` in UTC; `direction` None where turns decide. `field` is where a
    caller said it.
    """

    at: datetime
    direction: str | None = None
    field: str = "at"


@dataclass(frozen=True, slots=True)
class CorrectionInput:
    """What is to be put right for somebody: times to enter, and stamps that are not to count (as
    `days.inputs` numbers them).
    """

    employee: Employee
    reason: str
    enter: Sequence[TimeEntry] = ()
    void: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class CorrectionOrigin:
    """Who puts it right, and what it comes from."""

    actor: User | None = None
    regularization: Regularization | None = None
    manual_import: ManualImport | None = None


# --- Where and when somebody is in service --------------------------------------------------------
class EmployeeZones:
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

    def zone_on(self, employee: Employee, on: date) -> str:
        """The zone of the site of a date, or the organization's."""
        post = next((one for one in self._posts[employee.pk] if one.covers(on)), None)
        return (post.site.timezone if post else "") or employee.organization.timezone

    def local_date(self, employee: Employee, at: datetime) -> date:
        """The date on the wall of where somebody worked at an instant."""
        home = to_local_time(at, employee.organization.timezone).date()
        return to_local_time(at, self.zone_on(employee, home)).date()

    def to_instant(self, employee: Employee, naive: datetime) -> tuple[datetime, tuple[str, ...]]:
        """What a clock on their wall showed as an instant, with flags of `core.times`. Raises
        OverflowError.
        """
        return wall_time_to_utc(naive, ZoneInfo(self.zone_on(employee, naive.date())))


def load_day_context(
    employee: Employee,
    on: date,
    now: datetime,
    *,
    enter: Sequence[TimeEntry] = (),
    void: Collection[int] = (),
) -> tuple[ScheduledShift, list[CountedPunch], DayContext]:
    """What somebody was expected to do on a date, what of the punches belongs to it as of now, and
    what stands beside them.

    `enter` and `void`: as if these times were entered and these stamps did not count. What is
    entered is numbered from ENTERED.
    """
    read = day_inputs.load_day_inputs(
        employee.organization_id, [employee.pk], on - CONTEXT_WINDOW, on + CONTEXT_WINDOW
    )
    person = read.employees[employee.pk]
    dates = [
        on + timedelta(days=number)
        for number in range(-CONTEXT_WINDOW.days, CONTEXT_WINDOW.days + 1)
    ]
    added = [
        CountedPunch(ENTERED_ID_START + number, one.at, one.direction)
        for number, one in enumerate(enter)
    ]
    counting = [*(one for one in person.punches if one.id not in void), *added]
    stamps = assign_punches_to_days(counting, day_inputs.scheduled_shifts(read, person, dates)).get(
        on, []
    )
    return read.scheduled_shift(person, on), stamps, read.day_context(person, on, now)


def window_error(entries: Iterable[TimeEntry], shift: ScheduledShift) -> RuleViolation | None:
    """That a time lies outside the window in which somebody is seen for a date: it would not count
    there.
    """
    window = shift.window
    found = next((one for one in entries if not window.start <= one.at <= window.end), None)
    if found is None:
        return None
    words = {
        name: f"{to_local_time(at, shift.zone):%Y-%m-%d %H:%M}"
        for name, at in (("start", window.start), ("end", window.end))
    }
    return RuleViolation(
        _("A time of this day must be between %(start)s and %(end)s.") % words,
        code="OUTSIDE_WINDOW",
        rule="R2",
        field=found.field,
        details={"start": window.start.isoformat(), "end": window.end.isoformat()},
    )


# --- What stands against it -----------------------------------------------------------------------
def correction_error(
    request: CorrectionInput, zones: EmployeeZones, now: datetime
) -> RuleViolation | None:
    """What of the wish itself stands against it: nothing said, no reason, times that cannot be."""
    if not request.enter and not request.void:
        return RuleViolation(
            _("Enter a time, or select what does not count."),
            code="NOTHING",
            rule="FORM",
            field="at",
        )
    if not request.reason.strip():
        return RuleViolation(_("Enter a reason."), code="REASON", rule="FORM", field="reason")
    if len(request.reason.strip()) > MAX_REASON_LENGTH:
        return RuleViolation(
            _("A reason can have at most %(most)d characters.") % {"most": MAX_REASON_LENGTH},
            code="REASON",
            rule="FORM",
            field="reason",
        )
    for entry in request.enter:
        wrong = _time_error(entry, request.employee, zones, now)
        if wrong is not None:
            return wrong
    return _span_error(request.enter)


def _time_error(
    entry: TimeEntry, employee: Employee, zones: EmployeeZones, now: datetime
) -> RuleViolation | None:
    if entry.at.year < FIRST_YEAR:
        return RuleViolation(
            _("There is no calendar for this year."), code="TOO_OLD", rule="TIME", field=entry.field
        )
    if entry.at > now:
        return RuleViolation(
            _("This time is in the future."), code="FUTURE", rule="TIME", field=entry.field
        )
    on = zones.local_date(employee, entry.at)
    # A last night's shift ends on the morning after.
    if on < employee.joined_on or (employee.left_on is not None and on > employee.left_on + DAY):
        return RuleViolation(
            _("This time is outside the period of service."),
            code="NOT_EMPLOYED",
            rule="TIME",
            field=entry.field,
        )
    return None


def _span_error(entries: Sequence[TimeEntry]) -> RuleViolation | None:
    ins = [one for one in entries if one.direction == "in"]
    outs = [one for one in entries if one.direction == "out"]
    if ins and outs and max(one.at for one in ins) >= min(one.at for one in outs):
        return RuleViolation(
            _("The out time must be after the in time."),
            code="OUT_BEFORE_IN",
            rule="TIME",
            field=outs[0].field,
        )
    times = sorted(entries, key=lambda one: one.at)
    if times and times[-1].at - times[0].at > MAX_SPAN:
        return RuleViolation(
            _("The times are more than %(hours)d hours apart.")
            % {"hours": int(MAX_SPAN / timedelta(hours=1))},
            code="TOO_LONG",
            rule="TIME",
            field=times[-1].field,
            details={"limit": int(MAX_SPAN / timedelta(hours=1))},
        )
    return None


def is_self_correction(actor: User | None, employee_ids: Collection[UUID]) -> bool:
    """Whether somebody would put their own times right: that is another's to do, whatever their
    role.
    """
    return actor is not None and actor.employee_id is not None and actor.employee_id in employee_ids


# --- The verb -------------------------------------------------------------------------------------
def lock_for_correction(organization_id: int, employees: Iterable[UUID]) -> None:
    """Hold the rows of some people until the end of the transaction: what is put right for them is
    put right in turn.
    """
    rows = Employee.objects.of(organization_id).filter(pk__in=list(employees)).order_by("pk")
    list(rows.select_for_update(no_key=True).values("pk"))


def correct_times(
    employee: Employee,
    *,
    reason: str,
    enter: Sequence[TimeEntry] = (),
    void: Collection[int] = (),
    origin: CorrectionOrigin | None = None,
) -> list[Correction]:
    """Enter times, void punches or times entered before, for one reason; the days around them are
    worked out again.

    Raises RuleViolation naming the field, Conflict when a time was entered or voided before,
    PermissionDenied for one's own times.
    """
    return bulk_correct_times(
        employee.organization_id,
        [CorrectionInput(employee, reason, enter, void)],
        origin or CorrectionOrigin(),
    )


def bulk_correct_times(
    organization_id: int, requests: Sequence[CorrectionInput], origin: CorrectionOrigin
) -> list[Correction]:
    """Put many things right at once, for people of one organization: all of them or none. Errors as
    `correct_times`.
    """
    now = timezone.now()
    people = {wish.employee.pk for wish in requests}
    if is_self_correction(origin.actor, people):
        raise PermissionDenied(
            _(
                "You cannot correct your own attendance. Request a correction; another person"
                " decides."
            )
        )
    with transaction.atomic():
        lock_for_correction(organization_id, people)
        zones = EmployeeZones(organization_id, people)
        for wish in requests:
            wrong = correction_error(wish, zones, now)
            if wrong is not None:
                raise wrong
        rows = [
            *_build_additions(organization_id, requests),
            *_build_voids(organization_id, requests),
        ]
        for row in rows:
            row.organization_id, row.made_at, row.made_by = organization_id, now, origin.actor
            row.regularization, row.manual_import = origin.regularization, origin.manual_import
        Correction.objects.bulk_create(rows, batch_size=BATCH_SIZE)
        recalculation_queue.mark_punch_days_stale(
            organization_id, [(row.employee_id, row.at) for row in rows]
        )
    return rows


def find_entered_times(
    organization_id: int, people: Collection[UUID], times: Collection[datetime]
) -> set[tuple[UUID, datetime, str]]:
    """Times (employee, instant, direction or empty) that were entered before and count, within the
    span of `core.times`.
    """
    if not times:
        return set()
    rows = Correction.objects.of(organization_id).filter(
        employee__in=people,
        kind=CorrectionKind.ADD,
        voided__isnull=True,
        at__range=(min(times), max(times)),
    )
    return {
        (one, at, way or "")
        for one, at, way in rows.order_by().values_list("employee_id", "at", "direction")
    }


def _build_additions(organization_id: int, requests: Sequence[CorrectionInput]) -> list[Correction]:
    pairs = [(wish, entry) for wish in requests for entry in wish.enter]
    people = {wish.employee.pk for wish, _entry in pairs}
    known = find_entered_times(organization_id, people, [entry.at for _wish, entry in pairs])
    rows = []
    for wish, entry in pairs:
        key = (wish.employee.pk, entry.at, entry.direction or "")
        if key in known:
            raise Conflict(
                _("This time is already entered."),
                code="ENTERED_BEFORE",
                rule="TIME",
                field=entry.field,
            )
        known.add(key)
        rows.append(
            Correction(
                employee=wish.employee,
                kind=CorrectionKind.ADD,
                at=entry.at,
                direction=entry.direction,
                reason=wish.reason.strip(),
            )
        )
    return rows


def _build_voids(organization_id: int, requests: Sequence[CorrectionInput]) -> list[Correction]:
    wanted = {number for wish in requests for number in wish.void}
    if not wanted:
        return []
    counting = Punch.objects.of(organization_id).filter(
        verdict__in=(Verdict.ACCEPTED, Verdict.UNMATCHED)
    )
    punches = counting.select_related("match").in_bulk([number for number in wanted if number > 0])
    numbers = [number * day_inputs.CORRECTION_SIGN for number in wanted if number < 0]
    times = Correction.objects.of(organization_id).filter(kind=CorrectionKind.ADD).in_bulk(numbers)
    gone = Correction.objects.of(organization_id)
    voided = set(gone.filter(voids_punch__in=punches).values_list("voids_punch", flat=True))
    voided |= {
        pk * day_inputs.CORRECTION_SIGN
        for pk in gone.filter(voids__in=times).values_list("voids", flat=True)
        if pk is not None
    }
    rows = []
    for wish in requests:
        for number in wish.void:
            punch, time = punches.get(number), times.get(number * day_inputs.CORRECTION_SIGN)
            at = _voided_time(punch, time, wish.employee)
            if number in voided:
                raise Conflict(
                    _("This time is already excluded."),
                    code="VOIDED_BEFORE",
                    rule="TIME",
                    field="void",
                )
            voided.add(number)
            rows.append(
                Correction(
                    employee=wish.employee,
                    kind=CorrectionKind.VOID,
                    at=at,
                    voids_punch=punch,
                    voids=time,
                    reason=wish.reason.strip(),
                )
            )
    return rows


def _voided_time(punch: Punch | None, time: Correction | None, employee: Employee) -> datetime:
    """When that was which is not to count. Raises RuleViolation when it is nothing of this
    employee's.
    """
    if time is not None and time.employee_id == employee.pk:
        return time.at
    if punch is not None:
        whose = punch.match.employee_id if hasattr(punch, "match") else punch.employee_id
        if whose == employee.pk:
            return punch.occurred_at
    raise RuleViolation(
        _("This is not a counted time of this employee."),
        code="NOT_THEIRS",
        rule="TIME",
        field="void",
    )
