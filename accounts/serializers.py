"""What sign-in and one's own account are asked with, and what they answer. The views fill the
answers by hand: those shapes are for the OpenAPI file.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.permissions import ABILITIES
from accounts.roles import ROLES
from core.serializers import StrictSerializer

ResponseSerializer = serializers.Serializer[dict[str, Any]]


class SignInBaseSerializer(StrictSerializer):
    """What is sent to `/api/auth`, where every body may name its `organization`, and an app may say
    more about itself.
    """

    ignores_unknown_fields = True


class SignInSerializer(SignInBaseSerializer):
    """A password sign-in. `organization` may be left out where there is exactly one."""

    organization = serializers.CharField(max_length=50, required=False, allow_null=True)
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class RefreshBodySerializer(SignInBaseSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=200)


class RevokeBodySerializer(SignInBaseSerializer):
    """A refresh token, which ends its sign-in, or a personal access token."""

    token = serializers.CharField(max_length=200)


class ClientCredentialsSerializer(StrictSerializer):
    """OAuth's client credentials."""

    # RFC 6749, section 3.2: a parameter that is not recognized is ignored.
    ignores_unknown_fields = True
    grant_type = serializers.CharField(max_length=50)
    client_id = serializers.CharField(max_length=64, required=False)
    client_secret = serializers.CharField(max_length=200, required=False)
    scope = serializers.CharField(max_length=500, required=False, allow_blank=True)


class NewTokenSerializer(StrictSerializer):
    """The name of a new personal access token, and for how many days it lasts (empty: until
    revoked).
    """

    name = serializers.CharField(max_length=100)
    days = serializers.IntegerField(min_value=1, max_value=3650, required=False, allow_null=True)


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
