"""Tours from application to return, and where they meet leave."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import User
from core.errors import Conflict, RuleViolation
from employees.models import Assignment, Change, Employee, HalfDayReservation
from leaves.models import LeaveApplication
from leaves.services.amendments import cancel_leave
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave
from leaves.services.decisions import decide_leave
from tests import people
from tests.leaves.conftest import Office, make_office
from tours.models import Tour, TourEvent
from tours.services.applications import apply_for_tour
from tours.services.changes import cancel_tour, complete_tour, curtail_tour, extend_tour
from tours.services.coverage import approved_tour_at, tour_half_days
from tours.services.decisions import decide_tour

DELHI = ZoneInfo("Asia/Kolkata")


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-06-29T06:30:00+00:00", tick=False):
        yield


@pytest.fixture
def office(world: people.World) -> Office:
    return make_office(world)


def at(day: int, clock: str = "09:00", month: int = 7) -> datetime:
    return datetime.combine(date(2026, month, day), time.fromisoformat(clock), DELHI)


def ask(employee: Employee, start: datetime, end: datetime, **facts: Any) -> Tour:
    self_service = facts.pop("self_service", True)
    tour = Tour(
        organization=employee.organization,
        employee=employee,
        start_at=start,
        end_at=end,
        purpose="Audit",
        **facts,
    )
    return apply_for_tour(tour, actor=None, self_service=self_service)


def code(call: Any, *values: Any, **more: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        call(*values, **more)
    assert isinstance(caught.value, RuleViolation)
    return caught.value.code


def leave_of(office: Office, kind: str, day: int, half: str = "") -> Any:
    on = date(2026, 7, day)
    application = apply_for_leave(
        office.asha,
        LeaveApplicationData(kind, on, on, half, bool(half), "personal"),
        actor=None,
    )
    return decide_leave(application, actor=office.bala, approve=True)


def test_example_41_casual_leave_lies_over_a_tour_and_earned_leave_does_not(office: Office) -> None:
    tour = decide_tour(ask(office.asha, at(6), at(8, "18:00")), actor=office.bala, approve=True)
    assert code(leave_of, office, "EL", 7) == "TOUR_CONFLICT"
    application = leave_of(office, "CL", 7)
    days = tour_half_days(office.organization.pk, date(2026, 7, 1), date(2026, 7, 31))
    assert [(one.date.day, one.half) for one in days] == [
        (6, "FN"),
        (6, "AN"),
        (8, "FN"),
        (8, "AN"),
    ]
    cancel_leave(application, actor=office.bala)
    assert len(tour_half_days(office.organization.pk, date(2026, 7, 1), date(2026, 7, 31))) == 6
    assert HalfDayReservation.objects.filter(holder=tour.reservation_holder).count() == 6


def test_example_42_a_tour_waits_until_leave_is_taken_back(office: Office) -> None:
    application = leave_of(office, "EL", 8)
    assert code(ask, office.asha, at(8), at(8, "18:00")) == "LEAVE_CONFLICT"
    cancel_leave(application, actor=office.bala)
    ask(office.asha, at(8), at(8, "18:00"))


def test_a_cancelled_tour_leaves_the_casual_leave_upon_it(office: Office) -> None:
    tour = decide_tour(ask(office.asha, at(6), at(8, "18:00")), actor=office.bala, approve=True)
    application = leave_of(office, "CL", 7)
    cancel_tour(tour, actor=office.bala)
    assert set(HalfDayReservation.objects.values_list("holder", "overlaid_holder")) == {
        (application.holder, "")
    }


def test_half_a_day_on_local_tour_and_half_a_day_of_leave_share_a_date(office: Office) -> None:
    ask(office.asha, at(6, "14:00"), at(6, "17:30"), tour_type=Tour.Type.LOCAL_TOUR)
    leave_of(office, "CL", 6, half="FN")
    assert set(HalfDayReservation.objects.values_list("half", "holder")) == {
        ("AN", f"tour:{Tour.objects.get().pk}"),
        ("FN", f"leave:{LeaveApplication.objects.get().pk}"),
    }


def test_two_tours_do_not_overlap(office: Office) -> None:
    ask(office.asha, at(6), at(8, "12:00"))
    assert code(ask, office.asha, at(8, "10:00"), at(9)) == "OVERLAP"
    ask(office.asha, at(8, "14:00"), at(9))


def test_an_approved_tour_covers_its_instants_and_nothing_else(office: Office) -> None:
    organization, asha = office.organization.pk, office.asha.pk
    tour = ask(office.asha, at(6), at(8, "18:00"))
    assert approved_tour_at(organization, asha, at(7)) is None
    decide_tour(tour, actor=office.bala, approve=True)
    assert approved_tour_at(organization, asha, at(6)) == tour
    assert approved_tour_at(organization, asha, at(8, "18:00")) == tour
    assert approved_tour_at(organization, asha, at(8, "18:01")) is None
    assert approved_tour_at(organization + 1, asha, at(7)) is None
    assert approved_tour_at(organization, office.bala.employee_id, at(7)) is None


def test_a_tour_is_decided_once_by_its_approver_and_never_by_the_traveller(
    world: people.World, office: Office
) -> None:
    tour = ask(office.asha, at(6), at(7))
    own = people.make_staff(world.acme, "asha", role="admin", employee=world.asha)
    foreign = people.make_staff(world.zenith, "chitra", employee=world.chitra)
    for actor in (own, foreign):
        with pytest.raises(PermissionDenied):
            decide_tour(tour, actor=actor, approve=True)
    decide_tour(tour, actor=office.bala, approve=False, remarks="No funds")
    with pytest.raises(Conflict):
        decide_tour(tour, actor=office.hr, approve=True)
    assert not HalfDayReservation.objects.exists()
    assert list(TourEvent.objects.values_list("action", flat=True)) == ["applied", "rejected"]


def test_cutting_short_frees_days_and_extending_takes_them(office: Office) -> None:
    tour = decide_tour(ask(office.asha, at(6), at(10, "18:00")), actor=office.bala, approve=True)
    curtail_tour(tour, end_at=at(8, "12:00"), actor=office.bala)
    assert HalfDayReservation.objects.count() == 5
    leave_of(office, "EL", 10)
    assert code(extend_tour, tour, end_at=at(10, "18:00"), actor=office.bala) == "LEAVE_CONFLICT"
    extend_tour(tour, end_at=at(9, "18:00"), actor=office.bala)
    assert HalfDayReservation.objects.filter(holder=tour.reservation_holder).count() == 8
    assert code(extend_tour, tour, end_at=at(9, "12:00"), actor=office.bala) == "NOT_AFTER"
    assert code(curtail_tour, tour, end_at=at(12), actor=office.bala) == "NOT_WITHIN"


def test_a_report_ends_a_tour_that_is_over(office: Office, asha_user: User) -> None:
    tour = decide_tour(ask(office.asha, at(6), at(7)), actor=office.bala, approve=True)
    assert code(complete_tour, tour, actor=asha_user, report="Done") == "NOT_OVER"
    with time_machine.travel("2026-07-10T06:30:00+00:00", tick=False):
        complete_tour(tour, actor=asha_user, report="Done")
        assert code(cancel_tour, tour, actor=asha_user) == "ALREADY_DECIDED"
    assert approved_tour_at(office.organization.pk, office.asha.pk, at(6, "12:00")) == tour


@pytest.fixture
def asha_user(world: people.World, office: Office) -> User:
    return User.objects.create_user("asha", organization=world.acme, employee=world.asha)


def test_a_traveller_takes_back_what_has_not_begun(office: Office, asha_user: User) -> None:
    tour = decide_tour(ask(office.asha, at(6), at(7)), actor=office.bala, approve=True)
    with time_machine.travel("2026-07-06T06:30:00+00:00", tick=False):
        assert code(cancel_tour, tour, actor=asha_user) == "ALREADY_BEGUN"
    cancel_tour(tour, actor=asha_user)


def test_long_ago_only_hr_enters_a_tour(office: Office) -> None:
    start = at(1, month=6)
    assert code(ask, office.asha, start, start + timedelta(days=1)) == "BACKDATED"
    ask(office.asha, start, start + timedelta(days=1), self_service=False)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(at(8), at(6), "DATES_REVERSED"), (at(8), at(8), "DATES_REVERSED")],
)
def test_dates_that_make_no_sense_are_refused(
    office: Office, start: datetime, end: datetime, expected: str
) -> None:
    assert code(ask, office.asha, start, end) == expected
    assert code(ask, office.asha, at(8), at(8) + timedelta(days=400)) == "TOO_LONG"


def test_decisions_are_noted_for_the_floors_above_on_the_sites_own_dates(
    world: people.World, office: Office
) -> None:
    site = people.make_site(world.acme, "Apia", timezone="Pacific/Apia")
    Assignment.objects.create(
        organization=world.acme, employee=office.asha, site=site, starts_on=date(2026, 1, 1)
    )
    tour = ask(office.asha, at(6, "18:00"), at(7, "12:00"))
    Change.objects.all().delete()
    decide_tour(tour, actor=office.bala, approve=True)
    note = Change.objects.get()
    assert (note.kind, note.starts_on, note.ends_on) == ("tour", date(2026, 7, 7), date(2026, 7, 7))
