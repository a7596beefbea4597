"""Who is speaking at the feed: a customer's server, by the key of its endpoint."""

from __future__ import annotations

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.credentials import constant_time_equal, hash_token
from webhooks.models import Endpoint, FeedKey


class FeedKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer mst_evt_…`."""

    def authenticate(self, request: Request) -> tuple[Endpoint, FeedKey]:
        """The endpoint whose key it is. Raises AuthenticationFailed."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        digest = hash_token(key.strip())
        found = FeedKey.objects.active().select_related("endpoint").filter(key_hash=digest).first()
        if (
            scheme.lower() != "bearer"
            or found is None
            or not constant_time_equal(found.key_hash, digest)
        ):
            raise AuthenticationFailed
        return found.endpoint, found

    def authenticate_header(self, request: Request) -> str:
        """Makes a failure a 401."""
        return "Bearer"
