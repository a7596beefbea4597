"""The edge: deploy/nginx/muster.conf under a real nginx, before a server that says what it got."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.rig.processes import Child, folder, free_port
from tests.run import ROOT

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(not NGINX, reason="nginx is not installed")

CLOCK = "/api/v1/hr/attendance/clock"
MIB = 1024 * 1024
RATE, BURST = 20, 40


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must say that it is JSON."""
        assert self.headers["Content-Type"] == "application/json", self.body[:200]
        return json.loads(self.body)


class Echo(BaseHTTPRequestHandler):
    """Stands for Muster: answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        size = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        body = json.dumps(
            {"path": self.path, "headers": dict(self.headers.items()), "size": size}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Backlog(ThreadingHTTPServer):
    """Room for a burst."""

    request_queue_size = 512
    daemon_threads = True


class Nginx(Child):
    """nginx with the file of the project, moved to a folder and ports of the test."""

    def __init__(self, place: Path, upstream: int) -> None:
        self.port, self.plain_port, self.place = free_port(), free_port(), place
        _certificate(place)
        (place / "static").mkdir()
        (place / "static" / "a.css").write_text("a{}")
        (place / "muster.conf").write_text(
            self._moved((ROOT / "deploy/nginx/muster.conf").read_text(), upstream)
        )
        temporary = "".join(
            f"{kind}_temp_path {place}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (place / "nginx.conf").write_text(
            f"""
            {"user root;" if os.getuid() == 0 else ""}
            daemon off; worker_processes 2; pid {place}/pid; error_log {place}/main.log crit;
            events {{ worker_connections 512; }}
            http {{ {temporary} types {{ text/css css; }} include {place}/muster.conf; }}
            """
        )
        command = [NGINX, "-p", place, "-c", place / "nginx.conf", "-e", place / "main.log"]
        super().__init__("nginx", command, place)

    def _moved(self, text: str, upstream: int) -> str:
        for old, new, times in (
            ("    listen [::]:443 ssl;\n", "", 1),
            ("    listen [::]:80;\n", "", 1),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;", 1),
            ("listen 80;", f"listen 127.0.0.1:{self.plain_port};", 1),
            ("127.0.0.1:8000", f"127.0.0.1:{upstream}", 1),
            ("/etc/letsencrypt/live/attendance.example.org", str(self.place), 2),
            ("/var/log/nginx", str(self.place), 2),
            ("/var/lib/muster/static/", f"{self.place}/static/", 1),
        ):
            assert text.count(old) == times, old
            text = text.replace(old, new)
        return text

    def ready(self) -> bool:
        """It listens."""
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def connect(self, source: str) -> http.client.HTTPSConnection:
        """An open connection from an address of this machine."""
        trusting = ssl.create_default_context(cafile=str(self.place / "fullchain.pem"))
        line = http.client.HTTPSConnection(
            "127.0.0.1", self.port, timeout=30, source_address=(source, 0), context=trusting
        )
        line.connect()
        return line

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: Any = None,
        source: str = "127.0.0.1",
        **headers: str,
    ) -> Reply:
        """One request on a connection of its own."""
        with contextlib.closing(self.connect(source)) as line:
            return _talk(
                line,
                path,
                method,
                body,
                {name.replace("_", "-"): value for name, value in headers.items()},
            )

    def logs(self) -> str:
        """All that nginx wrote."""
        return "".join(path.read_text() for path in self.place.glob("*.log"))


def _talk(
    line: http.client.HTTPConnection,
    path: str,
    method: str = "GET",
    body: Any = None,
    headers: Any = None,
) -> Reply:
    line.request(method, path, body, headers or {})
    reply = line.getresponse()
    return Reply(reply.status, reply.headers, reply.read())


def _certificate(place: Path) -> None:
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]),
    )
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (place / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (place / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture(scope="module")
def edge() -> Iterator[Nginx]:
    """nginx before the echo."""
    with folder() as place, Backlog(("127.0.0.1", 0), Echo) as echo:
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        with Nginx(place, echo.server_address[1]) as nginx:
            yield nginx
        echo.shutdown()


@pytest.fixture
def abandoned() -> Iterator[Nginx]:
    """nginx before nobody."""
    with folder() as place, Nginx(place, free_port()) as nginx:
        yield nginx


_numbers = count(2)


@pytest.fixture
def source() -> str:
    """An address of this machine that no other test speaks from: its allowance is whole."""
    return f"127.0.0.{next(_numbers)}"


def _burst(edge: Nginx, source: str, path: str, calls: int = 100) -> tuple[list[Reply], float]:
    """All at once, on connections that are open already; and how many seconds it took."""
    lines, together = [edge.connect(source) for _ in range(calls)], threading.Barrier(calls)

    def call(line: http.client.HTTPConnection) -> Reply:
        together.wait()
        with contextlib.closing(line):
            return _talk(line, path)

    began = time.monotonic()
    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(call, lines)), time.monotonic() - began


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/me",
        "/api/auth/token",
        "/api/v1",
        "/api//v1/me",
        "/api/%761/me",
        f"{CLOCK}/x",
        f"{CLOCK}/../../../me",
        "/api/v1/oauth/token",
    ],
)
def test_a_burst_of_a_hundred_lets_forty_one_through_and_tells_the_rest_to_wait(
    edge: Nginx, source: str, path: str
) -> None:
    replies, took = _burst(edge, source, path)
    passed = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status == 429]
    assert len(passed) + len(refused) == 100
    # The burst and the first; and what the rate gives back while the burst goes on.
    assert 1 + BURST <= len(passed) <= 1 + BURST + RATE * took + 1
    for reply in refused:
        assert reply.json == {
            "message": "Too many requests. Expected available in 1 second.",
            "code": "rate_limited",
        }
        assert reply.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "path",
    [
        CLOCK,
        f"{CLOCK}?x=1",
        "/api/attendance/v1/punch",
        "/api/biometric/attendance",
        "/api/healthz",
        "/api/v10/x",
        "/api/authors",
    ],
)
def test_channels_that_count_for_themselves_are_not_limited_here(
    edge: Nginx, source: str, path: str
) -> None:
    replies, _ = _burst(edge, source, path)
    assert {reply.status for reply in replies} == {200}


def test_who_was_refused_passes_after_the_second_he_was_told(edge: Nginx, source: str) -> None:
    _burst(edge, source, "/api/v1/me")
    time.sleep(1)
    assert edge.ask("/api/v1/me", source=source).status == 200


def test_clients_do_not_share_an_allowance(edge: Nginx, source: str) -> None:
    _burst(edge, source, "/api/v1/me")
    assert edge.ask("/api/v1/me", source="127.0.1.1").status == 200


def test_what_the_client_says_of_its_address_is_not_passed_on(edge: Nginx, source: str) -> None:
    forged = {
        "X_Forwarded_For": "203.0.113.1",
        "Forwarded": "for=203.0.113.1",
        "X_Forwarded_Host": "evil",
        "X_Forwarded_Proto": "http",
    }
    told = edge.ask("/api/v1/me?x=%2F", source=source, Host="attendance.example.org", **forged).json
    headers = told["headers"]
    assert (headers["X-Forwarded-For"], headers["X-Forwarded-Proto"]) == (source, "https")
    assert headers["Host"] == "attendance.example.org"
    assert not {"Forwarded", "X-Forwarded-Host"} & headers.keys()
    assert told["path"] == "/api/v1/me?x=%2F"


def _pieces(size: int) -> Iterator[bytes]:
    yield from (b"x" * 1024 for _ in range(size // 1024))
    yield b"x" * (size % 1024)


@pytest.mark.parametrize("make", [bytes, _pieces], ids=["sized", "chunked"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/attendance/v1/punch", {"ok": False, "error": "too_large"}),
        (
            "/api/biometric/attendance",
            {"success": False, "message": "The body is larger than 1 MiB."},
        ),
        (
            CLOCK,
            {"success": False, "message": "The body is larger than 1 MiB.", "data": {"errors": {}}},
        ),
        ("/api/v1/punch", {"message": "The body is larger than 1 MiB.", "code": "too_large"}),
    ],
)
def test_a_body_over_a_mebibyte_is_refused_in_the_channel_s_words(
    edge: Nginx, path: str, body: Any, make: Callable[..., Any]
) -> None:
    reply = edge.ask(path, "POST", make(MIB + 1))
    assert (reply.status, reply.json) == (413, body)
    assert edge.ask(path, "POST", make(MIB)).json["size"] == MIB


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/attendance/v1/punch", {"ok": False, "error": "unavailable"}),
        (
            "/api/biometric/attendance?api_key=mst_SECRET",
            {"success": False, "message": "The server is busy."},
        ),
        (CLOCK, {"success": False, "message": "The server is busy.", "data": {"errors": {}}}),
        ("/api/v1/punch", {"message": "The server is busy.", "code": "unavailable"}),
    ],
)
def test_while_muster_is_away_everybody_is_told_to_come_again(
    abandoned: Nginx, path: str, body: Any
) -> None:
    for _ in range(3):
        reply = abandoned.ask(path, "POST", b"{}")
        assert (reply.status, reply.headers["Retry-After"], reply.json) == (503, "5", body)
    assert path.partition("?")[0] in abandoned.logs()
    assert "SECRET" not in abandoned.logs()


COMMON = {"message": "Bad request.", "code": "invalid_request"}


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b"GARBAGE\r\n\r\n", COMMON),
        (b"\x00\xff\x16\x03\r\n\r\n", COMMON),
        (b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", COMMON),
        (b"GET /api/v1/me HTTP/1.1\r\n\r\n", COMMON),
        (b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", COMMON),
        (b"GET /api/v1/" + b"x" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", COMMON),
        (b"TRACE /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n", COMMON),
        (b"POST /api/v1/me HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", COMMON),
        (
            b"POST /api/attendance/v1/punch HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            {"ok": False, "error": "invalid_request", "detail": {"request": ["Bad request."]}},
        ),
        (
            b"POST /api/biometric/attendance HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
            {"success": False, "message": "Bad request."},
        ),
    ],
    ids=[
        "garbage",
        "binary",
        "bad escape",
        "no host",
        "long header",
        "long path",
        "trace",
        "coding",
        "length",
        "negative length",
    ],
)
def test_what_is_no_request_is_answered_in_json(edge: Nginx, sent: bytes, body: Any) -> None:
    with contextlib.closing(edge.connect("127.0.0.1")) as line:
        line.sock.sendall(sent)
        head, _, answer = line.sock.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Type: application/json" in head
    assert json.loads(answer) == body


def test_plain_http_is_refused_and_not_redirected(edge: Nginx) -> None:
    for port, status in ((edge.plain_port, 403), (edge.port, 400)):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        with contextlib.closing(line):
            reply = _talk(line, "/api/attendance/v1/punch", "POST", b"{}")
            assert reply.status == status
            assert reply.json
            assert "Location" not in reply.headers


def test_static_files_come_from_the_edge(edge: Nginx) -> None:
    reply = edge.ask("/static/a.css")
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, b"a{}", "text/css")
    assert "max-age" in reply.headers["Cache-Control"]
