"""Addresses of sign-in, of one's own account, and of the home page."""

from django.urls import path

from accounts.api.machine_tokens import MachineTokenView
from accounts.api.me import MeView, PersonalTokenViewSet
from accounts.api.sign_in import AuthViewSet
from accounts.sso.api import (
    SsoMobileExchangeView,
    SsoMobileRedirectView,
    SsoWebCallbackView,
    SsoWebRedirectView,
)
from accounts.throttling import REFRESH_LIMIT
from accounts.views import home

urlpatterns = [
    path("", home.root_view, name="root"),
    path("home", home.home_view, name="home"),
    path("home/sign-out", home.sign_out_view, name="home-sign-out"),
    path("api/auth/mode", AuthViewSet.as_view({"get": "mode"}, limits=()), name="auth-mode"),
    path("api/auth/token", AuthViewSet.as_view({"post": "token"}), name="auth-token"),
    path(
        "api/auth/token/refresh",
        AuthViewSet.as_view({"post": "refresh"}, limits=(REFRESH_LIMIT,)),
        name="auth-refresh",
    ),
    path(
        "api/auth/token/revoke",
        AuthViewSet.as_view({"post": "revoke"}, limits=(REFRESH_LIMIT,)),
        name="auth-revoke",
    ),
    path("api/auth/sso/redirect", SsoWebRedirectView.as_view(), name="sso-redirect"),
    path("api/auth/sso/callback", SsoWebCallbackView.as_view(), name="sso-callback"),
    path(
        "api/auth/sso/mobile/redirect", SsoMobileRedirectView.as_view(), name="sso-mobile-redirect"
    ),
    path(
        "api/auth/sso/mobile/exchange", SsoMobileExchangeView.as_view(), name="sso-mobile-exchange"
    ),
    path("api/v1/oauth/token", MachineTokenView.as_view(), name="oauth-token"),
    path("api/v1/me", MeView.as_view(), name="me"),
    path(
        "api/v1/me/sign-out",
        PersonalTokenViewSet.as_view({"post": "sign_out"}),
        name="me-sign-out",
    ),
    path(
        "api/v1/me/tokens",
        PersonalTokenViewSet.as_view({"get": "list", "post": "create"}),
        name="me-tokens",
    ),
    path(
        "api/v1/me/tokens/<int:pk>/revoke",
        PersonalTokenViewSet.as_view({"post": "revoke"}),
        name="me-token-revoke",
    ),
]
