"""The OpenAPI file: complete, true, and the one that is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from attendance.channels import device
from config.errors import common_error_envelope
from config.openapi.document import openapi_document
from config.openapi.error_schemas import error_schema

KEPT = Path(settings.BASE_DIR) / "docs" / "openapi.json"
# Addresses that are not the API's: pages for people, and what describes the API itself.
PAGES = ("board/", "admin/", "i18n/", "docs", "api/documentation", "home")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    found = json.loads(openapi_document())["paths"]
    return [
        (path, method, operation)
        for path, methods in found.items()
        for method, operation in methods.items()
    ]


def test_the_file_that_is_kept_is_what_the_views_say(tmp_path: Path) -> None:
    call_command(
        "spectacular",
        validate=True,
        fail_on_warn=True,
        format="openapi-json",
        file=str(tmp_path / "file.json"),
    )
    assert (tmp_path / "file.json").read_bytes() == openapi_document()
    assert KEPT.read_bytes() == openapi_document(), (
        "run `make openapi`, look at the difference, and commit it"
    )


def test_the_file_is_served_as_json(client: Client) -> None:
    reply = client.get("/docs")
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.json()["openapi"].startswith("3.0.")


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    operations(),
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_every_operation_says_what_it_is_and_how_it_fails(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    replies = operation["responses"]
    assert operation["summary"], "give the view a docstring"
    assert all(int(code) < 500 or int(code) == 503 for code in replies)
    assert {"405", "503"} <= set(replies)
    assert any(code.startswith("2") or code.startswith("3") for code in replies)
    for code, reply in replies.items():
        assert int(code) < 400 or "application/json" in reply["content"], f"{code} has no body"
    if operation.get("security"):
        assert "401" in replies
    if "requestBody" in operation:
        assert {"400", "413", "415"} <= set(replies)


def _addresses(patterns: list[Any], prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for one in patterns:
        if isinstance(one, URLResolver):
            found += _addresses(one.url_patterns, prefix + str(one.pattern))
        elif isinstance(one, URLPattern):
            found.append((prefix + str(one.pattern), one.callback))
    return found


def test_every_address_is_in_the_file_or_a_page() -> None:
    from attendance.channels.not_found import NotFoundView

    addresses = _addresses(get_resolver().url_patterns)
    api = [(text, view) for text, view in addresses if text and not text.startswith(PAGES)]
    assert [text for text, view in api if not hasattr(view, "cls")] == [], (
        "only REST views are described"
    )
    described = {path.lstrip("/").partition("{")[0] for path, _method, _operation in operations()}
    missing = [
        text
        for text, view in api
        if text.partition("<")[0] not in described and not issubclass(view.cls, NotFoundView)
    ]
    assert missing == []


def test_failures_are_described_from_what_the_dialect_says() -> None:
    common = error_schema(common_error_envelope, 401)
    assert common["properties"] == {"message": {"type": "string", "enum": ["Unauthenticated."]}}
    assert common["required"] == ["message"]
    told = error_schema(device.error_envelope, 400)
    assert told["properties"]["ok"] == {"type": "boolean", "enum": [False]}
    assert told["properties"]["detail"]["additionalProperties"] == {
        "type": "array",
        "items": {"type": "string"},
    }
    assert told["example"]["error"] == "invalid_request"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "*/*;q=0"])
def test_an_accept_header_loses_no_answer(client: Client, accept: str) -> None:
    reply = client.get("/api/healthz", headers={"Accept": accept})
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_options_are_refused_like_any_other_method(client: Client) -> None:
    reply = client.options("/api/healthz")
    assert (reply.status_code, reply.json()["code"]) == (405, "method_not_allowed")
