"""Single sign-on over HTTP: `/api/auth/sso/*`. A browser gets a session, a phone a personal access
token.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services
from accounts.middleware import path_after_sign_in
from accounts.rate_limits import RateLimit
from accounts.serializers import (
    MobileExchangeReplySerializer,
    MobileRedirectReplySerializer,
    SignInBaseSerializer,
)
from accounts.sso import sign_on
from accounts.sso.oidc_validation import (
    MAX_REDIRECT_URI_LENGTH,
    PKCE_CHALLENGE_PATTERN,
    PKCE_VERIFIER_PATTERN,
    VISIBLE_ASCII_PATTERN,
)
from accounts.throttling import SSO_LIMIT

# Browsers take a name that begins with __Host- from this very host only, over TLS: no neighbour can
# plant one.
BROWSER_COOKIE: Final = (
    "__Host-muster-sign-on" if settings.SESSION_COOKIE_SECURE else "muster-sign-on"
)
# As often as the callback, and counted apart: a phone's two calls share what there is.
MOBILE_LIMITS: Final = (replace(SSO_LIMIT, name="sso-mobile"),)
AUTHENTICATION_BACKEND: Final = "accounts.backends.TenantBackend"
ORGANIZATION_PARAMETER: Final = OpenApiParameter(
    "organization", description="Its slug; may be left out where there is one."
)


class MobileRedirectSerializer(SignInBaseSerializer):
    """Where a phone wants to be sent back to, and the S256 challenge of the verifier it keeps."""

    organization = serializers.CharField(max_length=50, required=False, allow_null=True)
    redirect_uri = serializers.CharField(max_length=MAX_REDIRECT_URI_LENGTH, trim_whitespace=False)
    code_challenge = serializers.RegexField(PKCE_CHALLENGE_PATTERN, trim_whitespace=False)
    code_challenge_method = serializers.CharField(max_length=20, trim_whitespace=False)
    device_name = serializers.CharField(max_length=100, required=False, default="Phone")

    def validate_code_challenge_method(self, value: str) -> str:
        """`plain` would show the verifier to whoever sees the request."""
        if value != "S256":
            raise serializers.ValidationError("Only S256 is supported.")
        return value


class MobileExchangeSerializer(SignInBaseSerializer):
    """What came back from the provider, and the verifier; `verifier` is another name for
    `code_verifier`.
    """

    code = serializers.RegexField(VISIBLE_ASCII_PATTERN, max_length=4096, trim_whitespace=False)
    state = serializers.RegexField(VISIBLE_ASCII_PATTERN, max_length=500, trim_whitespace=False)
    code_verifier = serializers.RegexField(PKCE_VERIFIER_PATTERN, trim_whitespace=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Takes the alias for the name."""
        if isinstance(data, dict) and "verifier" in data and "code_verifier" not in data:
            data = {**data, "code_verifier": data["verifier"]}
        return super().to_internal_value(data)


class SsoView(APIView):
    """Nobody is signed in yet here."""

    authentication_classes = ()
    permission_classes = ()
    limits: tuple[RateLimit, ...] = (SSO_LIMIT,)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Nothing of a sign-on is kept by caches."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class SsoBrowserView(SsoView):
    """What a browser opens: who asks for HTML gets refusals as a page, with a way back."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Whatever a browser accepts, a redirect will do."""
        return super().perform_content_negotiation(request, force=True)

    def handle_exception(self, exc: Exception) -> Any:
        """The failure in the common envelope, or as a page."""
        response = super().handle_exception(exc)
        if "text/html" not in self.request.headers.get("Accept", ""):
            return response
        page = render(
            self._django_request,
            "sso_failed.html",
            {"failure": response.data},
            status=response.status_code,
        )
        for name, value in response.headers.items():
            page.headers.setdefault(name, value)
        return page

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A page goes as it is, with the limits' headers."""
        if isinstance(response, Response):
            return super().finalize_response(request, response, *args, **kwargs)
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        response["Cache-Control"] = "no-store"
        return response

    @property
    def _django_request(self) -> HttpRequest:
        return self.request._request


