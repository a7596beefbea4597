"""`manage.py demo_receiver`: the customer's server of the demo. It checks what Muster pushes and
shows it.

Signatures are verified by the official `standardwebhooks` library, with nothing of Muster's own in
between: what passes here passes at a customer's. It keeps the last 10 000 arrivals in memory and
needs no database.

    POST /standard, /cams   a push: 200 {"status":"done"}, 401 with a wrong signature, 422 in a
    wrong shape
    GET  /received?after=n  what arrived, as JSON, oldest first; DELETE forgets it
    GET  /                  the same as a page
    GET  /healthz
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from argparse import ArgumentParser
from collections import deque
from datetime import UTC, datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.core.management.base import BaseCommand, CommandError
from standardwebhooks import Webhook, WebhookVerificationError

from config.demo import organization as demo_organization

MAX_ARRIVALS: Final = 10_000
MAX_ROWS_SHOWN: Final = 200
MAX_PUSH_BYTES: Final = 2 * 1024 * 1024
CAMS_TYPES: Final = frozenset(
    {"CheckIn", "CheckOut", "BreakOut", "BreakIn", "OverTimeIn", "OverTimeOut", "None"}
)
PAGE_TEMPLATE: Final = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>Customer's server</title><style>body{{font:15px system-ui;margin:2rem;color:#1f3935}}
table{{border-collapse:collapse}}
td,th{{text-align:left;padding:.35rem .9rem .35rem 0;
border-bottom:1px solid #d5eae5;vertical-align:top}}
.bad{{color:#b00020}}code{{font-size:12px;overflow-wrap:anywhere}}</style>
<h1>Customer's server of the demo</h1><p>{summary} <a href="/received">As JSON</a></p>
<table><tr><th>#<th>Received (UTC)<th>Sent to<th>Signature<th>Punch<th>Body</tr>
{rows}</table></html>"""


class ArrivalLog:
    """What arrived, and which message ids were seen before. Shared by the server's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals: deque[dict[str, Any]] = deque(maxlen=MAX_ARRIVALS)
        self._seen: dict[str, None] = {}
        self._count = 0

    def add(self, arrival: dict[str, Any]) -> None:
        """Number and keep an arrival. A verified message whose id was seen before is marked as a
        repeat.
        """
        with self._lock:
            self._count += 1
            message = arrival["webhook_id"]
            arrival = {"n": self._count, "repeat": message in self._seen, **arrival}
            if arrival["verified"] and not arrival["problems"]:
                self._seen[message] = None
                if len(self._seen) > 10 * MAX_ARRIVALS:
                    del self._seen[next(iter(self._seen))]
            self._arrivals.append(arrival)

    def after(self, number: int) -> list[dict[str, Any]]:
        """Arrivals with a higher number, oldest first."""
        with self._lock:
            return [arrival for arrival in self._arrivals if arrival["n"] > number]

    def clear(self) -> None:
        """Forget everything but the numbering, so that `after` keeps its meaning."""
        with self._lock:
            self._arrivals.clear()
            self._seen.clear()


class EndpointSecrets:
    """The endpoints' secrets, read again whenever the demo has written them anew."""

    def __init__(self) -> None:
        self._read_at = 0
        self._endpoints: dict[str, dict[str, str]] = {}

    def for_path(self, path: str) -> list[dict[str, str]]:
        """The secrets a push to `path` may be signed with: its own, or any if the path is
        nobody's.
        """
        try:
            written_at = demo_organization.demo_state_file().stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if written_at != self._read_at:
            self._endpoints = demo_organization.read_demo_state()["endpoints"]
            self._read_at = written_at
        return (
            [self._endpoints[path]] if path in self._endpoints else list(self._endpoints.values())
        )


def is_signature_valid(body: bytes, headers: dict[str, str], secrets: list[dict[str, str]]) -> bool:
    """Whether the official library accepts the signature under one of the secrets."""
    for secret in secrets:
        try:
            Webhook(secret["secret"]).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return True
    return False


