"""The bodies of the phone channel: the signed punch that an app sends, the four replies, and the
texts of the reasons.

`phone.py` and `employee_punches.py` use this module. The bodies are in a file of their own because
of their length; a small channel has them in its one file, as `device.py` has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema_field,
)
from rest_framework import serializers

from attendance.channels.fields import (
    StrictBooleanField,
    StrictChoiceField,
    StrictFloatField,
    StrictTextField,
    StrictUUIDField,
)
from attendance.models import Verdict
from attendance.punches.phone_checks import UNCHECKED
from attendance.punches.results import RecordResult
from attendance.punches.strict_json import JsonNumber
from geofences.evaluation import REFUSAL_TEXT

PUNCH_TYPE_DIRECTIONS: Final = {"IN": "in", "OUT": "out"}
DIRECTION_PUNCH_TYPES: Final = {
    direction: punch_type for punch_type, direction in PUNCH_TYPE_DIRECTIONS.items()
}
DUPLICATE: Final = "duplicate"
# Reasons by topic as they are stored → the text that the employee is shown. A reason without a text
# here is shown as it is stored, such as a waiver.
REASON_MESSAGES: Final[dict[tuple[str, str], Any]] = {
    ("device", "unregistered"): _("This phone is not registered to you."),
    ("device", "revoked"): _("This phone was revoked by your organization."),
    ("device", "deactivated"): _("This phone is no longer active. Register it again."),
    ("signature", "invalid"): _(
        "The signature was not made over this punch with a key of this phone."
    ),
    ("time", "ahead_of_server"): _("This is ahead of the server's clock."),
    ("time", "before_2000"): _("This is before the year 2000."),
    ("time", "too_old"): _("This is too old for an offline punch."),
    ("employee", "not_employed"): _("You were not in service then."),
    ("employee", "unknown"): _("No employee had this code then."),
    ("sequence", "already_in"): _("You were clocked in already."),
    ("sequence", "already_out"): _("You were clocked out already."),
    ("sequence", "not_in"): _("You were not clocked in."),
    # The words of the contract, in every language.
    **{
        ("geofence", why): REFUSAL_TEXT
        for why in ("outside", "inaccurate", "unfenced", "unreadable")
    },
    **{
        (topic, UNCHECKED): _("This could not be checked.")
        for topic in ("device", "signature", "integrity", "geofence")
    },
}


class SourceNumberField(StrictFloatField):
    """A number within bounds, kept as it was written."""

    def to_internal_value(self, data: Any) -> Any:
        super().to_internal_value(data.value if isinstance(data, JsonNumber) else None)
        return data


class AntiSpoofSerializer(serializers.Serializer[dict[str, Any]]):
    """What the phone says of itself."""

    mock_location = StrictBooleanField()
    rooted = StrictBooleanField()
    emulator = StrictBooleanField()
    vpn = StrictBooleanField()


class SignedPunchBodySerializer(serializers.Serializer[dict[str, Any]]):
    """A signed punch. What is signed stands in docs/channels/phone.md."""

    device_uuid = StrictUUIDField()
    punch_type = StrictChoiceField(*PUNCH_TYPE_DIRECTIONS)
    punched_at = StrictTextField(64)
    lat = SourceNumberField(-90, 90)
    lng = SourceNumberField(-180, 180)
    accuracy_m = SourceNumberField(0, 1e9)
    ssid_seen = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, trim_whitespace=False, max_length=200
    )
    nonce = serializers.RegexField(r"^[0-9a-f]{32}$", trim_whitespace=False)
    signature = serializers.CharField(
        allow_blank=True, trim_whitespace=False, help_text="r and s, 64 bytes, in base64."
    )
    anti_spoof = AntiSpoofSerializer()


_NOTHING: Final = {"type": "array", "items": {}, "maxItems": 0}
_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}


@extend_schema_field({"oneOf": [_NOTHING, _TEXTS]})
class ReasonsField(serializers.Field[Any, Any, Any, Any]):
    """Texts by what they are about; an empty list when there are none."""


class PunchAcceptedSerializer(serializers.Serializer[dict[str, Any]]):
    """The punch counts."""

    punch_id = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=("accepted",))
    reason = ReasonsField(help_text="Such as a waiver; mostly empty.")
    recorded = serializers.ChoiceField(choices=(True,))


class PunchRejectedSerializer(serializers.Serializer[dict[str, Any]]):
    """The punch does not count; it is stored with the reasons."""

    verdict = serializers.ChoiceField(
        choices=[one for one in Verdict.values if one.startswith("rejected")]
    )
    reason = ReasonsField()
    punch_id = serializers.IntegerField()
    recorded = serializers.ChoiceField(choices=(True,))


class PunchDuplicateSerializer(serializers.Serializer[dict[str, Any]]):
    """It came before, or its nonce was used: nothing is stored."""

    verdict = serializers.ChoiceField(choices=(DUPLICATE,))
    reason = ReasonsField()
    punch_id = serializers.IntegerField(help_text="The first one's.")
    first_verdict = serializers.ChoiceField(choices=Verdict.values)


class PunchUnreadableSerializer(serializers.Serializer[dict[str, Any]]):
    """It is no punch: nothing is stored."""

    message = serializers.CharField()
    errors = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))  # type: ignore[assignment]


PUNCH_ID_HEADER: Final = OpenApiParameter(
    "Muster-Punch-Id",
    int,
    "header",
    response=[201],
    required=True,
    description="The row.",
)
PUNCH_REFUSALS: Final = PolymorphicProxySerializer(
    component_name="PunchRefusal",
    serializers=[PunchRejectedSerializer, PunchDuplicateSerializer, PunchUnreadableSerializer],
    resource_type_field_name=None,
)


def status_and_body(result: RecordResult) -> tuple[int, dict[str, Any]]:
    """The status and the body. A first punch that is refused, and one that came before, are 422
    both.
    """
    if result.is_duplicate:
        reason = {"nonce": _("This nonce was used before.")}
        return 422, {
            "verdict": DUPLICATE,
            "reason": reason,
            "punch_id": result.punch_id,
            "first_verdict": result.verdict,
        }
    reason = reason_messages(result.reasons)
    if result.is_accepted:
        return 201, {
            "punch_id": result.punch_id,
            "verdict": result.verdict,
            "reason": reason,
            "recorded": True,
        }
    return 422, {
        "verdict": result.verdict,
        "reason": reason,
        "punch_id": result.punch_id,
        "recorded": True,
    }


def reason_messages(reasons: Mapping[str, Any]) -> Any:
    """The texts of stored reasons, for the employee; an empty list when there are none."""
    return {topic: _reason_message(topic, str(text)) for topic, text in reasons.items()} or []


def _reason_message(topic: str, text: str) -> Any:
    if topic == "integrity" and text != UNCHECKED:
        return _("Reported by the phone: %(what)s.") % {"what": text}
    return REASON_MESSAGES.get((topic, text), text)
