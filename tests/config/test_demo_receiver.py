"""The demo's customer server, over real HTTP: what it accepts, refuses and shows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from standardwebhooks import Webhook

from config.demo.receiver import make_receiver_server
from webhooks.signing import new_secret

SECRETS = {"/standard": new_secret(), "/cams": new_secret()}
STANDARD = {
    "type": "punch.recorded",
    "timestamp": "",
    "data": {"id": 7, "received_at": "2026-06-21T04:00:01.000Z"},
}
CAMS: dict[str, Any] = {
    "RealTime": {
        "OperationID": "punch-7",
        "LabelName": "Main Gate",
        "SerialNumber": "SN7A2300583",
        "PunchLog": {
            "Type": "CheckIn",
            "InputType": "Face",
            "UserId": "1001",
            "LogTime": "2026-06-21 09:30:00 GMT +0530",
        },
        "AuthToken": "mst_cams_x",
        "Time": "2026-06-21 04:00:01 GMT +0000",
    }
}
Ask = Callable[..., urllib3.BaseHTTPResponse]


@pytest.fixture
def ask(settings: Any, tmp_path: Path) -> Iterator[Ask]:
    """Send a request to a receiver of this test's own."""
    settings.DATA_DIR = tmp_path
    endpoints = {
        path: {"secret": secret, "auth_token": "mst_cams_x"} for path, secret in SECRETS.items()
    }
    (tmp_path / "demo.json").write_text(json.dumps({"endpoints": endpoints}))
    with make_receiver_server(0) as server, urllib3.PoolManager(retries=False, timeout=5) as pool:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield lambda method, path, **rest: pool.request(
            method, f"http://127.0.0.1:{server.server_port}{path}", **rest
        )
        server.shutdown()
        thread.join()


def push(
    ask: Ask,
    event: object,
    path: str = "/standard",
    secret: str | None = None,
    message: str = "msg_1",
    age: int = 0,
) -> urllib3.BaseHTTPResponse:
    """Send an event as Muster does, signed by the official library."""
    body, at = json.dumps(event), datetime.now(UTC) - timedelta(seconds=age)
    signature = Webhook(secret or SECRETS[path.partition("?")[0]]).sign(message, at, body)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    return ask("POST", path, body=body.encode(), headers=headers)


def received(ask: Ask, after: int = 0) -> list[dict[str, Any]]:
    arrivals: list[dict[str, Any]] = ask("GET", f"/received?after={after}").json()
    return arrivals


def test_a_signed_event_is_accepted_and_shown(ask: Ask) -> None:
    reply = push(ask, STANDARD)
    (arrival,) = received(ask)
    assert (reply.status, reply.json()) == (200, {"status": "done"})
    assert (arrival["path"], arrival["mode"], arrival["verified"], arrival["problems"]) == (
        "/standard",
        "standard",
        True,
        [],
    )
    assert (arrival["event"], json.loads(arrival["body"])) == (STANDARD, STANDARD)
    assert arrival["headers"]["webhook-id"] == arrival["webhook_id"] == "msg_1"
    assert arrival["accepted_to_received_ms"] > 0


def test_a_wrong_secret_is_refused_and_shown_as_such(ask: Ask) -> None:
    assert push(ask, STANDARD, secret=new_secret()).status == 401
    assert [arrival["verified"] for arrival in received(ask)] == [False]


def test_the_other_endpoints_secret_does_not_do(ask: Ask) -> None:
    assert push(ask, STANDARD, secret=SECRETS["/cams"]).status == 401


def test_an_old_signature_is_refused(ask: Ask) -> None:
    assert push(ask, STANDARD, age=600).status == 401


@pytest.mark.parametrize(
    "headers", [{}, {"webhook-id": "a", "webhook-timestamp": "x", "webhook-signature": "v1"}]
)
def test_without_a_signature_there_is_no_entry(ask: Ask, headers: dict[str, str]) -> None:
    assert ask("POST", "/standard", body=b"\xff{}", headers=headers).status == 401


def test_a_change_of_one_byte_is_noticed(ask: Ask) -> None:
    body, at = json.dumps(STANDARD), datetime.now(UTC)
    signature = Webhook(SECRETS["/standard"]).sign("msg_1", at, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    assert (
        ask("POST", "/standard", body=body.replace("7", "8").encode(), headers=headers).status
        == 401
    )


def test_a_message_that_comes_again_is_marked_as_a_repeat(ask: Ask) -> None:
    for message in ("msg_1", "msg_1", "msg_2"):
        push(ask, STANDARD, message=message)
    assert [arrival["repeat"] for arrival in received(ask)] == [False, True, False]


def test_a_refused_message_is_no_repeat_when_it_comes_right(ask: Ask) -> None:
    push(ask, STANDARD, secret=new_secret())
    push(ask, STANDARD)
    assert [arrival["repeat"] for arrival in received(ask)] == [False, False]


def test_the_cams_format_is_answered_with_done(ask: Ask) -> None:
    reply = push(ask, CAMS, "/cams?stgid=SN7A2300583")
    assert (reply.status, reply.json()) == (200, {"status": "done"})
    assert received(ask)[0]["query"] == "stgid=SN7A2300583"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"AuthToken": "other"}, "AuthToken is not this endpoint's"),
        ({"SerialNumber": "SN0"}, "stgid is not the SerialNumber"),
        ({"Time": "2026-06-21T04:00:01Z"}, "Time is not like"),
        ({"OperationID": ""}, "OperationID is missing"),
        (
            {"PunchLog": CAMS["RealTime"]["PunchLog"] | {"Type": "Hello"}},
            "PunchLog.Type is unknown",
        ),
        ({"PunchLog": None}, "PunchLog is missing"),
    ],
)
def test_a_wrong_cams_shape_is_refused_in_words(
    ask: Ask, change: dict[str, Any], problem: str
) -> None:
    reply = push(ask, {"RealTime": CAMS["RealTime"] | change}, "/cams?stgid=SN7A2300583")
    assert reply.status == 422
    assert any(problem in one for one in received(ask)[0]["problems"])


def test_the_list_goes_on_after_a_number_and_can_be_cleared(ask: Ask) -> None:
    for message in ("msg_1", "msg_2", "msg_3"):
        push(ask, STANDARD, message=message)
    assert [arrival["n"] for arrival in received(ask, after=1)] == [2, 3]
    assert ask("DELETE", "/received").status == 204
    assert received(ask) == []
    push(ask, STANDARD)
    assert [(arrival["n"], arrival["repeat"]) for arrival in received(ask)] == [(4, False)]


def test_the_page_escapes_what_it_shows(ask: Ask) -> None:
    push(ask, {"type": "<script>alert(1)</script>", "data": "<b>"})
    page = ask("GET", "/").data.decode()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "verified" in page


def test_an_unknown_page_and_health(ask: Ask) -> None:
    assert ask("GET", "/nothing").status == 404
    assert ask("GET", "/healthz").json() == {"status": "ok"}


def test_secrets_that_were_rotated_are_read_anew(ask: Ask, tmp_path: Path) -> None:
    push(ask, STANDARD)
    secret = new_secret()
    scratch = tmp_path / "demo.new"
    scratch.write_text(
        json.dumps({"endpoints": {"/standard": {"secret": secret, "auth_token": ""}}})
    )
    scratch.replace(tmp_path / "demo.json")
    assert push(ask, STANDARD, secret=secret).status == 200
    assert push(ask, STANDARD).status == 401
