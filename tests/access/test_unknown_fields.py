"""A field that Muster does not know is refused by name in every body under /api/v1, and a boolean
is true or false there; but for the bodies that are described as open.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from config.openapi.document import openapi_document
from tests.access import routes
from tests.access.actors import TenantActor
from tests.access.routes import OPERATIONS, Operation
from tests.access.test_matrix import rolled_back

_SCHEMAS: Final = json.loads(openapi_document())["components"]["schemas"]
# The hot channels, OAuth (RFC 6749, section 3.2), and what a phone says about itself.
OPEN_BODIES = {
    "POST /api/v1/punch",
    "POST /api/v1/hr/attendance/clock",
    "POST /api/v1/oauth/token",
    "POST /api/v1/devices/register",
}
BODIES = [
    one
    for one in OPERATIONS
    if one.path.startswith("/api/v1/") and "requestBody" in one.spec and str(one) not in OPEN_BODIES
]


def boolean_fields(operation: Operation) -> list[str]:
    """The names of the booleans of a body."""
    (content,) = operation.spec["requestBody"]["content"].values()
    body = _SCHEMAS[content["schema"]["$ref"].rpartition("/")[2]]
    return [name for name, one in body["properties"].items() if one.get("type") == "boolean"]


def errors_of(operation: Operation, chair: TenantActor, fields: dict[str, Any]) -> Any:
    """The errors of a call about a row of ours, after which nothing is as if it had been; its
    status where it was not refused.
    """
    row = routes.path_row(operation, chair)
    with rolled_back():
        reply = operation.send(
            chair.headers(operation.requirements[0]),
            path=routes.fill_path(operation, row.pk) if row else None,
            fields=routes.valid_body(operation, chair) | fields,
        )
        return reply.json()["errors"] if reply.status_code == 422 else reply.status_code


def test_a_field_that_is_not_known_is_refused_by_name(ours: TenantActor) -> None:
    assert len(BODIES) > 15
    assert {str(one): errors_of(one, ours, {"surprise": "1"}) for one in BODIES} == {
        str(one): {"surprise": ["There is no such field."]} for one in BODIES
    }


def test_a_boolean_is_true_or_false_and_no_word_or_number(ours: TenantActor) -> None:
    def taken() -> Iterator[str]:
        for operation in BODIES:
            for name in boolean_fields(operation):
                for value in ("yes", "true", "false", 0, 1):
                    errors = errors_of(operation, ours, {name: value})
                    if errors != {name: ["true or false is required."]}:
                        yield f"{operation} {name} {value!r}: {errors}"

    assert sum(len(boolean_fields(one)) for one in BODIES) >= 8
    assert list(taken()) == []
