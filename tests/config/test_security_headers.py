"""What browsers are told they may do with our answers."""

from __future__ import annotations

import pytest
from django.test import Client

from tests import people


def policy(reply: object) -> dict[str, str]:
    parts = (
        part.strip().partition(" ") for part in reply.headers["Content-Security-Policy"].split(";")
    )
    return {name: value for name, _sep, value in parts}


@pytest.mark.parametrize(
    "path", ["/api/healthz", "/docs", "/api/nothing", "/api/v1/me", "/api/attendance/v1/punch"]
)
def test_data_lets_a_page_do_nothing(client: Client, db: None, path: str) -> None:
    assert policy(client.get(path)) == {"default-src": "'none'", "frame-ancestors": "'none'"}


def test_our_own_pages_run_no_inline_script_and_no_eval(client: Client) -> None:
    told = policy(client.get("/api/documentation"))
    assert told["default-src"] == told["base-uri"] == told["frame-ancestors"] == "'none'"
    assert told["script-src"] == told["style-src"] == told["connect-src"] == "'self'"


def test_the_console_alone_may_evaluate_and_runs_no_inline_script(
    client: Client, acme: people.Organization
) -> None:
    for path in ("/admin/login/", "/admin/nothing/"):
        told = policy(client.get(path, follow=True))
        assert told["script-src"] == "'self' 'unsafe-eval'"
        assert "unsafe-inline" not in told["script-src"]
        assert told["default-src"] == "'none'"


@pytest.mark.parametrize(
    "path", ["/api/healthz", "/admin/login/", "/api/documentation", "/api/nothing"]
)
def test_every_answer_carries_the_other_headers(client: Client, db: None, path: str) -> None:
    headers = client.get(path).headers
    assert "Content-Security-Policy-Report-Only" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert (
        headers["Cross-Origin-Opener-Policy"]
        == headers["Cross-Origin-Resource-Policy"]
        == "same-origin"
    )
    assert "camera=()" in headers["Permissions-Policy"]
