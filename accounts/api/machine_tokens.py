"""Machine tokens for API clients, by OAuth's client credentials: `/api/v1/oauth/token`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import parse_qsl

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from accounts import services
from accounts.api.caching import no_store
from accounts.api.oauth import error_envelope
from accounts.errors import InvalidCredentials, TokenRequestRefused
from accounts.serializers import ClientCredentialsSerializer, MachineTokenReplySerializer
from accounts.sign_in_limits import client_secret_limits
from core.serializers import validated_body


class FormTooLarge(APIException):
    """The form is larger than any channel takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than 1 MiB."
    default_code = "too_large"


class SizeLimitedFormParser(BaseParser):
    """`application/x-www-form-urlencoded`, of at most 1 MiB; a field given twice is refused, as
    OAuth asks.
    """

    media_type = "application/x-www-form-urlencoded"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> dict[str, str]:
        """The fields. Raises ParseError or FormTooLarge."""
        raw: bytes = stream.read(settings.MAX_BODY_BYTES + 1)
        if len(raw) > settings.MAX_BODY_BYTES:
            raise FormTooLarge
        try:
            pairs = parse_qsl(
                raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=50
            )
        except ValueError as error:
            raise ParseError("The body is not a form.") from error
        if len(pairs) != len(dict(pairs)):
            raise ParseError("A field is given twice.")
        return dict(pairs)


def _client_id_key(request: Request) -> str | None:
    """Key: the client whose secret is tried, by header or by body."""
    try:
        client_id, _secret = _basic_credentials(request) or (None, None)
    except AuthenticationFailed:
        return None
    if client_id is None and isinstance(request.data, Mapping):
        client_id = request.data.get("client_id")
    return f"client:{client_id.strip()}" if isinstance(client_id, str) else None


class MachineTokenView(APIView):
    """`POST /api/v1/oauth/token`: a client's id and secret for a machine token, as form or JSON."""

    authentication_classes = ()
    permission_classes = ()
    limits = client_secret_limits(_client_id_key)
    error_envelope = staticmethod(error_envelope)
    parser_classes = (*api_settings.DEFAULT_PARSER_CLASSES, SizeLimitedFormParser)  # type: ignore[arg-type]

    def get_authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Basic"

    @extend_schema(
        request=ClientCredentialsSerializer, responses={200: MachineTokenReplySerializer, 401: None}
    )
    def post(self, request: Request) -> Response:
        """The token of RFC 6749, section 4.4.3."""
        asked = validated_body(ClientCredentialsSerializer, request)
        if asked["grant_type"] != "client_credentials":
            raise TokenRequestRefused(
                "Only client_credentials is supported.",
                code="unsupported_grant_type",
                field="grant_type",
            )
        client_id, secret = _basic_credentials(request) or (
            asked.get("client_id", ""),
            asked.get("client_secret", ""),
        )
        scopes = frozenset(asked["scope"].split()) if asked.get("scope") else None
        try:
            token, granted, lasts = services.issue_machine_token(client_id, secret, scopes)
        except InvalidCredentials as error:
            raise AuthenticationFailed from error
        body = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lasts,
            "scope": " ".join(sorted(granted)),
        }
        return no_store(Response(body))


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    scheme, _sep, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, sep, secret = (
            base64.b64decode(text.strip(), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AuthenticationFailed from error
    return (client_id, secret) if sep else None
