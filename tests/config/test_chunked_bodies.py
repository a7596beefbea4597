"""Bodies that come in chunks, without a Content-Length, sent to a real gunicorn by real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from config.chunked_body import PREFETCHED_BYTES
from tests.rig.processes import Web, environment, folder
from tests.rig.world import Database, RigWorld, make_rig_world

LIMIT = 1024 * 1024
PUNCH = "/api/attendance/v1/punch"
OK_BODY = {"ok": True}


class Server:
    """gunicorn, its organization and its database."""

    def __init__(self, web: Web, world: RigWorld, database: Database) -> None:
        self.web, self.world, self.database = web, world, database

    def connect(self) -> socket.socket:
        """A connection of a client."""
        return socket.create_connection(("127.0.0.1", self.web.port), timeout=30)

    def head(self, path: str = PUNCH, *, token: str | None = None) -> bytes:
        """The request line and the headers of a terminal that sends chunks."""
        terminal = self.world.terminals[0]
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Content-Type: application/json",
            f"sn: {terminal.serial}",
            f"auth-token: {terminal.token if token is None else token}",
            "Transfer-Encoding: chunked",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def send(self, *chunks: bytes, **options: Any) -> tuple[int, Any]:
        """The answer to one request with these chunks."""
        with self.connect() as line:
            line.sendall(self.head(**options) + chunked(*chunks))
            return answer(line)

    def punches(self) -> int:
        """How many are stored."""
        (row,) = self.database.rows("SELECT count(*) FROM attendance_punch")
        return int(row[0])


def chunked(*chunks: bytes) -> bytes:
    """The chunks and the end of the body."""
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


def answer(line: socket.socket) -> tuple[int, Any]:
    """The status and the JSON of the next answer on a connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = line.recv(65536)
        assert piece, received
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    (length,) = (
        int(one.split(b":")[1])
        for one in head.split(b"\r\n")
        if one.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += line.recv(65536)
    return int(head.split()[1]), json.loads(body)


def punch(time: str, size: int = 0) -> bytes:
    """A punch as JSON, blanks behind it up to `size` bytes."""
    return json.dumps({"user_id": "1001", "att_time": time, "att_state": 1}).encode().ljust(size)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A gunicorn of this module, on SQLite."""
    with folder() as place:
        env = environment(place)
        world = make_rig_world(env, "http://127.0.0.1:9", devices=1, employees=1, paths=("/in",))
        with Web(place, env, workers=1) as web:
            yield Server(web, world, Database(env["DATABASE_URL"]))


def test_a_punch_in_chunks_is_stored_as_any_other(server: Server) -> None:
    body, before = punch("2026-06-21 09:30:00"), server.punches()
    assert server.send(body[:5], body[5:6], body[6:]) == (200, OK_BODY)
    assert server.punches() == before + 1


@pytest.mark.parametrize(
    "size", [PREFETCHED_BYTES - 1, PREFETCHED_BYTES, PREFETCHED_BYTES + 1, LIMIT - 1, LIMIT]
)
def test_a_body_in_chunks_of_any_size_up_to_the_limit_is_read_whole(
    server: Server, size: int
) -> None:
    body = punch(f"2026-06-21 10:{size % 60:02}:{size % 59:02}", size - 1) + b" "
    assert server.send(body[: size // 3], body[size // 3 :]) == (200, OK_BODY)
    assert server.send(body[:-1] + b"x")[0] == 400  # The last byte counts.


def test_one_byte_beyond_the_limit_is_too_large_in_the_channels_words(server: Server) -> None:
    before = server.punches()
    for body in (punch("2026-06-21 11:00:00", LIMIT + 1), punch("2026-06-21 11:00:00", LIMIT + 99)):
        assert server.send(body) == (413, {"ok": False, "error": "too_large"})
    assert server.punches() == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/biometric/attendance", 401),
        ("/api/v1/hr/attendance/clock", 401),
        ("/api/v1/punch", 401),
    ],
)
def test_a_large_body_of_a_stranger_is_answered_401_first(
    server: Server, path: str, status: int
) -> None:
    assert server.send(b"[" * (LIMIT + 1), path=path)[0] == status


def test_a_stranger_is_answered_before_the_body_is_complete(server: Server) -> None:
    with server.connect() as line:
        line.sendall(server.head(token="wrong") + b"%x\r\n" % LIMIT + b" " * PREFETCHED_BYTES)
        assert answer(line) == (401, {"ok": False, "error": "unauthorized"})


def test_an_empty_body_in_chunks_is_an_empty_body(server: Server) -> None:
    status, reply = server.send(path="/api/attendance/v1/heartbeat")
    assert (status, reply["ok"]) == (200, True)


def test_a_form_in_chunks_is_read_too(server: Server) -> None:
    form = b"grant_type=client_credentials&client_id=x&client_secret=y"
    head = server.head("/api/v1/oauth/token").replace(
        b"application/json", b"application/x-www-form-urlencoded"
    )
    for body, status in ((form, 401), (form + b"&x=" + b"y" * LIMIT, 413)):
        with server.connect() as line:
            line.sendall(head + chunked(body))
            assert answer(line)[0] == status


@pytest.mark.parametrize("size", [0, PREFETCHED_BYTES * 2])
def test_what_came_before_a_malformed_chunk_is_never_taken_for_the_body(
    server: Server, size: int
) -> None:
    body, before = punch("2026-06-21 12:00:00", size), server.punches()
    with server.connect() as line:
        line.sendall(server.head() + b"%x\r\n%b\r\nnonsense\r\n" % (len(body), body))
        status, reply = answer(line)
    assert (status, reply["error"]) == (400, "invalid_request")
    assert server.punches() == before


def test_two_requests_in_chunks_on_one_connection_stay_apart(server: Server) -> None:
    first, second = punch("2026-06-21 13:00:00"), punch("2026-06-21 13:00:01", 70_000)
    before = server.punches()
    with server.connect() as line:
        for body in (first, second, first):
            line.sendall(server.head() + chunked(body[:10], body[10:]))
            assert answer(line) == (200, OK_BODY)
    assert server.punches() == before + 2
