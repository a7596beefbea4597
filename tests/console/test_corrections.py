"""Times are put right in the console: what people ask for is decided, and HR corrects days, with a
preview before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from attendance import recalculation_queue
from attendance.background import changes
from attendance.corrections import regularization
from attendance.models import (
    Correction,
    Day,
    DayAdjustment,
    PeriodLock,
    Regularization,
    StaleDayRange,
)
from employees.models import Assignment
from employees.services import save_assignment
from tests import people
from tests.attendance.background.test_recalculation import MONDAY, NOW, at, comes, day, settle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db: None) -> people.World:
    found = people.make_world()
    changes.process_changes()
    StaleDayRange.objects.all().delete()
    recalculation_queue.mark_days_stale(found.acme.pk, [found.asha.pk], MONDAY, MONDAY)
    settle()
    return found


@pytest.fixture
def hr(world: people.World) -> User:
    return people.make_staff(world.acme, "keeper", role="hr_admin")


@pytest.fixture
def console(client: Client, hr: User) -> Client:
    client.force_login(hr)
    return client


def page(world: people.World) -> str:
    return reverse("admin:attendance_day_correct", args=(day(world).pk,))


def said(**more: Any) -> dict[str, Any]:
    return {
        "in_on": "2026-07-06",
        "in_at": "09:00",
        "out_on": "2026-07-06",
        "out_at": "17:30",
        "reason": "reader broken",
    } | more


def text(reply: Any) -> str:
    return str(reply.content.decode())


# --- Correct this day --------------------------------------------------------------------
def test_the_page_shows_the_day_and_its_stamps(console: Client, world: people.World) -> None:
    punch = comes(world, MONDAY, "05:00", "in")
    body = text(console.get(page(world)))
    assert "<svg" in body
    assert "Current day" in body
    assert f'value="{punch.pk}"' in body
    assert "05:00 · Punch · In punch (counts)" in body
    assert page(world) in text(
        console.get(reverse("admin:attendance_day_change", args=(day(world).pk,)))
    )


def test_a_correction_is_previewed_before_it_is_saved(
    console: Client, world: people.World, hr: User
) -> None:
    wrong = comes(world, MONDAY, "05:00", "in")
    asked = said(void=[wrong.pk])
    preview = text(console.post(page(world), asked | {"step": "preview"}))
    assert "Day after the correction" in preview
    assert "8:00" in preview
    assert not Correction.objects.exists()
    assert console.post(page(world), asked | {"step": "save"}).status_code == 302
    settle()
    assert (day(world).status, day(world).worked) == ("present", 480)
    assert {(row.kind, row.made_by, row.reason) for row in Correction.objects.all()} == {
        ("add", hr, "reader broken"),
        ("void", hr, "reader broken"),
    }


def test_what_was_previewed_can_be_changed_before_it_is_saved(
    console: Client, world: people.World
) -> None:
    body = text(console.post(page(world), said(step="edit")))
    assert "Preview the day" in body
    assert 'value="09:00"' in body
    assert not Correction.objects.exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"reason": ""}, "This field is required"),
        ({"in_at": "", "out_at": ""}, "Enter a time, or select what does not count."),
        ({"out_at": "08:00"}, "The out time must be after the in time."),
        ({"in_on": "2026-07-05"}, "A time of this day must be between"),
        ({"in_on": "2026-07-21"}, "in the future"),
        ({"in_at": "nine"}, "Enter a valid time."),
        ({"reason": "x" * 401}, "at most 400 characters"),
    ],
)
@pytest.mark.parametrize("step", ["preview", "save"])
def test_what_cannot_be_is_said_at_the_form_and_nothing_is_stored(
    console: Client, world: people.World, step: str, change: dict[str, str], sentence: str
) -> None:
    assert sentence in text(console.post(page(world), said(step=step, **change)))
    assert not Correction.objects.exists()


def test_a_stamp_of_another_day_cannot_be_voided_here(console: Client, world: people.World) -> None:
    comes(world, MONDAY, "09:00", "in")
    other = people.make_punch(
        world.zenith, "1001", employee=world.chitra, occurred_at=at(MONDAY, "09:00")
    )
    body = text(console.post(page(world), said(in_at="", out_at="", void=[other.pk], step="save")))
    assert "Select a valid choice" in body
    assert not Correction.objects.exists()


def test_saving_twice_is_told_and_stored_once(console: Client, world: people.World) -> None:
    console.post(page(world), said(step="save"))
    assert "This time is already counted." in text(console.post(page(world), said(step="save")))
    assert Correction.objects.count() == 2


def test_times_are_read_on_the_clock_of_the_office(console: Client, world: people.World) -> None:
    tokyo = people.make_site(world.acme, "Tokyo", timezone="Asia/Tokyo")
    save_assignment(
        Assignment(organization=world.acme, employee=world.asha, site=tokyo, starts_on=MONDAY)
    )
    console.post(page(world), said(out_at="", step="save"))
    assert Correction.objects.get().at == at(MONDAY, "09:00", "Asia/Tokyo")


def test_in_a_locked_month_it_is_said_to_become_an_adjustment(
    console: Client, world: people.World
) -> None:
    recalculation_queue.mark_days_stale(world.acme.pk, [world.asha.pk], MONDAY, MONDAY)
    settle()
    PeriodLock.objects.create(organization=world.acme, month=MONDAY.replace(day=1))
    assert "counted as an adjustment in August 2026" in text(console.get(page(world)))
    reply = console.post(page(world), said(step="save"), follow=True)
    assert "counted as an adjustment in August 2026" in text(reply)
    settle()
    assert (day(world).status, DayAdjustment.objects.get(date=MONDAY).after["status"]) == (
        "absent",
        "present",
    )


def test_nobody_corrects_their_own_day(client: Client, world: people.World) -> None:
    client.force_login(people.make_staff(world.acme, "asha", employee=world.asha))
    for reply in (client.get(page(world)), client.post(page(world), said(step="save"))):
        assert reply.status_code == 403
        assert (
            "You cannot correct your own attendance. Request a correction; another person decides."
            in text(reply)
        )
    assert not Correction.objects.exists()


@pytest.mark.parametrize("role", ["approver", "reports"])
def test_correcting_is_hrs(client: Client, world: people.World, role: str) -> None:
    client.force_login(people.make_staff(world.acme, "other", role=role, employee=world.bala))
    assert client.post(page(world), said(step="save")).status_code in {403, 404}
    assert client.get(reverse("admin:attendance_day_correct_any")).status_code == 403
    assert not Correction.objects.exists()


def test_a_day_nobody_worked_out_is_corrected_by_employee_and_date(
    console: Client, world: people.World
) -> None:
    address = reverse("admin:attendance_day_correct_any")
    assert (
        console.post(address, {"employee": world.asha.pk, "date": "2026-07-03"}).status_code == 302
    )
    assert not Day.objects.filter(date="2026-07-03").exists()
    address += f"?employee={world.asha.pk}&date=2026-07-03"
    asked = said(in_on="2026-07-03", out_on="2026-07-03", step="save")
    assert "Current day" in text(console.get(address))
    assert console.post(address, asked).status_code == 302
    settle()
    assert Day.objects.get(employee=world.asha, date="2026-07-03").status == "present"


def test_a_day_that_exists_leads_to_its_own_page(console: Client, world: people.World) -> None:
    address = reverse("admin:attendance_day_correct_any")
    assert "Type a name or a code." in text(console.get(address))
    reply = console.get(address, {"employee": world.asha.pk, "date": "2026-07-06"})
    assert reply.headers["Location"] == page(world)


@pytest.mark.parametrize("on", ["2026-07-21", "2019-12-31", "soon", ""])
def test_a_date_out_of_service_has_no_page(console: Client, world: people.World, on: str) -> None:
    address = reverse("admin:attendance_day_correct_any")
    assert console.get(address, {"employee": world.asha.pk, "date": on}).status_code == 404
    assert (
        console.get(address, {"employee": world.chitra.pk, "date": "2026-07-06"}).status_code == 404
    )


# --- What people ask for -----------------------------------------------------------------------
@pytest.fixture
def asked(world: people.World) -> Regularization:
    wish = Regularization(
        organization=world.acme,
        employee=world.asha,
        date=MONDAY,
        in_at=at(MONDAY, "09:00"),
        out_at=at(MONDAY, "17:30"),
        reason="forgot the card",
    )
    return regularization.apply_for_regularization(
        wish, actor=people.make_staff(world.acme, "applier")
    )


def step(one: Regularization, name: str) -> str:
    return reverse(f"admin:attendance_regularization_{name}", args=(one.pk,))


def test_hr_approves_with_the_day_as_it_is_and_as_it_would_be_in_sight(
    console: Client, world: people.World, asked: Regularization
) -> None:
    shown = text(console.get(reverse("admin:attendance_regularization_change", args=(asked.pk,))))
    before = text(console.get(step(asked, "approve")))
    assert all(
        "Day after the correction" in body and body.count("<svg") == 2 for body in (shown, before)
    )
    assert "forgot the card" in before
    assert console.post(step(asked, "approve"), {"remarks": "seen"}).status_code == 302
    settle()
    assert day(world).status == "present"
    assert "already approved" in text(console.post(step(asked, "approve"), {}))
    after = text(console.get(reverse("admin:attendance_regularization_change", args=(asked.pk,))))
    assert "Day after the correction" not in after
    assert Correction.objects.count() == 2


def test_a_correction_is_rejected_with_remarks(console: Client, asked: Regularization) -> None:
    assert console.post(step(asked, "reject"), {"remarks": "no"}).status_code == 302
    asked.refresh_from_db()
    assert (asked.status, asked.remarks, Correction.objects.count()) == ("rejected", "no", 0)


def test_an_approver_sees_and_decides_the_people_they_decide_for(
    client: Client, world: people.World, asked: Regularization
) -> None:
    everything = reverse("admin:attendance_regularization_changelist")
    other = people.make_employee(world.acme, "55", "Dev")
    client.force_login(people.make_staff(world.acme, "dev", role="approver", employee=other))
    assert f"/{asked.pk}/change/" not in text(client.get(everything))
    client.force_login(people.make_staff(world.acme, "bala", role="approver", employee=world.bala))
    assert f"/{asked.pk}/change/" in text(client.get(everything))
    assert client.post(step(asked, "approve"), {}).status_code == 302
    assert client.get(reverse("admin:attendance_correction_changelist")).status_code == 403


def test_nobody_decides_their_own_in_the_console(
    client: Client, world: people.World, asked: Regularization
) -> None:
    client.force_login(people.make_staff(world.acme, "asha", employee=world.asha))
    assert client.post(step(asked, "approve"), {}).status_code == 403
    asked.refresh_from_db()
    assert asked.status == "pending"


def test_the_list_takes_as_many_queries_for_many_as_for_one(
    console: Client, world: people.World, asked: Regularization, django_assert_num_queries: Any
) -> None:
    address = reverse("admin:attendance_regularization_changelist")
    with CaptureQueriesContext(connection) as few:
        console.get(address)
    for number in range(5):
        one = people.make_employee(world.acme, f"9{number}", f"Person {number}")
        Regularization.objects.create(
            organization=world.acme, employee=one, date=MONDAY, in_at=asked.in_at, reason="card"
        )
    with django_assert_num_queries(len(few)):
        console.get(address)


@pytest.mark.parametrize("source", ["asked", "file", "hand", "nonsense"])
def test_corrections_are_listed_by_where_they_come_from(
    console: Client, world: people.World, source: str
) -> None:
    console.post(page(world), said(step="save"))
    body = text(console.get(reverse("admin:attendance_correction_changelist"), {"source": source}))
    assert ("reader broken" in body) == (source in {"hand", "nonsense"})
