"""Sign-in over REST, machine tokens, and who one is: `/api/auth/*`, `/api/v1/oauth/token`,
`/api/v1/me`.
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import IO, Any
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, AuthenticationFailed, NotFound, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ViewSet

from accounts import services
from accounts.authentication import BearerAuthentication, BearerToken
from accounts.models import PersonalToken, SignInSettings, TokenFamily, User
from accounts.permissions import abilities_of, groups_of
from accounts.serializers import (
    MachineTokenReplySerializer,
    MeReplySerializer,
    ModeReplySerializer,
    NewTokenReplySerializer,
    PairReplySerializer,
    RevokedReplySerializer,
    TokenReplySerializer,
)
from accounts.throttling import SIGN_IN_LIMITS, V1_LIMIT, RateLimit
from core.pagination import NewestFirstPagination
from core.serializers import StrictSerializer
from employees.models import Assignment, Employee


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


class SignInSerializer(StrictSerializer):
    """A password sign-in. `organization` may be left out where there is exactly one."""

    organization = serializers.CharField(max_length=50, required=False, allow_null=True)
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4096, trim_whitespace=False)


class RefreshBodySerializer(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=200)


class RevokeBodySerializer(StrictSerializer):
    """A refresh token, which ends its sign-in, or a personal access token."""

    token = serializers.CharField(max_length=200)


class ClientCredentialsSerializer(StrictSerializer):
    """OAuth's client credentials."""

    grant_type = serializers.CharField(max_length=50)
    client_id = serializers.CharField(max_length=64, required=False)
    client_secret = serializers.CharField(max_length=200, required=False)
    scope = serializers.CharField(max_length=500, required=False, allow_blank=True)

    def validate_grant_type(self, value: str) -> str:
        """There is one grant."""
        if value != "client_credentials":
            raise serializers.ValidationError("Only client_credentials is supported.")
        return value


class NewTokenSerializer(StrictSerializer):
    """The name of a new personal access token, and for how many days it lasts (empty: until
    revoked).
    """

    name = serializers.CharField(max_length=100)
    days = serializers.IntegerField(min_value=1, max_value=3650, required=False, allow_null=True)


class AuthViewSet(ViewSet):
    """How to sign in, signing in, going on and ending it. Nobody is signed in yet here."""

    authentication_classes = ()
    permission_classes = ()
    limits: tuple[RateLimit, ...] = SIGN_IN_LIMITS

    def get_authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401, although no authentication class is asked."""
        return "Bearer"

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "organization", description="Its slug; may be left out where there is one."
            )
        ],
        responses=ModeReplySerializer,
    )
    def mode(self, request: Request) -> Response:
        """How people of an organization sign in: `sso` where it is on. Passwords work beside it
        unless it is the only way.
        """
        organization = services.get_organization(request.query_params.get("organization"))
        on = SignInSettings.objects.of(organization).filter(sso_enabled=True).exists()
        base, asked = settings.BASE_URL.rstrip("/"), urlencode({"organization": organization.slug})
        return Response(
            {
                "mode": "sso" if on else "password",
                "sso_enabled": on,
                "redirect": f"{base}{reverse('sso-redirect')}?{asked}" if on else None,
                "mobile_redirect": f"{base}{reverse('sso-mobile-redirect')}" if on else None,
                "organization": organization.slug,
            }
        )

    @extend_schema(
        request=SignInSerializer, responses={200: PairReplySerializer, 401: None, 403: None}
    )
    def token(self, request: Request) -> Response:
        """Username and password for an access and a refresh token."""
        asked = _validated_body(SignInSerializer, request)
        organization = services.get_organization(asked.get("organization"))
        try:
            pair = services.sign_in_with_password(
                organization, asked["username"], asked["password"], request=request
            )
        except services.InvalidCredentials as error:
            raise AuthenticationFailed from error
        return _no_store(Response(_token_pair_body(pair)))

    @extend_schema(request=RefreshBodySerializer, responses={200: PairReplySerializer, 401: None})
    def refresh(self, request: Request) -> Response:
        """A refresh token for the next pair; it works once."""
        try:
            pair = services.refresh_tokens(
                _validated_body(RefreshBodySerializer, request)["refresh"], request=request
            )
        except services.InvalidCredentials as error:
            raise AuthenticationFailed from error
        return _no_store(Response(_token_pair_body(pair)))

    @extend_schema(request=RevokeBodySerializer, responses={200: RevokedReplySerializer})
    def revoke(self, request: Request) -> Response:
        """End a sign-in or a personal access token. The answer is the same for a token that is
        nobody's.
        """
        services.revoke_presented_token(
            _validated_body(RevokeBodySerializer, request)["token"], request=request
        )
        return Response({"revoked": True})


class MachineTokenView(APIView):
    """`POST /api/v1/oauth/token`: a client's id and secret for a machine token, as form or JSON."""

    authentication_classes = ()
    permission_classes = ()
    limits = SIGN_IN_LIMITS
    parser_classes = (*api_settings.DEFAULT_PARSER_CLASSES, SizeLimitedFormParser)  # type: ignore[arg-type]

    def get_authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Basic"

    @extend_schema(
        request=ClientCredentialsSerializer, responses={200: MachineTokenReplySerializer, 401: None}
    )
    def post(self, request: Request) -> Response:
        """The token of RFC 6749, section 4.4.3."""
        asked = _validated_body(ClientCredentialsSerializer, request)
        client_id, secret = _basic_credentials(request) or (
            asked.get("client_id", ""),
            asked.get("client_secret", ""),
        )
        scopes = frozenset(asked["scope"].split()) if asked.get("scope") else None
        try:
            token, granted, lasts = services.issue_machine_token(client_id, secret, scopes)
        except services.InvalidCredentials as error:
            raise AuthenticationFailed from error
        body = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lasts,
            "scope": " ".join(sorted(granted)),
        }
        return _no_store(Response(body))


