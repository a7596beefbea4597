"""The page of everybody who signs in and has no console, and where `/` leads."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client

from accounts.models import SecurityEvent, SignInSettings, User
from employees.models import Employee, Organization
from tests import people

HOME, LOGIN, CONSOLE = "/home", "/admin/login/", "/admin/"


@pytest.fixture
def farhan(acme: Organization) -> User:
    """An employee who signs in and has no role."""
    return people.make_user(people.make_employee(acme, "1007", "Farhan <Ali>"), "farhan")


def sign_in(name: str = "farhan", password: str = people.PASSWORD, **page: str) -> Any:
    browser = Client()
    reply = browser.post(LOGIN, {"username": name, "password": password} | page)
    return browser, reply


@pytest.mark.parametrize("page", [{}, {"next": CONSOLE}, {"next": "/admin/devices/device/"}])
def test_who_has_no_console_lands_on_the_home_page_after_the_password(
    farhan: User, page: dict[str, str]
) -> None:
    browser, reply = sign_in(**page)
    assert (reply.status_code, reply["Location"]) == (302, HOME)
    shown = browser.get(HOME)
    text = shown.content.decode()
    assert shown.status_code == 200
    assert "Farhan &lt;Ali&gt;" in text
    assert "Acme" in text
    assert "Sign out" in text
    assert "no-store" in shown["Cache-Control"]
    assert SecurityEvent.objects.filter(kind="signed_in", actor=farhan).count() == 1


@pytest.mark.parametrize("page", [CONSOLE, LOGIN, "/admin/devices/device/", "/admin/logout/", "/"])
def test_who_has_no_console_is_led_from_the_console_to_the_home_page(
    farhan: User, page: str
) -> None:
    browser, _reply = sign_in()
    reply = browser.get(page, follow=True)
    assert reply.redirect_chain[-1] == (HOME, 302)
    assert b'name="password"' not in reply.content


def test_a_wrong_password_of_an_employee_is_refused_as_before(farhan: User) -> None:
    browser, reply = sign_in(password="wrong")
    assert reply.status_code == 200
    assert b'name="password"' in reply.content
    assert browser.get(HOME)["Location"].startswith(LOGIN)


def test_where_single_sign_on_is_the_only_way_an_employees_password_is_refused(
    farhan: User, acme: Organization
) -> None:
    SignInSettings.objects.create(
        organization=acme,
        issuer="https://login.example",
        client_id="m",
        sso_enabled=True,
        sso_enforced=True,
    )
    browser, reply = sign_in()
    assert reply.status_code == 200
    assert browser.get(HOME)["Location"].startswith(LOGIN)


def test_signing_out_ends_the_session_and_leads_to_sign_in(farhan: User) -> None:
    browser, _reply = sign_in()
    assert browser.get("/home/sign-out").status_code == 405
    assert browser.get(HOME).status_code == 200
    reply = browser.post("/home/sign-out")
    assert (reply.status_code, reply["Location"]) == (302, LOGIN)
    assert browser.get(HOME)["Location"].startswith(LOGIN)
    assert SecurityEvent.objects.filter(kind="signed_out", actor=farhan).count() == 1


def test_another_site_cannot_sign_somebody_out(farhan: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(farhan)
    assert browser.post("/home/sign-out").status_code == 403


def test_the_root_leads_everybody_to_their_place(
    farhan: User, acme_staff: User, operator: User
) -> None:
    places = {}
    for user in (None, farhan, acme_staff, operator):
        browser = Client()
        if user is not None:
            browser.force_login(user)
        reply = browser.get("/")
        places[getattr(user, "username", "")] = (reply.status_code, reply["Location"])
        assert "no-store" in reply["Cache-Control"]
    assert places == {
        "": (302, LOGIN),
        "farhan": (302, HOME),
        acme_staff.username: (302, CONSOLE),
        operator.username: (302, CONSOLE),
    }
    assert Client().post("/").status_code == 405


def test_staff_are_led_from_the_home_page_to_the_console(acme_staff: User) -> None:
    browser = Client()
    browser.force_login(acme_staff)
    assert browser.get(HOME)["Location"] == CONSOLE


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}])
def test_who_is_shut_out_sees_the_sign_in_page_at_once(
    farhan: User, change: dict[str, Any]
) -> None:
    browser, _reply = sign_in()
    User.objects.filter(pk=farhan.pk).update(**change)
    assert browser.get(HOME)["Location"].startswith(LOGIN)
    assert browser.get("/")["Location"].startswith(LOGIN)


def test_a_session_on_the_home_page_ends_as_one_in_the_console_does(farhan: User) -> None:
    with time_machine.travel(1_800_000_000.0, tick=False) as clock:
        browser, _reply = sign_in()
        clock.shift(29 * 60)
        assert browser.get(HOME).status_code == 200
        clock.shift(31 * 60)
        assert browser.get(HOME)["Location"].startswith(LOGIN)


def test_the_home_page_speaks_hindi_and_fits_a_phone(farhan: User) -> None:
    browser, _reply = sign_in()
    page = browser.get(HOME, headers={"Accept-Language": "hi"}).content.decode()
    assert '<html lang="hi">' in page
    assert "आप साइन-इन हैं" in page
    assert "साइन-आउट करें" in page
    assert '<meta name="viewport" content="width=device-width' in page


def test_the_language_can_be_chosen_on_the_home_page(farhan: User) -> None:
    browser, _reply = sign_in()
    reply = browser.post("/i18n/setlang/", {"language": "hi", "next": HOME})
    assert reply["Location"] == HOME
    assert '<html lang="hi">' in browser.get(HOME).content.decode()


def test_the_home_page_loads_nothing_inline_and_runs_no_script(farhan: User) -> None:
    browser, _reply = sign_in()
    reply = browser.get(HOME)
    page = reply.content.decode()
    assert "<script" not in page
    assert "<style" not in page
    assert "style=" not in page
    policy = reply["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy


def test_a_user_without_an_employee_or_a_full_name_is_named_by_the_username(
    acme: Organization,
) -> None:
    User.objects.create_user("plain", password=people.PASSWORD, organization=acme)
    browser, _reply = sign_in("plain")
    assert "plain" in browser.get(HOME).content.decode()


def test_the_address_of_the_documentation_is_still_the_openapi_file(
    client: Client, asha: Employee, settings: LazySettings
) -> None:
    reply = client.get("/docs")
    assert (reply.status_code, reply["Content-Type"]) == (200, "application/json")
