"""What sign-in and one's own account answer: shapes for the OpenAPI file. The views fill them by
hand.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.permissions import ABILITIES
from accounts.roles import ROLES

ResponseSerializer = serializers.Serializer[dict[str, Any]]


class ModeReplySerializer(ResponseSerializer):
    """How people of an organization sign in."""

    mode = serializers.ChoiceField(choices=("sso", "password"))
    sso_enabled = serializers.BooleanField()
    redirect = serializers.CharField(allow_null=True)
    mobile_redirect = serializers.CharField(allow_null=True)
    organization = serializers.CharField()


class PairReplySerializer(ResponseSerializer):
    """A short access token, and the refresh token for the next pair."""

    access = serializers.CharField()
    refresh = serializers.CharField()
    token_type = serializers.ChoiceField(choices=("Bearer",))
    expires_in = serializers.IntegerField(help_text="Seconds the access token lasts.")


class MachineTokenReplySerializer(ResponseSerializer):
    """RFC 6749, section 4.4.3."""

    access_token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=("Bearer",))
    expires_in = serializers.IntegerField(help_text="Seconds.")
    scope = serializers.CharField(allow_blank=True)


class MobileRedirectReplySerializer(ResponseSerializer):
    """Where a phone opens its browser, and what must come back from there."""

    url = serializers.CharField()
    state = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds until the state is too old.")


class MobileExchangeReplySerializer(ResponseSerializer):
    """A personal access token, named by the device."""

    token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=("Bearer",))
    expires_at = serializers.DateTimeField()
    name = serializers.CharField()


class RevokedReplySerializer(ResponseSerializer):
    """It is ended now, whether or not it was before."""

    revoked = serializers.BooleanField()


class PersonReplySerializer(ResponseSerializer):
    """Who signed in."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    email = serializers.CharField(allow_blank=True)
    groups = serializers.ListField(child=serializers.ChoiceField(choices=ROLES))
    abilities = serializers.ListField(child=serializers.ChoiceField(choices=tuple(ABILITIES)))


class ManagerReplySerializer(ResponseSerializer):
    """An employee in three words."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()


class EmployeeReplySerializer(ResponseSerializer):
    """The employee somebody is, where they are now."""

    id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    site = serializers.CharField(allow_null=True)
    department = serializers.CharField(allow_null=True)
    timezone = serializers.CharField()
    manager = ManagerReplySerializer(allow_null=True)


class MeReplySerializer(ResponseSerializer):
    """The signed-in person, and the employee they are."""

    user = PersonReplySerializer()
    employee = EmployeeReplySerializer(allow_null=True)


class TokenReplySerializer(ResponseSerializer):
    """A personal access token as it is listed: never its text."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    ends_in = serializers.CharField(help_text="Its last four characters.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewTokenReplySerializer(TokenReplySerializer):
    """The one reply that has the text."""

    token = serializers.CharField()
    token_type = serializers.ChoiceField(choices=("Bearer",))
