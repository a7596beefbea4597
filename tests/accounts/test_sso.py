"""Single sign-on without a provider: what requests must look like, who may come in, and what the
mode says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from django_otp.oath import TOTP
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import PermissionDenied

from accounts import services, two_factor
from accounts.credentials import decrypt, hash_token
from accounts.models import (
    SecurityEvent,
    SignInSettings,
    SsoAttempt,
    SsoIdentity,
    TokenFamily,
    User,
)
from accounts.sso.identities import unlink_identity, user_for_identity
from accounts.sso.oidc_client import ProviderIdentity
from accounts.sso.oidc_errors import SignInDenied
from accounts.sso.oidc_validation import (
    is_issuer,
    is_redirect_uri,
    pkce_challenge,
    safe_local_path,
    verifier_matches,
)
from accounts.sso.settings import save_sign_in_settings
from accounts.sso.sign_on import claim_sso_attempt
from employees.models import Employee, Organization
from tests import people

ISSUER = "https://login.example"
APP = "com.example.muster:/signed-in"
GOOD = {
    "organization": "acme",
    "redirect_uri": APP,
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}
BACK = {"code": "x", "state": "y" * 43, "code_verifier": "v" * 43}


@pytest.fixture
def chosen(acme: Organization) -> SignInSettings:
    """Acme's settings, with a provider that nobody asks."""
    row = SignInSettings(
        organization=acme, issuer=ISSUER, client_id="muster", sso_enabled=True, redirect_uris=[APP]
    )
    save_sign_in_settings(row, secret="the client secret")
    return row


def post(path: str, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return Client().post(f"/api/auth/sso/mobile/{path}", text, content_type="application/json")


def who(
    subject: str = "s-1", email: str = "asha@acme.example", *, verified: bool = True
) -> ProviderIdentity:
    return ProviderIdentity(ISSUER, subject, email, verified)


# --- Shapes ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code_challenge_method", "plain"),
        ("code_challenge_method", None),
        ("code_challenge", "c" * 42),
        ("code_challenge", 7),
        ("code_challenge", "c" * 43 + "\n"),
        ("redirect_uri", "com.example.muster:/signed-in/"),
        ("redirect_uri", APP.upper()),
        ("redirect_uri", f"{APP}?x"),
        ("redirect_uri", "\ud800"),
        ("redirect_uri", None),
        ("organization", "nobody"),
        ("organization", "\x00"),
        ("device_name", "d" * 101),
        ("device_name", {}),
    ],
)
def test_a_phone_that_asks_wrongly_is_told_the_field(
    chosen: SignInSettings, field: str, value: Any
) -> None:
    reply = post("redirect", GOOD | {field: value})
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])


@pytest.mark.parametrize("field", ["code", "state", "code_verifier"])
@pytest.mark.parametrize("value", [None, "", 7, [], "\ud800", "\x00", "é" * 50, "x" * 5000])
def test_a_phone_that_comes_back_wrongly_is_told_the_field(
    chosen: SignInSettings, field: str, value: Any
) -> None:
    reply = post("exchange", BACK | {field: value})
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])


@pytest.mark.parametrize("body", ["", "{", "[]", "7", "null", '"x"', "[" * 100_000])
@pytest.mark.parametrize("path", ["redirect", "exchange"])
def test_a_body_that_is_no_object_is_refused_clearly(
    chosen: SignInSettings, path: str, body: str
) -> None:
    reply = post(path, body)
    assert reply.status_code in (400, 422)
    assert reply["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "query", [{}, {"state": "x"}, {"state": "\x00", "code": "\x00"}, {"error": "<script>"}]
)
def test_a_browser_that_comes_back_with_nothing_of_ours_is_refused(
    chosen: SignInSettings, query: dict[str, str]
) -> None:
    reply = Client().get("/api/auth/sso/callback", query)
    assert (reply.status_code, list(reply.json()["errors"])) == (422, ["state"])


def test_where_single_sign_on_is_off_nobody_is_sent_anywhere(acme: Organization) -> None:
    assert list(post("redirect", GOOD).json()["errors"]) == ["organization"]
    assert Client().get("/api/auth/sso/redirect", {"organization": "acme"}).status_code == 422


@pytest.mark.usefixtures("frozen_clock")
@pytest.mark.parametrize("path", ["redirect", "callback", "mobile/redirect", "mobile/exchange"])
def test_an_address_may_ask_thirty_times_a_minute(chosen: SignInSettings, path: str) -> None:
    browser = Client()
    ask = browser.post if path.startswith("mobile") else browser.get
    replies = [ask(f"/api/auth/sso/{path}", {}, REMOTE_ADDR="192.0.2.7") for _ in range(31)]
    assert [reply.status_code == 429 for reply in replies] == [False] * 30 + [True]
    assert int(replies[-1]["Retry-After"]) >= 1


