"""Failures of `/api/v1/oauth/token` are read by OAuth's libraries (RFC 6749, section 5.2) and by
those who know the common envelope.
"""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import ApiClient
from accounts.services import issue_client_key
from employees.models import Employee, Organization
from tests import people

TOKEN = "/api/v1/oauth/token"
FORM = "application/x-www-form-urlencoded"
# The characters that RFC 6749 allows in error_description.
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+")


@pytest.fixture
def machine(acme: Organization, asha: Employee) -> ApiClient:
    return people.make_client(acme, ["hr:attendance:clock"], employee=asha)


def ask(machine: ApiClient, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    body = {
        "grant_type": "client_credentials",
        "client_id": machine.client_id,
        "client_secret": issue_client_key(machine, "secret"),
    }
    sent = {name: value for name, value in (body | changes).items() if value is not ...}
    return Client().post(TOKEN, sent, content_type="application/json", headers=headers or {})


@pytest.mark.parametrize(
    ("changes", "status", "error", "described"),
    [
        ({"client_secret": "fl_sec_wrong"}, 401, "invalid_client", ""),
        ({"client_secret": ...}, 401, "invalid_client", ""),
        ({"client_id": "mc_nobody"}, 401, "invalid_client", ""),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "client_credentials"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type", "client_credentials"),
        ({"grant_type": ...}, 400, "invalid_request", "grant_type: This field is required."),
        ({"grant_type": 7}, 400, "invalid_request", "grant_type: Text is required."),
        ({"client_id": "x" * 65}, 400, "invalid_request", "client_id"),
        ({"scope": "hr:attendance:write"}, 400, "invalid_scope", "scope"),
        ({"scope": "nothing of ours"}, 400, "invalid_scope", "scope"),
    ],
)
@pytest.mark.parametrize("language", ["en", "hi"])
def test_a_failure_has_the_error_of_oauth_beside_the_common_envelope(
    machine: ApiClient,
    changes: dict[str, Any],
    status: int,
    error: str,
    described: str,
    language: str,
) -> None:
    reply = ask(machine, {"Accept-Language": language}, **changes)
    body = reply.json()
    assert (reply.status_code, body["error"]) == (status, error)
    assert DESCRIPTION.fullmatch(body["error_description"])
    assert language == "hi" or described in body["error_description"]
    if status == 401:
        assert body["message"] == "Unauthenticated."
        assert reply["WWW-Authenticate"].startswith("Basic")
    else:
        assert body["message"]
        assert body["code"] == error
        assert set(body["errors"]) == set(changes)


@pytest.mark.parametrize(
    ("text", "kind", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("grant_type=a&grant_type=b", FORM, 400),
        ("x", "text/plain", 415),
        ("x" * (1024 * 1024 + 1), FORM, 413),
    ],
)
def test_a_body_that_cannot_be_read_is_an_invalid_request(
    machine: ApiClient, text: str, kind: str, status: int
) -> None:
    reply = Client().post(TOKEN, text, content_type=kind)
    body = reply.json()
    assert (reply.status_code, body["error"]) == (status, "invalid_request")
    assert DESCRIPTION.fullmatch(body["error_description"])
    assert {"message", "code"} <= set(body)


@pytest.mark.parametrize("header", ["Basic !", "Basic", f"Basic {'eDp5'}", "Basic /w=="])
def test_a_client_of_the_header_that_is_not_known_is_an_invalid_client(
    machine: ApiClient, header: str
) -> None:
    reply = ask(machine, {"Authorization": header}, client_id=..., client_secret=...)
    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


@pytest.mark.usefixtures("frozen_clock")
def test_too_many_tries_are_temporarily_unavailable(machine: ApiClient) -> None:
    replies = [ask(machine, client_secret="fl_sec_wrong") for _ in range(11)]
    assert [reply.status_code for reply in replies] == [401] * 10 + [429]
    assert replies[-1].json()["error"] == "temporarily_unavailable"
    assert replies[-1].json()["code"] == "rate_limited"
    assert int(replies[-1]["Retry-After"]) >= 1


def test_another_method_is_answered_in_the_same_words(db: None) -> None:
    reply = Client().get(TOKEN)
    assert (reply.status_code, reply.json()["error"]) == (405, "invalid_request")


def test_a_good_request_has_no_error(machine: ApiClient) -> None:
    basic = base64.b64encode(
        f"{machine.client_id}:{issue_client_key(machine, 'secret')}".encode()
    ).decode()
    reply = ask(machine, {"Authorization": f"Basic {basic}"}, client_id=..., client_secret=...)
    assert reply.status_code == 200
    assert "error" not in reply.json()
