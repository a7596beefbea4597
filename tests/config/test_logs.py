"""No log line holds a credential."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any

import pytest

from accounts.api_keys import generate_api_key
from accounts.credentials import generate_token
from config.logs import RedactingFormatter, redact_credentials
from webhooks.signing import new_secret

KEY = generate_api_key("fl_dev_")


@pytest.mark.parametrize(
    "line",
    [
        '"POST /api/biometric/attendance?api_key={} HTTP/1.1" 200',
        "GET /x?a=1&api_key={}&b=2",
        "/x?API_KEY={}",
        "/x?api%5Fkey={}",
        "/x?%61pi_key={}#top",
        "X-API-Key: {}",
        "https://host/x?api_key={}",
    ],
)
def test_a_key_is_taken_out_of_a_line_and_the_rest_stays(line: str) -> None:
    cleaned = redact_credentials(line.format(KEY))
    assert KEY not in cleaned
    assert KEY[7:] not in cleaned
    head, tail = line.split("{}")
    assert cleaned.startswith(head)
    assert cleaned.endswith(tail)


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (generate_api_key, "mst_"),
        (generate_api_key, "msr_"),
        (generate_api_key, "fl_sec_"),
        (generate_token, "mst_dev_"),
        (generate_token, "mst_evt_"),
        (generate_token, "mst_cams_"),
        (lambda _: new_secret(), "whsec_"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_credential_of_every_kind_is_known_by_its_form(
    make: Callable[[str], str], given: str
) -> None:
    secret = make(given)
    assert (
        redact_credentials(f"it was '{secret}', they say")
        == f"it was '{given}[redacted]', they say"
    )


@pytest.mark.parametrize(
    "line", ["nothing here", "api_key is missing", "?monkey_api=1", "100% of api_key= is empty"]
)
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert redact_credentials(line) == line


def test_any_parameter_of_that_name_is_taken_out_however_wrong_the_key(caplog: Any) -> None:
    logging.getLogger("anybody").warning("at %s", "/x?api_key=letmein&b=2")
    assert caplog.messages == ["at /x?api_key=[redacted]&b=2"]


def test_a_line_that_does_not_fit_its_arguments_breaks_nothing(monkeypatch: Any) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logging.getLogger("anybody").warning("%s and %s", "one")  # noqa: PLE1206


def test_a_traceback_is_cleaned_too() -> None:
    try:
        raise ValueError(f"/x?api_key={KEY}")  # noqa: TRY301
    except ValueError:
        record = logging.getLogger("anybody").makeRecord(
            "x", logging.ERROR, "f", 1, "m", (), sys.exc_info()
        )
    assert KEY not in RedactingFormatter("{message}", style="{").format(record)


def test_gunicorns_access_log_shows_addresses_without_the_key(tmp_path: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "config.wsgi",
                "--no-control-socket",
                "-b",
                f"127.0.0.1:{port}",
                "--log-level",
                "debug",
                "--access-logfile",
                "-",
            ],
            stdout=out,
            stderr=out,
            env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3"},
        )
        try:
            assert _status(port) == 405
        finally:
            server.terminate()
            server.wait(20)
    assert "GET /api/biometric/attendance?api_key=[redacted]" in log.read_text()
    assert KEY not in log.read_text()


def _status(port: int) -> int:
    for _try in range(300):
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", f"/api/biometric/attendance?api_key={KEY}")
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail("gunicorn did not come up")
