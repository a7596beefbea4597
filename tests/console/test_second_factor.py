"""Staff's second factor, proof that is fresh, sessions that end, and tries that are counted."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.conf import settings as project
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP

from accounts import two_factor
from accounts.credentials import decrypt
from accounts.models import RecoveryCode, SecondFactor, SecurityEvent, SignInSettings, User
from employees.models import Organization
from tests import people

HOME, SETTINGS = "/admin/", "/admin/accounts/signinsettings/add/"
START = 1_800_000_000.0


@pytest.fixture
def clock() -> Iterator[Any]:
    """Time stands still, at the start of a step of the codes, until a test moves it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def code_of(user: User, steps: int = 0) -> str:
    """What the app of somebody shows now, or a few steps later."""
    clock = TOTP(base64.b32decode(decrypt(SecondFactor.objects.get(user=user).secret_cipher)))
    clock.time = time.time() + 30 * steps
    return f"{clock.token():06}"


def set_up(user: User) -> list[str]:
    """A factor for somebody; its recovery codes. The code that confirmed it was the one of a step
    ago.
    """
    offer = two_factor.new_totp_enrollment()
    clock = TOTP(base64.b32decode(offer.key))
    clock.time = time.time() - 30
    codes = two_factor.enroll_second_factor(user, offer.key, f"{clock.token():06}")
    assert codes
    return codes


def sign_in(
    password: str = people.PASSWORD, name: str = "acme/acme-hr", browser: Client | None = None
) -> tuple[Client, Any]:
    browser = browser or Client()
    return browser, browser.post(
        "/admin/login/?next=/admin/", {"username": name, "password": password}
    )


# --- Setting up -----------------------------------------------------------------------------------
def test_setting_up_shows_a_picture_and_then_the_recovery_codes_once(
    clock: Any, acme_staff: User
) -> None:
    browser, _ = sign_in()
    page = browser.get("/admin/second-factor/set-up/").content.decode()
    assert "<svg" in page
    assert 'style="' not in page.split("<svg", 1)[1].split("</svg>")[0]
    key = page.split('<pre class="muster-pre">', 1)[1].split("<", 1)[0]
    assert key not in str(list(Session.objects.values()))
    wrong = browser.post("/admin/second-factor/set-up/", {"code": "000000"})
    assert "wrong" in wrong.content.decode()
    assert not SecondFactor.objects.exists()
    done = browser.post(
        "/admin/second-factor/set-up/", {"code": f"{TOTP(base64.b32decode(key)).token():06}"}
    ).content.decode()
    codes = done.split('muster-codes">', 1)[1].split("</pre>", 1)[0].split()
    assert len(codes) == len(set(codes)) == 10
    assert browser.get(HOME).status_code == 200
    assert SecurityEvent.objects.filter(kind="second_factor").count() == 1
    stored = str(list(SecondFactor.objects.values())) + str(list(RecoveryCode.objects.values()))
    assert key not in stored
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


def test_who_has_one_sees_nothing_of_the_console_before_the_code(
    clock: Any, acme_staff: User
) -> None:
    set_up(acme_staff)
    browser, reply = sign_in()
    assert reply.status_code == 302
    for page in (
        HOME,
        "/admin/devices/device/",
        "/admin/second-factor/set-up/?replace=1",
        "/admin/accounts/user/",
        "/admin/search/",
    ):
        answer = browser.get(page)
        assert answer.status_code == 302, page
        assert (
            "/admin/second-factor/" in answer["Location"]
            or "/admin/reauthenticate/" in answer["Location"]
        )
    assert browser.post("/admin/second-factor/remove/").status_code == 302
    assert browser.post("/admin/second-factor/codes/").status_code == 302
    assert SecondFactor.objects.exists()
    before = browser.session.session_key
    assert (
        browser.post(
            "/admin/second-factor/?next=/admin/devices/device/", {"code": code_of(acme_staff)}
        )["Location"]
        == "/admin/devices/device/"
    )
    assert browser.session.session_key != before
    assert browser.get(HOME).status_code == 200


