"""Addresses of sign-in and of one's own account."""

from django.urls import path

from accounts.api import AuthViewSet, MachineTokenView, MeView, PersonalTokensViewSet
from accounts.limits import REFRESH
from accounts.sso_api import (
    MobileExchangeView,
    MobileRedirectView,
    WebCallbackView,
    WebRedirectView,
)

urlpatterns = [
    path("api/auth/mode", AuthViewSet.as_view({"get": "mode"}, limits=()), name="auth-mode"),
    path("api/auth/token", AuthViewSet.as_view({"post": "token"}), name="auth-token"),
    path(
        "api/auth/token/refresh",
        AuthViewSet.as_view({"post": "refresh"}, limits=(REFRESH,)),
        name="auth-refresh",
    ),
    path(
        "api/auth/token/revoke",
        AuthViewSet.as_view({"post": "revoke"}, limits=(REFRESH,)),
        name="auth-revoke",
    ),
    path("api/auth/sso/redirect", WebRedirectView.as_view(), name="sso-redirect"),
    path("api/auth/sso/callback", WebCallbackView.as_view(), name="sso-callback"),
    path("api/auth/sso/mobile/redirect", MobileRedirectView.as_view(), name="sso-mobile-redirect"),
    path("api/auth/sso/mobile/exchange", MobileExchangeView.as_view(), name="sso-mobile-exchange"),
    path("api/v1/oauth/token", MachineTokenView.as_view(), name="oauth-token"),
    path("api/v1/me", MeView.as_view(), name="me"),
    path(
        "api/v1/me/sign-out",
        PersonalTokensViewSet.as_view({"post": "sign_out"}),
        name="me-sign-out",
    ),
    path(
        "api/v1/me/tokens",
        PersonalTokensViewSet.as_view({"get": "list", "post": "create"}),
        name="me-tokens",
    ),
    path(
        "api/v1/me/tokens/<int:pk>/revoke",
        PersonalTokensViewSet.as_view({"post": "revoke"}),
        name="me-token-revoke",
    ),
]