class MeView(APIView):
    """`GET /api/v1/me`: the signed-in person and the employee they are."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)

    @extend_schema(responses=MeReplySerializer)
    def get(self, request: Request) -> Response:
        """The person, their groups and abilities, and their employee record or null."""
        user: User = request.user  # type: ignore[assignment]
        person = {
            "id": user.pk,
            "name": (
                user.get_full_name() or (user.employee.name if user.employee else user.username)
            ),
            "email": user.email or (user.employee.email if user.employee else ""),
            "groups": groups_of(user),
            "abilities": abilities_of(user),
        }
        return Response(
            {"user": person, "employee": user.employee and _employee_profile(user.employee)}
        )


class PersonalTokenViewSet(GenericViewSet[PersonalToken]):
    """`/api/v1/me/tokens`: somebody's own personal access tokens."""

    authentication_classes = (BearerAuthentication,)
    permission_classes = (IsAuthenticated,)
    limits = (V1_LIMIT,)
    pagination_class = NewestFirstPagination
    queryset = PersonalToken.objects.none()

    def get_queryset(self) -> Any:
        """The caller's own tokens."""
        user: User = self.request.user  # type: ignore[assignment]
        return PersonalToken.objects.of(user.organization_id).filter(user=user)

    @extend_schema(responses=TokenReplySerializer(many=True))
    def list(self, request: Request) -> Response:
        """All that were issued, revoked ones too."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([_personal_token_row(row) for row in page or []])

    @extend_schema(request=NewTokenSerializer, responses={201: NewTokenReplySerializer})
    def create(self, request: Request) -> Response:
        """A new token; `token` is in this one reply only."""
        asked = _validated_body(NewTokenSerializer, request)
        lasts = timedelta(days=asked["days"]) if asked.get("days") else None
        row, text = services.issue_personal_token(
            request.user,  # type: ignore[arg-type]
            asked["name"],
            lifetime=lasts,
            request=request,
        )
        return _no_store(
            Response(
                _personal_token_row(row) | {"token": text, "token_type": "Bearer"},
                status=status.HTTP_201_CREATED,
            )
        )

    @extend_schema(request=None, responses={200: TokenReplySerializer})
    def revoke(self, request: Request, pk: int) -> Response:
        """Revoke one of one's own tokens; it may be the one that is speaking."""
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise NotFound
        services.revoke_personal_token(row, actor=request.user, request=request)  # type: ignore[arg-type]
        row.refresh_from_db()
        return Response(_personal_token_row(row))

    @extend_schema(request=None, responses={200: RevokedReplySerializer})
    def sign_out(self, request: Request) -> Response:
        """End the sign-in, or the token, that this call was made with."""
        token: BearerToken = request.auth  # type: ignore[assignment]
        user: User = request.user  # type: ignore[assignment]
        if token.personal_id is not None:
            row = self.get_queryset().get(pk=token.personal_id)
            services.revoke_personal_token(row, actor=user, request=request)
        elif token.family_id is not None:
            family = TokenFamily.objects.of(user.organization_id).get(pk=token.family_id)
            services.revoke_token_family(family, actor=user, request=request)
        return Response({"revoked": True})


def _validated_body(
    serializer_class: type[serializers.Serializer[Any]], request: Request
) -> dict[str, Any]:
    body = serializer_class(data=request.data)
    body.is_valid(raise_exception=True)
    found: dict[str, Any] = body.validated_data
    return found


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


def _no_store(response: Response) -> Response:
    response["Cache-Control"] = "no-store"
    return response


def _token_pair_body(pair: services.TokenPair) -> dict[str, Any]:
    return {
        "access": pair.access,
        "refresh": pair.refresh,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
    }


def _personal_token_row(row: PersonalToken) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "ends_in": row.hint,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "last_used_at": row.last_used_at,
    }


def _employee_profile(employee: Employee) -> dict[str, Any]:
    place = Assignment.current(employee)
    site = place.site if place else None
    manager = employee.manager
    return {
        "id": str(employee.pk),
        "code": employee.code,
        "name": employee.name,
        "site": site.name if site else None,
        "department": place.department.name if place and place.department else None,
        "timezone": (site.timezone if site else "") or employee.organization.timezone,
        "manager": (
            {"id": str(manager.pk), "code": manager.code, "name": manager.name} if manager else None
        ),
    }
