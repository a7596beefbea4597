"""The phone channel as its seed and docs/channels/phone.md describe it."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.cache import caches
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts import rate_limits
from accounts.models import User
from accounts.services import issue_personal_token
from attendance.models import IngestionLogEntry, Punch, PunchEvidence
from attendance.punches import phone_checks
from attendance.punches.matching import match_punches
from attendance.punches.signatures import P256_ORDER
from devices.models import PhonePolicy
from devices.phones import deactivate_phone, revoke_phone
from employees.models import Assignment, Employee
from employees.services import save_assignment
from geofences.models import AllowedNetwork, Geofence
from geofences.services import save_allowed_network
from tests import people
from tests.attendance.channels.clients import PhoneApp, clock, payload
from tests.samples import node, sample
from tours.models import Tour
from webhooks.models import Delivery

REFUSAL = "Outside any allowed geo-fence or Wi-Fi SSID not on allowlist"
FAR = {"lat": 28.7, "lng": 77.1}


@pytest.fixture
def fence(world: people.World) -> Geofence:
    """Around the place where the seed's sample punches."""
    return people.make_geofence(world.acme)


@pytest.fixture
def app(world: people.World, fence: Geofence) -> PhoneApp:
    """Asha's phone."""
    return PhoneApp(world.asha)


def refused(reply: Any, verdict: str) -> Any:
    """The reasons of a refusal that was stored."""
    body = reply.json()
    assert (reply.status_code, set(body)) == (
        422,
        {"verdict", "reason", "punch_id", "recorded"},
    ), body
    assert (body["verdict"], body["recorded"]) == (verdict, True)
    stored = Punch.objects.get(pk=body["punch_id"])
    assert (stored.verdict, set(stored.reasons)) == (verdict, set(body["reason"]))
    return body["reason"]


def duplicate(reply: Any, first: int, verdict: str = "accepted") -> None:
    body = reply.json()
    assert (reply.status_code, set(body)) == (
        422,
        {"verdict", "reason", "punch_id", "first_verdict"},
    ), body
    assert (body["verdict"], body["punch_id"], body["first_verdict"]) == (
        "duplicate",
        first,
        verdict,
    )
    assert set(body["reason"]) == {"nonce"}


def wrong(reply: Any) -> dict[str, list[str]]:
    """The fields of what is no punch. Nothing is stored."""
    body = reply.json()
    assert (reply.status_code, set(body)) == (422, {"message", "errors"}), body
    assert not Punch.objects.exists()
    assert not IngestionLogEntry.objects.exists()
    return body["errors"]


# --- The seed -------------------------------------------------------------------------------------
def test_the_seeds_request_with_a_fresh_time_nonce_and_signature_is_accepted(
    world: people.World, fence: Geofence
) -> None:
    save_allowed_network(AllowedNetwork(organization=world.acme, ssid="RSS-Wifi-Internal"))
    sent = payload("phone_accepted_request")
    app = PhoneApp(world.asha, device_uuid=uuid.UUID(sent["device_uuid"]))
    reply = app.punch(
        **{
            name: sent[name]
            for name in ("punch_type", "lat", "lng", "accuracy_m", "ssid_seen", "anti_spoof")
        }
    )
    punch = Punch.objects.get()
    assert reply.status_code == 201
    assert reply.json() == payload("phone_accepted_reply") | {"punch_id": punch.pk}
    assert reply["Muster-Punch-Id"] == str(punch.pk)
    assert (punch.employee, punch.channel, punch.direction, punch.received_late, punch.flags) == (
        world.asha,
        "phone",
        "in",
        False,
        [],
    )


def test_the_seeds_request_as_printed_is_stored_as_refused(app: PhoneApp) -> None:
    reply = app.send(json.dumps(payload("phone_accepted_request")))
    assert set(refused(reply, "rejected_device")) == {"device", "time"}


def test_outside_every_fence_is_refused_in_the_seeds_words(app: PhoneApp) -> None:
    reply = app.punch(**FAR, ssid_seen="Cafe")
    assert refused(reply, "rejected_geofence") == {"geofence": REFUSAL}
    assert reply.json() == payload("phone_outside_reply") | {"punch_id": Punch.objects.get().pk}


