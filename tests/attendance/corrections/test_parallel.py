"""Two at once put times right: real threads, real commits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from accounts.models import User
from attendance.corrections import imports as correction_imports
from attendance.corrections import regularization
from attendance.corrections.inputs import CorrectionOrigin, TimeEntry
from attendance.corrections.services import correct_times
from attendance.models import Correction, ManualImport, Regularization
from tests.attendance.background.test_recalculation import MONDAY, at
from tests.attendance.corrections.test_imports import GOOD, file
from tests.leaves.test_parallel import at_once
from tests.people import World as People
from tests.people import make_staff, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None) -> Iterator[People]:
    yield make_world()


@pytest.fixture
def hr(world: People) -> User:
    return make_staff(world.acme, "hr", role="hr_admin")


@pytest.fixture
def asked(world: People, hr: User) -> Regularization:
    return Regularization.objects.create(
        organization=world.acme,
        employee=world.asha,
        date=MONDAY,
        in_at=at(MONDAY, "09:00"),
        out_at=at(MONDAY, "17:30"),
        reason="card",
        applied_by=hr,
    )


def test_two_who_decide_at_once_are_one_decision(
    world: People, hr: User, asked: Regularization
) -> None:
    chief = make_staff(world.acme, "chief")
    outcomes = at_once(
        [
            lambda: regularization.decide_regularization(asked, actor=hr, approve=True),
            lambda: regularization.decide_regularization(asked, actor=chief, approve=False),
            lambda: regularization.decide_regularization(asked, actor=chief, approve=True),
        ]
    )
    assert sorted(outcomes) == ["ALREADY_DECIDED", "ALREADY_DECIDED", "done"]
    asked.refresh_from_db()
    assert Correction.objects.count() == (2 if asked.status == "approved" else 0)


def test_taking_back_and_deciding_at_once_is_one_of_them(
    world: People, hr: User, asked: Regularization
) -> None:
    asha = make_staff(world.acme, "asha", employee=world.asha)
    outcomes = at_once(
        [
            lambda: regularization.decide_regularization(asked, actor=hr, approve=True),
            lambda: regularization.withdraw_regularization(asked, actor=asha),
        ]
    )
    assert sorted(outcomes) == ["ALREADY_DECIDED", "done"]
    asked.refresh_from_db()
    assert Correction.objects.count() == (2 if asked.status == "approved" else 0)


def test_a_file_that_is_confirmed_many_times_at_once_is_stored_once(
    world: People, hr: User
) -> None:
    chief = make_staff(world.acme, "chief")
    outcomes = at_once(
        [
            partial(correction_imports.save_import, world.acme, file(*GOOD), actor=one)
            for one in [hr, chief] * 2
        ]
    )
    assert outcomes == ["done"] * 4
    assert (Correction.objects.count(), ManualImport.objects.count()) == (3, 1)


def test_files_with_the_same_rows_at_once_enter_them_once(world: People, hr: User) -> None:
    files = [file(*GOOD, more) for more in ("77 x – – x", "78 x – – x")]
    at_once([partial(correction_imports.save_import, world.acme, one, actor=hr) for one in files])
    assert Correction.objects.count() == 3


def test_a_file_and_the_form_of_a_day_at_once_enter_a_time_once(world: People, hr: User) -> None:
    entry = TimeEntry(at(MONDAY, "09:00"), "in")
    outcomes = at_once(
        [
            lambda: correction_imports.save_import(world.acme, file(*GOOD), actor=hr),
            lambda: correct_times(
                world.asha, reason="x", enter=[entry], origin=CorrectionOrigin(hr)
            ),
        ]
    )
    assert outcomes[0] == "done"
    assert outcomes[1] in {"done", "ENTERED_BEFORE"}
    assert Correction.objects.count() == 3
