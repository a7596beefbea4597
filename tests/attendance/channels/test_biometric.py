"""The biometric channel, spoken to as a scanner speaks to it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from accounts.services import issue_client_key, revoke_client_keys
from attendance.background.changes import process_changes
from attendance.models import IngestionLogEntry, Punch, PunchEvidence
from employees.models import Assignment
from employees.services import save_assignment, save_employee
from tests import people
from tests.attendance.channels.clients import BIOMETRIC, Scanner, event, payload
from webhooks.models import Delivery


@pytest.fixture
def john(world: people.World) -> Any:
    return people.make_employee(world.acme, "EMP001", "John Doe", worker_id="W001")


@pytest.fixture
def place(world: people.World, john: Any) -> Assignment:
    site = people.make_site(world.acme)
    return save_assignment(
        Assignment(organization=world.acme, employee=john, site=site, starts_on=date(2024, 1, 1))
    )


@pytest.fixture
def scanner(world: people.World, john: Any) -> Scanner:
    return Scanner(world.acme)


def documented(name: str, place: Assignment) -> Any:
    """A reply of the documents, with the id that the assignment has here."""
    reply = payload(name)
    for result in reply["results"]:
        if result.get("assignment_id"):
            result["assignment_id"] = place.pk
    return reply


@pytest.mark.parametrize("name", ["single", "batch", "mixed"])
def test_the_documented_requests_get_the_documented_replies(
    scanner: Scanner, place: Assignment, name: str
) -> None:
    reply = scanner.call(payload(f"biometric_{name}_request"))
    assert (reply.status_code, reply.json()) == (200, documented(f"biometric_{name}_reply", place))


def test_an_event_without_its_scan_id_is_the_documented_400(scanner: Scanner) -> None:
    reply = scanner.call(payload("biometric_bad_request"))
    assert (reply.status_code, reply.json()) == (400, payload("biometric_bad_reply"))
    assert not IngestionLogEntry.objects.exists()


def test_the_event_is_kept_with_its_health_data_as_evidence(scanner: Scanner, john: Any) -> None:
    scanner.send()
    punch = Punch.objects.get()
    assert (punch.employee, punch.direction, punch.verdict, punch.channel) == (
        john,
        "in",
        "accepted",
        "biometric",
    )
    assert (punch.occurred_at, punch.occurred_text) == (
        datetime(2024, 12, 1, 8, 30, tzinfo=UTC),
        "2024-12-01T08:30:00Z",
    )
    evidence = json.loads(PunchEvidence.objects.get().body)
    assert evidence["health"] == {"temperature": 36.5, "mask": True}
    assert (evidence["status_code"], evidence["confidence"]) == (200, 95.5)
    assert json.loads(evidence["raw"]) == event()


# --- The key --------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("key", ["right", "none"])
def test_another_method_is_refused_before_anybody_is_asked_for_a_key(
    scanner: Scanner, method: str, key: str
) -> None:
    reply = scanner.call({}, method=method, **({} if key == "right" else {"X-API-Key": ""}))
    assert (reply.status_code, reply["Allow"]) == (405, "POST")
    if method != "HEAD":
        assert reply.json() == {"success": False, "message": "Only POST requests are accepted"}


def test_the_key_goes_in_the_header_or_the_query_and_the_header_wins(scanner: Scanner) -> None:
    wrong = "fl_dev_nobody"
    for query, header, status in (
        (None, scanner.key, 200),
        (scanner.key, None, 200),
        (wrong, scanner.key, 200),
        (scanner.key, wrong, 401),
        (wrong, None, 401),
        (None, "", 401),
        ("", "", 401),
    ):
        headers = {"Accept": "*/*"} | ({"X-API-Key": header} if header is not None else {})
        reply = scanner.call(
            event(), query={"api_key": query} if query is not None else None, **headers
        )
        assert reply.status_code == status
        if status == 401:
            assert reply.json() == {"success": False, "message": "Invalid or missing API key"}


def test_a_revoked_key_and_one_without_the_scope_open_nothing(
    scanner: Scanner, world: people.World
) -> None:
    other = Scanner(world.acme, "hr:attendance:clock", name="Other")
    assert (other.send().status_code, other.send().json()["success"]) == (403, False)
    rotated = issue_client_key(scanner.row)
    assert [
        scanner.send().status_code,
        scanner.call(event(), **{"X-API-Key": rotated}).status_code,
    ] == [200, 200]
    revoke_client_keys(scanner.row)
    assert scanner.send().status_code == 401


def test_another_organizations_key_finds_its_own_people(
    scanner: Scanner, world: people.World
) -> None:
    theirs = Scanner(world.zenith)
    for one, person in ((scanner, world.asha), (theirs, world.chitra)):
        assert (
            one.send(scanId="same", employeeId="1001").json()["results"][0]["worker_name"]
            == person.name
        )
        assert Punch.objects.get(employee=person).organization == person.organization


# --- What is read ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(
            ({name: ...}, f"Missing required field: {name}")
            for name in ("scanId", "employeeId", "eventType", "timestamp")
        ),
        *(
            ({name: None}, f"Missing required field: {name}")
            for name in ("scanId", "employeeId", "eventType", "timestamp")
        ),
        *(
            ({name: 7}, f"Invalid field {name}: ")
            for name in ("scanId", "employeeId", "eventType", "timestamp")
        ),
        *(
            ({name: " "}, f"Invalid field {name}: ")
            for name in ("scanId", "employeeId", "eventType", "timestamp")
        ),
        *(
            ({name: "\ud800"}, f"Invalid field {name}: ")
            for name in ("scanId", "employeeId", "eventType", "timestamp")
        ),
        *(
            ({name: "\0"}, f"Invalid field {name}: ")
            for name in ("scanId", "employeeId", "eventType", "timestamp")
        ),
        ({"scanId": "x" * 257}, "Invalid field scanId: At most 256 characters."),
        ({"employeeId": "9" * 65}, "Invalid field employeeId: At most 64 characters."),
        (
            {"eventType": "check-in"},
            "Invalid field eventType: One of these is required: check_in, check_out.",
        ),
        (
            {"timestamp": "yesterday"},
            "Invalid field timestamp: not a time such as 2026-06-21 09:30:00",
        ),
        ({"timestamp": "2024-02-30T00:00:00Z"}, "Invalid field timestamp: "),
        (
            {"timestamp": "0001-01-01T00:00:00+14:00"},
            "Invalid field timestamp: outside the calendar",
        ),
        ({"statusCode": "200"}, "Invalid field statusCode: "),
        ({"statusCode": 2**63}, "Invalid field statusCode: "),
        ({"temperature": "36.5"}, "Invalid field temperature: A number is required."),
        ({"temperature": True}, "Invalid field temperature: "),
        ({"temperature": float("nan")}, "Invalid field temperature: "),
        ({"temperature": float("inf")}, "Invalid field temperature: "),
        ({"maskDetected": 1}, "Invalid field maskDetected: "),
        (
            {"confidenceScore": -0.1},
            "Invalid field confidenceScore: A number from 0 to 100 is required.",
        ),
        ({"confidenceScore": 100.1}, "Invalid field confidenceScore: "),
        ({"confidenceScore": float("-inf")}, "Invalid field confidenceScore: "),
    ],
)
def test_a_bad_event_fails_alone_and_says_why(
    scanner: Scanner, changes: dict[str, Any], message: str
) -> None:
    lone = scanner.send(**changes)
    assert lone.status_code == 400
    assert lone.json()["message"].startswith(f"Processing failed: {message}")
    batch = scanner.batch(event(scanId="a"), event(**changes), event(scanId="b"))
    good, bad, also = batch.json()["results"]
    assert (batch.status_code, good["success"], bad["success"], also["success"]) == (
        200,
        True,
        False,
        True,
    )
    assert bad["message"].startswith(message)
    assert set(bad) == {"success", "message", "scanId"}
    assert Punch.objects.count() == 2


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 5000, "NaN", "-Infinity"])
def test_a_number_that_is_none_fails_its_event_and_not_its_neighbours(
    scanner: Scanner, number: str
) -> None:
    body = json.dumps({"events": [event(scanId="a"), event(scanId="b", temperature=-123)]}).replace(
        "-123", number
    )
    reply = scanner.call(body.encode())
    assert [result["success"] for result in reply.json()["results"]] == [True, False]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b"null",
        b'"x"',
        b"7",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"events": []}',
        b'{"events": {}}',
        b'{"events": null}',
        b'{"events": [null]}',
        b'{"events": [[], "x", 7]}',
        b'{"device_info": [], "events": [{}]}',
        b'{"device_info": {"temperature": NaN}, "events": [{}]}',
        b'{"device_info": {"mask_detected": 1}, "events": [{}]}',
    ],
)
def test_nothing_readable_is_answered_400_in_the_channels_words(
    scanner: Scanner, body: bytes
) -> None:
    reply = scanner.call(body)
    assert (reply.status_code, set(reply.json()), reply.json()["success"]) == (
        400,
        {"success", "message"},
        False,
    )
    assert reply.json()["message"].startswith("Processing failed: ")
    assert not Punch.objects.exists()


def test_a_hundred_events_are_taken_and_of_one_more_none(scanner: Scanner) -> None:
    events = [event(scanId=f"s{number}") for number in range(101)]
    reply = scanner.batch(*events)
    assert (reply.status_code, Punch.objects.count()) == (400, 0)
    assert reply.json() == {
        "success": False,
        "message": "Processing failed: Too many events: 101, at most 100 per request",
    }
    assert scanner.batch(*events[:100]).json()["successful"] == 100


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (413, b'{"x":"' + b"1" * 2_000_000 + b'"}', "application/json"),
        (415, b"a=b", "application/x-www-form-urlencoded"),
        (404, b"", ""),
    ],
)
def test_other_failures_have_the_channels_shape(
    scanner: Scanner, status: int, body: bytes, content_type: str
) -> None:
    path = BIOMETRIC + ("/" if status == 404 else "")
    reply = Client().post(path, body, content_type=content_type, headers={"X-API-Key": scanner.key})
    assert (reply.status_code, set(reply.json()), reply.json()["success"]) == (
        status,
        {"success", "message"},
        False,
    )


# --- Whose it is ----------------------------------------------------------------------------------
def test_the_employee_code_goes_before_the_worker_id(
    scanner: Scanner, john: Any, world: people.World
) -> None:
    people.make_employee(world.acme, "W001", "Wanda")
    results = scanner.batch(
        event(scanId="a", employeeId="W001"), event(scanId="b", employeeId="EMP001")
    ).json()["results"]
    assert [result["worker_name"] for result in results] == ["Wanda", "John Doe"]


def test_who_has_no_worker_id_is_known_by_the_code(scanner: Scanner) -> None:
    assert scanner.send(employeeId="1001").json()["results"][0]["worker_id"] == "1001"


def test_the_assignment_is_the_one_of_the_events_day_where_it_happened(
    scanner: Scanner, place: Assignment, john: Any
) -> None:
    place.ends_on = date(2024, 12, 1)
    save_assignment(place)
    site = people.make_site(place.organization, "Plant")
    after = save_assignment(
        Assignment(
            organization=place.organization, employee=john, site=site, starts_on=date(2024, 12, 2)
        )
    )
    times = ["2023-12-31T12:00:00Z", "2024-12-01T18:29:59Z", "2024-12-01T18:30:00Z"]
    reply = scanner.batch(*(event(scanId=time, timestamp=time) for time in times)).json()
    assert [result["assignment_id"] for result in reply["results"]] == [None, place.pk, after.pk]


def test_an_unknown_worker_is_kept_matched_later_and_pushed(
    scanner: Scanner, world: people.World
) -> None:
    people.make_endpoint(world.acme, "https://hooks.example.com/a", include_health=True)
    first = scanner.send(employeeId="W777")
    dev = people.make_employee(world.acme, "777", "Dev", worker_id="W777")
    process_changes()
    assert Punch.objects.accepted().get().match.employee == dev
    data = json.loads(Delivery.objects.get().body)["data"]
    assert (data["employee"]["name"], data["health"]) == (
        "Dev",
        {"temperature": 36.5, "mask": True},
    )
    again = scanner.send(employeeId="W777")
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")


def test_a_number_of_a_devices_own_is_not_asked_for_at_this_channel(
    scanner: Scanner, world: people.World
) -> None:
    from devices.models import DeviceUser
    from devices.services import save_device_user

    gate, _token = people.make_device(world.acme, "DEV001")
    save_device_user(
        DeviceUser(organization=world.acme, device=gate, user_code="29", employee=world.asha)
    )
    scanner.batch(event(employeeId="29"), device_id="DEV001")
    process_changes()
    assert Punch.objects.unmatched().get().device == gate


# --- Once -----------------------------------------------------------------------------------------
def test_the_same_scan_again_answers_as_the_first_did(scanner: Scanner, john: Any) -> None:
    first = scanner.send()
    john.code, john.worker_id = "EMP002", "W002"
    save_employee(john)
    people.make_employee(john.organization, "EMP001", "Somebody else")
    again = scanner.send(temperature=40, maskDetected=False)
    assert again.json()["results"][0]["worker_name"] == first.json()["results"][0]["worker_name"]
    assert (again["Muster-Punch-Id"], again["Idempotent-Replayed"]) == (
        first["Muster-Punch-Id"],
        "true",
    )
    assert (Punch.objects.count(), "Idempotent-Replayed" in first) == (1, False)


@pytest.mark.parametrize(
    "changes",
    [{"employeeId": "1001"}, {"timestamp": "2024-12-01T08:30:01Z"}, {"eventType": "check_out"}],
)
def test_another_event_under_a_used_scan_id_fails_and_the_first_stays(
    scanner: Scanner, changes: dict[str, Any]
) -> None:
    scanner.send()
    taken = "scanId already used for another event"
    for lone in (scanner.send(**changes), scanner.batch(event(**changes))):
        assert (lone.status_code, lone.json()) == (422, {"success": False, "message": taken})
    result = scanner.batch(event(**changes), event(scanId="other")).json()["results"][0]
    assert result == {"success": False, "message": taken, "scanId": event()["scanId"]}
    assert Punch.objects.get(key="s:SCAN_001_20241201_001").direction == "in"


def test_several_events_under_used_scan_ids_get_one_result_each(scanner: Scanner) -> None:
    scanner.batch(event(scanId="a"), event(scanId="b"))
    reply = scanner.batch(
        event(scanId="a", eventType="check_out"), event(scanId="b", employeeId="1001")
    )
    taken = "scanId already used for another event"
    assert (reply.status_code, reply.json()) == (
        400,
        {
            "success": False,
            "message": f"Processing failed: {taken}",
            "processed": 2,
            "successful": 0,
            "failed": 2,
            "results": [
                {"success": False, "message": taken, "scanId": "a"},
                {"success": False, "message": taken, "scanId": "b"},
            ],
        },
    )
    assert Punch.objects.count() == 2


def test_of_several_events_that_fail_each_says_why(scanner: Scanner) -> None:
    scanner.send()
    reply = scanner.batch(
        event(scanId=...),
        event(eventType="check_out"),
        event(scanId="c", timestamp="yesterday \ud800"),
        event(scanId="d", timestamp="2099-01-01T00:00:00Z"),
    )
    body = reply.json()
    assert (reply.status_code, body["success"], body["successful"], body["failed"]) == (
        400,
        False,
        0,
        4,
    )
    assert body["message"] == "Processing failed: Missing required field: scanId"
    assert [(one["scanId"], one["message"].split(":")[0]) for one in body["results"]] == [
        (None, "Missing required field"),
        (event()["scanId"], "scanId already used for another event"),
        ("c", "Invalid field timestamp"),
        ("d", "Invalid field timestamp"),
    ]


def test_a_scan_is_the_same_whichever_key_of_the_organization_sends_it(
    scanner: Scanner, world: people.World
) -> None:
    assert [scanner.send().status_code, Scanner(world.acme, name="Second").send().status_code] == [
        200,
        200,
    ]
    assert Punch.objects.count() == 1


def test_every_stored_event_is_counted_and_the_counts_balance(scanner: Scanner) -> None:
    scanner.call(payload("biometric_mixed_request"))
    kinds = ("received", "accepted", "unmatched", "conflict", "duplicate", "refused")
    assert IngestionLogEntry.objects.values_list(*kinds).get() == (3, 1, 1, 1, 0, 0)


# --- Time -----------------------------------------------------------------------------------------
def test_a_clock_that_cannot_be_right_fails_its_event_and_is_kept(scanner: Scanner) -> None:
    reply = scanner.batch(
        event(scanId="a", timestamp="2099-01-01T00:00:00Z"),
        event(scanId="b", timestamp="1999-12-31T23:59:59Z"),
        event(scanId="c", timestamp="9999-12-31T23:59:59Z"),
        event(scanId="d"),
    )
    assert [result.get("message") for result in reply.json()["results"]] == [
        "Invalid field timestamp: ahead of the server's clock",
        "Invalid field timestamp: before the year 2000",
        "Invalid field timestamp: ahead of the server's clock",
        "Attendance recorded successfully",
    ]
    assert Punch.objects.filter(verdict="rejected_time").count() == 3
    lone = scanner.send(scanId="a", timestamp="2099-01-01T00:00:00Z")
    assert (lone.status_code, lone.json()["message"]) == (
        400,
        "Processing failed: Invalid field timestamp: ahead of the server's clock",
    )


def test_a_time_without_offset_is_the_scanners_else_the_sites_else_the_organizations(
    scanner: Scanner, place: Assignment, world: people.World
) -> None:
    naive = "2024-12-01T08:30:00"
    people.make_device(world.acme, "TOKYO", timezone="Asia/Tokyo")
    people.make_device(world.acme, "PLAIN")
    place.site.timezone = "Asia/Dubai"
    place.site.save()
    found = {}
    for serial, code in (
        ("TOKYO", "EMP001"),
        ("PLAIN", "EMP001"),
        ("NOBODY", "EMP001"),
        ("NOBODY", "1001"),
    ):
        scan = f"{serial} {code}"
        scanner.batch(event(scanId=scan, timestamp=naive, employeeId=code), device_id=serial)
        found[scan] = Punch.objects.get(key=f"s:{scan}").occurred_at.isoformat()[11:16]
    assert found == {
        "TOKYO EMP001": "23:30",
        "PLAIN EMP001": "04:30",
        "NOBODY EMP001": "04:30",
        "NOBODY 1001": "03:00",
    }


def test_a_naive_scan_is_the_same_after_the_zone_of_its_place_was_corrected(
    scanner: Scanner, place: Assignment
) -> None:
    first = scanner.send(timestamp="2024-12-01T08:30:00")
    place.site.timezone = "Asia/Dubai"
    place.site.save()
    again = scanner.send(timestamp="2024-12-01T08:30:00")
    assert (again.status_code, again["Muster-Punch-Id"]) == (200, first["Muster-Punch-Id"])


@pytest.mark.parametrize("zone", [None, UTC])
def test_the_times_that_python_writes_are_read(scanner: Scanner, zone: Any) -> None:
    text = datetime.now(UTC).replace(tzinfo=zone).isoformat()
    assert scanner.send(timestamp=text).status_code == 200
    assert Punch.objects.get().occurred_text == text


# --- Health and where it came from ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("temperature", "odd"),
    [(24.9, True), (25, False), (45, False), (45.1, True), (-300, True), (1e300, True)],
)
def test_a_temperature_nobody_has_is_flagged_and_the_punch_counts(
    scanner: Scanner, temperature: float, odd: bool
) -> None:
    assert scanner.send(temperature=temperature).json()["successful"] == 1
    punch = Punch.objects.get()
    assert (punch.verdict, "temperature_out_of_range" in punch.flags) == ("accepted", odd)


def test_what_the_scanner_measured_holds_for_events_without_their_own(scanner: Scanner) -> None:
    bare = event(scanId="a", temperature=..., maskDetected=...)
    own = event(scanId="b", temperature=36, maskDetected=False)
    scanner.batch(bare, own, device_id="DEV001", temperature=50, mask_detected=True)
    health = [json.loads(row.body)["health"] for row in PunchEvidence.objects.order_by("punch_id")]
    assert health == [{"temperature": 50.0, "mask": True}, {"temperature": 36.0, "mask": False}]
    assert list(Punch.objects.order_by("id").values_list("flags", flat=True)) == [
        ["temperature_out_of_range"],
        [],
    ]


def test_a_known_scanner_is_linked_and_no_other_is_made_or_refused(
    scanner: Scanner, world: people.World
) -> None:
    gate, _token = people.make_device(world.acme, "DEV001", blocked=True)
    people.make_device(world.zenith, "THEIRS")
    strange = ("DEV001", "THEIRS", "NEW", 7, None, "", "\ud800", "x" * 500, {"a": 1}, True)
    for number, device_id in enumerate(strange):
        assert scanner.batch(event(scanId=f"s{number}"), device_id=device_id).status_code == 200
    assert list(Punch.objects.order_by("id").values_list("device", flat=True)) == [
        gate.pk,
        *[None] * 9,
    ]


@pytest.mark.parametrize(
    ("serial", "named"),
    [("DEV001", "DEV001"), ('say "gate" & <b>', 'say "gate" & <b>'), ("द्वार" * 12, "V-1")],
)
def test_the_cams_form_names_the_scanner_if_an_address_can(
    scanner: Scanner, world: people.World, serial: str, named: str
) -> None:
    people.make_endpoint(
        world.acme, "https://hooks.example.com/a", mode="cams", virtual_serial="V-1"
    )
    assert scanner.batch(event(), device_id=serial).status_code == 200
    delivery = Delivery.objects.get()
    assert json.loads(delivery.body)["RealTime"]["SerialNumber"] == named
    assert delivery.query == urlencode({"stgid": named})


def test_an_event_of_now_is_not_late(scanner: Scanner) -> None:
    scanner.send(scanId="now", timestamp=timezone.now().isoformat())
    scanner.send(scanId="old", timestamp=(timezone.now() - timedelta(days=40)).isoformat())
    assert list(Punch.objects.order_by("id").values_list("received_late", flat=True)) == [
        False,
        True,
    ]


# --- Limits ---------------------------------------------------------------------------------------
def test_both_limits_are_the_documented_ones(scanner: Scanner) -> None:
    assert (
        scanner.send()["RateLimit-Policy"]
        == '"biometric-hour";q=1000;w=3600, "biometric-day";q=10000;w=86400'
    )


@pytest.mark.usefixtures("frozen_clock")
@pytest.mark.parametrize(("per_hour", "per_day"), [(3, 10), (10, 3)])
def test_each_limit_lets_exactly_its_number_through(
    world: people.World, john: Any, per_hour: int, per_day: int
) -> None:
    scanner = Scanner(world.acme, per_hour=per_hour, per_day=per_day)
    replies = [scanner.send(scanId=f"s{number}") for number in range(5)]
    assert [reply.status_code for reply in replies] == [200] * 3 + [429] * 2
    assert (replies[-1].json()["success"], int(replies[-1]["Retry-After"]) >= 1) == (False, True)
    assert Punch.objects.count() == 3
