"""Tours and leave asked for at the same moment: the database gives a half-day to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine

from employees.models import HalfDayReservation
from tests import people
from tests.leaves.conftest import Office, make_office
from tests.leaves.test_parallel import at_once
from tours import attachments as tour_attachments
from tours import drafts
from tours.models import Tour, TourEvent
from tours.services.applications import apply_for_tour
from tours.services.decisions import decide_tour

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_tour_and_leave_at_once_leave_one_of_them(transactional_db: None) -> None:
    office = make_office(people.make_world())

    def tour() -> None:
        row = Tour(
            organization=office.organization,
            employee=office.asha,
            purpose="Audit",
            start_at=datetime(2026, 7, 6, 4, tzinfo=UTC),
            end_at=datetime(2026, 7, 8, 12, tzinfo=UTC),
        )
        apply_for_tour(row, actor=None, self_service=False)

    outcomes = at_once([tour, lambda: office.apply("EL", "7 Jul", self_service=False), tour])
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "OVERLAP", "LEAVE_CONFLICT", "TOUR_CONFLICT"}
    assert len(set(HalfDayReservation.objects.values_list("holder", flat=True))) == 1


def test_two_approvers_of_a_tour_at_once_are_one_decision(transactional_db: None) -> None:
    office = make_office(people.make_world())
    tour = apply_for_tour(
        Tour(
            organization=office.organization,
            employee=office.asha,
            purpose="Audit",
            start_at=datetime(2026, 7, 6, 4, tzinfo=UTC),
            end_at=datetime(2026, 7, 8, 12, tzinfo=UTC),
        ),
        actor=None,
        self_service=False,
    )
    outcomes = at_once(
        [
            lambda: decide_tour(tour, actor=office.bala, approve=True),
            lambda: decide_tour(tour, actor=office.hr, approve=False),
        ]
    )
    assert sorted(outcomes) == ["ALREADY_DECIDED", "done"]


def draft_of(office: Office) -> Tour:
    row = Tour(
        organization=office.organization,
        employee=office.asha,
        purpose="Audit",
        start_at=datetime(2026, 7, 6, 4, tzinfo=UTC),
        end_at=datetime(2026, 7, 8, 12, tzinfo=UTC),
    )
    return drafts.save_tour_draft(row)


@pytest.fixture
def before_the_tour() -> Iterator[None]:
    with time_machine.travel("2026-06-29T06:30:00+00:00", tick=False):
        yield


def test_two_drafts_that_overlap_sent_in_at_once_leave_one_of_them(
    transactional_db: None, before_the_tour: None
) -> None:
    office = make_office(people.make_world())
    rows = [draft_of(office) for _ in range(3)]
    outcomes = at_once([lambda row=row: drafts.submit_tour_draft(row, actor=None) for row in rows])  # type: ignore[misc]
    assert sorted(outcomes) == ["OVERLAP", "OVERLAP", "done"]
    assert sorted(Tour.objects.values_list("status", flat=True)) == ["draft", "draft", "pending"]
    assert len(set(HalfDayReservation.objects.values_list("holder", flat=True))) == 1
    assert TourEvent.objects.count() == 1


def test_a_draft_sent_in_changed_and_discarded_at_once_is_one_of_them(
    transactional_db: None, before_the_tour: None
) -> None:
    row = draft_of(make_office(people.make_world()))
    outcomes = at_once(
        [
            lambda: drafts.submit_tour_draft(row, actor=None),
            lambda: drafts.submit_tour_draft(row, actor=None),
            lambda: drafts.discard_tour_draft(row),
        ]
    )
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "SENT_IN", "DISCARDED"}
    assert HalfDayReservation.objects.count() == 6 * Tour.objects.filter(status="pending").count()


def test_a_paper_named_by_two_tours_at_once_is_one_tours(
    transactional_db: None, before_the_tour: None
) -> None:
    office = make_office(people.make_world())
    paper, rows = (
        tour_attachments.store_tour_document(office.asha, b"%PDF-1.4"),
        [draft_of(office), draft_of(office)],
    )
    outcomes = at_once(
        [lambda row=row: drafts.change_tour_draft(row, {}, [paper.pk]) for row in rows]
    )  # type: ignore[misc]
    assert sorted(outcomes) == ["NO_SUCH_PAPER", "done"]
