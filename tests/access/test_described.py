"""The application does what its OpenAPI file says: Schemathesis asks every operation, as somebody
who may, for good and ill.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.cache import caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck
from hypothesis import settings as examples
from schemathesis.specs.openapi import checks

from accounts import rate_limits
from tests.access.actors import TenantActor
from tests.config.test_openapi import KEPT

pytestmark = [pytest.mark.django_db, pytest.mark.any_engine, pytest.mark.timeout(300)]
EXAMPLES = 15
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.missing_required_header,
]

described = schemathesis.openapi.from_path(KEPT)
described.app = get_wsgi_application()
described.config.base_url = "http://testserver"
described.config.generation.update(
    max_examples=EXAMPLES, deterministic=True, no_shrink=True, with_security_parameters=False
)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """The requests of a test share its transaction, as those of Django's own test client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@described.parametrize()
@examples(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_does_what_the_file_says(
    case: schemathesis.Case, ours: TenantActor
) -> None:
    for name in (rate_limits.SHARED_CACHE, rate_limits.LOCAL_CACHE):
        caches[name].clear()
    schemes: list[dict[str, Any]] = case.operation.definition.raw.get("security", [{}])
    response = case.call(headers=ours.headers(schemes[0]))
    assert response.status_code < 500, response.text
    case.validate_response(response, checks=CHECKS)