@pytest.mark.parametrize("facts", [{**FAR}, {"accuracy_m": 201}])
def test_every_refusal_for_the_place_has_the_same_words(app: PhoneApp, facts: Any) -> None:
    assert refused(app.punch(**facts), "rejected_geofence") == {"geofence": REFUSAL}


def test_without_any_fence_it_is_refused_too(world: people.World) -> None:
    assert refused(PhoneApp(world.asha).punch(), "rejected_geofence") == {"geofence": REFUSAL}
    assert Punch.objects.get().reasons == {"geofence": "unfenced"}


def test_an_allowed_wifi_suffices(app: PhoneApp, world: people.World) -> None:
    save_allowed_network(AllowedNetwork(organization=world.acme, ssid="RSS-Wifi-Internal"))
    assert app.punch(**FAR, ssid_seen="RSS-Wifi-Internal").status_code == 201
    assert app.punch(**FAR, ssid_seen="RSS-Wifi-Internal ").status_code == 422


def test_the_fence_of_the_site_where_they_worked_on_that_day_applies(
    world: people.World, fence: Geofence
) -> None:
    there = people.make_site(world.acme, "Elsewhere")
    save_assignment(
        Assignment(
            organization=world.acme, employee=world.asha, site=there, starts_on=date(2020, 1, 1)
        )
    )
    Geofence.objects.filter(pk=fence.pk).update(site=people.make_site(world.acme, "Not hers"))
    app = PhoneApp(world.asha)
    assert app.punch().status_code == 422
    Geofence.objects.filter(pk=fence.pk).update(site=there)
    assert app.punch().status_code == 201


def test_an_approved_tour_waives_the_fence_and_says_so(app: PhoneApp, world: people.World) -> None:
    now = timezone.now()
    tour = Tour.objects.create(
        organization=world.acme,
        employee=world.asha,
        purpose="Audit",
        status="approved",
        start_at=now - timedelta(hours=1),
        end_at=now + timedelta(hours=1),
    )
    assert app.punch(**FAR).json()["reason"] == {"geofence": f"waived: tour {tour.pk}"}
    Tour.objects.update(status="pending")
    assert refused(app.punch(**FAR), "rejected_geofence")
    assert app.today().json()["data"][0]["reason"] == {"geofence": f"waived: tour {tour.pk}"}


# --- Replays --------------------------------------------------------------------------------------
def test_an_accepted_punch_sent_again_is_a_duplicate_with_the_first_inside(app: PhoneApp) -> None:
    text = app.text()
    first, again = app.send(text), app.send(text)
    duplicate(again, first.json()["punch_id"])
    assert again.json() == payload("phone_duplicate_reply") | {"punch_id": first.json()["punch_id"]}
    counts = IngestionLogEntry.objects.order_by("id").values_list(
        "received", "accepted", "duplicate", "conflict"
    )
    assert list(counts) == [(1, 1, 0, 0), (1, 0, 1, 0)]
    assert Punch.objects.count() == 1


def test_a_replay_is_a_duplicate_whatever_happened_since(
    app: PhoneApp, world: people.World, acme_staff: User
) -> None:
    text = app.text()
    first = app.send(text).json()["punch_id"]
    Geofence.objects.update(active=False)
    duplicate(app.send(text), first)
    deactivate_phone(app.phone, actor=app.user)
    duplicate(app.send(text), first)
    revoke_phone(app.phone, actor=acme_staff)
    duplicate(app.send(text), first)


def test_a_punch_refused_for_its_place_is_not_accepted_after_the_fence_moved(
    app: PhoneApp, fence: Geofence
) -> None:
    text = app.text(**FAR)
    first = app.send(text).json()["punch_id"]
    people.make_geofence(fence.organization, **FAR, name="There")
    duplicate(app.send(text), first, "rejected_geofence")
    assert app.punch(**FAR).status_code == 201


def test_a_nonce_of_a_refused_punch_is_free_for_another_text_and_one_of_an_accepted_is_not(
    app: PhoneApp,
) -> None:
    nonce = "0" * 32
    assert app.punch(**FAR, nonce=nonce).status_code == 422
    first = app.punch(nonce=nonce)
    assert first.status_code == 201
    duplicate(app.punch(nonce=nonce, punch_type="OUT"), first.json()["punch_id"])
    bad = app.punch(nonce=nonce, punch_type="OUT", signature=base64.b64encode(bytes(64)).decode())
    assert refused(bad, "rejected_signature")


