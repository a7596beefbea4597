"""One POST to a stranger's server: what may be reached, how long it may take, and how much it may
say.
"""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from core.outbound import client as outbound_client
from core.outbound import outbound_request
from core.outbound.ssrf_guard import check_url
from tests.core.outbound.hostile_servers import (
    OK,
    Script,
    Server,
    answering,
    certificate,
    closing,
    dripping,
    flooding,
    silent,
)

SOON = 0.4  # A deadline for those who will miss it, in seconds.
LATE = SOON + 1  # What is promised: a deadline is overrun by a second at most.
NAME = "hooks.example.com"


def to_here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> Iterator[None]:
    settings.PUSH_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.PUSH_ALLOW_HTTP = True
    settings.PUSH_CA_FILE = ""
    yield
    outbound_client.close_idle_connections()


def reply_of(
    script: Script, *, deadline_s: float = 5.0, body: bytes = b"{}"
) -> outbound_client.OutboundResponse:
    with Server(script) as server:
        return outbound_client.send_request(server.url(), body, {}, deadline_s=deadline_s)


def our_connections() -> list[tuple[str, int]]:
    """The far ends of this process's open client connections."""
    ends = []
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with suppress(OSError), socket.socket(fileno=os.dup(number)) as copy:
            ends.append(copy.getpeername())
    return ends


# What is sent, and what is told of the reply


def test_status_body_and_address_are_reported() -> None:
    reply = reply_of(answering())
    assert (reply.status, reply.body, reply.error, reply.address) == (200, b"ok", "", "127.0.0.1")


def test_a_document_is_read_with_get_and_no_body() -> None:
    with Server(answering()) as server:
        assert outbound_client.send_request(server.url(), b"", {}, method="GET").body == b"ok"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"GET /hook HTTP/1.1\r\n")
    assert b"content-length" not in head.lower()
    assert body == b""