def test_a_code_is_taken_once(clock: Any, acme_staff: User) -> None:
    set_up(acme_staff)
    code = code_of(acme_staff)
    assert two_factor.verify_second_factor(acme_staff, code)
    assert not two_factor.verify_second_factor(acme_staff, code)
    assert not two_factor.verify_second_factor(acme_staff, code_of(acme_staff, -1))
    assert two_factor.verify_second_factor(acme_staff, code_of(acme_staff, 1))


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "٠٠٠٠٠٠", "abcdef", "-00001", "\x00" * 6, "\ud800" * 6]
)
def test_nonsense_is_no_code(clock: Any, acme_staff: User, code: str) -> None:
    set_up(acme_staff)
    assert not two_factor.verify_second_factor(acme_staff, code)


def test_a_code_of_long_ago_or_far_ahead_is_refused(clock: Any, acme_staff: User) -> None:
    set_up(acme_staff)
    assert not two_factor.verify_second_factor(acme_staff, code_of(acme_staff, 3))
    assert not two_factor.verify_second_factor(acme_staff, code_of(acme_staff, -3))


def test_a_recovery_code_works_once_however_it_is_typed_and_for_its_owner_only(
    clock: Any, acme_staff: User
) -> None:
    code, other = set_up(acme_staff)[:2]
    colleague = people.make_staff(acme_staff.organization, "colleague")
    set_up(colleague)
    assert not two_factor.verify_second_factor(colleague, code)
    assert two_factor.verify_second_factor(acme_staff, f" {code.lower().replace('-', ' ')}")
    assert not two_factor.verify_second_factor(acme_staff, code)
    two_factor.regenerate_recovery_codes(acme_staff)
    assert not two_factor.verify_second_factor(acme_staff, other)


def test_guessing_codes_is_stopped_after_five_in_a_minute(clock: Any, acme_staff: User) -> None:
    set_up(acme_staff)
    browser, _ = sign_in()
    replies = [
        browser.post("/admin/second-factor/", {"code": f"{number:06}"}) for number in range(6)
    ]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert int(replies[-1]["Retry-After"]) >= 1
    assert browser.post("/admin/second-factor/", {"code": code_of(acme_staff)}).status_code == 429


# --- Asking for it --------------------------------------------------------------------------------
def test_an_organization_that_requires_one_lets_staff_see_only_the_set_up(
    acme_staff: User, acme: Organization
) -> None:
    SignInSettings.objects.create(organization=acme, second_factor_required=True)
    browser, _ = sign_in()
    assert browser.get(HOME)["Location"].startswith("/admin/second-factor/set-up/")
    assert browser.get("/admin/second-factor/set-up/").status_code == 200
    others = people.make_staff(people.make_organization("other"), "somebody")
    other = Client()
    other.force_login(others)
    assert other.get(HOME).status_code == 200


def test_operators_can_be_made_to_have_one(operator: User, settings: Any) -> None:
    browser = Client()
    browser.force_login(operator)
    assert browser.get(HOME).status_code == 200
    settings.OPERATORS_NEED_SECOND_FACTOR = True
    assert browser.get(HOME)["Location"].startswith("/admin/second-factor/set-up/")


def test_where_it_is_required_nobody_takes_their_own_away(
    clock: Any, acme_staff: User, acme: Organization
) -> None:
    SignInSettings.objects.create(organization=acme, second_factor_required=True)
    set_up(acme_staff)
    browser, _ = sign_in()
    browser.post("/admin/second-factor/", {"code": code_of(acme_staff)})
    browser.post("/admin/second-factor/remove/")
    assert SecondFactor.objects.exists()
    SignInSettings.objects.update(second_factor_required=False)
    browser.post("/admin/second-factor/remove/")
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_an_administrator_takes_a_lost_one_away_and_it_is_noted(
    clock: Any, acme_staff: User
) -> None:
    colleague = people.make_staff(acme_staff.organization, "colleague")
    set_up(colleague)
    browser, _ = sign_in()
    assert browser.post(f"/admin/accounts/secondfactor/{colleague.pk}/remove/").status_code == 302
    assert not SecondFactor.objects.filter(user=colleague).exists()
    event = SecurityEvent.objects.filter(kind="second_factor").first()
    assert event
    assert (event.actor, event.about, event.details) == (
        acme_staff,
        "colleague",
        {"how": "removed"},
    )


