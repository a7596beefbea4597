"""The live board: what it counts, who may look, and what a screen in public shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.middleware import SESSION_LAST_SEEN_AT
from accounts.models import User
from employees.models import Assignment, Employee, Organization
from reports import screens
from reports.board import BOARD_STATES, BOARD_TITLES, LiveBoard
from reports.models import Screen
from tests import people
from tests.reports.test_days import day

NOW = datetime(2026, 6, 22, 5, 30, tzinfo=UTC)  # Monday, 11:00 in India.
TODAY = date(2026, 6, 22)
LATER = NOW + timedelta(hours=10)


@pytest.fixture(autouse=True)
def _monday() -> Any:
    cache.clear()
    with time_machine.travel(NOW, tick=False):
        yield
    cache.clear()


def total(organization: Organization, site_id: int | None = None) -> dict[str, int]:
    """The numbers that are not nothing."""
    found = LiveBoard(organization, site_id).figures()["total"]
    return {name: number for name, number in found.items() if number}


def came(employee: Employee, **facts: Any) -> Any:
    return day(
        employee,
        facts.pop("on", TODAY),
        **({"first_in": NOW - timedelta(hours=2), "open_until": LATER} | facts),
    )


def staffed(organization: Organization, number: int) -> list[Employee]:
    return [
        people.make_employee(organization, f"E{one:03}", f"Person {one}") for one in range(number)
    ]


# --- What it counts -------------------------------------------------------------------------------
def test_everybody_in_service_is_one_of_the_states(acme: Organization, asha: Employee) -> None:
    one, *rest = staffed(acme, 7)
    came(asha, late_by=20)
    came(one, last_out=NOW - timedelta(hours=1))
    for employee, status in zip(
        rest, ("due", "leave:CL", "tour", "absent", "holiday", "weekly_off"), strict=True
    ):
        day(employee, TODAY, status, halves=("absent", "absent"), open_until=LATER)
    found = total(acme)
    assert found == {
        "in": 1,
        "left": 1,
        "late": 1,
        "awaited": 1,
        "leave": 1,
        "tour": 1,
        "absent": 1,
        "off": 2,
        "unknown": 1,
    }
    assert (
        sum(number for name, number in found.items() if name in BOARD_STATES)
        == Employee.objects.of(acme).count()
    )


def test_a_day_nobody_worked_out_is_no_absence(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    assert total(acme) == {"unknown": 2}


def test_who_works_on_a_holiday_is_in(acme: Organization, asha: Employee, bala: Employee) -> None:
    came(asha, status="holiday")
    day(bala, TODAY, "holiday")
    assert total(acme) == {"in": 1, "off": 1}


def test_who_came_last_night_is_in_until_they_leave_or_come_again(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    for employee in (asha, bala):
        came(employee, on=TODAY - timedelta(days=1), first_in=NOW - timedelta(hours=9))
        day(employee, TODAY, "due", halves=("absent", "absent"), open_until=LATER)
    assert total(acme) == {"in": 2}
    asha.day_set.filter(date=TODAY).update(first_in=NOW, status="present")
    assert total(acme) == {"in": 2}
    bala.day_set.filter(date__lt=TODAY).update(last_out=NOW)
    assert total(acme) == {"in": 1, "awaited": 1}


def test_who_was_never_seen_to_leave_is_not_in_for_ever(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    came(asha, open_until=None, status="half_day")
    came(bala, on=TODAY - timedelta(days=1), open_until=None, status="half_day")
    assert total(acme) == {"left": 1, "unknown": 1}


def test_today_is_the_date_of_each_place(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    site = people.make_site(acme, "Honolulu", timezone="Pacific/Honolulu")
    Assignment.objects.create(organization=acme, employee=asha, site=site, starts_on="2020-01-01")
    came(asha, on=TODAY - timedelta(days=1), zone="Pacific/Honolulu", site=site, last_out=NOW)
    came(bala)
    assert total(acme, site.pk) == {"left": 1}
    assert total(acme) == {"left": 1, "in": 1}


def test_sites_stand_apart_and_add_up(acme: Organization, asha: Employee, bala: Employee) -> None:
    site = people.make_site(acme, "North")
    Assignment.objects.create(organization=acme, employee=asha, site=site, starts_on="2020-01-01")
    came(asha, site=site)
    found = LiveBoard(acme).figures()
    assert [
        (one["name"], one["counts"]["in"], one["counts"]["unknown"]) for one in found["places"]
    ] == [
        ("North", 1, 0),
        ("No site", 0, 1),
    ]
    for name in BOARD_TITLES:
        assert sum(one["counts"][name] for one in found["places"]) == found["total"][name]


def test_queries_do_not_grow_with_people(acme: Organization, asha: Employee) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            LiveBoard(acme).figures()
        return len(queries)

    few = asked()
    for employee in staffed(acme, 40):
        came(employee)
    assert asked() == few == 4


# --- In the console -------------------------------------------------------------------------------
@pytest.fixture
def hr(client: Client, acme_staff: User) -> Client:
    client.force_login(acme_staff)
    session = client.session
    session.update(
        {
            "muster_started_at": NOW.timestamp(),
            SESSION_LAST_SEEN_AT: NOW.timestamp(),
            "muster_reauthenticated_at": NOW.timestamp(),
        }
    )
    session.save()
    return client


def test_the_console_has_the_board_of_ones_own_organization(
    hr: Client, asha: Employee, chitra: Employee
) -> None:
    came(asha)
    came(chitra)
    page = hr.get(reverse("admin:reports_screen_board"))
    assert page.status_code == 200
    found = hr.get(reverse("admin:reports_screen_figures")).json()
    assert (found["total"]["in"], found["total"]["unknown"]) == (1, 1)


def test_another_organizations_board_is_not_there(hr: Client, zenith: Organization) -> None:
    for address in ("board", "figures"):
        theirs, nobodys = (
            hr.get(reverse(f"admin:reports_screen_{address}"), {"organization": pk})
            for pk in (zenith.pk, 987654)
        )
        assert theirs.status_code == nobodys.status_code == 404


def test_a_board_that_asks_by_itself_keeps_no_session_alive(hr: Client) -> None:
    with time_machine.travel(NOW + timedelta(minutes=10), tick=False):
        hr.get(reverse("admin:reports_screen_figures"))
        assert hr.session[SESSION_LAST_SEEN_AT] == NOW.timestamp()
        hr.get(reverse("admin:reports_screen_board"))
        assert hr.session[SESSION_LAST_SEEN_AT] > NOW.timestamp()


def test_an_operator_is_asked_whose_board(
    client: Client, operator: User, acme: Organization, zenith: Organization
) -> None:
    client.force_login(operator)
    page = client.get(reverse("admin:reports_screen_board")).content.decode()
    assert f"?organization={zenith.pk}" in page
    assert (
        client.get(reverse("admin:reports_screen_board"), {"organization": zenith.pk}).status_code
        == 200
    )


def test_who_may_not_look_at_punches_sees_no_board(client: Client, acme: Organization) -> None:
    user = people.make_staff(acme, "nothing", role="reports")
    user.groups.clear()
    client.force_login(user)
    assert client.get(reverse("admin:reports_screen_figures")).status_code == 403


# --- In public ------------------------------------------------------------------------------------
@pytest.fixture
def lobby(acme: Organization) -> Screen:
    return Screen.objects.create(organization=acme, name="Lobby")


def address(screen: Screen) -> str:
    """The path of a fresh address."""
    return "/board/" + screens.issue_screen_url(screen, actor=None).rpartition("/")[2]


def test_a_screen_shows_counts_and_nobody(lobby: Screen, asha: Employee, chitra: Employee) -> None:
    came(asha)
    path = address(lobby)
    page, figures = Client().get(path), Client().get(f"{path}/figures")
    for reply in (page, figures):
        text = reply.content.decode()
        assert reply.status_code == 200
        assert not {"Asha", "1001", str(asha.pk), "Zenith"} & set(text.replace('"', " ").split())
        assert "Asha" not in text
        assert not reply.cookies
        assert reply.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert reply.headers["Cache-Control"] == "private, max-age=5"
        assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert figures.json()["total"]["in"] == 1
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.content.decode()
    assert "style=" not in page.content.decode()


def test_a_screen_of_a_site_shows_that_site(acme: Organization, asha: Employee) -> None:
    site, other = people.make_site(acme, "North"), people.make_site(acme, "South")
    came(asha, site=other)
    found = (
        Client()
        .get(address(Screen.objects.create(organization=acme, name="N", site=site)) + "/figures")
        .json()
    )
    assert ([one["name"] for one in found["places"]], found["total"]["in"]) == (["North"], 0)


def test_a_wrong_a_revoked_and_a_replaced_address_are_not_there(lobby: Screen) -> None:
    first = address(lobby)
    second = address(lobby)
    assert [
        Client().get(path).status_code for path in (first, second, "/board/mst_scr_x", "/board/x")
    ] == [404, 200, 404, 404]
    screens.revoke_screen_url(lobby, actor=None)
    assert Client().get(second).status_code == Client().get(f"{second}/figures").status_code == 404


def test_a_screen_speaks_its_own_language(acme: Organization, asha: Employee) -> None:
    screen = Screen.objects.create(organization=acme, name="Hindi", language="hi")
    assert (
        '<html lang="hi">'
        in Client().get(address(screen), headers={"Accept-Language": "en"}).content.decode()
    )


def test_many_screens_are_one_count(lobby: Screen) -> None:
    path = address(lobby)
    Client().get(f"{path}/figures")
    with CaptureQueriesContext(connection) as queries:
        Client().get(f"{path}/figures")
    assert len(queries) == 1


def test_an_address_is_shown_once_and_stored_as_a_hash(hr: Client, lobby: Screen) -> None:
    page = hr.post(reverse("admin:reports_screen_issue", args=(lobby.pk,))).content.decode()
    lobby.refresh_from_db()
    assert "/board/mst_scr_" in page
    assert lobby.token_hash
    assert lobby.token_hash not in page
    assert (
        "mst_scr_"
        not in hr.get(reverse("admin:reports_screen_change", args=(lobby.pk,))).content.decode()
    )
    assert hr.post(reverse("admin:reports_screen_revoke", args=(lobby.pk,))).status_code == 302
    lobby.refresh_from_db()
    assert lobby.token_hash is None