def parse_push_body(body: bytes) -> Any:
    """The body as data; None when it is not JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def cams_problems(event: Any, stgid: str | None, tokens: set[str]) -> list[str]:
    """What is wrong with a push in the Cams format, in words; empty when it is as it must be."""
    realtime = event.get("RealTime") if isinstance(event, dict) else None
    log = realtime.get("PunchLog") if isinstance(realtime, dict) else None
    if not isinstance(realtime, dict) or not isinstance(log, dict):
        return ["RealTime.PunchLog is missing"]
    wrong = [
        f"{name} is missing"
        for name in ("OperationID", "SerialNumber", "Time")
        if not realtime.get(name)
    ]
    wrong += [
        f"PunchLog.{name} is missing"
        for name in ("Type", "InputType", "UserId", "LogTime")
        if name not in log
    ]
    if realtime.get("SerialNumber") != stgid:
        wrong.append("stgid is not the SerialNumber")
    if realtime.get("AuthToken") not in tokens:
        wrong.append("AuthToken is not this endpoint's")
    if log.get("Type") not in CAMS_TYPES:
        wrong.append("PunchLog.Type is unknown")
    for name, text in (("LogTime", log.get("LogTime")), ("Time", realtime.get("Time"))):
        if parse_cams_time(text) is None:
            wrong.append(f"{name} is not like 2026-06-21 09:30:00 GMT +0530")
    return wrong


def parse_cams_time(text: Any) -> datetime | None:
    """Read `2026-06-21 09:30:00 GMT +0530`; None when it is anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S GMT %z")
    except (TypeError, ValueError):
        return None


def accepted_at(event: Any) -> datetime | None:
    """When Muster accepted the punch, as the body tells: to the millisecond in the standard event
    only.
    """
    try:
        return datetime.fromisoformat(event["data"]["received_at"])
    except (KeyError, TypeError, ValueError):
        return None


def event_summary(event: Any) -> str:
    """Who and when, from either format, for the page."""
    if not isinstance(event, dict):
        return ""
    data, log = event.get("data"), (event.get("RealTime") or {}).get("PunchLog")
    if isinstance(log, dict):
        return f"{log.get('UserId')} {log.get('Type')} {log.get('LogTime')}"
    if isinstance(data, dict) and "local_time" in data:
        return (
            f"{(data.get('employee') or {}).get('name') or data.get('user_code')}"
            f" {data.get('direction')} {data['local_time']}"
        )
    return str(event.get("type", ""))


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


def is_test_push(event: Any) -> bool:
    """Whether this is the console's test push, which looks the same in both formats."""
    return isinstance(event, dict) and event.get("type") == "endpoint.test"


def arrivals_page(arrivals: list[dict[str, Any]]) -> str:
    """The arrivals as a page, newest first. Every value is escaped: it came from elsewhere."""
    rows = "".join(_row(arrival) for arrival in reversed(arrivals[-MAX_ROWS_SHOWN:]))
    good = sum(arrival["verified"] and not arrival["problems"] for arrival in arrivals)
    summary = (
        f"{len(arrivals)} arrived, {good} of them as they must be."
        if arrivals
        else "Nothing has arrived yet."
    )
    return PAGE_TEMPLATE.format(summary=escape(summary), rows=rows)


def _row(arrival: dict[str, Any]) -> str:
    marks = ["verified" if arrival["verified"] else "does not verify", *arrival["problems"]]
    if arrival["repeat"]:
        marks.append("repeat")
    style = "" if arrival["verified"] and not arrival["problems"] else ' class="bad"'
    cells = (
        arrival["n"],
        arrival["received_at"],
        arrival["path"],
        ", ".join(marks),
        event_summary(arrival["event"]),
    )
    told = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
    return f"<tr{style}>{told}<td><code>{escape(arrival['body'][:2000])}</code></td></tr>"


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


class Command(BaseCommand):
    """Runs until it is told to stop."""

    help = (
        "Run the demo's customer server: it verifies what is pushed to it and lists it at"
        " /received."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="default: the port after Muster's")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = (
            options["port"] or urlsplit(demo_organization.demo_addresses().receiver).port or 8001
        )
        try:
            server = make_receiver_server(port)
        except OSError as error:
            raise CommandError(f"Port {port} cannot be used: {error.strerror}.") from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        with server:
            server.serve_forever()
