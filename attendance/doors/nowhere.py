"""Addresses beside a door's own: not found, in that door's words."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView


class Nowhere(APIView):
    """Derive from it with the door's `envelope`, and let every other address below the door lead
    here.
    """

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing is here, whatever the method."""
        raise NotFound
