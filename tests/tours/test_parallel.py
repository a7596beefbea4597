"""Tours and leave asked for at the same moment: the database gives a half-day to one of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from employees.models import DayClaim
from tests import people
from tests.leaves.conftest import make_office
from tests.leaves.test_parallel import at_once
from tours import services
from tours.models import Tour

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_tour_and_leave_at_once_leave_one_of_them(transactional_db: None) -> None:
    office = make_office(people.make_world())

    def tour() -> None:
        row = Tour(
            organization=office.organization, employee=office.asha, purpose="Audit",
            start_at=datetime(2026, 7, 6, 4, tzinfo=UTC), end_at=datetime(2026, 7, 8, 12, tzinfo=UTC),
        )  # fmt: skip
        services.apply(row, actor=None, own_hand=False)

    outcomes = at_once([tour, lambda: office.apply("EL", "7 Jul", own_hand=False), tour])
    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "OVERLAP", "LEAVE_CONFLICT", "TOUR_CONFLICT"}
    assert len(set(DayClaim.objects.values_list("holder", flat=True))) == 1


def test_two_approvers_of_a_tour_at_once_are_one_decision(transactional_db: None) -> None:
    office = make_office(people.make_world())
    tour = services.apply(
        Tour(
            organization=office.organization, employee=office.asha, purpose="Audit",
            start_at=datetime(2026, 7, 6, 4, tzinfo=UTC), end_at=datetime(2026, 7, 8, 12, tzinfo=UTC),
        ),
        actor=None, own_hand=False,
    )  # fmt: skip
    outcomes = at_once(
        [
            lambda: services.decide(tour, actor=office.bala, approve=True),
            lambda: services.decide(tour, actor=office.hr, approve=False),
        ]
    )
    assert sorted(outcomes) == ["ALREADY_DECIDED", "done"]