def test_what_is_refused_at_the_signature_uses_nothing_up(app: PhoneApp) -> None:
    text = app.text()
    body = json.loads(text) | {"signature": base64.b64encode(b"\1" * 64).decode()}
    for _attempt in range(2):
        assert refused(app.send(json.dumps(body)), "rejected_signature")
    assert app.send(text).status_code == 201


def test_the_twin_of_a_signature_is_the_same_punch(app: PhoneApp) -> None:
    body = json.loads(app.text())
    raw = base64.b64decode(body["signature"])
    twin = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:])).to_bytes(32)
    first = app.send(json.dumps(body | {"signature": base64.b64encode(twin).decode()}))
    assert first.status_code == 201
    duplicate(app.send(json.dumps(body)), first.json()["punch_id"])


def test_two_employees_may_have_the_same_nonce_and_the_same_uuid(
    app: PhoneApp, world: people.World
) -> None:
    bala = PhoneApp(world.bala, device_uuid=app.phone.device_uuid)
    nonce = "ab" * 16
    assert [who.punch(nonce=nonce).status_code for who in (app, bala)] == [201, 201]
    theirs = app.text()
    assert set(refused(bala.send(theirs), "rejected_signature")) == {"signature"}


# --- Phones and signatures ------------------------------------------------------------------------
def test_an_unknown_phone_and_somebody_elses_are_refused_alike(
    app: PhoneApp, world: people.World
) -> None:
    bala = PhoneApp(world.bala)
    for name in (uuid.uuid4(), bala.phone.device_uuid):
        reason = refused(app.punch(device_uuid=str(name)), "rejected_device")
        assert reason == {"device": "This phone is not registered to you."}


def test_a_phone_out_of_service_is_refused_and_says_why(app: PhoneApp, acme_staff: User) -> None:
    deactivate_phone(app.phone, actor=app.user)
    assert "Register it again" in refused(app.punch(), "rejected_device")["device"]
    revoke_phone(app.phone, actor=acme_staff)
    assert "revoked by your organization" in refused(app.punch(), "rejected_device")["device"]


def test_numbers_are_signed_as_they_are_written(app: PhoneApp) -> None:
    text = app.text(accuracy_m=8.5)
    assert refused(app.send(text.replace("8.5,", "8.50,")), "rejected_signature")
    assert app.send(text).status_code == 201
    zeros = app.text(lat=28.6175).replace("28.6175", "28.61750")
    assert refused(app.send(zeros), "rejected_signature")


def test_the_uuid_is_signed_in_lower_case_and_may_be_sent_in_upper(app: PhoneApp) -> None:
    assert app.punch(device_uuid=str(app.phone.device_uuid).upper()).status_code == 201


def test_asn1_and_another_key_are_no_signature(app: PhoneApp) -> None:
    body = json.loads(app.text())
    text = sample().signed_text(body).encode()
    der = app.key.sign(text, ec.ECDSA(hashes.SHA256()))
    other = ec.generate_private_key(ec.SECP256R1())
    for signature in (
        base64.b64encode(der).decode(),
        sample().sign(other, body)["signature"],
        "",
        "rO4...==",
    ):
        assert refused(app.send(json.dumps(body | {"signature": signature})), "rejected_signature")


def test_a_key_of_another_curve_neither_registers_nor_signs(app: PhoneApp) -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    sent = {"device_uuid": str(app.phone.device_uuid), "platform": "web", "model": "x"}
    sent["public_key"] = base64.b64encode(spki).decode()
    reply = app.client.post("/api/v1/devices/register", sent, content_type="application/json")
    assert (reply.status_code, set(reply.json()["errors"])) == (422, {"public_key"})
    body = json.loads(app.text())
    der = private.sign(sample().signed_text(body).encode(), ec.ECDSA(hashes.SHA256()))
    assert refused(
        app.send(json.dumps(body | {"signature": base64.b64encode(der).decode()})),
        "rejected_signature",
    )