def test_the_body_is_sent_byte_for_byte() -> None:
    with Server(answering()) as server:
        outbound_client.send_request(server.url(), b"\x00\xff{}", {"Webhook-Id": "a1"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"\r\nWebhook-Id: a1" in head
    assert body == b"\x00\xff{}"


def test_the_host_header_is_the_urls() -> None:
    with Server(answering()) as server:
        outbound_client.send_request(
            server.url(host=NAME), b"", {"Host": "elsewhere.example.com"}, resolver=to_here
        )
    assert f"\r\nHost: {NAME}:{server.port}\r\n".encode() in server.requests[0]
    assert b"elsewhere" not in server.requests[0]


def test_our_own_headers_cannot_be_replaced() -> None:
    with Server(answering()) as server:
        outbound_client.send_request(
            server.url(), b"", {"accept-encoding": "gzip", "user-agent": "x", "content-length": "9"}
        )
    assert b"Accept-Encoding: identity\r\n" in server.requests[0]
    assert b"User-Agent: Muster-Webhooks/1\r\n" in server.requests[0]
    assert server.requests[0].lower().count(b"content-length") == 1


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\x00", "a\n b", "देव"])
def test_a_header_that_would_break_out_of_its_line_is_not_sent(value: str) -> None:
    with Server(answering()) as server:
        reply = outbound_client.send_request(server.url(), b"", {"Authorization": value})
    assert reply.error == "protocol"
    assert value not in reply.detail
    assert not server.connections


@pytest.mark.parametrize("name", ["X Evil", "X:Evil", "X\r\nEvil", "देव"])
def test_a_header_with_an_impossible_name_is_not_sent(name: str) -> None:
    with Server(answering()) as server:
        assert outbound_client.send_request(server.url(), b"", {name: "1"}).error == "protocol"
        assert not server.connections


def test_retry_after_is_surfaced() -> None:
    reply = reply_of(
        answering(b"HTTP/1.1 503 Busy\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n")
    )
    assert (reply.status, reply.retry_after, reply.error) == (503, "3600", "")


def test_nul_bytes_in_a_reply_pass_through() -> None:
    assert reply_of(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b")).body == b"a\0b"


def test_nul_bytes_never_reach_the_texts_of_a_reply() -> None:
    reply = reply_of(
        answering(
            b"HTTP/1.1 302 \0\r\nLocation: /\0\r\nRetry-After: 1\0\r\nContent-Length: 0\r\n\r\n"
        )
    )
    assert "\0" not in reply.detail + str(reply.retry_after)


def test_a_chunked_reply_is_put_together() -> None:
    assert (
        reply_of(
            answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        ).body
        == b"ok"
    )


@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
)
def test_interim_replies_are_passed_over(interim: bytes) -> None:
    assert reply_of(answering(interim + interim + OK)).status == 200


def test_an_answer_given_before_everything_was_read_counts() -> None:
    def script(server: Server, connection: socket.socket, number: int) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 413 Too much\r\nConnection: close\r\n\r\nno")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    reply = reply_of(script, body=b"x" * 2_000_000)
    assert (reply.status, reply.body, reply.error) == (413, b"no", "")


# Kept connections


def test_two_messages_travel_on_one_connection() -> None:
    with Server(answering()) as server:
        replies = [outbound_client.send_request(server.url(), b"{}", {}) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert (len(server.connections), len(server.requests)) == (1, 2)


def test_a_connection_closed_while_idle_is_replaced() -> None:
    with Server(closing(OK)) as server:
        replies = [outbound_client.send_request(server.url(), b"{}", {}) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 200]


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_kept_connection_closed_without_a_byte_is_retried_once(
    encrypted: bool, tmp_path: Path, settings: Any
) -> None:
    def script(server: Server, connection: socket.socket, number: int) -> None:
        server.read(connection)
        connection.sendall(OK)
        if number == 0:
            server.read(connection)

    context, settings.PUSH_CA_FILE = certificate(tmp_path, "127.0.0.1")
    with Server(script, tls=context if encrypted else None) as server:
        replies = [outbound_client.send_request(server.url(), b"{}", {}) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 200]
    assert len(server.requests) == 3


def test_a_kept_connection_closed_within_a_reply_is_not_retried() -> None:
    def script(server: Server, connection: socket.socket, number: int) -> None:
        server.read(connection)
        connection.sendall(OK)
        server.read(connection)
        connection.sendall(b"HTTP/1.1 2")

    with Server(script) as server:
        replies = [outbound_client.send_request(server.url(), b"{}", {}) for _ in range(2)]
    assert replies[1].error == "protocol"
    assert len(server.requests) == 2


def test_a_fresh_connection_closed_without_a_byte_is_not_retried() -> None:
    with Server(closing()) as server:
        reply = outbound_client.send_request(server.url(), b"{}", {})
    assert (reply.error, len(server.connections)) == ("connect", 1)


def test_a_connection_that_spoke_unasked_is_not_used_again() -> None:
    spoken = threading.Event()

    def script(server: Server, connection: socket.socket, number: int) -> None:
        while server.read(connection):
            connection.sendall(OK)
            if number == 0:
                time.sleep(0.05)
                connection.sendall(OK.replace(b"ok", b"no"))
                spoken.set()

    with Server(script) as server:
        replies = [outbound_client.send_request(server.url(), b"{}", {})]
        spoken.wait(5)
        replies.append(outbound_client.send_request(server.url(), b"{}", {}))
    assert [reply.body for reply in replies] == [b"ok", b"ok"]
    assert len(server.connections) == 2


def test_many_threads_each_get_their_own_reply() -> None:
    def echo(server: Server, connection: socket.socket, number: int) -> None:
        while request := server.read(connection):
            body = request.partition(b"\r\n\r\n")[2]
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )

    bodies = [str(number).encode() for number in range(512)]
    with Server(echo) as server, ThreadPoolExecutor(64) as pool:
        replies = list(
            pool.map(lambda body: outbound_client.send_request(server.url(), body, {}), bodies)
        )
    assert [reply.body for reply in replies] == bodies
    assert len(server.connections) < len(bodies)


# The deadline


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(silent, id="says nothing"),
        pytest.param(dripping(b"", b"H"), id="drips a status line"),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), id="drips headers"),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"), id="drips a body"
        ),
        pytest.param(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), id="drips a body without length"),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
            id="drips chunks",
        ),
        pytest.param(
            dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
            id="drips trailers",
        ),
        pytest.param(
            dripping(b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n"), id="drips an interim reply"
        ),
    ],
)
def test_the_deadline_covers_the_last_byte(script: Script) -> None:
    reply = reply_of(script, deadline_s=SOON)
    assert reply.error == "timeout"
    assert reply.duration_ms < LATE * 1000


