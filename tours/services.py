"""Verbs on tours: apply, decide, cancel, curtail, extend, complete; and what tours cover, for the
phone channel and for days.

Each is one transaction that holds the tour's row and notes the change for the floors above. Which
half-days a tour takes is claimed in `employees.half_day_reservations`, where leave claims too: the
database lets only one of them have a half-day.
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

from accounts.models import User
from accounts.permissions import can_decide_for
from core.errors import Conflict, RuleViolation
from employees import half_day_reservations
from employees.changes import record_change
from employees.models import Assignment, Change, Employee, HalfDayReservation
from tours import attachments as tour_attachments
from tours import half_days
from tours.models import Tour, TourEvent

TourStatus = Tour.Status
TourAction = TourEvent.Action
MAX_TOUR_LENGTH = timedelta(days=366)


def employee_timezone(employee: Employee, at: datetime) -> ZoneInfo:
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


def _half_days(tour: Tour) -> list[tuple[date, str]]:
    zone = employee_timezone(tour.employee, tour.start_at)
    return half_days.half_days_within(
        tour.start_at,
        tour.end_at,
        zone,
        half_days.parse_half_day_boundary(settings.HALF_DAY_BOUNDARY),
    )


def _record_change(tour: Tour, start: datetime | None = None, end: datetime | None = None) -> None:
    first, last = half_days.local_dates(
        start or tour.start_at, end or tour.end_at, employee_timezone(tour.employee, tour.start_at)
    )
    record_change(tour.employee, Change.Kind.TOUR, first, last)


def _record_event(
    tour: Tour, action: TourEvent.Action, actor: User | None, remarks: str = "", **details: Any
) -> None:
    TourEvent.objects.create(
        organization_id=tour.organization_id,
        tour=tour,
        at=timezone.now(),
        action=action,
        actor=actor,
        remarks=remarks,
        details=details,
    )


# --- Applying and deciding ------------------------------------------------------------------------
def apply_for_tour(
    tour: Tour, *, actor: User | None, self_service: bool = True, document_ids: Collection[int] = ()
) -> Tour:
    """Store a tour that waits for a decision; its half-days are taken from now on. Raises
    RuleViolation.
    """
    with transaction.atomic():
        return submit_tour(tour, actor=actor, self_service=self_service, document_ids=document_ids)


def submit_tour(
    tour: Tour,
    *,
    actor: User | None,
    self_service: bool = True,
    document_ids: Collection[int] | None = None,
) -> Tour:
    """Judge a tour, and let it wait for a decision. Within a transaction; a draft's row is held
    there. Raises RuleViolation.

    Some days after it began only HR enters a tour. `document_ids`: None leaves the papers as they
    are.
    """
    tour.applied_by, tour.applied_at, tour.status = actor, timezone.now(), TourStatus.PENDING
    _require_valid_period(tour)
    if self_service and timezone.now() - tour.start_at > timedelta(
        days=settings.TOUR_BACKDATE_DAYS
    ):
        raise RuleViolation(
            _("Only HR can enter a tour that began more than %(days)d days ago.")
            % {"days": settings.TOUR_BACKDATE_DAYS},
            code="BACKDATED",
            rule="T6",
            field="start_at",
            details={"limit": settings.TOUR_BACKDATE_DAYS},
        )
    tour.full_clean()
    tour.save()
    if document_ids is not None:
        tour_attachments.attach_tour_documents(tour, document_ids)
    _reserve_half_days(tour)
    _record_event(tour, TourAction.APPLIED, actor, tour.purpose[:500])
    return tour


def require_tour_dates_in_order(tour: Tour) -> None:
    """Raise RuleViolation when a tour ends before it begins."""
    if tour.end_at <= tour.start_at:
        raise RuleViolation(
            _("The return is before the departure."),
            code="DATES_REVERSED",
            rule="FORM",
            field="end_at",
        )


def _require_valid_period(tour: Tour) -> None:
    require_tour_dates_in_order(tour)
    if tour.end_at - tour.start_at > MAX_TOUR_LENGTH:
        raise RuleViolation(
            _("A tour can last at most %(days)d days.") % {"days": MAX_TOUR_LENGTH.days},
            code="TOO_LONG",
            rule="T4",
            field="end_at",
            details={"limit": MAX_TOUR_LENGTH.days},
        )
    first, last = half_days.local_dates(
        tour.start_at, tour.end_at, employee_timezone(tour.employee, tour.start_at)
    )
    left = tour.employee.left_on
    if first < tour.employee.joined_on or (left is not None and last > left):
        raise RuleViolation(
            _("The tour is outside the period of employment."),
            code="NOT_EMPLOYED",
            rule="T1",
            field="start_at",
        )


def _reserve_half_days(tour: Tour) -> None:
    try:
        half_day_reservations.reserve_half_days(
            tour.employee, _half_days(tour), tour.reservation_holder
        )
    except half_day_reservations.AlreadyReserved as error:
        raise _overlap_error(error) from error


def _overlap_error(error: half_day_reservations.AlreadyReserved) -> RuleViolation:
    sort, _sep, number = error.holder.partition(":")
    details = {sort: int(number), "date": error.on.isoformat(), "half": str(error.half)}
    words = {"date": formats.date_format(error.on), "number": number}
    if sort == "leave":
        text = (
            _("Leave (%(number)s) already covers %(date)s. Have it cancelled or shortened first.")
            % words
        )
        return RuleViolation(
            text, code="LEAVE_CONFLICT", rule="T8", field="start_at", details=details
        )
    text = _("Another tour (%(number)s) already covers %(date)s.") % words
    return RuleViolation(text, code="OVERLAP", rule="CLAIM", field="start_at", details=details)


def lock_tour(tour: Tour) -> Tour:
    """The tour as it is now, its row locked until the end of the transaction. Raises Conflict for a
    draft that is no more.
    """
    rows = Tour.objects.of(tour.organization_id).select_related("employee__organization")
    found = rows.select_for_update(of=("self",)).filter(pk=tour.pk).first()
    if found is None:
        raise Conflict(_("This draft was discarded."), code="DISCARDED", rule="T6", field="status")
    return found


def _require_authority(actor: User, tour: Tour) -> None:
    if actor.employee_id == tour.employee_id and actor.employee_id is not None:
        raise PermissionDenied(_("You cannot decide on your own tour."))
    if not (actor.is_superuser or can_decide_for(actor, tour.employee)):
        raise PermissionDenied(_("You may not decide on this tour."))


def _require_status(tour: Tour, *allowed: Tour.Status) -> None:
    if tour.status == TourStatus.DRAFT:
        raise Conflict(
            _("This tour is a draft: submit it or discard it."),
            code="NOT_SENT_IN",
            rule="T6",
            field="status",
            details={"status": tour.status},
        )
    if tour.status not in allowed:
        raise Conflict(
            _("This tour is already %(status)s.") % {"status": tour.get_status_display().lower()},
            code="ALREADY_DECIDED",
            rule="T6",
            field="decision",
            details={"status": tour.status},
        )


def _save_decision(tour: Tour, status: Tour.Status, actor: User, remarks: str) -> None:
    tour.status, tour.decided_by, tour.decided_at, tour.remarks = (
        status,
        actor,
        timezone.now(),
        remarks,
    )
    tour.save(update_fields=["status", "decided_by", "decided_at", "remarks"])


def decide_tour(tour: Tour, *, actor: User, approve: bool, remarks: str = "") -> Tour:
    """Approve or reject what is pending. Raises Conflict when it was decided before."""
    with transaction.atomic():
        one = lock_tour(tour)
        _require_authority(actor, one)
        _require_status(one, TourStatus.PENDING)
        _save_decision(one, TourStatus.APPROVED if approve else TourStatus.REJECTED, actor, remarks)
        if not approve:
            half_day_reservations.release_half_days(one.employee, one.reservation_holder)
        _record_event(one, TourAction.APPROVED if approve else TourAction.REJECTED, actor, remarks)
        _record_change(one)
    return one


def cancel_tour(tour: Tour, *, actor: User, remarks: str = "") -> Tour:
    """Take a tour back: the traveller before it begins, its authority at any time."""
    with transaction.atomic():
        one = lock_tour(tour)
        own = actor.employee_id is not None and actor.employee_id == one.employee_id
        _require_status(one, *Tour.ACTIVE_STATUSES)
        if own and one.status == TourStatus.APPROVED and one.start_at <= timezone.now():
            raise RuleViolation(
                _("Only an approver can shorten a tour that has begun."),
                code="ALREADY_BEGUN",
                rule="T6",
                field="status",
            )
        if not own:
            _require_authority(actor, one)
        _save_decision(one, TourStatus.CANCELLED, actor, remarks)
        half_day_reservations.release_half_days(one.employee, one.reservation_holder)
        _record_event(one, TourAction.CANCELLED, actor, remarks)
        _record_change(one)
    return one


# --- While it lasts, and after --------------------------------------------------------------------
def curtail_tour(tour: Tour, *, end_at: datetime, actor: User, remarks: str = "") -> Tour:
    """End a tour earlier; the half-days after `end_at` are free again."""
    with transaction.atomic():
        one = lock_tour(tour)
        _require_authority(actor, one)
        _require_status(one, *Tour.ACTIVE_STATUSES)
        if not one.start_at < end_at < one.end_at:
            raise RuleViolation(
                _("The new end must be within the tour."),
                code="NOT_WITHIN",
                rule="T8",
                field="end_at",
            )
        was, before = one.end_at, set(_half_days(one))
        one.end_at = end_at
        one.save(update_fields=["end_at"])
        half_day_reservations.release_half_days(
            one.employee, one.reservation_holder, before - set(_half_days(one))
        )
        _record_event(
            one,
            TourAction.CURTAILED,
            actor,
            remarks,
            was=was.isoformat(),
            end_at=end_at.isoformat(),
        )
        _record_change(one, end=was)
    return one


def extend_tour(tour: Tour, *, end_at: datetime, actor: User, remarks: str = "") -> Tour:
    """End a tour later, by its authority. Raises RuleViolation when the further days are taken."""
    with transaction.atomic():
        one = lock_tour(tour)
        _require_authority(actor, one)
        _require_status(one, *Tour.ACTIVE_STATUSES)
        if end_at <= one.end_at:
            raise RuleViolation(
                _("The new end must be later than the present end."),
                code="NOT_AFTER",
                rule="T8",
                field="end_at",
            )
        was, before = one.end_at, set(_half_days(one))
        one.end_at = end_at
        _require_valid_period(one)
        one.save(update_fields=["end_at"])
        try:
            # What casual leave lies over is not taken back from it.
            half_day_reservations.reserve_half_days(
                one.employee,
                [slot for slot in _half_days(one) if slot not in before],
                one.reservation_holder,
            )
        except half_day_reservations.AlreadyReserved as error:
            raise _overlap_error(error) from error
        _record_event(
            one, TourAction.EXTENDED, actor, remarks, was=was.isoformat(), end_at=end_at.isoformat()
        )
        _record_change(one)
    return one


def complete_tour(tour: Tour, *, actor: User, report: str) -> Tour:
    """Hand in the return report of an approved tour that is over: the traveller, or HR in their
    place.
    """
    with transaction.atomic():
        one = lock_tour(tour)
        if actor.employee_id != one.employee_id:
            _require_authority(actor, one)
        _require_status(one, TourStatus.APPROVED)
        if one.end_at > timezone.now():
            raise RuleViolation(
                _("The tour is not over yet."), code="NOT_OVER", rule="T5", field="report"
            )
        one.status, one.report = TourStatus.COMPLETED, report
        one.save(update_fields=["status", "report"])
        _record_event(one, TourAction.COMPLETED, actor, report[:500])
        _record_change(one)
    return one


# --- What tours cover -----------------------------------------------------------------------------
def approved_tour_at(organization_id: int, employee_id: Any, at: datetime) -> Tour | None:
    """The approved tour on which somebody is at an instant, both ends included; None when there is
    none. One query.
    """
    granted = Tour.objects.of(organization_id).counted_as_duty()
    return (
        granted.filter(employee=employee_id, start_at__lte=at, end_at__gte=at)
        .order_by("pk")
        .first()
    )


@dataclass(frozen=True, slots=True)
class TourHalfDay:
    """A half-day on which somebody is on tour."""

    employee_id: Any
    date: date
    half: str
    tour_id: int
    tour_type: str


def tour_half_days(
    organization_id: int, first: date, last: date, employees: Iterable[Any] | None = None
) -> list[TourHalfDay]:
    """The half-days of approved tours between two dates, both included; not those that casual leave
    lies over.
    """
    claims = HalfDayReservation.objects.of(organization_id).filter(
        holder__startswith="tour:", date__range=(first, last)
    )
    if employees is not None:
        claims = claims.filter(employee__in=list(employees))
    rows = list(claims.order_by("date", "-half", "employee"))
    granted = (
        Tour.objects.of(organization_id)
        .counted_as_duty()
        .filter(pk__in={int(one.holder[5:]) for one in rows})
    )
    types = dict(granted.values_list("pk", "tour_type"))
    return [
        TourHalfDay(one.employee_id, one.date, one.half, number, types[number])
        for one in rows
        if (number := int(one.holder[5:])) in types
    ]