def test_a_replaced_key_stands_for_offline_punches_made_before(
    app: PhoneApp, world: people.World
) -> None:
    text = app.text(punched_at=clock(hours=3))
    _phone, key = people.make_phone(world.asha, device_uuid=app.phone.device_uuid)
    assert app.send(text).status_code == 201
    assert refused(app.punch(punched_at=clock(minutes=-1)), "rejected_signature")
    app.key = key
    assert app.punch().status_code == 201


def test_a_key_pair_made_by_webcrypto_registers_and_punches(app: PhoneApp) -> None:
    made = node(
        "const key = await newKey(); const device_uuid = crypto.randomUUID();const at = { latitude:"
        " 28.6175, longitude: 77.2085, accuracy: 8.5 };out({ device_uuid, key: await"
        " publicKey(key), punch: await sign(key, newPunch(device_uuid, 'IN', at, 'Büro')) });"
    )
    registered = app.client.post(
        "/api/v1/devices/register",
        {
            "device_uuid": made["device_uuid"],
            "platform": "web",
            "model": "Node",
            "public_key": made["key"],
        },
        content_type="application/json",
    )
    assert registered.status_code == 201
    assert app.send(json.dumps(made["punch"])).status_code == 201


# --- Clock and integrity --------------------------------------------------------------------------
def test_a_clock_that_is_ahead_and_a_punch_too_old_are_refused(
    app: PhoneApp, world: people.World
) -> None:
    assert set(refused(app.punch(punched_at=clock(minutes=-6)), "rejected_time")) == {"time"}
    assert set(refused(app.punch(punched_at=clock(hours=73)), "rejected_time")) == {"time"}
    assert app.punch(punched_at=clock(minutes=-4)).status_code == 201
    assert app.punch(punched_at=clock(hours=71)).status_code == 201
    assert Punch.objects.order_by("-id").values_list("received_late", flat=True)[0]
    PhonePolicy.objects.create(organization=world.acme, offline_hours=70)
    assert refused(app.punch(punched_at=clock(hours=71)), "rejected_time")


def test_what_the_phone_says_of_itself_refuses_or_is_remarked(
    app: PhoneApp, world: people.World
) -> None:
    for flag in ("mock_location", "rooted", "emulator"):
        assert flag in refused(app.punch(spoof={flag: True}), "rejected_integrity")["integrity"]
    assert app.punch(spoof={"vpn": True}).status_code == 201
    assert Punch.objects.latest("id").flags == ["vpn"]
    PhonePolicy.objects.create(organization=world.acme, refuse_rooted=False, refuse_vpn=True)
    assert app.punch(spoof={"rooted": True}).status_code == 201
    assert refused(app.punch(spoof={"rooted": True, "vpn": True}), "rejected_integrity")[
        "integrity"
    ].endswith(": vpn.")


def test_the_first_that_refuses_names_the_verdict_and_all_reasons_are_kept(app: PhoneApp) -> None:
    facts = {**FAR, "punched_at": clock(hours=99), "spoof": {"mock_location": True}}
    assert set(refused(app.punch(**facts), "rejected_time")) == {"time", "integrity", "geofence"}
    bad = app.punch(**facts, signature="AAAA")
    assert set(refused(bad, "rejected_signature")) == {"signature", "time", "integrity", "geofence"}


@pytest.mark.parametrize("broken", ["phone_keys_at", "is_valid_signature", "evaluate_position"])
def test_a_check_that_fails_refuses(
    app: PhoneApp, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_named: Any) -> None:
        raise RuntimeError("by itself")

    verdict = {
        "phone_keys_at": "device",
        "is_valid_signature": "signature",
        "evaluate_position": "geofence",
    }[broken]
    monkeypatch.setattr(phone_checks, broken, fail)
    assert refused(app.punch(), f"rejected_{verdict}") == {verdict: "This could not be checked."}


def test_a_database_that_does_not_answer_refuses_nothing(
    app: PhoneApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**_named: Any) -> None:
        raise OperationalError("canceling statement due to lock timeout")

    text = app.text()
    with monkeypatch.context() as patched:
        patched.setattr(phone_checks, "evaluate_position", busy)
        reply = app.send(text)
    assert (reply.status_code, "Retry-After" in reply, Punch.objects.count()) == (503, True, 0)
    assert app.send(text).status_code == 201


