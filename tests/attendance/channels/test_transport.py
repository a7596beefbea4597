"""What all channels and the common API share about bodies: byte order marks, keys that are given
twice, content types and content encodings.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from accounts.services import issue_personal_token
from attendance.models import Punch, PunchEvidence
from core.json_bodies import DuplicateJsonKey, decode_json_body
from tests import people
from tests.attendance.channels.clients import (
    BIOMETRIC,
    CLOCK,
    PUNCH,
    HrSystem,
    PhoneApp,
    Scanner,
    event,
)
from tests.attendance.channels.test_device import PUNCH as DEVICE
from tests.attendance.channels.test_device import SEED

BOM = b"\xef\xbb\xbf"
LEAVES = "/api/v1/leaves"
CHANNELS = ["device", "biometric", "hr", "phone"]


class Sender:
    """A good body, and where and how it is sent."""

    def __init__(self, path: str, body: str, headers: dict[str, str], good: int) -> None:
        self.path, self.body, self.headers, self.good = path, body, headers, good

    def send(
        self, body: str | bytes, content_type: str | None = "application/json", **more: str
    ) -> Any:
        """The answer; `content_type` None sends none."""
        data = body.encode() if isinstance(body, str) else body
        headers = self.headers | {name.replace("_", "-"): value for name, value in more.items()}
        return Client(headers=headers).generic("POST", self.path, data, content_type or "")


@pytest.fixture
def sender(world: people.World) -> Callable[[str], Sender]:
    """The client of a channel, or of the common API."""

    def make(channel: str) -> Sender:
        if channel == "device":
            device, token = people.make_device(world.acme, "SN7A2300583")
            headers = {"sn": device.serial, "auth-token": token}
            return Sender(DEVICE, json.dumps(SEED), headers, 200)
        if channel == "biometric":
            headers = {"X-API-Key": Scanner(world.acme).key}
            return Sender(BIOMETRIC, json.dumps(event()), headers, 200)
        if channel == "hr":
            body = {"hrEmployeeId": str(world.asha.pk), "kind": "CLOCK_IN", "clientRequestId": "k"}
            return Sender(CLOCK, json.dumps(body), HrSystem(world.acme).headers, 201)
        if channel == "phone":
            people.make_geofence(world.acme)
            app = PhoneApp(world.asha)
            token = app.client.defaults["HTTP_AUTHORIZATION"]
            return Sender(PUNCH, app.text(), {"Authorization": token}, 201)
        user = User.objects.create(
            username="asha-api", organization=world.acme, employee=world.asha
        )
        token = f"Bearer {issue_personal_token(user, 'app')[1]}"
        return Sender(LEAVES, json.dumps({"leave_type": "CL"}), {"Authorization": token}, 422)

    return make


def words(reply: Any) -> str:
    """An answer as text, to look for a word in it."""
    return json.dumps(reply.json(), ensure_ascii=False)


# --- Byte order marks -----------------------------------------------------------------------------
@pytest.mark.parametrize("channel", [*CHANNELS, "common"])
def test_a_byte_order_mark_before_the_body_is_skipped(sender: Any, channel: str) -> None:
    client = sender(channel)
    reply = client.send(BOM + client.body.encode())
    assert reply.status_code == client.good, reply.content
    if channel != "common":
        raw = json.loads(PunchEvidence.objects.get().body)["raw"]
        assert json.loads(raw.removeprefix("\ufeff")) == json.loads(client.body)


@pytest.mark.parametrize("channel", [*CHANNELS, "common"])
@pytest.mark.parametrize("body", [BOM, BOM + BOM + b"{}", b"{}" + BOM])
def test_a_byte_order_mark_elsewhere_is_not_json(sender: Any, channel: str, body: bytes) -> None:
    assert sender(channel).send(body).status_code == 400


# --- Keys given twice -----------------------------------------------------------------------------
@pytest.mark.parametrize("channel", [*CHANNELS, "common"])
@pytest.mark.parametrize("place", ["first", "inside"])
def test_a_key_given_twice_anywhere_refuses_the_whole_request(
    sender: Any, channel: str, place: str
) -> None:
    client = sender(channel)
    extra = (
        '"nonsense":1,"nonsense":1' if place == "first" else '"a":[0,{"nonsense":1,"nonsense":2}]'
    )
    reply = client.send(f"{{{extra},{client.body[1:]}")
    assert reply.status_code == (422 if channel == "phone" else 400), reply.content
    assert "nonsense" in words(reply)
    assert (
        set(reply.json())
        == {
            "device": {"ok", "error", "detail"},
            "biometric": {"success", "message"},
            "hr": {"success", "message", "data"},
            "phone": {"message", "errors"},
            "common": {"message", "code"},
        }[channel]
    )
    assert not Punch.objects.exists()


def test_one_event_with_a_key_twice_refuses_its_batch(sender: Any) -> None:
    client = sender("biometric")
    twice = client.body.replace('"scanId"', '"scanId":"other","scanId"', 1)
    reply = client.send(f'{{"events":[{client.body},{twice}]}}')
    assert (reply.status_code, reply.json()["message"]) == (
        400,
        "Processing failed: The key scanId is given twice.",
    )
    assert not Punch.objects.exists()


def test_the_same_key_in_two_objects_is_no_repeat(sender: Any) -> None:
    client = sender("biometric")
    second = json.dumps(event(scanId="another"))
    assert client.send(f'{{"events":[{client.body},{second}]}}').json()["successful"] == 2


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_json_without_repeats_is_read_as_python_reads_it(value: Any) -> None:
    assert decode_json_body(json.dumps(value)) == value


@given(st.dictionaries(st.text(), _VALUES, min_size=1, max_size=5), st.data())
def test_a_repeat_is_found_whatever_surrounds_it(members: dict[str, Any], data: Any) -> None:
    pairs = [*members.items()]
    pairs.insert(data.draw(st.integers(0, len(pairs))), data.draw(st.sampled_from(pairs)))
    text = ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs)
    with pytest.raises(DuplicateJsonKey):
        decode_json_body(f'[{{"deep":{{{text}}}}}]')


# --- Content types --------------------------------------------------------------------------------
@pytest.mark.parametrize("channel", ["device", "biometric"])
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "text/plain; charset=utf-8",
        "text/json",
        "application/octet-stream",
        "json",
    ],
)
def test_a_careless_content_type_is_read_as_json_where_terminals_speak(
    sender: Any, channel: str, content_type: str | None
) -> None:
    client = sender(channel)
    assert client.send(client.body, content_type).status_code == 200
    assert client.send("hello", content_type).status_code == 400


@pytest.mark.parametrize("channel", [*CHANNELS, "common"])
@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=x",
        "Application/X-WWW-Form-Urlencoded",
        "text/xml; charset=utf-8",
        "application/xml",
        "application/soap+xml",
        "image/jpeg",
    ],
)
def test_another_format_is_refused_in_the_channels_words(
    sender: Any, channel: str, content_type: str
) -> None:
    client = sender(channel)
    reply = client.send(client.body, content_type)
    assert reply.status_code == 415, reply.content
    assert not Punch.objects.exists()
    if channel == "device":
        assert reply.json() == {"ok": False, "error": "unsupported_media_type"}


@pytest.mark.parametrize("channel", ["hr", "phone", "common"])
@pytest.mark.parametrize("content_type", [None, "text/plain"])
def test_the_other_apis_want_the_type_of_json(
    sender: Any, channel: str, content_type: str | None
) -> None:
    client = sender(channel)
    assert client.send(client.body, content_type).status_code == 415


# --- Content encodings ----------------------------------------------------------------------------
@pytest.mark.parametrize("channel", [*CHANNELS, "common"])
@pytest.mark.parametrize("content_type", ["application/json", None])
def test_a_content_encoding_is_refused_and_named(
    sender: Any, channel: str, content_type: str | None
) -> None:
    client = sender(channel)
    packed = gzip.compress(client.body.encode())
    reply = client.send(packed, content_type, Content_Encoding="gzip")
    assert reply.status_code == 415
    assert "Content-Encoding gzip" in words(reply)
    assert reply.json().get("error", "unsupported_media_type") == "unsupported_media_type"
    assert not Punch.objects.exists()


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_content_encoding_identity_is_none(sender: Any, channel: str) -> None:
    client = sender(channel)
    assert client.send(client.body, Content_Encoding="identity").status_code == client.good
