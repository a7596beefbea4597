"""The customer's server of the demo, run by `manage.py demo_receiver`: it checks what Muster pushes
and shows it.

It keeps the last 10 000 arrivals in memory and needs no database.

    POST /standard, /cams   a push: 200 {"status":"done"}, 401 with a wrong signature, 422 in a
    wrong shape
    GET  /received?after=n  what arrived, as JSON, oldest first; DELETE forgets it
    GET  /                  the same as a page
    GET  /healthz
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from config.demo.arrivals import ArrivalLog, arrivals_page
from config.demo.push_verification import (
    EndpointSecrets,
    accepted_at,
    cams_problems,
    is_signature_valid,
    is_test_push,
    parse_push_body,
)

MAX_PUSH_BYTES: Final = 2 * 1024 * 1024


class ReceiverHandler(BaseHTTPRequestHandler):
    """One connection of the customer's server."""

    protocol_version = "HTTP/1.1"
    server_version = "DemoReceiver"
    sys_version = ""
    wbufsize = (
        -1
    )  # Head and body leave in one packet; two would wait for each other's acknowledgement.
    disable_nagle_algorithm = True
    arrivals: ArrivalLog
    secrets: EndpointSecrets

    def do_POST(self) -> None:
        """Take a push: record it whatever it is, answer as a careful customer would."""
        received = datetime.now(UTC)
        body = self._body()
        if body is None:
            return
        address = urlsplit(self.path)
        known = self.secrets.for_path(address.path)
        event = parse_push_body(body)
        problems: list[str] = []
        if event is None:
            problems = ["the body is not JSON"]
        elif address.path == "/cams" and not is_test_push(event):
            stgid = parse_qs(address.query).get("stgid", [None])[0]
            problems = cams_problems(event, stgid, {endpoint["auth_token"] for endpoint in known})
        accepted = accepted_at(event)
        headers = dict(self.headers.items())
        arrival = {
            "received_at": received.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "path": address.path,
            "query": address.query,
            "mode": "cams" if address.path == "/cams" else "standard",
            "verified": is_signature_valid(body, headers, known),
            "problems": problems,
            "webhook_id": self.headers.get("webhook-id", ""),
            "accepted_to_received_ms": (
                accepted and round((received - accepted).total_seconds() * 1000, 1)
            ),
            "headers": headers,
            "event": event,
            "body": body.decode(errors="replace"),
        }
        self.arrivals.add(arrival)
        if not arrival["verified"]:
            self._json(401, {"status": "error", "detail": "The signature does not verify."})
        elif problems:
            self._json(422, {"status": "error", "detail": problems})
        else:
            self._json(200, {"status": "done"})

    def do_GET(self) -> None:
        """Show what arrived."""
        address = urlsplit(self.path)
        if address.path == "/healthz":
            self._json(200, {"status": "ok"})
        elif address.path == "/received":
            after = parse_qs(address.query).get("after", ["0"])[0]
            self._json(200, self.arrivals.after(parse_whole_number(after) or 0))
        elif address.path == "/":
            self._send(
                200, "text/html; charset=utf-8", arrivals_page(self.arrivals.after(0)).encode()
            )
        else:
            self._json(404, {"status": "error", "detail": "There is /, /received and /healthz."})

    def do_DELETE(self) -> None:
        """Forget what arrived."""
        if urlsplit(self.path).path == "/received":
            self.arrivals.clear()
            self._send(204, "application/json", b"")
        else:
            self._json(404, {"status": "error", "detail": "Only /received can be cleared."})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: arrivals are on the page."""

    def _body(self) -> bytes | None:
        length = parse_whole_number(self.headers.get("content-length", ""))
        if length is None or length > MAX_PUSH_BYTES:
            self.close_connection = True
            self._json(
                411 if length is None else 413,
                {"status": "error", "detail": "Content-Length, 2 MiB at most."},
            )
            return None
        return self.rfile.read(length)

    def _json(self, status: int, value: object) -> None:
        self._send(status, "application/json", json.dumps(value, ensure_ascii=False).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def parse_whole_number(text: str) -> int | None:
    """A whole number of up to 18 digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


class ReceiverServer(ThreadingHTTPServer):
    """Enough room for a burst of pushes; nobody waits for open connections at the end."""

    daemon_threads = True
    request_queue_size = 128


def make_receiver_server(port: int) -> ReceiverServer:
    """A customer's server with an empty inbox, on this machine only. Port 0 takes a free one."""
    handler = type(
        "DemoHandler", (ReceiverHandler,), {"arrivals": ArrivalLog(), "secrets": EndpointSecrets()}
    )
    return ReceiverServer(("127.0.0.1", port), handler)