# --- Who and how ----------------------------------------------------------------------------------
def test_no_token_is_401_and_an_account_of_no_employee_403(app: PhoneApp, acme_staff: User) -> None:
    stranger = Client(
        headers={"Authorization": f"Bearer {issue_personal_token(acme_staff, 'x')[1]}"}
    )
    for client, status in ((Client(), 401), (stranger, 403)):
        replies = [
            client.post("/api/v1/punch", app.text(), content_type="application/json"),
            client.get("/api/v1/punches/today"),
            client.get("/api/v1/punches/month/2026-04"),
        ]
        assert [reply.status_code for reply in replies] == [status] * 3
        assert status == 403 or all(
            reply.json() == {"message": "Unauthenticated."} for reply in replies
        )
    assert not Punch.objects.exists()


@pytest.mark.usefixtures("frozen_clock")
def test_thirty_punches_a_minute_and_then_429_in_the_common_words(app: PhoneApp) -> None:
    replies = [app.send("{}") for _ in range(31)]
    assert [reply.status_code for reply in replies] == [422] * 30 + [429]
    assert (replies[-1].json()["code"], int(replies[-1]["Retry-After"]) > 0) == (
        "rate_limited",
        True,
    )
    assert app.today().status_code == 200


def test_the_other_failures_keep_to_json(app: PhoneApp) -> None:
    assert (app.send("{").status_code, app.send("{").json()) == (
        400,
        {"message": "The body is not JSON.", "code": "invalid_request"},
    )
    assert app.client.get("/api/v1/punch").status_code == 405
    assert (
        app.client.post(
            "/api/v1/punch", "x=1", content_type="application/x-www-form-urlencoded"
        ).status_code
        == 415
    )
    assert app.send(b"{" + b" " * 1024 * 1024 + b"}").status_code == 413
    assert not Punch.objects.exists()


# --- Shape ----------------------------------------------------------------------------------------
def test_what_is_wrong_is_named_and_not_stored(app: PhoneApp) -> None:
    reply = app.send(json.dumps(payload("phone_wrong_request")))
    assert wrong(reply) == payload("phone_wrong_reply")["errors"]
    assert reply.json() == payload("phone_wrong_reply")


NEEDED = (
    "device_uuid",
    "punch_type",
    "punched_at",
    "lat",
    "lng",
    "accuracy_m",
    "nonce",
    "signature",
    "anti_spoof",
)


@pytest.mark.parametrize("name", NEEDED)
def test_every_field_but_the_wifi_is_needed(app: PhoneApp, name: str) -> None:
    assert set(wrong(app.punch(**{name: ...}))) == {name}
    assert app.punch(ssid_seen=...).status_code in (201, 422)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"IN"', '"in"', "punch_type"),
        ('"IN"', "1", "punch_type"),
        ('"IN"', '"I\\nN"', "punch_type"),
        ("28.6175", '"28.6175"', "lat"),
        ("28.6175", "91", "lat"),
        ("28.6175", "1e999", "lat"),
        ("28.6175", "true", "lat"),
        ("77.2085", "-180.5", "lng"),
        (": 12,", ": -1,", "accuracy_m"),
        (": 12,", ": null,", "accuracy_m"),
        ('"nonce": "', '"nonce": "A', "nonce"),
        ('"vpn": false', '"vpn": 0', "anti_spoof.vpn"),
        (', "vpn": false', "", "anti_spoof.vpn"),
        ('"punch_type"', '"lat": 1, "punch_type"', "lat"),
        ('"vpn": false', '"vpn": false, "vpn": true', "anti_spoof.vpn"),
        ('"IN"', '"IN", "x": "\\ud800"', "x"),
        ('"ssid_seen": null', '"ssid_seen": "a\\nb"', "ssid_seen"),
        ('"ssid_seen": null', '"ssid_seen": 5', "ssid_seen"),
        ('"ssid_seen": null', '"ssid_seen": true', "ssid_seen"),
    ],
)
def test_an_ill_typed_field_is_named(app: PhoneApp, old: str, new: str, field: str) -> None:
    text = app.text(nonce="0" * 32)
    assert old in text
    assert set(wrong(app.send(text.replace(old, new, 1)))) == {field}