def test_the_deadline_covers_sending() -> None:
    reply = reply_of(silent, deadline_s=SOON, body=b"x" * 20_000_000)
    assert (reply.error, reply.duration_ms < LATE * 1000) == ("timeout", True)


def test_the_deadline_covers_the_tls_handshake() -> None:
    with Server(silent) as server:
        reply = outbound_client.send_request(
            server.url().replace("http:", "https:"), b"", {}, deadline_s=SOON
        )
    assert (reply.error, reply.address, reply.duration_ms < LATE * 1000) == (
        "timeout",
        "127.0.0.1",
        True,
    )


def test_the_deadline_covers_a_dripping_tls_handshake() -> None:
    def script(server: Server, connection: socket.socket, number: int) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")
        while not server.closed.wait(0.02):
            connection.sendall(b"\x02")

    with Server(script) as server:
        reply = outbound_client.send_request(
            server.url().replace("http:", "https:"), b"", {}, deadline_s=SOON
        )
    assert (reply.error, reply.duration_ms < LATE * 1000) == ("timeout", True)


def test_the_deadline_covers_the_name_lookup() -> None:
    release = threading.Event()
    try:
        reply = outbound_client.send_request(
            f"http://{NAME}/",
            b"",
            {},
            deadline_s=SOON,
            resolver=lambda _h, _p: [str(release.wait(20))],
        )
    finally:
        release.set()
    assert (reply.error, reply.duration_ms < LATE * 1000) == ("timeout", True)


def test_a_name_whose_lookup_hangs_costs_one_thread_and_holds_up_no_other_name() -> None:
    release = threading.Event()
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        if host != NAME:
            release.wait(20)
        return ["127.0.0.1"]

    try:
        with Server(answering()) as server, ThreadPoolExecutor(16) as pool:
            stuck = [
                pool.submit(
                    outbound_client.send_request,
                    "http://tar.example.com/",
                    b"",
                    {},
                    deadline_s=SOON,
                    resolver=resolver,
                )
                for _ in "x" * 16
            ]
            assert (
                outbound_client.send_request(
                    server.url(host=NAME), b"", {}, resolver=resolver
                ).status
                == 200
            )
            assert {future.result().error for future in stuck} == {"timeout"}
    finally:
        release.set()
    assert sorted(asked) == [NAME, "tar.example.com"]


def test_an_address_that_refuses_leaves_the_message_to_the_next() -> None:
    with Server(answering()) as server:
        reply = outbound_client.send_request(
            server.url(host=NAME), b"", {}, resolver=lambda _h, _p: ["127.0.0.77", "127.0.0.1"]
        )
    assert (reply.status, reply.address) == (200, "127.0.0.1")


def test_an_address_that_swallows_packets_leaves_time_for_the_next() -> None:
    with (
        Server(answering()) as server,
        socket.create_server(("127.0.0.77", server.port), backlog=0) as full,
        ExitStack() as stack,
    ):
        for _ in range(3):  # Fill its queue: what comes after gets no answer at all.
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        addresses = ["127.0.0.77", "127.0.0.1"]
        reply = outbound_client.send_request(
            server.url(host=NAME), b"", {}, deadline_s=2 * SOON, resolver=lambda _h, _p: addresses
        )
    assert (reply.status, reply.address) == (200, "127.0.0.1")
    assert reply.duration_ms > SOON * 500