# --- Parallel -------------------------------------------------------------------------------------
def at_once(verb: Callable[[], Any], times: int = 4) -> list[Any]:
    """What the verb gives when it is called in several threads at the same moment; a refusal is
    None.
    """
    ready = Barrier(times)

    def call() -> Any:
        try:
            ready.wait(10)
            return verb()
        except ValidationError:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(times)]]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_back_with_a_state_at_once_one_goes_on() -> None:
    now, acme = timezone.now(), people.make_organization("acme")
    SsoAttempt.objects.create(
        organization=acme,
        kind="mobile",
        state_hash=hash_token("s"),
        binding="c",
        issuer=ISSUER,
        redirect_uri=APP,
        created_at=now,
        expires_at=now + timedelta(minutes=10),
    )
    assert (
        sum(found is not None for found in at_once(lambda: claim_sso_attempt("mobile", "s"))) == 1
    )


@pytest.mark.django_db(transaction=True)
def test_a_code_shown_in_many_browsers_at_once_lets_one_in() -> None:
    user = people.make_staff(people.make_organization("acme"), "acme-hr")
    key = two_factor.new_totp_enrollment().key
    codes = two_factor.enroll_second_factor(
        user, key, f"{TOTP(base64.b32decode(key), drift=-1).token():06}"
    )
    assert codes
    assert (
        at_once(
            lambda: two_factor.verify_second_factor(
                user, f"{TOTP(base64.b32decode(key), drift=1).token():06}"
            )
        ).count(True)
        == 1
    )
    assert at_once(lambda: two_factor.verify_second_factor(user, codes[0])).count(True) == 1


# --- The mode -------------------------------------------------------------------------------------
def mode() -> dict[str, Any]:
    body: dict[str, Any] = Client().get("/api/auth/mode", {"organization": "acme"}).json()
    return body


def test_the_mode_tells_the_truth(acme: Organization, zenith: Organization) -> None:
    assert mode() == {
        "mode": "password",
        "sso_enabled": False,
        "redirect": None,
        "mobile_redirect": None,
        "organization": "acme",
    }
    save_sign_in_settings(
        SignInSettings(organization=acme, issuer=ISSUER, client_id="muster", sso_enabled=True)
    )
    told = mode()
    assert (told["mode"], told["sso_enabled"], told["organization"]) == ("sso", True, "acme")
    assert told["redirect"].endswith("/api/auth/sso/redirect?organization=acme")
    assert told["mobile_redirect"].endswith("/api/auth/sso/mobile/redirect")
    assert Client().get("/api/auth/mode", {"organization": "zenith"}).json()["mode"] == "password"


def test_where_it_is_enforced_passwords_are_refused_and_their_sign_ins_end(
    chosen: SignInSettings, acme_staff: User
) -> None:
    body = {"organization": "acme", "username": "acme-hr", "password": people.PASSWORD}
    browser = Client()
    pair = browser.post("/api/auth/token", body, content_type="application/json").json()
    chosen.sso_enforced = True
    save_sign_in_settings(chosen)
    refused = browser.post("/api/auth/token", body, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "sso_enforced")
    assert not TokenFamily.objects.filter(revoked_at__isnull=True).exists()
    again = browser.post(
        "/api/auth/token/refresh", {"refresh": pair["refresh"]}, content_type="application/json"
    )
    assert again.status_code == 401
    with pytest.raises(PermissionDenied):
        services.sign_in_with_password(chosen.organization, "acme-hr", people.PASSWORD)


# --- Who it is ------------------------------------------------------------------------------------
def refusal(chosen: SignInSettings, identity: ProviderIdentity) -> str:
    with pytest.raises(SignInDenied) as caught:
        user_for_identity(chosen, identity, None)
    return str(caught.value.get_codes())


def test_a_verified_address_finds_the_employees_user(
    chosen: SignInSettings, asha: Employee
) -> None:
    Employee.objects.filter(pk=asha.pk).update(email="ASHA@acme.example")
    user = User.objects.create_user("asha", organization=chosen.organization, employee=asha)
    assert user_for_identity(chosen, who(), None) == user
    assert SecurityEvent.objects.filter(kind="linked").count() == 1
    assert user_for_identity(chosen, who(email="", verified=False), None) == user


def test_a_clerk_who_edits_an_address_does_not_become_the_administrator(
    chosen: SignInSettings, asha: Employee
) -> None:
    User.objects.create_user("asha", organization=chosen.organization, employee=asha, is_staff=True)
    Employee.objects.filter(pk=asha.pk).update(email="clerk@acme.example")
    assert refusal(chosen, who(email="clerk@acme.example")) == "sso_staff_address"