def test_an_operators_factor_is_nothing_to_staff(
    clock: Any, acme_staff: User, operator: User
) -> None:
    User.objects.filter(pk=operator.pk).update(organization=acme_staff.organization)
    operator.refresh_from_db()
    set_up(operator)
    browser, _ = sign_in()
    assert (
        "operator"
        not in browser.get("/admin/accounts/secondfactor/").content.decode().split("</nav>")[-1]
    )
    assert browser.post(f"/admin/accounts/secondfactor/{operator.pk}/remove/").status_code == 404


# --- Fresh proof ----------------------------------------------------------------------------------
def test_every_page_that_asks_for_fresh_proof_exists() -> None:
    for name in project.STEP_UP_VIEWS:
        reverse(name, args=() if name.endswith("_add") else (1,))


def test_ten_minutes_after_the_sign_in_a_secret_costs_the_password_once_more(
    clock: Any, acme_staff: User
) -> None:
    device = people.make_device(acme_staff.organization, "GATE-1")[0]
    page = f"/admin/devices/device/{device.pk}/rotate-token/"
    browser, _ = sign_in()
    assert browser.get(page).status_code == 200
    clock.shift(601)
    assert browser.get(HOME).status_code == 200
    for method in (browser.get, browser.post):
        assert method(page)["Location"].startswith(
            "/admin/reauthenticate/?next=%2Fadmin%2Fdevices%2F"
        )
    assert device.tokens.count() == 1
    assert (
        browser.post(f"/admin/reauthenticate/?next={page}", {"password": "wrong"}).status_code
        == 200
    )
    assert browser.get(page).status_code == 302
    assert (
        browser.post(f"/admin/reauthenticate/?next={page}", {"password": people.PASSWORD})[
            "Location"
        ]
        == page
    )
    assert browser.get(page).status_code == 200


def test_who_has_a_second_factor_proves_with_it_and_not_with_the_password(
    clock: Any, acme_staff: User
) -> None:
    set_up(acme_staff)
    browser, _ = sign_in()
    browser.post("/admin/second-factor/", {"code": code_of(acme_staff)})
    clock.shift(601)
    browser.post(f"/admin/reauthenticate/?next={SETTINGS}", {"password": people.PASSWORD})
    assert browser.get(SETTINGS).status_code == 302
    browser.post(f"/admin/reauthenticate/?next={SETTINGS}", {"code": code_of(acme_staff)})
    assert browser.get(SETTINGS).status_code == 200


# --- Sessions -------------------------------------------------------------------------------------
def test_a_session_ends_when_nobody_touches_it_and_after_twelve_hours_anyway(
    clock: Any, acme_staff: User
) -> None:
    browser, _ = sign_in()
    clock.shift(29 * 60)
    assert browser.get(HOME).status_code == 200
    clock.shift(31 * 60)
    assert browser.get(HOME)["Location"].startswith("/admin/login/?next=")
    browser, _ = sign_in()
    for _ in range(25):
        clock.shift(29 * 60)
        page = browser.get(HOME)
    assert page.status_code == 302


def test_signing_out_ends_the_session_in_the_database(acme_staff: User) -> None:
    browser, _ = sign_in()
    key = browser.cookies[project.SESSION_COOKIE_NAME].value
    browser.post("/admin/logout/")
    thief = Client()
    thief.cookies[project.SESSION_COOKIE_NAME] = key
    assert thief.get(HOME).status_code == 302


def test_the_cookie_is_kept_from_scripts_and_plain_http(acme_staff: User) -> None:
    _browser, reply = sign_in()
    cookie = reply.cookies[project.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["secure"], cookie["samesite"], cookie["path"]) == (
        True,
        True,
        "Lax",
        "/",
    )
    assert cookie.key.startswith("__Host-")


def test_what_a_dump_holds_of_a_session_opens_nothing(acme_staff: User) -> None:
    browser, _ = sign_in()
    stored = Session.objects.get().session_key
    assert stored != browser.session.session_key
    thief = Client()
    thief.cookies[project.SESSION_COOKIE_NAME] = stored
    assert thief.get(HOME).status_code == 302


