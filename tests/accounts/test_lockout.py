"""Tries for a password are counted by the account that is meant, however its name is written."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import issue_client_key
from employees.models import Employee, Organization
from tests import people

pytestmark = pytest.mark.usefixtures("frozen_clock")


class Guesser:
    """Somebody who tries passwords, each time from another address."""

    def __init__(self) -> None:
        self.tries = 0

    def _browser(self) -> Client:
        self.tries += 1
        return Client(REMOTE_ADDR=f"198.51.100.{self.tries}")

    def at_console(self, name: str, password: str = "wrong") -> Any:
        return self._browser().post("/admin/login/", {"username": name, "password": password})

    def at_api(self, name: str, password: str = "wrong", **organization: str) -> Any:
        return self._browser().post(
            "/api/auth/token",
            {"username": name, "password": password} | organization,
            content_type="application/json",
        )


@pytest.fixture
def guesser() -> Guesser:
    return Guesser()


@pytest.fixture
def mgr2(acme: Organization) -> User:
    """Staff of acme."""
    return people.make_staff(acme, "mgr2")


def test_a_name_with_and_without_the_organization_shares_one_budget(
    guesser: Guesser, mgr2: User
) -> None:
    names = ["mgr2", "acme/mgr2"] * 5
    assert {guesser.at_console(name).status_code for name in names} == {200}
    assert guesser.at_console("mgr2", people.PASSWORD).status_code == 429
    assert guesser.at_console("acme/mgr2", people.PASSWORD).status_code == 429
    assert guesser.at_api("mgr2", people.PASSWORD, organization="acme").status_code == 429


@pytest.mark.parametrize("other", [" mgr2", "mgr2\t", "ｍｇｒ２", "acme／mgr2", " acme/mgr2 "])
def test_another_spelling_that_signs_in_at_the_console_has_no_budget_of_its_own(
    guesser: Guesser, mgr2: User, other: str
) -> None:
    assert guesser.at_console(other, people.PASSWORD).status_code == 302
    for _ in range(9):
        guesser.at_console("mgr2")
    assert guesser.at_console(other, people.PASSWORD).status_code == 429


@pytest.mark.parametrize("organization", [" acme", "acme "])
def test_another_spelling_that_signs_in_at_the_api_has_no_budget_of_its_own(
    guesser: Guesser, mgr2: User, organization: str
) -> None:
    reply = guesser.at_api(" mgr2 ", people.PASSWORD, organization=organization)
    assert reply.status_code == 200
    for _ in range(9):
        guesser.at_api("mgr2", organization="acme")
    reply = guesser.at_api(" mgr2 ", people.PASSWORD, organization=organization)
    assert reply.status_code == 429


def test_a_name_of_two_organizations_counts_for_both_accounts_and_says_so_to_nobody(
    guesser: Guesser, acme: Organization, zenith: Organization
) -> None:
    for organization in (acme, zenith):
        people.make_staff(organization, "mgr2")
    for _ in range(10):
        guesser.at_console("mgr2")
    refused = guesser.at_console("mgr2")
    assert refused.status_code == 429
    assert refused["RateLimit-Policy"].count("sign-in-account-minute") == 1
    assert guesser.at_console("acme/mgr2", people.PASSWORD).status_code == 429
    assert guesser.at_console("zenith/mgr2", people.PASSWORD).status_code == 429


def test_the_budget_of_a_namesake_is_left_alone_when_the_organization_is_named(
    guesser: Guesser, acme: Organization, zenith: Organization
) -> None:
    for organization in (acme, zenith):
        people.make_staff(organization, "mgr2")
    for _ in range(11):
        guesser.at_console("acme/mgr2")
    assert guesser.at_console("zenith/mgr2", people.PASSWORD).status_code == 302


def test_a_name_that_nobody_has_is_counted_by_its_text(guesser: Guesser, mgr2: User) -> None:
    codes = [guesser.at_console(("nobody", "Nobody")[n % 2]).status_code for n in range(11)]
    assert codes == [200] * 10 + [429]
    assert guesser.at_console("nobody2").status_code == 200
    assert guesser.at_console("mgr2", people.PASSWORD).status_code == 302


@pytest.mark.django_db
def test_where_there_is_one_organization_the_count_tells_nobody_whether_a_name_exists(
    guesser: Guesser,
) -> None:
    people.make_staff(people.make_organization("acme"), "mgr2")
    for name in ("mgr2", "nobody"):
        for _ in range(5):
            guesser.at_console(name)
            guesser.at_api(name)
        assert guesser.at_console(f"acme/{name}").status_code == 429
        assert guesser.at_api(name, organization="acme").status_code == 429


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x" * 100_000, "/", "acme/", "अशा", ""])
def test_any_text_may_be_tried(guesser: Guesser, acme: Organization, name: str) -> None:
    assert guesser.at_api(name, organization="acme").status_code in {401, 422}
    assert guesser.at_api("mgr2", organization=name).status_code == 422
    if name != "\ud800":  # A form is bytes.
        assert guesser.at_console(name).status_code == 200


def test_secrets_of_a_client_are_counted_by_the_client_however_it_is_named(
    acme: Organization, asha: Employee
) -> None:
    client = people.make_client(acme, ["hr:attendance:clock"], employee=asha)
    secret = issue_client_key(client, "secret")

    def ask(number: int, **more: str) -> Any:
        body = {
            "grant_type": "client_credentials",
            "client_id": client.client_id,
            "client_secret": "fl_sec_wrong",
        }
        return Client(REMOTE_ADDR=f"198.51.100.{number}").post(
            "/api/v1/oauth/token", body | more, content_type="application/json"
        )

    replies = [ask(n, username=f"user-{n}", organization=f"o-{n}") for n in range(10)]
    assert {reply.status_code for reply in replies} == {401}
    assert ask(11, client_secret=secret).status_code == 429
    assert ask(12, client_id=f" {client.client_id}", client_secret=secret).status_code == 429
