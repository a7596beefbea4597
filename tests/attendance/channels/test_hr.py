"""The HR clock channel, spoken to as an HR system speaks to it."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation
from django.utils.translation import gettext

from accounts.models import ClientKey
from accounts.services import issue_client_key, issue_machine_token, revoke_client_keys
from attendance.models import IngestionLogEntry, Punch, PunchEvidence
from employees.models import Assignment
from employees.services import save_assignment
from tests import people
from tests.attendance.channels.clients import CLOCK, HrSystem, Scanner, payload
from tests.attendance.channels.test_device import Terminal
from webhooks.models import Delivery

DAY = datetime(2026, 6, 21, 3, 30, tzinfo=UTC)


@pytest.fixture
def hr(world: people.World) -> HrSystem:
    return HrSystem(world.acme)


def at(hours: float) -> str:
    """So many hours after the day began, as a client writes it."""
    return (DAY + timedelta(hours=hours)).isoformat()


def errors(reply: Any) -> set[str]:
    body = reply.json()
    assert (set(body), body["success"], set(body["data"])) == (
        {"success", "message", "data"},
        False,
        {"errors"},
    )
    assert isinstance(body["message"], str)
    return set(body["data"]["errors"])


def test_the_curl_as_printed_gets_its_documented_400(hr: HrSystem) -> None:
    reply = hr.call(payload("hr_empty_request"))
    assert (reply.status_code, reply.json()) == (400, payload("hr_empty_reply"))


def test_filled_in_it_is_201_and_repeated_201_with_the_same_row_and_body(
    hr: HrSystem, asha: Any
) -> None:
    body = payload("hr_clock_request") | {"hrEmployeeId": str(asha.pk)}
    first, again = (
        hr.call(body),
        hr.call(body | {"note": "another", "source": "WEB", "latitude": 0}),
    )
    punch = Punch.objects.get()
    expected = payload("hr_clock_reply")
    expected["data"] |= {
        "id": punch.pk,
        "hrEmployeeId": str(asha.pk),
        "recordedAt": first.json()["data"]["recordedAt"],
    }
    assert (first.status_code, first.json()) == (201, expected)
    assert (again.status_code, again.content) == (201, first.content)
    assert (again["Muster-Punch-Id"], again["Idempotent-Replayed"]) == (str(punch.pk), "true")
    assert (first["Muster-Punch-Id"], "Idempotent-Replayed" in first) == (str(punch.pk), False)


def test_what_came_with_it_is_evidence_and_the_attestation_is_not_verified(
    hr: HrSystem, asha: Any
) -> None:
    hr.call(payload("hr_clock_request") | {"hrEmployeeId": str(asha.pk)})
    evidence = json.loads(PunchEvidence.objects.get().body)
    assert evidence["location"] == {"latitude": 28.6, "longitude": 77.2, "accuracy_m": None}
    assert evidence["attestation"] == {"vendor": "passkey", "blob": "opaque", "verified": False}
    assert (evidence["source"], evidence["deviceId"]) == ("KIOSK", "kiosk-7")
    punch = Punch.objects.get()
    assert (punch.employee, punch.user_code, punch.channel, punch.flags) == (
        asha,
        "1001",
        "hr",
        ["unknown_geofence"],
    )


def test_a_geofence_id_is_linked_to_our_fence_of_that_name_and_never_to_a_neighbours(
    hr: HrSystem, asha: Any, acme: Any, zenith: Any
) -> None:
    body = payload("hr_clock_request") | {"hrEmployeeId": str(asha.pk)}
    people.make_geofence(zenith, external_id=body["geofenceId"])
    hr.call(
        body | {"clientRequestId": "one", "kind": "CLOCK_IN", "occurredAt": "2026-06-21T09:00:00Z"}
    )
    fence = people.make_geofence(acme, external_id=body["geofenceId"])
    hr.call(
        body | {"clientRequestId": "two", "kind": "CLOCK_OUT", "occurredAt": "2026-06-21T10:00:00Z"}
    )
    unknown, linked = Punch.objects.order_by("id")
    assert (unknown.flags, linked.flags) == (["unknown_geofence"], [])
    assert json.loads(linked.evidence.body)["geofence"] == {"id": fence.pk, "name": fence.name}


# --- Who speaks -----------------------------------------------------------------------------------
@pytest.mark.parametrize("header", ["Authorization", "X_Fluide_Api_Key", "X_Fluide_Client_Id"])
@pytest.mark.parametrize("value", [..., "", "wrong", "Bearer wrong"])
def test_each_of_the_three_credentials_is_needed(
    hr: HrSystem, asha: Any, header: str, value: Any
) -> None:
    reply = hr.call(b"not even json", **{header: value})
    assert (reply.status_code, errors(reply)) == (401, set())


def test_credentials_of_two_clients_do_not_mix(
    hr: HrSystem, asha: Any, world: people.World
) -> None:
    theirs, third = (
        HrSystem(world.zenith),
        HrSystem(world.acme, name="Third", audience="fluide-partner"),
    )
    for other in (theirs, third):
        assert hr.call({}, X_Fluide_Api_Key=other.key).status_code == 401
        assert hr.call({}, Authorization=f"Bearer {other.token}").status_code == 401
    assert hr.call({}, X_Fluide_Client_Id="fluide-partner").status_code == 401
    assert third.call({}).status_code == 400


def test_what_is_revoked_is_refused_at_once_and_what_is_rotated_works_on(
    hr: HrSystem, asha: Any
) -> None:
    new = issue_client_key(hr.row)
    assert [hr.call({}).status_code, hr.call({}, X_Fluide_Api_Key=new).status_code] == [400, 400]
    revoke_client_keys(hr.row)
    assert [hr.call({}).status_code, hr.call({}, X_Fluide_Api_Key=new).status_code] == [401, 401]


def test_a_token_of_fewer_scopes_may_do_less(hr: HrSystem, asha: Any) -> None:
    hr.token = issue_machine_token(hr.row.client_id, hr.secret, frozenset(["hr:attendance:write"]))[
        0
    ]
    reply = hr.clock(asha)
    assert (reply.status_code, errors(reply)) == (403, set())


def test_a_client_without_write_clocks_for_the_bound_employee_only(world: people.World) -> None:
    bound = HrSystem(world.acme, "hr:attendance:clock", employee=world.asha)
    assert bound.clock(world.asha, key="a").status_code == 201
    reply = bound.clock(world.bala, key="b")
    assert (reply.status_code, errors(reply)) == (403, {"hrEmployeeId"})
    answers = [bound.clock(who, key="c") for who in (world.chitra, uuid.uuid4())]
    assert [reply.status_code for reply in answers] == [404, 404]
    assert Punch.objects.count() == 1


def test_a_key_of_the_biometric_channel_opens_nothing_here_and_the_other_way_round(
    world: people.World, hr: HrSystem
) -> None:
    scanner = Scanner(world.acme)
    assert hr.call({}, X_Fluide_Api_Key=scanner.key).status_code == 401
    assert scanner.call({}, **{"X-API-Key": hr.key}).status_code == 403
    assert scanner.call({}, **{"X-API-Key": hr.token}).status_code == 401


def test_somebody_of_nowhere_and_of_elsewhere_get_one_answer(
    hr: HrSystem, world: people.World
) -> None:
    replies = [hr.clock(who) for who in (world.chitra, uuid.uuid4())]
    assert [(reply.status_code, reply.content) for reply in replies] == [
        (404, replies[0].content)
    ] * 2
    assert errors(replies[0]) == {"hrEmployeeId"}
    assert not Punch.objects.exists()


# --- What is read ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "values"),
    [
        (
            "hrEmployeeId",
            [
                None,
                7,
                "",
                "x",
                "00000000000040008000000000000000",
                "{00000000-0000-4000-8000-000000000000}",
                [],
            ],
        ),
        ("kind", [None, "clock_in", "IN", 1, {}]),
        ("clientRequestId", [7, "", " ", "x" * 129, "a\x00", "\ud800", True]),
        (
            "occurredAt",
            [
                7,
                "",
                "yesterday",
                "2026-02-30T00:00:00Z",
                "0001-01-01T00:00:00+14:00",
                "2026-06-21T09:30:00\x00",
            ],
        ),
        ("source", ["web", 1, "PHONE", ""]),
        ("note", ["x" * 501, 7, "\x00", "\ud800"]),
        ("latitude", ["28.6", 90.1, -90.1, True, float("1e999"), []]),
        ("longitude", ["77", 180.1, -180.1, {}]),
        ("geofenceId", ["x" * 101, 7, "", "\x01"]),
        ("deviceId", ["x" * 129, 7, ""]),
        ("deviceAttestation", ["x" * 4001, 7, "\x00"]),
        ("biometricVendor", ["x" * 65, 7]),
        ("skipPairValidation", ["true", 1, 0, []]),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_stored(
    hr: HrSystem, asha: Any, field: str, values: list[Any]
) -> None:
    for value in values:
        reply = hr.call(
            {"hrEmployeeId": str(asha.pk), "kind": "CLOCK_IN", field: value}, Idempotency_Key="k"
        )
        assert (value, reply.status_code) == (value, 400)
        assert field in errors(reply) or value == float("1e999")
    assert not IngestionLogEntry.objects.exists()


def test_the_lengths_are_taken_to_the_last_character(hr: HrSystem, asha: Any) -> None:
    longest = {
        "clientRequestId": 128,
        "note": 500,
        "geofenceId": 100,
        "deviceId": 128,
        "deviceAttestation": 4000,
        "biometricVendor": 64,
    }
    body = {name: "é" * most for name, most in longest.items()}
    reply = hr.clock(asha, key="", latitude=-90, longitude=180, **body)
    assert (reply.status_code, reply.json()["data"]["note"]) == (201, body["note"])


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"null", b'"x"', b"\xff", b'{"latitude": NaN}', b"[" * 100_000, b"9" * 5000],
)
def test_what_is_no_json_object_is_answered_400(hr: HrSystem, body: bytes) -> None:
    reply = hr.call(body)
    assert (reply.status_code, errors(reply)) == (400, {"body"})


@pytest.mark.parametrize(
    ("status", "method", "path", "content_type"),
    [
        (405, "GET", CLOCK, "application/json"),
        (405, "DELETE", CLOCK, "application/json"),
        (415, "POST", CLOCK, "text/plain"),
        (404, "POST", CLOCK + "/", "application/json"),
        (404, "GET", CLOCK + "s", "application/json"),
    ],
)
def test_other_failures_have_the_channels_shape(
    hr: HrSystem, status: int, method: str, path: str, content_type: str
) -> None:
    reply = Client().generic(method, path, b"{}", content_type=content_type, headers=hr.headers)
    assert (reply.status_code, errors(reply)) == (status, set())


def test_two_megabytes_are_too_large(hr: HrSystem) -> None:
    reply = hr.call(b'{"note":"' + b"1" * 2_000_000 + b'"}')
    assert (reply.status_code, errors(reply)) == (413, set())


# --- Once -----------------------------------------------------------------------------------------
def test_the_key_is_the_header_or_client_request_id_and_both_mean_the_same(
    hr: HrSystem, asha: Any
) -> None:
    first = hr.clock(asha, key="k7")
    again = hr.clock(asha, key="", clientRequestId="k7")
    both = hr.clock(asha, key="k7", clientRequestId="k7")
    assert {reply.content for reply in (first, again, both)} == {first.content}
    assert first.json()["data"]["clientRequestId"] == "k7"
    odd = hr.clock(asha, key="k7", clientRequestId="k8")
    assert (odd.status_code, errors(odd)) == (422, {"idempotency-key"})


@pytest.mark.parametrize("key", ["x" * 129, "a\x01b", "\x7f"])
def test_a_key_header_that_is_none_is_named(hr: HrSystem, asha: Any, key: str) -> None:
    reply = hr.clock(asha, key=key)
    assert (reply.status_code, errors(reply)) == (400, {"idempotency-key"})


def test_a_key_with_other_content_is_refused_and_the_first_stays(
    hr: HrSystem, world: people.World
) -> None:
    first = hr.clock(world.asha, occurredAt=at(0))
    for change in ({"employee": world.bala}, {"kind": "CLOCK_OUT"}, {"occurredAt": at(1)}):
        reply = hr.clock(**({"employee": world.asha, "occurredAt": at(0)} | change))
        assert (reply.status_code, errors(reply)) == (422, {"idempotency-key"})
    assert hr.clock(world.asha, occurredAt=at(0)).content == first.content
    assert Punch.objects.count() == 1


def test_a_repeat_without_a_time_is_a_repeat_however_late(hr: HrSystem, asha: Any) -> None:
    first = hr.clock(asha)
    assert hr.clock(asha).content == first.content
    assert Punch.objects.get().occurred_text == ""


def test_two_clients_have_keys_of_their_own(hr: HrSystem, world: people.World) -> None:
    other = HrSystem(world.acme, name="Other")
    assert [hr.clock(world.asha).status_code, other.clock(world.bala).status_code] == [201, 201]
    assert Punch.objects.count() == 2


def test_a_repeat_of_a_refused_one_is_refused_again_with_the_same_body(
    hr: HrSystem, asha: Any
) -> None:
    hr.clock(asha, key="a", occurredAt=at(0))
    first = hr.clock(asha, key="b", occurredAt=at(1))
    assert (first.status_code, first.json()) == (422, payload("hr_twice_reply"))
    hr.clock(asha, "CLOCK_OUT", key="c", occurredAt=at(0.5))
    again = hr.clock(asha, key="b", occurredAt=at(1))
    assert (again.status_code, again.content, again["Idempotent-Replayed"]) == (
        422,
        first.content,
        "true",
    )


def test_after_its_evidence_was_erased_a_repeat_still_names_the_row(
    hr: HrSystem, asha: Any
) -> None:
    first = hr.clock(asha, note="private").json()["data"]
    PunchEvidence.objects.update(body="", salt="", erased_at=timezone.now())
    again = hr.clock(asha, note="private").json()["data"]
    assert again == first | {"note": None}


# --- Turns ----------------------------------------------------------------------------------------
def test_people_take_turns(hr: HrSystem, asha: Any) -> None:
    steps = [
        ("CLOCK_OUT", 422),
        ("CLOCK_IN", 201),
        ("CLOCK_IN", 422),
        ("CLOCK_OUT", 201),
        ("CLOCK_OUT", 422),
        ("CLOCK_IN", 201),
    ]
    replies = [
        hr.clock(asha, kind, key=f"k{number}", occurredAt=at(number))
        for number, (kind, _status) in enumerate(steps)
    ]
    assert [reply.status_code for reply in replies] == [status for _kind, status in steps]
    assert list(
        Punch.objects.filter(verdict="rejected_sequence")
        .values_list("reasons", flat=True)
        .order_by("id")
    ) == [
        {"sequence": "not_in"},
        {"sequence": "already_in"},
        {"sequence": "already_out"},
    ]
    assert Delivery.objects.count() == 0
    assert IngestionLogEntry.objects.filter(refused=1).count() == 3


def test_a_forgotten_clock_out_does_not_block_the_next_day(hr: HrSystem, asha: Any) -> None:
    assert hr.clock(asha, key="a", occurredAt=at(0)).status_code == 201
    assert hr.clock(asha, key="b", occurredAt=at(16)).status_code == 422
    assert hr.clock(asha, key="c", occurredAt=at(24)).status_code == 201


def test_how_far_back_is_looked_is_a_setting(hr: HrSystem, asha: Any, settings: Any) -> None:
    settings.HR_PAIRING_HOURS = 2
    hr.clock(asha, key="a", occurredAt=at(0))
    assert hr.clock(asha, key="b", occurredAt=at(2.5)).status_code == 201


def test_who_came_in_at_the_gate_may_clock_in_and_out_at_the_desk(
    hr: HrSystem, world: people.World
) -> None:
    gate = Terminal(*people.make_device(world.acme, "GATE-9"))
    gate.punch(att_time="2026-06-21 09:00:00", att_state=1)
    assert hr.clock(world.asha, "CLOCK_OUT", key="a", occurredAt=at(1)).status_code == 201
    gate.punch(att_time="2026-06-21 11:00:00", att_state=1)
    assert hr.clock(world.asha, "CLOCK_IN", key="b", occurredAt=at(3)).status_code == 201


def test_a_correction_skips_the_turns_only_with_the_scope_for_it(
    hr: HrSystem, world: people.World
) -> None:
    hr.clock(world.asha, key="a", occurredAt=at(0))
    assert (
        hr.clock(world.asha, key="b", occurredAt=at(1), skipPairValidation=True).status_code == 201
    )
    assert Punch.objects.get(key="i:b").flags == ["pair_validation_skipped"]
    bound = HrSystem(world.acme, "hr:attendance:clock", employee=world.asha, name="Bound")
    reply = bound.clock(world.asha, key="c", occurredAt=at(2), skipPairValidation=True)
    assert (reply.status_code, errors(reply)) == (403, {"skipPairValidation"})
    assert (
        bound.clock(
            world.asha, "CLOCK_OUT", key="d", occurredAt=at(2), skipPairValidation=False
        ).status_code
        == 201
    )


# --- Time -----------------------------------------------------------------------------------------
def test_without_a_time_it_is_now(hr: HrSystem, asha: Any) -> None:
    before = timezone.now()
    data = hr.clock(asha).json()["data"]
    found = [datetime.fromisoformat(data[name]) for name in ("occurredAt", "recordedAt")]
    assert all(before - timedelta(milliseconds=1) <= one <= timezone.now() for one in found)
    assert found[0] == found[1]
    assert Punch.objects.get().received_late is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2099-01-01T00:00:00Z", "ahead_of_server"),
        ("1999-12-31T23:59:59Z", "before_2000"),
        ("9999-12-31T23:59:59Z", "ahead_of_server"),
    ],
)
def test_a_time_that_cannot_be_is_422_and_kept(
    hr: HrSystem, world: people.World, text: str, reason: str
) -> None:
    old = people.make_employee(world.acme, "7", "Old", joined_on=date(1980, 1, 1))
    reply = hr.clock(old, occurredAt=text)
    assert (reply.status_code, errors(reply)) == (422, {"occurredAt"})
    assert Punch.objects.values_list("verdict", "reasons").get() == (
        "rejected_time",
        {"time": reason},
    )


def test_who_was_not_in_service_then_is_422_and_never_unmatched(
    hr: HrSystem, world: people.World
) -> None:
    left = people.make_employee(world.acme, "7", "Left", left_on=date(2026, 6, 20))
    reply = hr.clock(left, occurredAt=at(0))
    assert (reply.status_code, errors(reply), Punch.objects.get().verdict) == (
        422,
        {"occurredAt"},
        "rejected_time",
    )


def test_a_time_without_offset_is_the_employees(hr: HrSystem, world: people.World) -> None:
    site = people.make_site(world.acme, timezone="Asia/Dubai")
    save_assignment(
        Assignment(
            organization=world.acme, employee=world.asha, site=site, starts_on=date(2026, 1, 1)
        )
    )
    for number, who in enumerate((world.asha, world.bala)):
        hr.clock(who, key=f"k{number}", occurredAt="2026-06-21T09:30:00")
    assert [
        f"{at:%H:%M}" for at in Punch.objects.order_by("id").values_list("occurred_at", flat=True)
    ] == ["05:30", "04:00"]


# --- Language, limits -----------------------------------------------------------------------------
def test_messages_follow_accept_language(hr: HrSystem, asha: Any) -> None:
    said = (
        hr.clock(asha, language="hi").json()["message"],
        hr.clock(asha, language="fr").json()["message"],
    )
    with translation.override("hi"):
        hindi = gettext("Operation completed successfully")
    assert said == (hindi, "Operation completed successfully")
    assert hr.clock(asha, language="hi")["Content-Language"] == "hi"


@pytest.mark.usefixtures("frozen_clock")
def test_each_client_has_the_limit_of_the_setting_or_its_own(
    world: people.World, settings: Any
) -> None:
    settings.HR_LIMIT_PER_MINUTE = 2
    usual, own = HrSystem(world.acme), HrSystem(world.acme, name="Own", per_minute=3)
    for hr, passed in ((usual, 2), (own, 3)):
        replies = [hr.call({}) for _ in range(5)]
        assert [reply.status_code for reply in replies] == [400] * passed + [429] * (5 - passed)
        assert (errors(replies[-1]), int(replies[-1]["Retry-After"]) >= 1) == (set(), True)


def test_a_client_that_lost_its_secret_loses_its_tokens(hr: HrSystem, asha: Any) -> None:
    ClientKey.objects.filter(purpose="secret").update(revoked_at=timezone.now())
    assert hr.clock(asha).status_code == 401


# --- Idempotency keys beyond ASCII ---------------------------------------------------------------
def as_wsgi(text: str) -> str:
    """UTF-8 as WSGI hands on a header: each byte as a character."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize("key", ["clé", "à", "कुंजी-1", "鍵"])
def test_an_idempotency_key_in_utf_8_is_the_same_in_header_body_and_answer(
    world: people.World, key: str
) -> None:
    hr = HrSystem(world.acme)
    first = hr.clock(world.asha, key=as_wsgi(key), clientRequestId=key)
    assert (first.status_code, first.json()["data"]["clientRequestId"]) == (201, key)
    again = hr.clock(world.asha, key="", clientRequestId=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert hr.clock(world.asha, key=as_wsgi(key)).headers["Idempotent-Replayed"] == "true"


def test_an_idempotency_key_that_is_no_utf_8_is_read_as_it_was(world: people.World) -> None:
    reply = HrSystem(world.acme).clock(world.asha, key="cl\xe9")
    assert (reply.status_code, reply.json()["data"]["clientRequestId"]) == (201, "clé")


def test_the_length_of_an_idempotency_key_counts_characters(world: people.World) -> None:
    hr = HrSystem(world.acme)
    assert hr.clock(world.asha, key=as_wsgi("क" * 128)).status_code == 201
    assert hr.clock(world.asha, key=as_wsgi("क" * 129)).status_code == 400
