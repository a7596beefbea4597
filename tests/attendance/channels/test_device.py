"""The device channel, spoken to as a terminal speaks to it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from attendance.models import IngestionLogEntry, Punch, PunchEvidence
from devices.models import Device, DeviceUser
from devices.services import issue_token, revoke_tokens, save_device_user
from tests import people
from webhooks.models import Delivery

PUNCH = "/api/attendance/v1/punch"
SEED = {"user_id": "1001", "att_time": "2026-06-21 09:30:00", "att_state": 1, "input_type": 50}


class Terminal:
    """A terminal with its headers."""

    def __init__(self, device: Device, token: str) -> None:
        self.device, self.token, self.client = device, token, Client()

    def call(
        self, path: str = PUNCH, body: Any = None, *, method: str = "POST", **headers: str
    ) -> Any:
        data = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        sent = {"sn": self.device.serial, "auth-token": self.token} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return self.client.generic(
            method, path, data, content_type="application/json", headers=sent
        )

    def punch(self, **changes: Any) -> Any:
        return self.call(body=SEED | changes)


@pytest.fixture
def terminal(world: people.World) -> Terminal:
    return Terminal(*people.make_device(world.acme, "SN7A2300583"))


def test_the_seeds_punch_is_stored_and_answered_with_exactly_ok(
    terminal: Terminal, asha: Any
) -> None:
    reply = terminal.punch()
    assert (reply.status_code, reply.content) == (200, b'{"ok":true}')
    punch = Punch.objects.get()
    assert punch.employee == asha
    assert (punch.direction, punch.verdict, punch.occurred_text) == (
        "in",
        "accepted",
        "2026-06-21 09:30:00",
    )
    assert punch.occurred_at.isoformat() == "2026-06-21T04:00:00+00:00"
    assert reply.headers["Muster-Punch-Id"] == str(punch.pk)


def test_the_same_punch_again_is_one_row_and_the_first_answer(terminal: Terminal) -> None:
    first, again = terminal.punch(), terminal.punch(att_time="2026-06-21T09:30:00")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Muster-Punch-Id"] == first.headers["Muster-Punch-Id"]
    assert Punch.objects.count() == 1


def test_a_request_id_with_other_content_is_a_conflict_and_the_first_stays(
    terminal: Terminal,
) -> None:
    terminal.punch(request_id="a1")
    reply = terminal.punch(request_id="a1", user_id="1002")
    assert (reply.status_code, reply.json()) == (422, {"ok": False, "error": "conflict"})
    assert Punch.objects.get().user_code == "1001"


def test_evidence_never_makes_a_conflict(terminal: Terminal) -> None:
    terminal.punch(request_id="a1", latitude=1.5, longitude=2)
    assert terminal.punch(request_id="a1", latitude=9, longitude=9).status_code == 200


def test_every_request_is_counted_and_the_counts_balance(terminal: Terminal) -> None:
    terminal.punch(request_id="1")
    terminal.punch(request_id="1")
    terminal.punch(request_id="1", user_id="1002")
    terminal.punch(request_id="2", user_id="9999")
    terminal.punch(request_id="3", att_time="2099-01-01 00:00:00")
    kinds = ("accepted", "duplicate", "conflict", "unmatched", "refused")
    rows = list(IngestionLogEntry.objects.order_by("id").values_list("received", *kinds))
    assert rows == [(1, *(int(kind == k) for k in kinds)) for kind in kinds]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"user_id": None}, "user_id"),
        ({"user_id": True}, "user_id"),
        ({"user_id": 1.5}, "user_id"),
        ({"user_id": ["1001"]}, "user_id"),
        ({"user_id": "  "}, "user_id"),
        ({"user_id": "1001\u0000"}, "user_id"),
        ({"user_id": "\ud800"}, "user_id"),
        ({"user_id": "9" * 65}, "user_id"),
        ({"att_time": None}, "att_time"),
        ({"att_time": 1782015000}, "att_time"),
        ({"att_time": True}, "att_time"),
        ({"att_time": "yesterday"}, "att_time"),
        ({"att_time": "0000-01-01 00:00:00"}, "att_time"),
        ({"att_time": "2026-02-30 00:00:00"}, "att_time"),
        ({"att_time": "2026-06-21 09:30:00 GMT +9930"}, "att_time"),
        ({"att_time": "0001-01-01 00:00:00"}, "att_time"),
        ({"att_time": "9999-12-31 23:59:59 GMT -0530"}, "att_time"),
        ({"att_time": "२०२६-०६-२१ ०९:३०:००"}, "att_time"),
        ({"att_time": "2026-06-21 09:30:00\u0000"}, "att_time"),
        ({"att_state": "one"}, "att_state"),
        ({"att_state": ""}, "att_state"),
        ({"att_state": "1.5"}, "att_state"),
        ({"att_state": "१"}, "att_state"),
        ({"att_state": "9" * 19}, "att_state"),
        ({"att_state": True}, "att_state"),
        ({"att_state": 2**63}, "att_state"),
        ({"input_type": 1.5}, "input_type"),
        ({"latitude": "28.6"}, "latitude"),
        ({"longitude": True}, "longitude"),
        ({"accuracy_m": []}, "accuracy_m"),
        ({"request_id": {}}, "request_id"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_stored(
    terminal: Terminal, changes: dict[str, Any], field: str
) -> None:
    reply = terminal.punch(**changes)
    assert reply.status_code == 400, reply.content
    assert reply.json()["error"] == "invalid_request"
    assert set(reply.json()["detail"]) == {field}
    assert not Punch.objects.exists()


@pytest.mark.parametrize(("state", "given"), [(1, "1"), (1, 1.0), (2, " 2 "), (-1, "-1")])
def test_a_whole_number_may_be_text_or_end_in_a_zero_fraction(
    terminal: Terminal, state: int, given: Any
) -> None:
    first, again = (
        terminal.punch(att_state=state, input_type=state),
        terminal.punch(att_state=given, input_type=given),
    )
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (Punch.objects.get().raw_state, Punch.objects.get().raw_input_type) == (state, state)


@pytest.mark.parametrize(
    "changes",
    [
        {"latitude": 91, "longitude": 0},
        {"latitude": 0, "longitude": -180.1},
        {"latitude": 10**400, "longitude": 0},
        {"latitude": 28.6, "longitude": 77.2, "accuracy_m": -1},
        {"latitude": -91},
    ],
)
def test_an_impossible_position_is_dropped_and_flagged_and_the_punch_is_taken(
    terminal: Terminal, asha: Any, changes: dict[str, Any]
) -> None:
    assert terminal.punch(**changes).status_code == 200
    punch = Punch.objects.get()
    assert (punch.verdict, punch.flags) == ("accepted", ["impossible_position"])
    evidence = json.loads(PunchEvidence.objects.get().body)
    assert "location" not in evidence
    assert json.loads(evidence["raw"]) == SEED | changes


def test_a_position_at_the_edge_of_the_map_is_possible(terminal: Terminal) -> None:
    terminal.punch(latitude=90, longitude=-180)
    assert Punch.objects.get().flags == []
    assert "location" in json.loads(PunchEvidence.objects.get().body)


@pytest.mark.parametrize("missing", ["user_id", "att_time"])
def test_a_missing_field_is_named(terminal: Terminal, missing: str) -> None:
    reply = terminal.call(body={key: value for key, value in SEED.items() if key != missing})
    assert (reply.status_code, set(reply.json()["detail"])) == (400, {missing})


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"user_id":"\x00"}',
        b'{"user_id": NaN}',
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_what_is_no_json_object_is_answered_400(terminal: Terminal, body: bytes) -> None:
    reply = terminal.call(body=body)
    assert (reply.status_code, reply.json()["ok"], reply.json()["error"]) == (
        400,
        False,
        "invalid_request",
    )


def test_two_megabytes_are_too_large(terminal: Terminal) -> None:
    reply = terminal.call(body=b'{"user_id":"' + b"1" * 2_000_000 + b'"}')
    assert (reply.status_code, reply.json()) == (413, {"ok": False, "error": "too_large"})


def test_another_content_type_is_refused(terminal: Terminal) -> None:
    headers = {"sn": terminal.device.serial, "auth-token": terminal.token}
    reply = terminal.client.post(PUNCH, {"user_id": "1001"}, headers=headers)
    assert (reply.status_code, reply.json()) == (
        415,
        {"ok": False, "error": "unsupported_media_type"},
    )


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused(terminal: Terminal, method: str) -> None:
    reply = terminal.call(method=method)
    assert (reply.status_code, reply.json()) == (405, {"ok": False, "error": "method_not_allowed"})


@pytest.mark.parametrize(
    "path", ["/api/attendance/v1/punch/", "/api/attendance/v1/else", "/api/attendance/v1"]
)
def test_another_address_is_not_found_in_the_channels_words(terminal: Terminal, path: str) -> None:
    reply = terminal.call(path)
    assert (reply.status_code, reply.json()) == (404, {"ok": False, "error": "not_found"})


@pytest.mark.parametrize(
    "headers", [{"sn": "other"}, {"auth_token": "wrong"}, {"sn": ""}, {"auth_token": ""}]
)
def test_a_wrong_serial_and_a_wrong_token_get_one_answer(
    terminal: Terminal, headers: dict[str, str]
) -> None:
    reply = terminal.call(body=b"not even json", **headers)
    assert (reply.status_code, reply.json()) == (401, {"ok": False, "error": "unauthorized"})


def test_a_rotated_token_works_on_and_a_revoked_one_does_not(terminal: Terminal) -> None:
    fresh = Terminal(terminal.device, issue_token(terminal.device))
    assert [terminal.punch().status_code, fresh.punch().status_code] == [200, 200]
    revoke_tokens(terminal.device)
    assert [terminal.punch().status_code, fresh.punch().status_code] == [401, 401]


def test_an_old_token_ends_with_the_overlap(terminal: Terminal) -> None:
    issue_token(terminal.device, overlap=timedelta(0))
    assert terminal.punch().status_code == 401


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"blocked": True}, "device_blocked"),
        ({"subscription_until": timezone.now()}, "subscription_inactive"),
    ],
)
def test_a_device_that_may_not_punch_is_counted_and_the_key_stays_free(
    terminal: Terminal, changes: dict[str, Any], error: str
) -> None:
    Device.objects.update(**changes)
    reply = terminal.punch()
    assert (reply.status_code, reply.json()) == (403, {"ok": False, "error": error})
    assert (Punch.objects.count(), Device.objects.get(pk=terminal.device.pk).rejected_count) == (
        0,
        1,
    )
    Device.objects.update(blocked=False, subscription_until=None)
    assert terminal.punch().headers.get("Idempotent-Replayed") is None


@pytest.mark.parametrize(
    "text", ["2099-01-01 00:00:00", "1999-12-31 23:59:59 GMT +0000", "1970-01-01 00:00:00"]
)
def test_an_absurd_clock_is_kept_as_refused_and_answered_ok(terminal: Terminal, text: str) -> None:
    assert terminal.punch(att_time=text).status_code == 200
    assert Punch.objects.get().verdict == "rejected_time"
    assert not Delivery.objects.exists()


def test_unknown_states_and_inputs_are_kept_without_a_direction(terminal: Terminal) -> None:
    terminal.punch(att_state=77, input_type=-5)
    punch = Punch.objects.get()
    assert (punch.direction, punch.raw_state, punch.raw_input_type, punch.verdict) == (
        None,
        77,
        -5,
        "accepted",
    )


def test_leading_zeros_of_a_user_belong_to_it(terminal: Terminal) -> None:
    terminal.punch(user_id=" 007 ")
    assert Punch.objects.get().user_code == "007"


def test_user_29_on_two_devices_can_be_two_people(terminal: Terminal, world: people.World) -> None:
    other = Terminal(*people.make_device(world.acme, "SN-2"))
    for speaker, person in ((terminal, world.asha), (other, world.bala)):
        save_device_user(
            DeviceUser(
                organization=world.acme, device=speaker.device, user_code="29", employee=person
            )
        )
        speaker.punch(user_id=29)
    assert list(Punch.objects.order_by("id").values_list("employee__name", flat=True)) == [
        world.asha.name,
        world.bala.name,
    ]


def test_two_organizations_with_one_serial_and_code_never_meet(
    terminal: Terminal, world: people.World
) -> None:
    theirs = Terminal(*people.make_device(world.zenith, terminal.device.serial))
    assert [terminal.punch().status_code, theirs.punch().status_code] == [200, 200]
    assert Punch.objects.get(organization=world.acme).employee == world.asha
    assert Punch.objects.get(organization=world.zenith).employee == world.chitra


def test_location_and_raw_body_are_evidence_and_the_punch_commits_to_them(
    terminal: Terminal,
) -> None:
    import hashlib

    terminal.punch(latitude=28.6, longitude=77.2, accuracy_m=8)
    evidence = PunchEvidence.objects.get()
    assert json.loads(evidence.body)["location"] == {
        "latitude": 28.6,
        "longitude": 77.2,
        "accuracy_m": 8.0,
    }
    digest = hashlib.sha256(f"{evidence.salt}.{evidence.body}".encode()).hexdigest()
    assert evidence.punch.commitment == digest


def test_a_heartbeat_needs_no_body_and_marks_the_device_online(terminal: Terminal) -> None:
    for method in ("GET", "POST"):
        reply = terminal.call("/api/attendance/v1/heartbeat", method=method)
        assert (reply.status_code, reply.json()["ok"], set(reply.json())) == (
            200,
            True,
            {"ok", "server_time"},
        )
    assert Device.objects.get(pk=terminal.device.pk).last_seen_at is not None


def test_validity_says_whether_punches_would_be_taken(terminal: Terminal) -> None:
    until = timezone.now() + timedelta(days=1)
    Device.objects.update(subscription_until=until)
    reply = terminal.call("/api/attendance/v1/validity").json()
    assert (reply["ok"], reply["valid"], reply["expires_at"][:10]) == (
        True,
        True,
        until.date().isoformat(),
    )
    Device.objects.update(subscription_until=timezone.now())
    assert terminal.call("/api/attendance/v1/validity").json()["valid"] is False


def test_config_tells_zone_states_and_heartbeat(terminal: Terminal) -> None:
    reply = terminal.call("/api/attendance/v1/config", method="GET").json()
    assert reply == {
        "ok": True,
        "config": {"zone": "Asia/Kolkata", "state_map": {"1": "in", "2": "out"}, "heartbeat_s": 60},
    }


def test_an_operator_may_limit_what_a_terminal_sends(terminal: Terminal, settings: Any) -> None:
    settings.DEVICE_LIMIT_PER_MINUTE = 2
    replies = [terminal.punch(request_id=key) for key in "abc"]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json() == {"ok": False, "error": "rate_limited"}
    assert 1 <= int(replies[2]["Retry-After"]) <= 60
    assert Punch.objects.count() == 2


def test_a_terminal_is_not_limited_unless_an_operator_says_so(terminal: Terminal) -> None:
    assert not terminal.punch().has_header("RateLimit")
