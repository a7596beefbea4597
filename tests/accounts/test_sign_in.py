"""People sign in, go on with a refresh token that works once, and are turned away the moment they
are revoked.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import services, tokens
from accounts.models import PersonalToken, RefreshToken, SecurityEvent, TokenFamily, User
from employees.models import Employee, Organization
from tests import people


@pytest.fixture
def user(acme: Organization, asha: Employee) -> User:
    """Asha, with a password."""
    return people.make_user(asha, "asha")


def post(path: str, body: dict[str, Any], **headers: str) -> Any:
    return Client().post(
        f"/api/auth/{path}", body, content_type="application/json", headers=headers
    )


def me(token: str) -> Any:
    return Client().get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})


def signed_in(organization: str = "acme") -> dict[str, Any]:
    reply = post(
        "token", {"organization": organization, "username": "asha", "password": people.PASSWORD}
    )
    assert reply.status_code == 200, reply.content
    assert reply["Cache-Control"] == "no-store"
    return reply.json()


def test_a_password_gives_a_pair_that_opens_the_api(user: User) -> None:
    pair = signed_in()
    assert pair["token_type"] == "Bearer"
    assert pair["expires_in"] == 600
    reply = me(pair["access"])
    assert reply.status_code == 200
    assert reply.json()["employee"]["code"] == "1001"


@pytest.mark.parametrize(
    "change",
    [
        {"password": "wrong"},
        {"username": "nobody"},
        {"organization": "zenith"},
        {"username": "asha\x01"},
    ],
)
def test_whatever_is_wrong_has_one_answer(user: User, change: dict[str, str]) -> None:
    reply = post(
        "token", {"organization": "acme", "username": "asha", "password": people.PASSWORD} | change
    )
    assert (reply.status_code, reply.json()) == (401, {"message": "Unauthenticated."})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "username"),
        ({"username": "asha"}, "password"),
        ({"username": 7, "password": "x"}, "username"),
        ({"username": "asha", "password": ["x"]}, "password"),
        ({"username": "a\x00", "password": "x"}, "username"),
        ({"username": "asha", "password": "x"}, "organization"),
        ({"username": "asha", "password": "x", "organization": "nowhere"}, "organization"),
    ],
)
def test_what_cannot_be_read_is_told_by_field(user: User, body: dict[str, Any], field: str) -> None:
    reply = post("token", body)
    assert reply.status_code == 422
    assert field in reply.json()["errors"]


def test_two_tenants_may_have_the_same_name_and_each_gets_in_at_home(
    user: User, chitra: Employee
) -> None:
    people.make_user(chitra, "asha")
    assert me(signed_in("zenith")["access"]).json()["employee"]["name"] == "Chitra"
    assert me(signed_in("acme")["access"]).json()["employee"]["name"] == "Asha"


def test_an_inactive_person_is_turned_away_with_the_token_they_have(user: User) -> None:
    pair = signed_in()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert me(pair["access"]).status_code == 401
    assert post("token/refresh", {"refresh": pair["refresh"]}).status_code == 401


def test_a_refresh_token_works_once(user: User) -> None:
    pair = signed_in()
    following = post("token/refresh", {"refresh": pair["refresh"]})
    assert following.status_code == 200
    assert me(following.json()["access"]).status_code == 200
    assert post("token/refresh", {"refresh": pair["refresh"]}).status_code == 401


def test_an_honest_retry_does_not_end_the_sign_in(user: User) -> None:
    pair = signed_in()
    following = post("token/refresh", {"refresh": pair["refresh"]}).json()
    post("token/refresh", {"refresh": pair["refresh"]})
    assert me(following["access"]).status_code == 200
    assert post("token/refresh", {"refresh": following["refresh"]}).status_code == 200


def test_a_reuse_much_later_ends_the_whole_sign_in(user: User) -> None:
    pair = signed_in()
    following = post("token/refresh", {"refresh": pair["refresh"]}).json()
    RefreshToken.objects.filter(used_at__isnull=False).update(
        used_at=timezone.now() - timedelta(minutes=1)
    )
    assert post("token/refresh", {"refresh": pair["refresh"]}).status_code == 401
    assert me(following["access"]).status_code == 401
    assert post("token/refresh", {"refresh": following["refresh"]}).status_code == 401
    assert SecurityEvent.objects.filter(kind="token_reused", actor=user).count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_parallel_refreshes_of_one_token_have_one_winner() -> None:
    asha = people.make_world().asha
    people.make_user(asha, "asha")
    pair, start = signed_in(), threading.Barrier(20)

    def go() -> Any:
        start.wait()
        try:
            return post("token/refresh", {"refresh": pair["refresh"]})
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: go(), range(20)))
    assert sorted(reply.status_code for reply in replies) == [200] + [401] * 19
    winner = next(reply.json() for reply in replies if reply.status_code == 200)
    assert me(winner["access"]).status_code == 200
    assert TokenFamily.objects.get().revoked_at is None


def test_signing_out_is_felt_at_once(user: User) -> None:
    pair = signed_in()
    assert post("token/revoke", {"token": pair["refresh"]}).status_code == 200
    assert me(pair["access"]).status_code == 401


def test_revoking_nobodys_token_says_the_same(user: User) -> None:
    assert post("token/revoke", {"token": "msr_nothing"}).json() == {"revoked": True}


def test_a_personal_token_is_made_listed_used_and_revoked_by_its_owner(user: User) -> None:
    head = {"Authorization": f"Bearer {signed_in()['access']}"}
    browser = Client(headers=head)
    made = browser.post(
        "/api/v1/me/tokens", {"name": "my phone", "days": 30}, content_type="application/json"
    )
    assert made.status_code == 201
    text = made.json()["token"]
    assert text.startswith("mst_")
    assert me(text).status_code == 200
    (row,) = browser.get("/api/v1/me/tokens").json()["data"]
    assert row["name"] == "my phone"
    assert row["last_used_at"] is not None
    assert "token" not in row
    assert browser.post(f"/api/v1/me/tokens/{row['id']}/revoke").status_code == 200
    assert me(text).status_code == 401


def test_nobody_revokes_a_token_that_is_not_theirs(user: User, bala: Employee) -> None:
    other, _text = services.issue_personal_token(people.make_user(bala, "bala"), "bala's")
    reply = Client(headers={"Authorization": f"Bearer {signed_in()['access']}"}).post(
        f"/api/v1/me/tokens/{other.pk}/revoke"
    )
    assert reply.status_code == 404
    assert PersonalToken.objects.get(pk=other.pk).revoked_at is None


def test_ones_own_sign_in_can_be_ended_with_the_access_token_alone(user: User) -> None:
    access = signed_in()["access"]
    assert (
        Client(headers={"Authorization": f"Bearer {access}"})
        .post("/api/v1/me/sign-out")
        .status_code
        == 200
    )
    assert me(access).status_code == 401


@pytest.mark.parametrize(
    "token", ["", "x", "mst_", "mst_" + "a" * 49, "é", "a.b.c", "msr_" + "a" * 49]
)
def test_nonsense_is_not_a_token(user: User, token: str) -> None:
    reply = Client().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert (reply.status_code, reply.json()) == (401, {"message": "Unauthenticated."})
    assert reply["WWW-Authenticate"] == "Bearer"


def test_a_refresh_token_opens_nothing_but_the_next_pair(user: User) -> None:
    assert me(signed_in()["refresh"]).status_code == 401


def test_an_access_token_of_a_person_is_nobody_as_a_machine(user: User) -> None:
    with pytest.raises(tokens.InvalidJwt):
        tokens.decode_jwt(tokens.MACHINE_TOKEN_AUDIENCE, signed_in()["access"])


def test_sign_ins_are_written_down_and_passwords_are_not(user: User) -> None:
    signed_in()
    post("token", {"organization": "acme", "username": "asha", "password": "a wrong secret"})
    kinds = set(SecurityEvent.objects.of(user.organization_id).values_list("kind", flat=True))
    assert {"signed_in", "sign_in_failed"} <= kinds
    assert not [
        event for event in SecurityEvent.objects.all() if "wrong secret" in str(vars(event))
    ]


def test_mode_says_how_to_sign_in(acme: Organization, zenith: Organization) -> None:
    reply = Client().get("/api/auth/mode?organization=acme").json()
    assert reply == {
        "mode": "password",
        "sso_enabled": False,
        "redirect": None,
        "mobile_redirect": None,
        "organization": "acme",
    }
    assert Client().get("/api/auth/mode").status_code == 422
    assert Client().get("/api/auth/mode?organization=nowhere").status_code == 422


@pytest.mark.django_db
def test_the_only_organization_need_not_be_named() -> None:
    people.make_organization("acme")
    assert Client().get("/api/auth/mode").json()["organization"] == "acme"


def test_the_product_hashes_passwords_slowly() -> None:
    from config import settings

    assert settings.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.Argon2PasswordHasher"
