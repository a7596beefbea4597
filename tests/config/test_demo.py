"""The demo organization: made once, and credentials that work each time they are printed."""

from __future__ import annotations

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import ApiClient, User
from accounts.services import revoke_client_keys
from config.demo.organization import OFFICE_POSITION, SSID
from config.demo.phone import signed_punch
from config.demo.state import demo_state_file, read_demo_state
from devices.models import Phone
from devices.phones import revoke_phone
from employees.models import Employee
from tests import people
from webhooks.models import Endpoint

pytestmark = [pytest.mark.django_db, pytest.mark.any_engine]


@pytest.fixture(autouse=True)
def _demo(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEMO, settings.DATA_DIR = True, tmp_path
    settings.PUSH_ALLOW_HTTP, settings.PUSH_ALLOWED_NETWORKS = True, ["127.0.0.0/8"]
    for name in ("PORT", "MUSTER_BASE_URL", "MUSTER_DEMO"):
        monkeypatch.delenv(name, raising=False)


PERSON = {"username", "password", "organization", "employee_id", "token"}


def printed(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("demo", "--json", *arguments, stdout=out)
    credentials: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return credentials


def counts() -> dict[str, int]:
    return {model._meta.label: model._default_manager.count() for model in apps.get_models()}


def test_the_last_line_has_exactly_these_keys() -> None:
    credentials = printed()
    assert {
        key: set(value) if isinstance(value, dict) else value for key, value in credentials.items()
    } == {
        "base_url": "http://127.0.0.1:8000",
        "admin": {"username", "password"},
        "device": {"sn", "auth_token"},
        "biometric": {"api_key"},
        "sso": {
            "available",
            "why",
            "issuer",
            "client_id",
            "organization",
            "people",
            "redirect_uri",
            "redirect",
            "callback",
            "mobile_redirect",
            "mobile_exchange",
        },
        "hr": {
            "access_token",
            "expires_in",
            "api_key",
            "fluide_client_id",
            "client_id",
            "client_secret",
            "employee_id",
        },
        "phone": {"device_uuid", "private_key_pem", "private_key_jwk", "token"},
        "employee": PERSON,
        "approver": PERSON,
        "hr_admin": PERSON,
        "receiver": {"url", "received"},
    }
    assert credentials["receiver"] == {
        "url": "http://127.0.0.1:8001",
        "received": "http://127.0.0.1:8001/received",
    }


GROWS = {"devices.DeviceToken", "accounts.PersonalToken", "accounts.SecurityEvent"}


def test_a_second_time_changes_nothing_but_adds_tokens() -> None:
    first = printed()
    before = counts()
    second = printed()
    after = counts()
    assert {name for name in after if after[name] != before[name]} == GROWS
    assert after["devices.DeviceToken"] == before["devices.DeviceToken"] + 1
    assert second.pop("device") != first.pop("device")
    assert second["hr"].pop("access_token") != first["hr"].pop("access_token")
    assert second["phone"].pop("token") != first["phone"].pop("token")
    for chair in ("employee", "approver", "hr_admin"):
        assert second[chair].pop("token") != first[chair].pop("token")
    assert second == first


def test_the_people_of_the_samples_are_there_before_december_2024() -> None:
    printed()
    asha, john = (
        Employee.objects.get(organization__slug="demo", code=code) for code in ("1001", "EMP001")
    )
    assert (asha.name, john.name, john.worker_id) == ("Asha Verma", "John Doe", "W001")
    assert (
        asha.manager
        == john.manager
        == Employee.objects.get(organization__slug="demo", code="MGR001")
    )
    assert all(str(person.assignments.get().starts_on) == "2024-01-01" for person in (asha, john))


def test_both_printed_tokens_open_the_device_channel(client: Client) -> None:
    punch = {"user_id": "1001", "att_time": "2026-06-21 09:30:00", "att_state": 1, "input_type": 50}
    for credentials in (printed(), printed()):
        device = credentials["device"]
        reply = client.post(
            "/api/attendance/v1/punch",
            punch,
            content_type="application/json",
            headers={"sn": device["sn"], "auth-token": device["auth_token"]},
        )
        assert (reply.status_code, reply.content) == (200, b'{"ok":true}')


def test_what_is_printed_opens_the_biometric_and_the_hr_channel_and_a_lost_key_is_replaced(
    client: Client,
) -> None:
    for lost in (False, True):
        credentials = printed()
        scan = {
            "scanId": "1",
            "employeeId": "EMP001",
            "eventType": "check_in",
            "timestamp": "2024-12-01T08:30:00Z",
        }
        headers = {"X-API-Key": credentials["biometric"]["api_key"]}
        reply = client.post(
            "/api/biometric/attendance", scan, content_type="application/json", headers=headers
        )
        assert reply.json()["results"][0]["worker_id"] == "W001"
        hr = credentials["hr"]
        headers = {
            "Authorization": f"Bearer {hr['access_token']}",
            "X-Fluide-Api-Key": hr["api_key"],
            "X-Fluide-Client-Id": hr["fluide_client_id"],
            "Idempotency-Key": "1",
        }
        body = {"hrEmployeeId": hr["employee_id"], "kind": "CLOCK_IN"}
        reply = client.post(
            "/api/v1/hr/attendance/clock", body, content_type="application/json", headers=headers
        )
        assert reply.status_code == 201
        for row in ApiClient.objects.all() if not lost else ():
            revoke_client_keys(row)


def test_the_printed_phone_punches_and_goes_on_to_after_its_key_was_lost(client: Client) -> None:
    for lost in (False, True):
        credentials = printed()
        for _attempt in range(2):
            body = signed_punch(credentials["phone"], *OFFICE_POSITION, SSID)
            headers = {"Authorization": f"Bearer {credentials['phone']['token']}"}
            reply = client.post(
                "/api/v1/punch", body, content_type="application/json", headers=headers
            )
            assert reply.status_code == 201, reply.content
        if not lost:
            demo_state_file().unlink()
    assert credentials["phone"]["private_key_jwk"]["kty"] == "EC"


def test_a_phone_that_was_taken_away_stays_away() -> None:
    printed()
    phone = Phone.objects.get()
    revoke_phone(phone, actor=User.objects.get(username="hr"))
    printed()
    assert Phone.objects.get().status == "revoked"


def test_the_administrator_signs_in_and_is_no_operator() -> None:
    user = authenticate(**printed()["admin"])
    assert isinstance(user, User)
    assert user.is_staff
    assert not user.is_superuser
    assert user.organization is not None
    assert user.organization.slug == "demo"
    assert [group.name for group in user.groups.all()] == ["admin"]


def test_a_password_that_was_changed_is_set_again() -> None:
    admin = printed()["admin"]
    user = User.objects.get(username="admin")
    user.set_password("something else entirely")
    user.save()
    assert printed()["admin"] == admin
    assert authenticate(**admin) == user


def test_what_it_remembers_is_for_its_owner_only() -> None:
    printed()
    assert stat.S_IMODE(demo_state_file().stat().st_mode) == 0o600


def test_another_port_leads_the_endpoints_there(monkeypatch: pytest.MonkeyPatch) -> None:
    printed()
    monkeypatch.setenv("PORT", "9100")
    assert printed()["base_url"] == "http://127.0.0.1:9100"
    assert set(Endpoint.objects.values_list("url", flat=True)) == {
        "http://127.0.0.1:9101/standard",
        "http://127.0.0.1:9101/cams",
    }
    monkeypatch.delenv("PORT")
    assert printed()["receiver"]["url"] == "http://127.0.0.1:9101"  # Where it ran last.


def test_a_secret_no_key_opens_any_more_is_replaced() -> None:
    printed()
    Endpoint.objects.update(secret_cipher="of another key")
    printed()
    assert read_demo_state()["endpoints"]["/cams"]["secret"].startswith("whsec_")


def test_it_keeps_away_from_other_installations(settings: Any) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="is not the demo"):
        printed()
    assert printed("--force")["device"]["sn"] == "SN7A2300583"


def test_it_never_takes_over_somebody_elses_account() -> None:
    namesake = people.make_staff(people.make_organization("acme"), "admin")
    printed()
    namesake.refresh_from_db()
    assert namesake.check_password(people.PASSWORD)
    assert User.objects.filter(username="admin", organization__slug="demo").exists()


def test_a_person_reads_where_to_go_and_what_to_paste() -> None:
    out = StringIO()
    call_command("demo", "--base-url", "http://127.0.0.1:9000/", stdout=out)
    text = out.getvalue()
    for path in (
        "api/attendance/v1/punch",
        "api/biometric/attendance",
        "api/v1/hr/attendance/clock",
    ):
        assert f"\ncurl http://127.0.0.1:9000/{path} " in text
    assert "http://127.0.0.1:9001/received" in text
    assert "http://127.0.0.1:9000/admin/webhooks/delivery/" in text
