"""Files of times in the console: looked at before anything is stored, stored once, what is wrong
handed back.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from attendance.background import changes
from attendance.corrections.sheet_lines import MAX_ROWS
from attendance.models import Correction, ManualImport, StaleDayRange
from tests import people
from tests.attendance.background.test_recalculation import NOW
from tests.attendance.corrections.test_spreadsheet import HEAD, ROW, csv_of, xlsx_of

pytestmark = pytest.mark.django_db
BAD = ["77", "2026-07-06", "09:00", "17:30", "@SUM(A1)"]


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(db: None) -> people.World:
    found = people.make_world()
    changes.process_changes()
    StaleDayRange.objects.all().delete()
    return found


@pytest.fixture
def hr(world: people.World) -> User:
    return people.make_staff(world.acme, "keeper", role="hr_admin")


@pytest.fixture
def console(client: Client, hr: User) -> Client:
    client.force_login(hr)
    return client


def address() -> str:
    return reverse("admin:attendance_manualimport_import_file")


def text(reply: Any) -> str:
    return str(reply.content.decode())


def upload(browser: Client, content: bytes, name: str = "times.csv", **more: Any) -> str:
    return text(browser.post(address(), {"file": SimpleUploadedFile(name, content), **more}))


def plan(page: str) -> str:
    found = re.search(r'name="plan" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


@pytest.mark.parametrize("made", [csv_of, xlsx_of])
def test_a_file_is_looked_at_then_stored_and_kept(console: Client, hr: User, made: Any) -> None:
    page = upload(console, made(HEAD, ROW, BAD))
    assert "Store 1 row" in page
    assert "No employee has the code 77." in page
    assert "1001 Asha" in page
    assert not Correction.objects.exists()
    done = text(console.post(address(), {"plan": plan(page), "step": "store"}))
    kept = ManualImport.objects.get()
    assert (kept.imported_by, kept.rows, Correction.objects.filter(manual_import=kept).count()) == (
        hr,
        2,
        2,
    )
    assert f"/manualimport/{kept.pk}/change/" in done
    assert "Store 1 row" not in done
    shown = text(console.get(reverse("admin:attendance_manualimport_change", args=(kept.pk,))))
    assert "2026-07-06 09:00" in shown


def test_storing_twice_and_the_same_file_again_change_nothing(console: Client) -> None:
    page = upload(console, csv_of(HEAD, ROW))
    for _time in range(2):
        console.post(address(), {"plan": plan(page), "step": "store"})
    again = upload(console, csv_of(HEAD, ROW))
    assert "There is nothing to store in this file." in again
    assert "Already entered" in again
    assert (Correction.objects.count(), ManualImport.objects.count()) == (2, 1)


def test_rows_that_are_wrong_are_handed_back_with_cells_nobody_runs(console: Client) -> None:
    page = upload(console, csv_of(HEAD, ROW, BAD))
    reply = console.post(address(), {"plan": plan(page), "step": "faults"})
    assert reply.headers["Content-Disposition"] == 'attachment; filename="wrong-rows.csv"'
    head, (row,) = (
        (lines := list(csv.reader(io.StringIO(text(reply).removeprefix("\ufeff")))))[0],
        lines[1:],
    )
    assert head == [*HEAD, "Row", "What is wrong"]
    assert row == [*BAD[:4], "'@SUM(A1)", "3", "Employee code: No employee has the code 77."]
    assert not Correction.objects.exists()


def test_what_was_handed_back_can_be_put_right_and_imported(
    console: Client, world: people.World
) -> None:
    page = upload(console, csv_of(HEAD, BAD))
    wrong = console.post(address(), {"plan": plan(page), "step": "faults"}).content
    people.make_employee(world.acme, "77", "Dev")
    console.post(address(), {"plan": plan(upload(console, wrong)), "step": "store"})
    assert set(Correction.objects.values_list("employee__code", "reason")) == {("77", "@SUM(A1)")}


def test_the_template_imports_as_it_is(console: Client, world: people.World) -> None:
    reply = console.get(reverse("admin:attendance_manualimport_template"))
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    page = upload(console, reply.content)
    assert "1001 Asha" in page
    assert "Reader out of order" in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"caf\xe9", "CSV UTF-8"),
        (csv_of(HEAD), "no rows in this file"),
        (csv_of(["Name"], ["x"]), "Missing: employee code"),
        (b"PK\x03\x04", "workbook cannot be read"),
        (b" " * (2 * 1024 * 1024 + 1), "larger than 2 MB"),
        (b"", "empty"),
    ],
    ids=("encoding", "rows", "titles", "workbook", "size", "empty"),
)
def test_a_file_that_cannot_be_read_is_told_at_the_form(
    console: Client, content: bytes, sentence: str
) -> None:
    assert sentence in upload(console, content)
    assert "This field is required" in text(console.post(address(), {}))


def test_as_many_rows_as_are_allowed_are_shown_and_travel_in_the_page(console: Client) -> None:
    rows = [
        [f"{number}", "2026-07-06", "09:00", "17:30", f"card {number} lost"]
        for number in range(MAX_ROWS)
    ]
    page = upload(console, csv_of(HEAD, *rows))
    assert page.count("No employee has the code") >= MAX_ROWS - 3
    assert len(plan(page)) < 900_000
    assert console.post(address(), {"plan": plan(page), "step": "store"}).status_code == 200


@pytest.mark.parametrize("forged", ["", "x:y:z"])
def test_a_plan_that_was_not_made_here_is_not_carried_out(console: Client, forged: str) -> None:
    assert "Choose the file again." in text(
        console.post(address(), {"plan": forged, "step": "store"})
    )
    assert not Correction.objects.exists()


def test_a_plan_serves_only_who_looked_at_it_and_not_for_ever(
    console: Client, world: people.World
) -> None:
    seen = plan(upload(console, csv_of(HEAD, ROW)))
    other = Client()
    other.force_login(people.make_staff(world.zenith, "theirs", role="hr_admin"))
    assert "Choose the file again." in text(other.post(address(), {"plan": seen, "step": "store"}))
    with time_machine.travel("2026-07-21T12:00:00+00:00", tick=False):
        console.force_login(User.objects.get(username="keeper"))
        assert "Choose the file again." in text(
            console.post(address(), {"plan": seen, "step": "store"})
        )
    assert not Correction.objects.exists()


@pytest.mark.parametrize("role", ["approver", "reports"])
def test_importing_is_hrs(client: Client, world: people.World, role: str) -> None:
    client.force_login(people.make_staff(world.acme, "other", role=role))
    assert client.get(address()).status_code == 403
    assert client.post(address(), {"plan": "x", "step": "store"}).status_code == 403
    assert client.get(reverse("admin:attendance_manualimport_template")).status_code == 403


def test_an_operator_says_whose_times_they_are(
    world: people.World, operator: User, client: Client
) -> None:
    client.force_login(operator)
    assert "This field is required" in upload(client, csv_of(HEAD, ROW))
    page = upload(client, csv_of(HEAD, ROW), organization=world.zenith.pk)
    client.post(address(), {"plan": plan(page), "step": "store"})
    assert {row.employee for row in Correction.objects.all()} == {world.chitra}
