"""Web and mobile sign-on against a real provider: what works, and how each thing that goes wrong is
told.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import (
    PersonalToken,
    SecurityEvent,
    SignInSettings,
    SsoAttempt,
    SsoIdentity,
    User,
)
from employees.models import Employee, Organization
from tests.e2e.provider import APP, LIES, Provider, Visitor

VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
HTML = {"HTTP_ACCEPT": "text/html"}


def begin(browser: Client, page: str = "/admin/devices/device/", **more: str) -> str:
    """Where the browser is sent."""
    response = browser.get("/api/auth/sso/redirect", {"organization": "acme", "next": page, **more})
    assert response.status_code == 302, response.content
    return str(response["Location"])


def callback(browser: Client, back: dict[str, str], **headers: str) -> Any:
    return browser.get("/api/auth/sso/callback", back, **headers)


def sign_on(browser: Client, person: str = "asha") -> Any:
    return callback(browser, Visitor().visit(begin(browser), person))


def post(path: str, **body: Any) -> Any:
    return Client().post(
        f"/api/auth/sso/mobile/{path}", json.dumps(body), content_type="application/json"
    )


def phone(person: str = "asha", **more: str) -> dict[str, str]:
    """What a phone has in hand after its owner signed in: code and state."""
    asked = {
        "organization": "acme",
        "redirect_uri": APP,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "device_name": "Asha's phone",
    } | more
    begun = post("redirect", **asked)
    assert begun.status_code == 200, begun.content
    assert begun.json()["expires_in"] <= 600
    back = Visitor().visit(begun.json()["url"], person)
    assert back["state"] == begun.json()["state"]
    return {"code": back["code"], "state": back["state"]}


def exchange(back: dict[str, str], verifier: str = VERIFIER) -> Any:
    return post("exchange", **back, code_verifier=verifier)


# --- What works -----------------------------------------------------------------------------------
def test_a_browser_that_comes_back_is_in_the_console_and_has_no_token(
    acme_login: SignInSettings, asha_user: User
) -> None:
    browser = Client()
    response = sign_on(browser)
    assert (response.status_code, response["Location"]) == (302, "/admin/devices/device/")
    assert browser.get("/admin/devices/device/").status_code == 200
    assert not PersonalToken.objects.exists()
    assert SsoIdentity.objects.get().user == asha_user
    kinds = list(SecurityEvent.objects.order_by("id").values_list("kind", flat=True))
    assert kinds[-2:] == ["linked", "signed_in"]


@pytest.mark.parametrize("page", ["/admin/", "/admin/devices/device/"])
def test_who_has_no_console_lands_on_the_home_page(
    acme_login: SignInSettings, asha_user: User, page: str
) -> None:
    User.objects.filter(pk=asha_user.pk).update(is_staff=False)
    browser = Client()
    response = callback(browser, Visitor().visit(begin(browser, page), "asha"))
    assert (response.status_code, response["Location"]) == (302, "/home")
    assert "Asha" in browser.get("/home").content.decode()


def test_the_address_sent_to_asks_for_pkce_nonce_and_our_callback(
    acme_login: SignInSettings,
) -> None:
    asked = dict(parse_qsl(urlsplit(begin(Client())).query))
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/api/auth/sso/callback"
    assert len(asked["nonce"]) >= 43
    assert len(asked["state"]) >= 43
    assert asked["scope"] == "openid email profile"


def test_a_phone_gets_a_token_that_opens_the_api(
    acme_login: SignInSettings, asha_user: User
) -> None:
    reply = exchange(phone())
    assert reply.status_code == 200, reply.content
    token = reply.json()
    assert token.keys() == {"token", "token_type", "expires_at", "name"}
    assert (token["token_type"], token["name"]) == ("Bearer", "Asha's phone")
    me = Client().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token['token']}").json()
    assert me["employee"]["code"] == "1001"
    assert reply["Cache-Control"] == "no-store"


def test_the_verifier_may_be_called_verifier(acme_login: SignInSettings, asha_user: User) -> None:
    assert post("exchange", **phone(), verifier=VERIFIER).status_code == 200


@pytest.mark.parametrize("client_id", ["tells-email", "tells-half"])
def test_an_address_in_the_id_token_counts_only_with_its_verification(
    acme_login: SignInSettings, asha_user: User, client_id: str
) -> None:
    SignInSettings.objects.update(client_id=client_id)
    assert exchange(phone()).status_code == 200
    assert SsoIdentity.objects.get().email == "asha@acme.example"


def test_once_linked_the_address_no_longer_matters(
    acme_login: SignInSettings, asha_user: User
) -> None:
    assert sign_on(Client()).status_code == 302
    User.objects.filter(pk=asha_user.pk).update(email="elsewhere@acme.example")
    assert sign_on(Client()).status_code == 302
    assert SsoIdentity.objects.count() == 1


def test_an_employee_without_a_user_gets_one_only_where_that_is_wanted(
    acme_login: SignInSettings, asha: Employee
) -> None:
    Employee.objects.filter(pk=asha.pk).update(email="asha@acme.example")
    refused = exchange(phone())
    assert (refused.status_code, refused.json()["code"]) == (403, "sso_no_user")
    SignInSettings.objects.update(creates_users=True)
    assert exchange(phone()).status_code == 200
    made = User.objects.get(employee=asha)
    assert (made.is_staff, made.has_usable_password(), made.groups.count()) == (False, False, 0)
    assert SecurityEvent.objects.filter(kind="user_made").count() == 1


def test_proving_once_more_asks_the_provider_to_ask(
    acme_login: SignInSettings, asha_user: User
) -> None:
    browser, visitor = Client(), Visitor()
    assert callback(browser, visitor.visit(begin(browser), "asha")).status_code == 302
    settings_page = "/admin/accounts/signinsettings/add/"
    assert browser.get(settings_page)["Location"].startswith("/admin/reauthenticate/")
    assert (
        "again=1" in browser.get("/admin/reauthenticate/", {"next": settings_page}).content.decode()
    )
    assert (
        callback(browser, visitor.visit(begin(browser, settings_page, again="1"), "asha"))[
            "Location"
        ]
        == settings_page
    )
    assert browser.get(settings_page).status_code != 302


# --- What goes wrong, on a phone ------------------------------------------------------------------
def test_a_wrong_verifier_is_refused_and_uses_the_state_up(
    acme_login: SignInSettings, asha_user: User
) -> None:
    back = phone()
    wrong = exchange(back, "w" * 43)
    assert (wrong.status_code, list(wrong.json()["errors"])) == (422, ["code_verifier"])
    assert list(exchange(back).json()["errors"]) == ["state"]


def test_a_replayed_exchange_gives_no_second_token(
    acme_login: SignInSettings, asha_user: User
) -> None:
    back = phone()
    assert exchange(back).status_code == 200
    again = exchange(back)
    assert (again.status_code, list(again.json()["errors"])) == (422, ["state"])
    assert PersonalToken.objects.count() == 1


def test_a_code_of_another_sign_on_is_refused(acme_login: SignInSettings, asha_user: User) -> None:
    first, second = phone(), phone()
    assert exchange(first).status_code == 200
    swapped = exchange({"code": first["code"], "state": second["state"]})
    assert (swapped.status_code, list(swapped.json()["errors"])) == (422, ["code"])


def test_a_made_up_code_is_refused(acme_login: SignInSettings, asha_user: User) -> None:
    reply = exchange(phone() | {"code": 'made up & "quoted"'})
    assert (reply.status_code, list(reply.json()["errors"])) == (422, ["code"])


def test_a_state_is_refused_after_ten_minutes(acme_login: SignInSettings, asha_user: User) -> None:
    back = phone()
    SsoAttempt.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert list(exchange(back).json()["errors"]) == ["state"]


def test_a_state_is_refused_once_the_organization_changed_its_provider(
    acme_login: SignInSettings, asha_user: User
) -> None:
    back = phone()
    SignInSettings.objects.update(issuer="https://login.example")
    assert list(exchange(back).json()["errors"]) == ["state"]


def test_a_browsers_state_is_nothing_on_a_phone_nor_the_reverse(
    acme_login: SignInSettings, asha_user: User
) -> None:
    browser = Client()
    back = Visitor().visit(begin(browser), "asha")
    assert list(exchange({"code": back["code"], "state": back["state"]}).json()["errors"]) == [
        "state"
    ]
    assert list(callback(browser, phone()).json()["errors"]) == ["state"]


@pytest.mark.parametrize("lie", LIES)
def test_an_id_token_that_lies_lets_nobody_in(
    acme_login: SignInSettings, asha_user: User, lie: str
) -> None:
    SignInSettings.objects.update(client_id=f"lies-{lie}")
    reply = exchange(phone())
    assert (reply.status_code, reply.json()["code"]) == (403, "sso_not_accepted")
    told = {"expired": "expired", "issuer": "issuer", "audience": "audience", "nonce": "nonce"}.get(
        lie, "not signed"
    )
    assert told in reply.json()["message"]
    assert not PersonalToken.objects.exists()
    assert sign_on(Client()).status_code == 403


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ("unverified", "sso_email_not_verified"),
        ("stranger", "sso_unknown"),
        ("silent", "sso_no_email"),
    ],
)
def test_somebody_the_organization_cannot_place_is_told_why(
    acme_login: SignInSettings, asha_user: User, person: str, code: str
) -> None:
    reply = exchange(phone(person))
    assert (reply.status_code, reply.json()["code"]) == (403, code)
    page = callback(browser := Client(), Visitor().visit(begin(browser), person), **HTML)
    assert (page.status_code, page["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert reply.json()["message"] in page.content.decode().replace("&#x27;", "'")
    assert SecurityEvent.objects.filter(kind="sign_in_failed", details__why=code).count() == 2


def test_an_address_that_was_given_to_somebody_else_opens_nothing(
    acme_login: SignInSettings, asha_user: User
) -> None:
    assert exchange(phone("asha")).status_code == 200
    reply = exchange(phone("asha-again"))
    assert (reply.status_code, reply.json()["code"]) == (403, "sso_linked_already")


def test_who_has_left_is_refused_though_linked(
    acme_login: SignInSettings, asha_user: User, asha: Employee
) -> None:
    assert exchange(phone()).status_code == 200
    Employee.objects.filter(pk=asha.pk).update(left_on=timezone.now().date() - timedelta(days=2))
    assert exchange(phone()).json()["code"] == "sso_not_active"


# --- What goes wrong, in a browser ----------------------------------------------------------------
def test_a_state_of_another_browser_is_refused_and_stays_good_for_its_own(
    acme_login: SignInSettings, asha_user: User
) -> None:
    ours, theirs = Client(), Client()
    begin(theirs)
    back = Visitor().visit(begin(ours), "asha")
    assert list(callback(theirs, back).json()["errors"]) == ["state"]
    assert list(callback(Client(), back).json()["errors"]) == ["state"]
    assert callback(ours, back).status_code == 302
    assert list(callback(ours, back).json()["errors"]) == ["state"]


def test_a_person_who_says_no_is_told_so_in_plain_words(
    acme_login: SignInSettings, asha_user: User
) -> None:
    browser = Client()
    back = Visitor().visit(begin(browser), "nobody")
    page = callback(browser, back, **HTML)
    assert page.status_code == 403
    assert "access_denied" in page.content.decode()
    assert "<b>" not in page.content.decode()


def test_the_answer_of_another_provider_is_not_mixed_in(
    acme_login: SignInSettings, asha_user: User
) -> None:
    browser = Client()
    back = Visitor().visit(begin(browser), "asha") | {"iss": "https://somebody.else.example"}
    assert callback(browser, back).json()["code"] == "sso_not_accepted"


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "x" * 600,
    ],
)
def test_nobody_is_sent_on_to_another_site(
    acme_login: SignInSettings, asha_user: User, page: str
) -> None:
    browser = Client()
    assert callback(browser, Visitor().visit(begin(browser, page), "asha"))["Location"] == "/admin/"


def test_a_client_secret_that_is_wrong_is_told(
    acme_login: SignInSettings, asha_user: User, settings: Any
) -> None:
    from accounts.sso.settings import save_sign_in_settings

    save_sign_in_settings(acme_login, secret="another secret")
    assert exchange(phone()).json()["code"] == "sso_client"


def test_a_provider_that_is_down_is_a_503_that_says_when_to_come_again(
    acme: Organization, acme_login: SignInSettings
) -> None:
    with Provider() as short:
        SignInSettings.objects.update(issuer=short.issuer)
        back = phone()
    gone = exchange(back)
    assert gone.status_code == 503
    assert int(gone["Retry-After"]) >= 1
    assert "provider" in gone.json()["message"]
    page = Client().get("/api/auth/sso/redirect", {"organization": "acme"}, **HTML)
    assert (page.status_code, page["Content-Type"]) == (503, "text/html; charset=utf-8")


def test_a_provider_that_calls_itself_otherwise_is_not_believed(
    acme_login: SignInSettings, idp: Provider
) -> None:
    SignInSettings.objects.update(issuer=f"{idp.issuer}/")
    reply = post(
        "redirect",
        organization="acme",
        redirect_uri=APP,
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
    )
    assert (reply.status_code, reply.json()["code"]) == (403, "sso_not_accepted")


def test_a_provider_at_a_forbidden_address_is_not_asked(
    acme_login: SignInSettings, settings: Any
) -> None:
    settings.PUSH_ALLOWED_NETWORKS = []
    reply = post(
        "redirect",
        organization="acme",
        redirect_uri=APP,
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
    )
    assert reply.status_code == 503


# --- What the database knows ----------------------------------------------------------------------
def test_neither_state_nor_session_can_be_read_from_the_database(
    acme_login: SignInSettings, asha_user: User
) -> None:
    browser = Client()
    address = dict(parse_qsl(urlsplit(begin(browser)).query))
    stored = json.dumps(list(SsoAttempt.objects.values()), default=str)
    assert not any(address[name] in stored for name in ("state", "nonce", "code_challenge"))
    sign_on(browser)
    key = browser.session.session_key
    assert key
    assert not Session.objects.filter(session_key=key).exists()
    assert Session.objects.count() == 1


def test_an_operator_never_comes_from_an_organizations_provider(
    acme_login: SignInSettings, operator: User
) -> None:
    User.objects.filter(pk=operator.pk).update(
        email="asha@acme.example", organization=acme_login.organization
    )
    assert exchange(phone()).json()["code"] == "sso_unknown"
    SsoIdentity.objects.create(
        organization=acme_login.organization,
        user=operator,
        issuer=acme_login.issuer,
        subject="asha",
    )
    assert exchange(phone()).json()["code"] == "sso_not_active"