def test_attempts_that_fail_leave_nothing_open() -> None:
    drip = dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x")
    with (
        Server(drip) as slow,
        Server(closing(b"SSH-2.0\r\n")) as odd,
        Server(silent) as mute,
        ThreadPoolExecutor(40) as pool,
    ):
        ports = {slow.port, odd.port, mute.port}
        urls = [slow.url(), odd.url(), mute.url(), mute.url().replace("http:", "https:")] * 10
        assert all(
            reply.error
            for reply in pool.map(
                lambda url: outbound_client.send_request(url, b"", {}, deadline_s=SOON), urls
            )
        )
        assert not [name for name in our_connections() if name[1] in ports]


def test_fifty_slow_servers_end_together() -> None:
    started = time.monotonic()
    with (
        Server(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x")) as server,
        ThreadPoolExecutor(50) as pool,
    ):
        replies = list(
            pool.map(
                lambda _: outbound_client.send_request(server.url(), b"", {}, deadline_s=SOON),
                range(50),
            )
        )
    assert {reply.error for reply in replies} == {"timeout"}
    assert time.monotonic() - started < LATE + 1


def test_a_forked_worker_keeps_its_deadlines_and_shares_no_connection() -> None:
    with Server(answering()) as lively, Server(silent) as slow:
        outbound_client.send_request(lively.url(), b"", {})
        child = os.fork()
        if child == 0:
            status = 1
            try:
                late = outbound_client.send_request(slow.url(), b"", {}, deadline_s=SOON)
                status = (
                    0
                    if late.error == "timeout"
                    and outbound_client.send_request(lively.url(), b"", {}).status == 200
                    else 1
                )
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert len(lively.connections) == 2


# How much a server may say


def test_of_300_megabytes_64_kilobytes_are_read() -> None:
    piece = b"x" * 1_000_000
    tracemalloc.start()
    try:
        reply = reply_of(
            flooding(b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n", piece, 300)
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (reply.status, reply.error, len(reply.body)) == (200, "", 64 * 1024)
    assert peak < 4_000_000


def test_a_reply_of_exactly_64_kilobytes_is_whole_and_the_connection_is_kept() -> None:
    with Server(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n" + b"x" * 65536)
    ) as server:
        replies = [outbound_client.send_request(server.url(), b"", {}) for _ in range(2)]
    assert [(len(reply.body), reply.detail) for reply in replies] == [(65536, "")] * 2
    assert len(server.connections) == 1


def test_a_connection_with_more_to_say_is_not_kept() -> None:
    with Server(
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + b"x" * 65537)
    ) as server:
        replies = [outbound_client.send_request(server.url(), b"", {}) for _ in range(2)]
    assert [len(reply.body) for reply in replies] == [65536] * 2
    assert len(server.connections) == 2


def test_a_gzip_bomb_is_not_inflated() -> None:
    bomb = gzip.compress(bytes(30_000_000))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    assert reply_of(answering(head + bomb)).body == bomb


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            flooding(b"HTTP/1.1 200 OK\r\n", b"X-Header: y\r\n", 10_000), id="10 000 headers"
        ),
        pytest.param(
            flooding(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536, 500), id="a header without end"
        ),
        pytest.param(flooding(b"HTTP/1.1 200 ", b"y" * 65536, 500), id="a status line without end"),
        pytest.param(
            flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 100_000),
            id="interim replies without end",
        ),
        pytest.param(
            flooding(b"HTTP/1.1 103 Hints\r\n", b"X: y\r\n", 1_000_000),
            id="an interim reply without end",
        ),
    ],
)
def test_a_head_without_end_is_a_protocol_error_in_bounded_memory(script: Script) -> None:
    tracemalloc.start()
    try:
        reply = reply_of(script)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reply.error == "protocol"
    assert peak < 4_000_000