def test_an_address_of_two_people_is_nobodys(
    chosen: SignInSettings, asha: Employee, bala: Employee
) -> None:
    Employee.objects.filter(pk__in=(asha.pk, bala.pk)).update(email="asha@acme.example")
    assert refusal(chosen, who()) == "sso_ambiguous"


def test_another_organizations_people_are_not_found(
    chosen: SignInSettings, chitra: Employee
) -> None:
    Employee.objects.filter(pk=chitra.pk).update(email="asha@acme.example")
    User.objects.create_user("chitra", organization=chitra.organization, email="asha@acme.example")
    assert refusal(chosen, who()) == "sso_unknown"


def test_a_letter_that_looks_alike_is_another_letter(
    chosen: SignInSettings, asha: Employee
) -> None:
    Employee.objects.filter(pk=asha.pk).update(
        email="aſha@acme.example"
    )  # Upper-cased, the long s is an S.
    assert refusal(chosen, who()) == "sso_unknown"


def test_somebody_switched_off_stays_out(chosen: SignInSettings, asha: Employee) -> None:
    user = User.objects.create_user(
        "asha", organization=chosen.organization, email="asha@acme.example"
    )
    assert user_for_identity(chosen, who(), None) == user
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert refusal(chosen, who()) == "sso_not_active"


def test_unlinking_lets_another_account_be_linked(
    chosen: SignInSettings, acme: Organization
) -> None:
    user = User.objects.create_user("asha", organization=acme, email="asha@acme.example")
    user_for_identity(chosen, who("old"), None)
    assert refusal(chosen, who("new")) == "sso_linked_already"
    unlink_identity(SsoIdentity.objects.get())
    assert user_for_identity(chosen, who("new"), None) == user


def test_one_subject_is_one_user_in_the_database(
    chosen: SignInSettings, acme: Organization
) -> None:
    users = [User.objects.create_user(name, organization=acme) for name in ("a", "b")]
    SsoIdentity.objects.create(organization=acme, user=users[0], issuer=ISSUER, subject="s")
    with pytest.raises(IntegrityError), transaction.atomic():
        SsoIdentity.objects.create(organization=acme, user=users[1], issuer=ISSUER, subject="s")


# --- Settings -------------------------------------------------------------------------------------
def test_the_client_secret_is_kept_encrypted(chosen: SignInSettings) -> None:
    row = SignInSettings.objects.get()
    assert "the client secret" not in row.secret_cipher
    assert decrypt(row.secret_cipher) == "the client secret"
    assert "the client secret" not in str(list(SecurityEvent.objects.values()))


def test_the_secret_is_not_carried_over_to_another_issuer(chosen: SignInSettings) -> None:
    chosen.issuer = "https://mine.example"
    with pytest.raises(
        ValidationError,
        match="Enter the client secret again",
    ):
        save_sign_in_settings(chosen)
    save_sign_in_settings(chosen, secret="the new one")
    assert decrypt(SignInSettings.objects.get().secret_cipher) == "the new one"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "http://login.example"),
        ("issuer", "https://login.example?x=1"),
        ("issuer", "https://u:p@login.example"),
        ("issuer", ""),
        ("client_id", ""),
        ("scopes", "email"),
        ("scopes", "openid  email"),
        ("redirect_uris", ["javascript:1"]),
        ("redirect_uris", ["app:/x"]),
        ("redirect_uris", ["https://*.example/x"]),
        ("redirect_uris", {"a": 1}),
        ("redirect_uris", ["http://elsewhere.example/"]),
        ("redirect_uris", [7]),
        ("token_days", 0),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_field(
    chosen: SignInSettings, field: str, value: Any
) -> None:
    setattr(chosen, field, value)
    with pytest.raises(ValidationError) as caught:
        save_sign_in_settings(chosen)
    assert field in caught.value.message_dict


def test_enforced_without_enabled_is_refused_by_the_database_too(chosen: SignInSettings) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SignInSettings.objects.update(sso_enabled=False, sso_enforced=True)


# --- Rules on text --------------------------------------------------------------------------------
@given(st.text())
def test_a_page_of_ours_begins_with_one_slash_and_names_no_host(text: str) -> None:
    page = safe_local_path(text, "/admin/")
    assert page == "/admin/" or (page.startswith("/") and not page.startswith(("//", "/\\")))


@given(st.text())
def test_no_text_upsets_the_rules(text: str) -> None:
    is_issuer(text, allow_http=True)
    is_redirect_uri(text)


@given(
    st.text("abcdefABCDEF0123456789-._~", min_size=43, max_size=128),
    st.text(min_size=0, max_size=50),
)
def test_only_its_verifier_answers_a_challenge(verifier: str, other: str) -> None:
    challenge = pkce_challenge(verifier)
    assert len(challenge) == 43
    assert verifier_matches(verifier, challenge)
    assert other == verifier or not verifier_matches(other, challenge)
