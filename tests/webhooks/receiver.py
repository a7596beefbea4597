"""A customer's server for tests: real sockets on 127.0.0.1, scripted answers, everything
recorded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ReceivedRequest:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]


@dataclass
class Receiver:
    """What came, and what will be answered: `answer` is asked for every request."""

    url: str = ""
    received: list[ReceivedRequest] = field(default_factory=list)
    answer: Callable[[ReceivedRequest], Answer] = lambda _request: (200, b'{"status":"done"}')


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """A receiver on a free port for the length of a block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = ReceivedRequest(
                self.path, {name.lower(): value for name, value in self.headers.items()}, body
            )
            receiver.received.append(request)
            status, text, *more = receiver.answer(request)
            self.send_response(status)
            for name, value in (more[0] if more else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    ).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
