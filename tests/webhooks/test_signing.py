"""Signatures, verified by the official libraries."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.signing import new_secret, sign

HERE = Path(__file__).parent


def _headers(secrets: list[str], body: bytes) -> dict[str, str]:
    now = int(time.time())
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secrets, "msg_1", now, body),
    }


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.binary(max_size=200).filter(_is_text))
def test_the_official_python_library_verifies_any_body(body: bytes) -> None:
    secret = new_secret()
    verifier = Webhook(secret)
    # The library parses what it has verified; only the signature is ours.
    with suppress(json.JSONDecodeError):
        verifier.verify(body, _headers([secret], body))


def test_another_secret_does_not_verify() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(b"{}", _headers([new_secret()], b"{}"))


def test_a_changed_body_does_not_verify() -> None:
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b'{"a":2}', _headers([secret], b'{"a":1}'))


def test_the_official_javascript_library_verifies(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("Node is not installed")
    modules = HERE / "js" / "node_modules"
    if not modules.exists():
        subprocess.run(
            [npm, "ci", "--silent", "--ignore-scripts"], cwd=HERE / "js", check=True, timeout=110
        )
    secrets = [new_secret(), new_secret()]
    body = '{"name":"आशा"}'
    for secret in secrets:
        case = {"secret": secret, "body": body, "headers": _headers(secrets, body.encode())}
        done = subprocess.run(
            [node, "verify.mjs"],
            cwd=HERE / "js",
            input=json.dumps(case),
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.stdout == "verified\n", done.stderr
