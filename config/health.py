"""Liveness and readiness: two questions with two answers. Liveness touches nothing; readiness asks
the database.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.errors import RETRY_AFTER_S
from webhooks.outbox import oldest_waiting_age

MAX_PUSH_AGE = timedelta(seconds=60)


class AliveSerializer(serializers.Serializer[dict[str, str]]):
    """Liveness."""

    status = serializers.ChoiceField(choices=("ok",))


class ReadinessSerializer(serializers.Serializer[dict[str, str]]):
    """Readiness: what was looked at, and `ok` or what is wrong with it."""

    status = serializers.ChoiceField(choices=("ok", "unavailable"))
    checks = serializers.DictField(child=serializers.CharField())


class HealthzView(APIView):
    """Whether the process answers."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(responses=AliveSerializer)
    def get(self, request: Request) -> Response:
        """The process answers. Touches nothing."""
        return Response({"status": "ok"})


class ReadyzView(APIView):
    """Whether punches would be stored and pushed."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        responses={
            200: ReadinessSerializer,
            503: OpenApiResponse(ReadinessSerializer, "Not ready; `checks` says why."),
        }
    )
    def get(self, request: Request) -> Response:
        """Punches would be stored and pushed: the database answers, it is migrated, and no due push
        waits over a minute.
        """
        checks: dict[str, str] = {}
        try:
            checks["database"] = "ok"
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
            checks["migrations"] = "ok" if not missing else f"{len(missing)} missing"
            age = oldest_waiting_age() if not missing else timedelta()
            checks["push"] = (
                "ok"
                if age < MAX_PUSH_AGE
                else f"oldest waiting push waits for {age.total_seconds():.0f} s"
            )
        except (DatabaseError, InterfaceError):
            checks = {"database": "unavailable"}
        ready = all(value == "ok" for value in checks.values())
        body = {"status": "ok" if ready else "unavailable", "checks": checks}
        headers = {} if ready else {"Retry-After": str(RETRY_AFTER_S)}
        return Response(body, status=200 if ready else 503, headers=headers)
