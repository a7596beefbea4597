"""Sign-in over REST: `/api/auth/mode` and `/api/auth/token*`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts import services
from accounts.api.caching import no_store
from accounts.errors import InvalidCredentials
from accounts.models import SignInSettings
from accounts.rate_limits import RateLimit
from accounts.serializers import (
    ModeReplySerializer,
    PairReplySerializer,
    RefreshBodySerializer,
    RevokeBodySerializer,
    RevokedReplySerializer,
    SignInSerializer,
)
from accounts.sign_in_limits import SIGN_IN_LIMITS
from core.serializers import validated_body


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
        asked = validated_body(SignInSerializer, request)
        organization = services.get_organization(asked.get("organization"))
        try:
            pair = services.sign_in_with_password(
                organization, asked["username"], asked["password"], request=request
            )
        except InvalidCredentials as error:
            raise AuthenticationFailed from error
        return no_store(Response(_token_pair_body(pair)))

    @extend_schema(request=RefreshBodySerializer, responses={200: PairReplySerializer, 401: None})
    def refresh(self, request: Request) -> Response:
        """A refresh token for the next pair; it works once."""
        try:
            pair = services.refresh_tokens(
                validated_body(RefreshBodySerializer, request)["refresh"], request=request
            )
        except InvalidCredentials as error:
            raise AuthenticationFailed from error
        return no_store(Response(_token_pair_body(pair)))

    @extend_schema(request=RevokeBodySerializer, responses={200: RevokedReplySerializer})
    def revoke(self, request: Request) -> Response:
        """End a sign-in or a personal access token. The answer is the same for a token that is
        nobody's.
        """
        services.revoke_presented_token(
            validated_body(RevokeBodySerializer, request)["token"], request=request
        )
        return Response({"revoked": True})


def _token_pair_body(pair: services.TokenPair) -> dict[str, Any]:
    return {
        "access": pair.access,
        "refresh": pair.refresh,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
    }