# --- The sign-in page -----------------------------------------------------------------------------
def test_guessing_a_password_is_stopped_after_ten_in_a_minute_and_counts_with_the_api(
    acme_staff: User,
) -> None:
    body = {"organization": "acme", "username": "acme-hr", "password": "wrong"}
    for number in range(5):
        Client().post(
            "/api/auth/token",
            body,
            content_type="application/json",
            REMOTE_ADDR=f"192.0.2.{number}",
        )
    replies = [
        sign_in("wrong", browser=Client(REMOTE_ADDR=f"198.51.100.{number}"))[1]
        for number in range(6)
    ]
    assert [reply.status_code for reply in replies] == [200] * 5 + [429]
    assert sign_in()[1].status_code == 429
    assert int(replies[-1]["Retry-After"]) >= 1


def test_the_page_offers_the_provider_without_naming_organizations(
    acme: Organization, zenith: Organization
) -> None:
    assert "Single sign-on" not in Client().get("/admin/login/").content.decode()
    SignInSettings.objects.create(
        organization=acme,
        name="Acme login",
        issuer="https://login.example",
        client_id="m",
        sso_enabled=True,
    )
    page = Client().get("/admin/login/").content.decode()
    assert "Single sign-on" in page
    assert "Acme" not in page
    page = (
        Client()
        .get("/admin/login/", {"organization": "acme", "next": "/admin/devices/device/"})
        .content.decode()
    )
    assert "Sign in with Acme login" in page
    assert (
        "/api/auth/sso/redirect?organization=acme&amp;next=%2Fadmin%2Fdevices%2Fdevice%2F" in page
    )
    for nobody in ("zenith", "nobody", "\x00", "<b>"):
        answer = Client().get("/admin/login/", {"organization": nobody})
        assert answer.status_code == 200
        assert "/api/auth/sso/redirect" not in answer.content.decode()


def test_where_it_is_enforced_the_console_takes_no_password_but_an_operators(
    acme_staff: User, acme: Organization, operator: User
) -> None:
    SignInSettings.objects.create(
        organization=acme,
        issuer="https://login.example",
        client_id="m",
        sso_enabled=True,
        sso_enforced=True,
    )
    reply = sign_in()[1]
    assert reply.status_code == 200
    assert "passwords are refused" in reply.content.decode()
    assert "passwords are refused" not in sign_in("wrong")[1].content.decode()
    assert sign_in(name="operator")[1].status_code == 302


# --- The settings page ----------------------------------------------------------------------------
FIELDS = {
    "name": "Acme login",
    "issuer": "https://login.example",
    "client_id": "m",
    "new_secret": "s3cret value",
    "scopes": "openid email",
    "sso_enabled": "on",
    "redirect_uris": "com.example.muster:/a\n\n com.example.muster:/b ",
    "token_days": "30",
}


def test_an_administrator_sets_the_provider_up_and_never_sees_the_secret_again(
    acme_staff: User,
) -> None:
    browser, _ = sign_in()
    reply = browser.post(SETTINGS, FIELDS)
    assert reply.status_code == 302, reply.content.decode()
    row = SignInSettings.objects.get()
    assert row.redirect_uris == ["com.example.muster:/a", "com.example.muster:/b"]
    page = f"/admin/accounts/signinsettings/{row.pk}/change/"
    shown = browser.get(page).content.decode()
    assert "s3cret" not in shown
    assert "com.example.muster:/a\ncom.example.muster:/b" in shown
    assert browser.post(page, FIELDS | {"new_secret": "", "name": "Other"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, decrypt(row.secret_cipher)) == ("Other", "s3cret value")
    browser.post(page, FIELDS | {"new_secret": "", "no_secret": "on"})
    row.refresh_from_db()
    assert row.secret_cipher == ""
    assert SecurityEvent.objects.filter(kind="setting_changed", actor=acme_staff).count() == 3
    assert browser.get(SETTINGS).status_code == 403
    assert "Choose" not in browser.post(page, FIELDS | {"issuer": "http://x"}).content.decode()


@pytest.mark.parametrize("role", ["hr_admin", "approver", "reports"])
def test_only_administrators_keep_the_settings(acme: Organization, role: str) -> None:
    browser = Client()
    browser.force_login(people.make_staff(acme, "somebody", role=role))
    for page in ("signinsettings", "ssoidentity", "secondfactor"):
        assert browser.get(f"/admin/accounts/{page}/").status_code == 403
    assert browser.post(SETTINGS, FIELDS).status_code == 403