class SsoWebRedirectView(SsoBrowserView):
    """`GET /api/auth/sso/redirect?organization=&next=`: off to the provider. `again=1` asks for the
    password once more.
    """

    @extend_schema(
        parameters=[
            ORGANIZATION_PARAMETER,
            OpenApiParameter(
                "next", description="A page of this site to end at; others are not heard."
            ),
            OpenApiParameter(
                "again", description="Any text: the provider is to ask for the password once more."
            ),
        ],
        responses={302: None, 403: None},
    )
    def get(self, request: Request) -> HttpResponse:
        """A redirect, and the cookie that only this browser comes back with."""
        asked = request.query_params
        organization = services.get_organization(asked.get("organization"))
        # Kept over sign-ons under way in other tabs.
        browser = request.COOKIES.get(BROWSER_COOKIE) or secrets.token_urlsafe(32)
        begun = sign_on.start_web_sign_on(
            organization,
            browser_secret=browser,
            next_page=asked.get("next"),
            reauthenticate=bool(asked.get("again")),
        )
        response = HttpResponseRedirect(begun.url)
        response.set_cookie(
            BROWSER_COOKIE,
            browser,
            max_age=begun.expires_in,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return response


class SsoWebCallbackView(SsoBrowserView):
    """`GET /api/auth/sso/callback`: back from the provider; starts a session, and gives no
    token.
    """

    limits = (replace(SSO_LIMIT, name="sso-callback"),)

    @extend_schema(
        parameters=[
            OpenApiParameter("state"),
            OpenApiParameter("code"),
            OpenApiParameter(
                "error", description="What the provider says when it signed nobody in."
            ),
            OpenApiParameter("iss", description="The provider's issuer (RFC 9207)."),
        ],
        responses={302: None, 403: None},
    )
    def get(self, request: Request) -> HttpResponse:
        """On to the page that was wanted."""
        asked = request.query_params
        user, attempt = sign_on.finish_web_sign_on(
            state=asked.get("state", ""),
            browser_secret=request.COOKIES.get(BROWSER_COOKIE, ""),
            code=asked.get("code", "")[:4096],
            error=asked.get("error", ""),
            issuer=asked.get("iss", ""),
            request=request,
        )
        plain: Any = self._django_request
        # A provider that still knew them asked for nothing: that is a sign-in, and no fresh proof.
        plain.login_method, plain.login_reauthenticated = "sso", attempt.reauthenticate
        login(plain, user, backend=AUTHENTICATION_BACKEND)
        return HttpResponseRedirect(path_after_sign_in(user, attempt.next))


class SsoMobileRedirectView(SsoView):
    """`POST /api/auth/sso/mobile/redirect`: where the phone opens its browser."""

    limits = MOBILE_LIMITS

    @extend_schema(
        request=MobileRedirectSerializer, responses={200: MobileRedirectReplySerializer, 403: None}
    )
    def post(self, request: Request) -> Response:
        """The provider's address, with the state that must come back within `expires_in`
        seconds.
        """
        body = MobileRedirectSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        organization = services.get_organization(asked.get("organization"))
        begun = sign_on.start_mobile_sign_on(
            organization,
            redirect_uri=asked["redirect_uri"],
            challenge=asked["code_challenge"],
            device_name=asked["device_name"],
        )
        return Response({"url": begun.url, "state": begun.state, "expires_in": begun.expires_in})


class SsoMobileExchangeView(SsoView):
    """`POST /api/auth/sso/mobile/exchange`: code and verifier for a personal access token."""

    limits = MOBILE_LIMITS

    @extend_schema(
        request=MobileExchangeSerializer, responses={200: MobileExchangeReplySerializer, 403: None}
    )
    def post(self, request: Request) -> Response:
        """The token, in this one reply only."""
        body = MobileExchangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        asked = body.validated_data
        row, text = sign_on.finish_mobile_sign_on(
            state=asked["state"],
            code=asked["code"],
            verifier=asked["code_verifier"],
            request=request,
        )
        return Response(
            {"token": text, "token_type": "Bearer", "expires_at": row.expires_at, "name": row.name}
        )
