"""Muster's addresses and one more, `/limited`: 30 calls a minute for each client address."""

from __future__ import annotations

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.throttling import SSO_LIMIT
from config.urls import urlpatterns as of_muster


class Limited(APIView):
    """Limited as the SSO endpoints are."""

    permission_classes = ()
    limits = (SSO_LIMIT,)

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [*of_muster, path("limited", Limited.as_view())]
