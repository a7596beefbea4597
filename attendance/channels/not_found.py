"""Addresses beside a channel's own: not found, in that channel's words."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


class NotFoundView(APIView):
    """Derive from it with the channel's `envelope`, and let every other address below the channel
    lead here.
    """

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing is here, whatever the method."""
        raise NotFound
