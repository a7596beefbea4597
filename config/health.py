"""Liveness and readiness: two questions with two answers. Liveness touches nothing; readiness asks the database."""

from __future__ import annotations

from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from webhooks.delivery import oldest_due

LATEST = timedelta(seconds=60)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Punches would be stored and pushed: the database answers, it is migrated, and no due push waits longer than a minute."""
    checks: dict[str, str] = {}
    try:
        checks["database"] = "ok"
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        checks["migrations"] = "ok" if not missing else f"{len(missing)} missing"
        age = oldest_due() if not missing else timedelta()
        checks["push"] = "ok" if age < LATEST else f"oldest due push waits for {age.total_seconds():.0f} s"
    except (DatabaseError, InterfaceError):
        checks = {"database": "unavailable"}
    ready = all(value == "ok" for value in checks.values())
    body = {"status": "ok" if ready else "unavailable", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503, headers={} if ready else {"Retry-After": "5"})
