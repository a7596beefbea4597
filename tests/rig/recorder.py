"""A customer's server in a process of its own: it survives whatever dies around it, and writes down
every request.

`python -m tests.rig.recorder PORT FILE` listens; `Recorder` starts and asks it. A request is
appended to FILE, one JSON line written at once, *before* it is answered: what the file does not
have, the customer never saw. `PUT /_rules` sets how paths answer: `{"/one": {"status": 500,
"delay_s": 3, "drop": true, "headers": {}, "body": ""}}`; `drop` reads, waits and hangs up, so with
a delay beyond our deadline it is the receiver that commits, and answers when nobody listens any
more. `PUT /_secrets` tells it what to verify signatures with: `{"/one": "whsec_…"}`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook

from tests.rig.check import Arrival
from tests.rig.processes import Child, free_port

DEFAULT_RULE: dict[str, Any] = {
    "status": 200,
    "delay_s": 0.0,
    "drop": False,
    "headers": {},
    "body": '{"status":"done"}',
}


def punch_name(user_code: str, occurred_at: str) -> str:
    """How the rig calls a punch: who and when, the same for its sender and its receiver."""
    return f"{user_code}@{int(datetime.fromisoformat(occurred_at).timestamp())}"


class RequestLog:
    """What the server shares between its threads: the file, the rules, the secrets."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._lock = threading.Lock()
        self.rules: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, str] = {}
        self.count = 0

    def write(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """One line for one request. The time is taken first: verifying is not the customer's
        latency.
        """
        note = {
            "at": time.time(),
            "path": path,
            **request_record(path, headers, body, self.secrets.get(path)),
        }
        with self._lock:
            self.count += 1
            os.write(self._file, json.dumps(note).encode() + b"\n")


def request_record(
    path: str, headers: dict[str, str], body: bytes, secret: str | None
) -> dict[str, Any]:
    """What is kept of a request."""
    event = json.loads(body)
    data = event.get("data", {})
    verified = secret is None
    if secret is not None:
        try:
            Webhook(secret).verify(body, headers)
            verified = True
        except Exception:  # noqa: BLE001
            verified = False
    return {
        "id": headers.get("webhook-id", ""),
        "lane": headers.get("muster-lane", ""),
        "sequence": int(headers.get("muster-sequence", 0)),
        "attempt": int(headers.get("muster-attempt", 0)),
        "digest": hashlib.sha256(body).hexdigest(),
        "punch": data.get("id"),
        "name": punch_name(data["user_code"], data["occurred_at"]) if "user_code" in data else "",
        "received_at": datetime.fromisoformat(data["received_at"]).timestamp()
        if "received_at" in data
        else None,
        "verified": verified and data.get("sequence") == int(headers.get("muster-sequence", 0)),
    }


def handler(notebook: RequestLog) -> type[BaseHTTPRequestHandler]:
    """The request handler that writes into `notebook`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.split("?")[0]
            notebook.write(
                path, {name.lower(): value for name, value in self.headers.items()}, body
            )
            rule = DEFAULT_RULE | notebook.rules.get(path, {})
            time.sleep(rule["delay_s"])
            if rule["drop"]:
                self.close_connection = True
                return
            self._answer(rule["status"], rule["body"].encode(), rule["headers"])

        def do_PUT(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            setattr(notebook, self.path.removeprefix("/_"), told)
            self._answer(200, b"{}", {})

        def do_GET(self) -> None:
            self._answer(200, json.dumps({"count": notebook.count}).encode(), {})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class Server(ThreadingHTTPServer):
    """Its threads die with it; a hung-up client is no news."""

    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_: Any) -> None:
        pass


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One line of the file: an arrival and its times."""

    at: float
    received_at: float | None
    attempt: int
    punch: int | None
    arrival: Arrival

    @property
    def delay_s(self) -> float:
        """accept → received, in seconds."""
        return self.at - (self.received_at or self.at)


class Recorder(Child):
    """The server, started and asked from the test's process."""

    def __init__(self, folder: Path) -> None:
        self.port, self.file = free_port(), folder / "arrivals.jsonl"
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            "recorder",
            [sys.executable, "-m", "tests.rig.recorder", str(self.port), str(self.file)],
            folder,
        )

    def ready(self) -> bool:
        """It answers."""
        try:
            return self.count() >= 0
        except OSError:
            return False

    def count(self) -> int:
        """How many requests it had."""
        with urllib.request.urlopen(self.url, timeout=5) as reply:
            return int(json.load(reply)["count"])

    def rules(self, **rules: dict[str, Any]) -> None:
        """How paths answer from now on: `rules(one={"status": 500})` is for /one. What is not named
        answers 200.
        """
        self._put("rules", {f"/{path}": rule for path, rule in rules.items()})

    def secrets(self, secrets: dict[str, str]) -> None:
        """What signatures are verified with, by path."""
        self._put("secrets", secrets)

    def requests(self) -> list[RecordedRequest]:
        """Everything that came, in order."""
        if not self.file.exists():
            return []
        return [_recorded_request(json.loads(line)) for line in self.file.read_text().splitlines()]

    def arrivals(self) -> list[Arrival]:
        """Everything that came, for the judge."""
        return [note.arrival for note in self.requests()]

    def _put(self, what: str, value: Any) -> None:
        request = urllib.request.Request(
            f"{self.url}/_{what}", json.dumps(value).encode(), method="PUT"
        )
        urllib.request.urlopen(request, timeout=5).close()


def _recorded_request(line: dict[str, Any]) -> RecordedRequest:
    arrival = Arrival(
        line["path"],
        line["id"],
        line["lane"],
        line["sequence"],
        line["digest"],
        line["name"],
        line["verified"],
    )
    return RecordedRequest(line["at"], line["received_at"], line["attempt"], line["punch"], arrival)


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), handler(RequestLog(Path(sys.argv[2])))).serve_forever()