@pytest.mark.parametrize("text", ["[]", "null", '"x"', "5", "[" * 100_000, "{}"])
def test_a_body_that_is_no_object_is_no_punch(app: PhoneApp, text: str) -> None:
    assert app.send(text).status_code in (400, 422)
    assert not Punch.objects.exists()


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01T00:00:00Z", "", "0000-00-00T00:00:00Z"])
def test_an_unreadable_time_is_named(app: PhoneApp, at: Any) -> None:
    assert set(wrong(app.punch(punched_at=at))) == {"punched_at"}


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_the_ends_of_the_calendar_are_no_failure(app: PhoneApp, at: str) -> None:
    assert app.punch(punched_at=at).status_code == 422


def test_a_time_without_an_offset_is_of_the_employees_place(
    app: PhoneApp, world: people.World
) -> None:
    there = people.make_site(world.acme, "Dubai", timezone="Asia/Dubai")
    save_assignment(
        Assignment(
            organization=world.acme, employee=world.asha, site=there, starts_on=date(2020, 1, 1)
        )
    )
    local = datetime.now(UTC) + timedelta(hours=4)
    assert app.punch(punched_at=local.strftime("%Y-%m-%dT%H:%M:%S")).status_code == 201
    assert abs(Punch.objects.get().occurred_at - timezone.now()) < timedelta(minutes=5)


FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# What may come over the wire in the place of any value.
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@FEW
@given(
    st.one_of(
        st.text(max_size=120),
        st.binary(max_size=80).map(lambda raw: base64.b64encode(raw).decode()),
    )
)
@example("A" * 88)
@example("é" * 88)
def test_no_malformed_signature_is_accepted_and_none_is_a_failure(
    app: PhoneApp, signature: str
) -> None:
    _unlimited()
    assert app.punch(signature=signature).status_code == 422
    assert not Punch.objects.filter(verdict="accepted").exists()


@FEW
@given(st.sampled_from(NEEDED), JUNK)
def test_no_junk_in_any_field_is_accepted_and_none_is_a_failure(
    app: PhoneApp, name: str, junk: Any
) -> None:
    _unlimited()
    body = json.loads(app.text())
    assert app.send(json.dumps(body | {name: junk})).status_code in (400, 422)
    assert not Punch.objects.filter(verdict="accepted").exists()


@FEW
@given(st.floats(-90, 90), st.floats(-180, 180), st.floats(0, 1e9))
def test_a_point_is_accepted_only_in_the_fence(
    app: PhoneApp, lat: float, lng: float, accuracy_m: float
) -> None:
    _unlimited()
    status = app.punch(lat=lat, lng=lng, accuracy_m=accuracy_m).status_code
    near = abs(lat - 28.6175) < 0.01 and abs(lng - 77.2085) < 0.01
    assert status == 422 or near


def _unlimited() -> None:
    for name in (rate_limits.SHARED_CACHE, rate_limits.LOCAL_CACHE):
        caches[name].clear()


# --- What is kept and told ------------------------------------------------------------------------
def test_position_and_flags_are_evidence_and_the_raw_body_is_kept(app: PhoneApp) -> None:
    text = app.text(ssid_seen="Cafe")
    app.send(text)
    evidence = json.loads(PunchEvidence.objects.get().body)
    assert evidence["raw"] == text
    assert evidence["location"] == {"latitude": 28.6175, "longitude": 77.2085, "accuracy_m": 12.0}
    assert (evidence["ssid_seen"], evidence["judged"]["why"]) == ("Cafe", "inside")
    assert evidence["key"] == app.phone.keys.get().pk


def test_only_accepted_ones_are_pushed_and_mark_the_phone(
    app: PhoneApp, world: people.World
) -> None:
    people.make_endpoint(world.acme, "https://hooks.example.com/in")
    app.punch(**FAR)
    assert not Delivery.objects.exists()
    assert app.phone.last_punch_at is None
    app.punch()
    assert Delivery.objects.count() == 1
    app.phone.refresh_from_db()
    assert app.phone.last_punch_at == Punch.objects.get(verdict="accepted").occurred_at


