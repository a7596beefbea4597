"""Verbs on tours: apply, decide, cancel, curtail, extend, complete; and what tours cover, for the
phone door and for days.

Each is one transaction that holds the tour's row and notes the change for the floors above. Which
half-days a tour takes is claimed in `employees.daybook`, where leave claims too: the database lets
only one of them have a half-day.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from accounts.abilities import may_decide
from accounts.models import User
from employees import daybook
from employees.models import Assignment, Change, DayClaim, Employee
from employees.refusals import Conflict, Refused
from employees.services import note_change
from tours import papers, spans
from tours.models import Tour, TourEvent

Status = Tour.Status
What = TourEvent.What
LONGEST = timedelta(days=366)


def zone_of(employee: Employee, at: datetime) -> ZoneInfo:
    """The clock on an employee's wall at an instant: of the site of that day, else of the
    organization.
    """
    own = ZoneInfo(employee.organization.timezone)
    day = at.astimezone(own).date()
    rows = Assignment.objects.of(employee.organization_id).filter(
        employee=employee, starts_on__lte=day
    )
    place = next((one for one in rows.select_related("site") if one.covers(day)), None)
    return ZoneInfo(place.site.timezone) if place and place.site.timezone else own


def _slots(tour: Tour) -> list[tuple[date, str]]:
    zone = zone_of(tour.employee, tour.start_at)
    return spans.halves(tour.start_at, tour.end_at, zone, spans.lunch(settings.LUNCH))


def _note(tour: Tour, start: datetime | None = None, end: datetime | None = None) -> None:
    first, last = spans.dates(
        start or tour.start_at, end or tour.end_at, zone_of(tour.employee, tour.start_at)
    )
    note_change(tour.employee, Change.Kind.TOUR, first, last)


def _event(
    tour: Tour, what: TourEvent.What, actor: User | None, remarks: str = "", **details: Any
) -> None:
    TourEvent.objects.create(
        organization_id=tour.organization_id,
        tour=tour,
        at=timezone.now(),
        what=what,
        actor=actor,
        remarks=remarks,
        details=details,
    )


# --- Applying and deciding ------------------------------------------------------------------------
def apply(
    tour: Tour, *, actor: User | None, own_hand: bool = True, paper_ids: Collection[int] = ()
) -> Tour:
    """Store a tour that waits for a decision; its half-days are taken from now on. Raises
    Refused.
    """
    with transaction.atomic():
        return enter(tour, actor=actor, own_hand=own_hand, paper_ids=paper_ids)


def enter(
    tour: Tour,
    *,
    actor: User | None,
    own_hand: bool = True,
    paper_ids: Collection[int] | None = None,
) -> Tour:
    """Judge a tour, and let it wait for a decision. Within a transaction; a draft's row is held
    there. Raises Refused.

    Some days after it began only HR enters a tour. `paper_ids`: None leaves the papers as they are.
    """
    tour.applied_by, tour.applied_at, tour.status = actor, timezone.now(), Status.PENDING
    _in_bounds(tour)
    if own_hand and timezone.now() - tour.start_at > timedelta(days=settings.TOUR_BACKDATE_DAYS):
        raise Refused(
            _("A tour that began more than %(days)d days ago is entered by HR.")
            % {"days": settings.TOUR_BACKDATE_DAYS},
            code="BACKDATED",
            rule="T6",
            field="start_at",
            details={"limit": settings.TOUR_BACKDATE_DAYS},
        )
    tour.full_clean()
    tour.save()
    if paper_ids is not None:
        papers.attach(tour, paper_ids)
    _claim(tour)
    _event(tour, What.APPLIED, actor, tour.purpose[:500])
    return tour


def in_order(tour: Tour) -> None:
    """Raise Refused when a tour ends before it begins."""
    if tour.end_at <= tour.start_at:
        raise Refused(
            _("The return is before the departure."),
            code="DATES_REVERSED",
            rule="FORM",
            field="end_at",
        )


def _in_bounds(tour: Tour) -> None:
    in_order(tour)
    if tour.end_at - tour.start_at > LONGEST:
        raise Refused(
            _("A tour lasts %(days)d days at most.") % {"days": LONGEST.days},
            code="TOO_LONG",
            rule="T4",
            field="end_at",
            details={"limit": LONGEST.days},
        )
    first, last = spans.dates(tour.start_at, tour.end_at, zone_of(tour.employee, tour.start_at))
    left = tour.employee.left_on
    if first < tour.employee.joined_on or (left is not None and last > left):
        raise Refused(
            _("The tour lies outside the time of service."),
            code="NOT_EMPLOYED",
            rule="T1",
            field="start_at",
        )


def _claim(tour: Tour) -> None:
    try:
        daybook.claim(tour.employee, _slots(tour), tour.holder)
    except daybook.Taken as error:
        raise _taken(error) from error


def _taken(error: daybook.Taken) -> Refused:
    sort, _sep, number = error.holder.partition(":")
    details = {sort: int(number), "date": error.on.isoformat(), "half": str(error.half)}
    words = {"date": formats.date_format(error.on), "number": number}
    if sort == "leave":
        text = (
            _("Leave (%(number)s) takes %(date)s already; have it cancelled or cut short first.")
            % words
        )
        return Refused(text, code="LEAVE_CONFLICT", rule="T8", field="start_at", details=details)
    text = _("Another tour (%(number)s) takes %(date)s already.") % words
    return Refused(text, code="OVERLAP", rule="CLAIM", field="start_at", details=details)


def held(tour: Tour) -> Tour:
    """The tour as it is now, its row locked until the end of the transaction. Raises Conflict for a
    draft that is no more.
    """
    rows = Tour.objects.of(tour.organization_id).select_related("employee__organization")
    found = rows.select_for_update(of=("self",)).filter(pk=tour.pk).first()
    if found is None:
        raise Conflict(_("This draft was discarded."), code="DISCARDED", rule="T6", field="status")
    return found


def _authority(actor: User, tour: Tour) -> None:
    if actor.employee_id == tour.employee_id and actor.employee_id is not None:
        raise PermissionDenied(_("Nobody decides on their own tour."))
    if not (actor.is_superuser or may_decide(actor, tour.employee)):
        raise PermissionDenied(_("This tour is not yours to decide."))


def _must_be(tour: Tour, *allowed: Tour.Status) -> None:
    if tour.status == Status.DRAFT:
        raise Conflict(
            _("This tour is a draft: it is sent in or discarded."),
            code="NOT_SENT_IN",
            rule="T6",
            field="status",
            details={"status": tour.status},
        )
    if tour.status not in allowed:
        raise Conflict(
            _("This tour is %(status)s already.") % {"status": tour.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="T6",
            field="decision",
            details={"status": tour.status},
        )


def _decided(tour: Tour, status: Tour.Status, actor: User, remarks: str) -> None:
    tour.status, tour.decided_by, tour.decided_at, tour.remarks = (
        status,
        actor,
        timezone.now(),
        remarks,
    )
    tour.save(update_fields=["status", "decided_by", "decided_at", "remarks"])


def decide(tour: Tour, *, actor: User, approve: bool, remarks: str = "") -> Tour:
    """Approve or reject what is pending. Raises Conflict when it was decided before."""
    with transaction.atomic():
        one = held(tour)
        _authority(actor, one)
        _must_be(one, Status.PENDING)
        _decided(one, Status.APPROVED if approve else Status.REJECTED, actor, remarks)
        if not approve:
            daybook.let_go(one.employee, one.holder)
        _event(one, What.APPROVED if approve else What.REJECTED, actor, remarks)
        _note(one)
    return one


def cancel(tour: Tour, *, actor: User, remarks: str = "") -> Tour:
    """Take a tour back: the traveller before it begins, its authority at any time."""
    with transaction.atomic():
        one = held(tour)
        own = actor.employee_id is not None and actor.employee_id == one.employee_id
        _must_be(one, *Tour.LIVE)
        if own and one.status == Status.APPROVED and one.start_at <= timezone.now():
            raise Refused(
                _("A tour that has begun is cut short by its authority."),
                code="ALREADY_BEGUN",
                rule="T6",
                field="status",
            )
        if not own:
            _authority(actor, one)
        _decided(one, Status.CANCELLED, actor, remarks)
        daybook.let_go(one.employee, one.holder)
        _event(one, What.CANCELLED, actor, remarks)
        _note(one)
    return one


# --- While it lasts, and after --------------------------------------------------------------------
def curtail(tour: Tour, *, end_at: datetime, actor: User, remarks: str = "") -> Tour:
    """End a tour earlier; the half-days after `end_at` are free again."""
    with transaction.atomic():
        one = held(tour)
        _authority(actor, one)
        _must_be(one, *Tour.LIVE)
        if not one.start_at < end_at < one.end_at:
            raise Refused(
                _("A tour is cut short to a time within it."),
                code="NOT_WITHIN",
                rule="T8",
                field="end_at",
            )
        was, before = one.end_at, set(_slots(one))
        one.end_at = end_at
        one.save(update_fields=["end_at"])
        daybook.let_go(one.employee, one.holder, before - set(_slots(one)))
        _event(one, What.CURTAILED, actor, remarks, was=was.isoformat(), end_at=end_at.isoformat())
        _note(one, end=was)
    return one


def extend(tour: Tour, *, end_at: datetime, actor: User, remarks: str = "") -> Tour:
    """End a tour later, by its authority. Raises Refused when the further days are taken."""
    with transaction.atomic():
        one = held(tour)
        _authority(actor, one)
        _must_be(one, *Tour.LIVE)
        if end_at <= one.end_at:
            raise Refused(
                _("A tour is extended to a later time."),
                code="NOT_AFTER",
                rule="T8",
                field="end_at",
            )
        was, before = one.end_at, set(_slots(one))
        one.end_at = end_at
        _in_bounds(one)
        one.save(update_fields=["end_at"])
        try:
            # What casual leave lies over is not taken back from it.
            daybook.claim(
                one.employee, [slot for slot in _slots(one) if slot not in before], one.holder
            )
        except daybook.Taken as error:
            raise _taken(error) from error
        _event(one, What.EXTENDED, actor, remarks, was=was.isoformat(), end_at=end_at.isoformat())
        _note(one)
    return one


def complete(tour: Tour, *, actor: User, report: str) -> Tour:
    """Hand in the return report of an approved tour that is over: the traveller, or HR in their
    place.
    """
    with transaction.atomic():
        one = held(tour)
        if actor.employee_id != one.employee_id:
            _authority(actor, one)
        _must_be(one, Status.APPROVED)
        if one.end_at > timezone.now():
            raise Refused(
                _("The tour is not over yet."), code="NOT_OVER", rule="T5", field="report"
            )
        one.status, one.report = Status.COMPLETED, report
        one.save(update_fields=["status", "report"])
        _event(one, What.COMPLETED, actor, report[:500])
        _note(one)
    return one


# --- What tours cover -----------------------------------------------------------------------------
def covering(organization_id: int, employee_id: Any, at: datetime) -> Tour | None:
    """The approved tour on which somebody is at an instant, both ends included; None when there is
    none. One query.
    """
    granted = Tour.objects.of(organization_id).granted()
    return (
        granted.filter(employee=employee_id, start_at__lte=at, end_at__gte=at)
        .order_by("pk")
        .first()
    )


@dataclass(frozen=True, slots=True)
class Covered:
    """A half-day on which somebody is on tour."""

    employee_id: Any
    date: date
    half: str
    tour_id: int
    tour_type: str


def covered(
    organization_id: int, first: date, last: date, employees: Iterable[Any] | None = None
) -> list[Covered]:
    """The half-days of approved tours between two dates, both included; not those that casual leave
    lies over.
    """
    claims = DayClaim.objects.of(organization_id).filter(
        holder__startswith="tour:", date__range=(first, last)
    )
    if employees is not None:
        claims = claims.filter(employee__in=list(employees))
    rows = list(claims.order_by("date", "-half", "employee"))
    granted = (
        Tour.objects.of(organization_id)
        .granted()
        .filter(pk__in={int(one.holder[5:]) for one in rows})
    )
    types = dict(granted.values_list("pk", "tour_type"))
    return [
        Covered(one.employee_id, one.date, one.half, number, types[number])
        for one in rows
        if (number := int(one.holder[5:])) in types
    ]