@pytest.mark.parametrize(
    "piece", [b"1;" + b"e" * 60_000 + b"\r\nx\r\n", b"0\r\n" + b"X: y\r\n" * 10_000]
)
def test_a_body_that_is_mostly_framing_is_too_large(piece: bytes) -> None:
    reply = reply_of(
        flooding(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", piece, 1000)
    )
    assert (reply.status, reply.error) == (200, "too_large")


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.example.com ESMTP\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/7.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_what_is_not_proper_http_is_a_protocol_error(said: bytes) -> None:
    assert reply_of(closing(said)).error == "protocol"


# Where a message may go


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with Server(answering()) as inside:
        said = (
            f"HTTP/1.1 {status} Go\r\nLocation: {inside.url()}\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        reply = reply_of(answering(said))
        assert (reply.status, reply.error) == (status, "redirect")
        assert not inside.connections


def test_a_redirect_to_the_metadata_address_is_told_and_not_followed() -> None:
    reply = reply_of(
        answering(
            b"HTTP/1.1 302 Go\r\nLocation: http://169.254.169.254/latest\r\nContent-Length:"
            b" 0\r\n\r\n"
        )
    )
    assert (reply.status, reply.error, reply.address) == (302, "redirect", "127.0.0.1")
    assert "169.254.169.254" in reply.detail


def test_the_proxy_of_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(answering()) as proxy, Server(answering()) as server:
        for name in (
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
        ):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert outbound_client.send_request(server.url(), b"", {}).status == 200
        assert (len(proxy.connections), len(server.connections)) == (0, 1)


def test_neither_netrc_nor_cookies_are_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with Server(
        answering(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    ) as server:
        for _ in range(2):
            outbound_client.send_request(server.url(), b"", {})
    assert b"cookie" not in server.requests[1].lower()
    assert b"authorization" not in server.requests[1].lower()


@pytest.mark.parametrize(
    "bad",
    [
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "fe80::1%1",
        "nonsense",
    ],
)
def test_a_name_with_one_forbidden_address_is_refused_whole(bad: str) -> None:
    with Server(answering()) as server:
        reply = outbound_client.send_request(
            server.url(host=NAME), b"", {}, resolver=lambda _h, _p: ["127.0.0.1", bad]
        )
        assert (reply.error, reply.address) == ("forbidden_address", "")
        assert not server.connections


def test_a_name_that_leads_here_only_after_it_was_saved_is_refused(settings: Any) -> None:
    settings.PUSH_ALLOWED_NETWORKS = []
    with Server(answering()) as server:
        saved = check_url(server.url(host=NAME), allow_http=True, allowed_networks=[])
        reply = outbound_client.send_request(saved, b"", {}, resolver=to_here)
        assert reply.error == "forbidden_address"
        assert not server.connections


def test_a_name_is_looked_up_once_per_connection() -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with Server(answering()) as server:
        reply = outbound_client.send_request(
            server.url(host=NAME), b"", {}, resolver=lambda _h, _p: next(answers)
        )
    assert (reply.status, reply.address) == (200, "127.0.0.1")


def test_a_connection_made_when_it_was_allowed_is_not_used_when_it_no_longer_is(
    settings: Any,
) -> None:
    with Server(answering()) as server:
        assert (
            outbound_client.send_request(server.url(host=NAME), b"", {}, resolver=to_here).status
            == 200
        )
        settings.PUSH_ALLOWED_NETWORKS = ["127.0.0.2/32"]
        assert (
            outbound_client.send_request(server.url(host=NAME), b"", {}, resolver=to_here).error
            == "forbidden_address"
        )


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://0x7f000001/",
        "file:///etc/passwd",
        "http://a@127.0.0.1/",
        "",
        "\x00",
    ],
)
def test_the_url_is_judged_again_at_every_attempt(url: str) -> None:
    assert outbound_client.send_request(url, b"", {}).error == "forbidden_url"


def test_http_is_refused_unless_the_operator_allows_it(settings: Any) -> None:
    settings.PUSH_ALLOW_HTTP = False
    assert reply_of(answering()).error == "forbidden_url"


@pytest.mark.parametrize(
    "trouble", [OSError("gone"), UnicodeError("label too long"), RuntimeError("?")]
)
def test_a_name_that_cannot_be_found_is_a_dns_error(trouble: Exception) -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise trouble

    assert (
        outbound_client.send_request(f"https://{NAME}/", b"", {}, resolver=resolver).error == "dns"
    )


def test_a_name_without_addresses_is_a_dns_error() -> None:
    assert (
        outbound_client.send_request(f"https://{NAME}/", b"", {}, resolver=lambda _h, _p: []).error
        == "dns"
    )


def test_a_closed_port_is_a_connect_error() -> None:
    with Server(answering()) as server:
        url = server.url()
    assert outbound_client.send_request(url, b"", {}).error == "connect"


# TLS


def test_a_self_signed_certificate_is_refused(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, "127.0.0.1")
    with Server(answering(), tls=context) as server:
        reply = outbound_client.send_request(server.url(), b"secret", {})
    assert (reply.error, reply.status, server.requests) == ("tls", None, [])


def test_a_certificate_of_the_operators_own_authority_is_accepted(
    tmp_path: Path, settings: Any
) -> None:
    context, settings.PUSH_CA_FILE = certificate(tmp_path, NAME)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with Server(answering(), tls=context) as server:
        replies = [
            outbound_client.send_request(server.url(host=NAME), b"", {}, resolver=to_here)
            for _ in range(2)
        ]
    assert [reply.status for reply in replies] == [200, 200]
    assert names == [NAME]


def test_a_certificate_of_another_name_is_refused(tmp_path: Path, settings: Any) -> None:
    context, settings.PUSH_CA_FILE = certificate(tmp_path, "other.example.com", "127.0.0.1")
    with Server(answering(), tls=context) as server:
        assert (
            outbound_client.send_request(server.url(host=NAME), b"", {}, resolver=to_here).error
            == "tls"
        )


def test_tls_1_1_is_refused(tmp_path: Path, settings: Any) -> None:
    context, settings.PUSH_CA_FILE = certificate(tmp_path, "127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Server(answering(), tls=context) as server:
        assert outbound_client.send_request(server.url(), b"", {}).error == "tls"


def test_a_server_without_tls_is_a_tls_error() -> None:
    def script(server: Server, connection: socket.socket, number: int) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Server(script) as server:
        assert (
            outbound_client.send_request(server.url().replace("http:", "https:"), b"", {}).error
            == "tls"
        )


def test_a_trust_file_that_is_missing_is_a_tls_error(settings: Any) -> None:
    settings.PUSH_CA_FILE = "/nonexistent/ca.pem"
    with Server(answering()) as server:
        assert (
            outbound_client.send_request(server.url().replace("http:", "https:"), b"", {}).error
            == "tls"
        )


def test_a_dripping_reply_inside_tls_meets_the_deadline(tmp_path: Path, settings: Any) -> None:
    context, settings.PUSH_CA_FILE = certificate(tmp_path, "127.0.0.1")
    with Server(dripping(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), tls=context) as server:
        reply = outbound_client.send_request(server.url(), b"", {}, deadline_s=SOON)
    assert (reply.status, reply.error, reply.duration_ms < LATE * 1000) == (200, "timeout", True)


def test_the_operators_networks_may_be_written_with_host_bits(settings: Any) -> None:
    settings.PUSH_ALLOWED_NETWORKS = ["127.0.0.1/8"]
    assert ip_network("127.0.0.0/8") in outbound_request.current_policy().allowed_networks