# --- Reads ----------------------------------------------------------------------------------------
def test_today_is_the_day_where_the_employee_works_oldest_first(
    app: PhoneApp, world: people.World
) -> None:
    there = people.make_site(world.acme, "Far east", timezone="Pacific/Kiritimati")
    save_assignment(
        Assignment(
            organization=world.acme, employee=world.asha, site=there, starts_on=date(2020, 1, 1)
        )
    )
    today = (
        datetime.now(UTC)
        .astimezone(tz=ZoneInfo("Pacific/Kiritimati"))
        .replace(hour=0, minute=0, second=0, microsecond=0)
    )
    for at, code in (
        (today + timedelta(hours=24), "c"),
        (today, "a"),
        (today - timedelta(seconds=1), "x"),
    ):
        people.make_punch(world.acme, code, employee=world.asha, occurred_at=at)
    facts = {
        "verdict": "rejected_time",
        "reasons": {"time": "ahead_of_server"},
        "direction": "break_out",
    }
    noon = people.make_punch(
        world.acme, "b", employee=world.asha, occurred_at=today + timedelta(hours=12), **facts
    )
    people.make_punch(world.acme, "y", employee=world.bala, occurred_at=today)
    body = app.today().json()
    assert (body["date"], body["timezone"]) == (today.date().isoformat(), "Pacific/Kiritimati")
    assert [row["verdict"] for row in body["data"]] == ["accepted", "rejected_time"]
    assert body["data"][1] == {
        "punch_id": noon.pk,
        "punch_type": None,
        "punched_at": f"{noon.occurred_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "received_at": body["data"][1]["received_at"],
        "verdict": "rejected_time",
        "reason": {"time": "This is ahead of the server's clock."},
        "channel": "device",
        "received_late": False,
    }


def test_a_month_has_the_punches_of_all_channels_and_those_matched_since(
    app: PhoneApp, world: people.World, acme_staff: User
) -> None:
    matched = people.make_punch(
        world.acme,
        "77",
        occurred_at=datetime(2026, 4, 30, 18, 29, tzinfo=UTC),
        channel="biometric",
        reasons={"employee": "unknown"},
    )
    people.make_punch(
        world.acme, "x", employee=world.asha, occurred_at=datetime(2026, 4, 30, 18, 30, tzinfo=UTC)
    )
    first = people.make_punch(
        world.acme,
        "1001",
        employee=world.asha,
        occurred_at=datetime(2026, 3, 31, 18, 30, tzinfo=UTC),
    )
    match_punches([(matched, world.asha.pk)], acme_staff)
    body = app.month("2026-04").json()
    assert (body["month"], body["timezone"]) == ("2026-04", "Asia/Kolkata")
    assert [
        (row["punch_id"], row["verdict"], row["reason"], row["channel"]) for row in body["data"]
    ] == [
        (first.pk, "accepted", [], "device"),
        (matched.pk, "accepted", [], "biometric"),
    ]


@pytest.mark.parametrize(
    "month",
    [
        "2026-13",
        "2026-00",
        "2026-4",
        "26-04",
        "2026-04-01",
        "٢٠٢٦-٠٤",
        "x",
        "0001-01",
        "9999-12",
        "0000-01",
    ],
)
def test_a_bad_month_is_422(app: PhoneApp, month: str) -> None:
    reply = app.month(month)
    assert (reply.status_code, set(reply.json()["errors"])) == (422, {"month"})


def test_a_punch_of_the_other_organization_is_in_nobodys_list(
    app: PhoneApp, world: people.World
) -> None:
    people.make_geofence(world.zenith)
    chitra = PhoneApp(world.chitra)
    assert chitra.punch().status_code == 201
    assert app.today().json()["data"] == []
    assert len(chitra.today().json()["data"]) == 1


def test_the_hundredth_of_a_month_costs_no_more_queries(
    app: PhoneApp, django_assert_num_queries: Any
) -> None:
    app.month("2026-04")
    for number in range(5):
        people.make_punch(
            app.phone.organization,
            f"{number}",
            employee=Employee.objects.get(pk=app.phone.employee_id),
            occurred_at=datetime(2026, 4, 10, number, tzinfo=UTC),
        )
    with django_assert_num_queries(3):
        assert len(app.month("2026-04").json()["data"]) == 5
