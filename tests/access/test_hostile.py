"""What a hostile client sends is answered with a refusal, never with a failure of ours."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from django.core.wsgi import get_wsgi_application
from django.test import RequestFactory

from tests.access import routes
from tests.access.actors import TenantActor
from tests.access.routes import OPERATIONS, Operation
from tests.access.test_matrix import rolled_back

LONE_SURROGATE: object = "\ud800"  # Half of a surrogate pair: JSON can say it, UTF-8 cannot.
LISTS = [
    one
    for one in OPERATIONS
    if any(given["name"] == "cursor" for given in one.spec.get("parameters", []))
]
JSON_OPERATIONS = [
    one
    for one in OPERATIONS
    if "application/json" in one.spec.get("requestBody", {}).get("content", {})
]
FAILED = HTTPStatus.INTERNAL_SERVER_ERROR


def send(operation: Operation, chair: TenantActor, fields: dict[str, object]) -> int:
    """The status of a call with these fields, about a row of ours, after which nothing is as if it
    had been.
    """
    row = routes.path_row(operation, chair)
    headers = chair.headers(operation.requirements[0]) if operation.requirements else {}
    with rolled_back():
        reply = operation.send(
            headers, path=routes.fill_path(operation, row.pk) if row else None, fields=fields
        )
        reply.content.decode()
        return int(reply.status_code)


def test_half_a_surrogate_pair_fails_no_call(ours: TenantActor) -> None:
    def failing() -> Iterator[str]:
        for operation in JSON_OPERATIONS:
            usual = routes.valid_body(operation, ours)
            for name in {name for name in operation.fields if "." not in name} | {LONE_SURROGATE}:
                if (status := send(operation, ours, usual | {str(name): LONE_SURROGATE})) >= FAILED:
                    yield f"{operation} {name!r}: {status}"

    assert list(failing()) == []


@pytest.mark.parametrize("position", ["", "\0", "2026-01-01", "x", "-1", "9" * 400])
def test_a_cursor_that_stands_at_no_id_is_named(ours: TenantActor, position: str) -> None:
    cursor = b64encode(f"p={position}".encode()).decode()
    assert LISTS
    assert {send(operation, ours, {"cursor": cursor}) for operation in LISTS} == {422}


def test_a_form_of_more_fields_than_anybody_reads_is_refused(ours: TenantActor) -> None:
    (upload,) = (one for one in OPERATIONS if str(one) == "POST /api/v1/leaves/certificates")
    assert send(upload, ours, {f"field{number}": "x" for number in range(1200)}) == 400


def test_a_head_has_no_body_and_keeps_its_length(db: None) -> None:
    said: dict[str, str] = {}
    environ = RequestFactory().head("/api/healthz").environ
    body = get_wsgi_application()(environ, lambda _status, headers: said.update(headers))
    assert b"".join(body) == b""
    assert int(said["Content-Length"]) > 0
