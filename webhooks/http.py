"""One POST (or GET) to a stranger's server: the only file of the project that opens outbound sockets.

`webhooks.delivery` calls `send` from up to 64 threads, holding no transaction; single sign-on reads a provider's documents
and redeems codes with it. The server at the other end belongs to a
customer and may be slow, broken or hostile, so four things are enforced here that no HTTP library offers together:
every address of a name is judged at connect time and the connection goes to a judged address; one total deadline covers
everything from the name lookup to the last byte; what is read is bounded; and nothing from the environment (proxies,
.netrc, cookies, redirects) has a say. Connections are kept alive between attempts.

The deadline is enforced by one thread (`_Reaper`) that shuts the connection down under a thread that is still using it:
socket timeouts start again with every byte, so a server that drips one byte a second would never meet one.
"""

from __future__ import annotations

import heapq
import io
import itertools
import logging
import os
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address, ip_network
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from django.conf import settings
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as ReadTimeout
from urllib3.response import BaseHTTPResponse
from urllib3.util.response import assert_header_parsing

from webhooks.addresses import Network, check_url, refusal

logger = logging.getLogger(__name__)

USER_AGENT = "Muster-Webhooks/1"
LONGEST_BODY = 64 * 1024
LONGEST_HEAD = 64 * 1024  # Status line and headers, interim replies included.
LONGEST_WIRE = 8 * LONGEST_BODY  # A body with its framing: one-byte chunks cost six bytes each.
MOST_INTERIM = 8
MOST_TRIED = 4  # Addresses of one name that are tried within one attempt; all are judged.

IDLE_PER_HOST = 16
IDLE_IN_ALL = 256
IDLE_S = 55.0
LONGEST_LIFE_S = 600.0  # A kept connection must notice some day that the customer's name has moved.

MOST_LOOKUPS = 256
STUCK_LOOKUP_S = 60.0

Resolver = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one attempt. The server took the message only if `error` is empty and `status` is a 2xx.

    `error` is "" or one of dns, forbidden_address, forbidden_url, connect, tls, timeout, protocol, too_large, redirect.
    `status` and `body` (at most 64 KiB, raw bytes) may be there beside an error: they tell how far it got.
    `address` is the IP connected to, "" if none; `detail` is one printable line for people.
    """

    status: int | None
    body: bytes
    error: str
    detail: str
    address: str
    duration_ms: int
    retry_after: str | None


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, as the system resolves it, in the order it prefers. Raises OSError. No deadline of its own."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def send(
    url: str, body: bytes, headers: Mapping[str, str], *, deadline_s: float = 15.0, resolver: Resolver | None = None,
    method: str = "POST",
) -> Reply:  # fmt: skip
    """POST `body` (or GET, with an empty one) once and report.

    It ends within `deadline_s` seconds (give or take one) whatever the other side does.

    Nothing a remote server, name server or URL does raises. A kept connection that turns out to be closed before any byte
    of reply is replaced by a fresh one, once. Host, lengths, encoding and User-Agent are ours, whatever `headers` say.
    `resolver` is for tests; None means `resolve`.
    """
    progress = _Progress()
    error, detail = "", ""
    started = time.monotonic()
    with _Deadline(deadline_s) as deadline:
        try:
            errand = _errand(url, body, headers, deadline, resolver or resolve, method)
            _run(errand, progress)
            error, detail = _verdict(progress)
        except Exception as trouble:  # noqa: BLE001 - strangers' bytes reach parsers that are not ours; none may raise here.
            error, detail = _classify(trouble)
            if deadline.over:
                error, detail = "timeout", f"No complete answer within {deadline_s:g} seconds."
    return Reply(
        status=progress.status,
        body=bytes(progress.body[:LONGEST_BODY]),
        error=error,
        detail=_printable(detail, 300),
        address=progress.address,
        duration_ms=round((time.monotonic() - started) * 1000),
        retry_after=progress.retry_after,
    )


def close_idle() -> None:
    """Close the connections kept for later; those in use are not touched."""
    _shared.idle.close()


# --- What an attempt is made of ----------------------------------------------------------------------------------------


class _AttemptError(Exception):
    """An attempt has failed for a reason we know: one of the classes of `Reply.error`, and a sentence."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error
        self.detail = detail


class _UnansweredError(ConnectionError):
    """The connection ended before the first byte of a reply."""


@dataclass(slots=True)
class _Progress:
    """How far an attempt has come: what is known of it even if it fails half-way."""

    status: int | None = None
    body: bytes = b""
    address: str = ""
    retry_after: str | None = None
    location: str = ""


class _Policy(NamedTuple):
    """What the operator allows. Part of a kept connection's key: one made under another policy is not used again."""

    allowed: tuple[Network, ...]
    allow_http: bool
    ca_file: str


class _Origin(NamedTuple):
    scheme: str
    host: str
    port: int
    policy: _Policy


@dataclass(frozen=True, slots=True)
class _Errand:
    origin: _Origin
    target: str
    headers: dict[str, str]
    body: bytes
    deadline: _Deadline
    resolver: Resolver
    method: str


def _policy() -> _Policy:
    networks = _networks(tuple(settings.PUSH_ALLOWED_NETWORKS))
    return _Policy(networks, bool(settings.PUSH_ALLOW_HTTP), str(getattr(settings, "PUSH_CA_FILE", "")))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


@lru_cache(maxsize=8)
def _tls_context(ca_file: str) -> ssl.SSLContext:
    """Shared by all connections; set up completely here, because changing it while others shake hands is not safe."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def _errand(url: str, body: bytes, headers: Mapping[str, str], deadline: _Deadline, resolver: Resolver, method: str) -> _Errand:
    policy = _policy()
    try:
        parts = urlsplit(check_url(url, allow_http=policy.allow_http, allowed=policy.allowed))
    except ValueError as why:
        raise _AttemptError("forbidden_url", str(why)) from why
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    origin = _Origin(parts.scheme, parts.hostname or "", port, policy)
    return _Errand(origin, target, _headers(headers), body, deadline, resolver, method)


# fmt: off
_OURS = frozenset((
    "host", "content-length", "transfer-encoding", "accept-encoding", "user-agent", "connection", "keep-alive", "te", "trailer",
    "upgrade", "expect",
))
# fmt: on


def _headers(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in given.items() if name.lower() not in _OURS}
    for name, value in kept.items():
        # Said without the value, which may be a secret.
        if not _fits_on_a_line(name) or ":" in name or " " in name or not _fits_on_a_line(value):
            raise _AttemptError("protocol", f"The header {name!r} contains characters that cannot be sent.")
    return {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **kept}


def _fits_on_a_line(text: str) -> bool:
    return all(" " <= letter <= "\xff" and letter != "\x7f" for letter in text)


def _printable(text: str, most: int) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:most]).strip()


def _verdict(progress: _Progress) -> tuple[str, str]:
    """Error and detail of an exchange that was completed."""
    if progress.status is not None and 300 <= progress.status < 400:
        return "redirect", f"The server redirects to {progress.location or 'nowhere'}; redirects are not followed."
    if len(progress.body) > LONGEST_BODY:
        return "", "The reply is longer than 64 KiB; the rest was not read."
    return "", ""


def _classify(trouble: Exception) -> tuple[str, str]:
    match trouble:
        case _AttemptError():
            return trouble.error, trouble.detail
        case TimeoutError() | ReadTimeout():
            return "timeout", "No complete answer in time."
        case HTTPError() | HTTPException() if not isinstance(trouble, OSError):
            return "protocol", f"The reply is not proper HTTP: {trouble}"
        case ssl.SSLError():
            return "tls", f"The encrypted connection broke: {trouble.reason or trouble}"
        case OSError():
            return "connect", f"The connection broke: {trouble.strerror or trouble}"
        case _:
            logger.exception("A reply upset its reader", exc_info=trouble)
            return "protocol", f"The reply could not be read ({type(trouble).__name__})."


# --- One exchange ------------------------------------------------------------------------------------------------------


def _run(errand: _Errand, progress: _Progress) -> None:
    kept = _shared.idle.take(errand.origin)
    if kept is not None:
        try:
            _exchange(kept, errand, progress)
        except _UnansweredError:
            # Closed by the server while it lay idle. A repeat would be harmless (same id), and this is hardly one.
            if errand.deadline.over:
                raise
        else:
            return
    connection = _Encrypted(errand.origin) if errand.origin.scheme == "https" else _Connection(errand.origin)
    _exchange(connection, errand, progress)


def _exchange(connection: _Connection, errand: _Errand, progress: _Progress) -> None:
    """Send, read, and keep the connection if both sides are exactly at the end of the reply; close it in any other case."""
    keep = False
    try:
        connection.ready(errand)
        _write(connection, errand)
        connection.timeout = errand.deadline.left()
        answer = connection.getresponse()
        with closing(answer):
            complete = _read(answer, progress)
        # The reaper's shutdown looks like the ordinary end of a reply without a length; this is where it is told apart.
        errand.deadline.met()
        keep = complete and connection.sock is not None
    finally:
        progress.address = connection.address
        if keep:
            _shared.idle.give(connection)
        else:
            connection.close()


def _write(connection: _Connection, errand: _Errand) -> None:
    try:
        connection.request(
            errand.method, errand.target, errand.body or None, errand.headers, preload_content=False, decode_content=False
        )
    except TimeoutError:
        raise
    except OSError:
        # A server may answer and hang up before it has read everything (413, 401): its answer is still to be read.
        if connection.sock is None:
            raise _UnansweredError("closed while sending") from None
    # Simple servers write headers and body separately and wait for our acknowledgement in between: do not delay it by 40 ms.
    with suppress(OSError, AttributeError):  # Linux only; elsewhere it stays slow.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _read(answer: BaseHTTPResponse, progress: _Progress) -> bool:
    """Read at most one byte more than is kept; True if that was all of it and the connection can serve again."""
    progress.status = answer.status
    progress.location = _printable(answer.headers.get("Location", ""), 200)
    if "Retry-After" in answer.headers:
        progress.retry_after = _printable(answer.headers["Retry-After"], 100)
    if answer.status == 101:
        raise HTTPException("it switches protocols unasked")
    while len(progress.body) <= LONGEST_BODY:
        piece = answer.read(LONGEST_BODY + 1 - len(progress.body), decode_content=False)
        if not piece:
            return True
        progress.body += piece
    return False


class _Meter(io.RawIOBase):
    """Counts what a connection delivers, and stops at a limit whatever the bytes pretend to be."""

    def __init__(self, source: socket.SocketIO) -> None:
        super().__init__()
        self._source = source
        self.seen = 0
        self._left = 0
        self._excess = _AttemptError("protocol", "")
        self.allow(LONGEST_HEAD, _AttemptError("protocol", "The headers of the reply are too long."))

    def allow(self, count: int, excess: _AttemptError) -> None:
        self._left = count
        self._excess = excess

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]
        count = self._source.readinto(buffer)
        self.seen += count or 0
        self._left -= count or 0
        if self._left < 0:
            raise self._excess
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class _Answer(HTTPResponse):
    """The standard library's reply, metered, and patient with every interim (1xx) reply instead of 100 alone."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self._meter = _Meter(sock.makefile("rb", buffering=0))
        self.fp = io.BufferedReader(self._meter)

    def begin(self) -> None:
        try:
            super().begin()
        except OSError as trouble:
            if self._meter.seen == 0 and not isinstance(trouble, TimeoutError):
                raise _UnansweredError("closed without an answer") from trouble
            raise
        assert_header_parsing(self.msg)
        self._meter.allow(LONGEST_WIRE, _AttemptError("too_large", "The reply is mostly framing."))

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:
                return version, status, reason
            while self.fp.readline(LONGEST_HEAD + 1) not in (b"\r\n", b"\n", b""):
                pass
        raise HTTPException("too many interim replies")


class _Connection(HTTPConnection):
    """A connection that goes only to an address that was judged, and ends when the errand's deadline does."""

    response_class = _Answer

    def __init__(self, origin: _Origin) -> None:
        super().__init__(origin.host, origin.port)
        self.origin = origin
        self.address = ""
        self.born = self.idle_since = time.monotonic()
        self._errand: _Errand | None = None

    def ready(self, errand: _Errand) -> None:
        """Be connected, and under the errand's deadline."""
        self.timeout = errand.deadline.left()
        if self.sock is not None:
            errand.deadline.watch(self.sock)
            return
        self._errand = errand
        try:
            self.connect()
        finally:
            self._errand = None

    def _new_conn(self) -> socket.socket:
        if self._errand is None:  # urllib3 would connect by itself if a request met a closed connection.
            raise _UnansweredError("closed before the request")
        sock, self.address = _dial(self._errand)
        return sock

    def usable(self, now: float) -> bool:
        """Open, not too old, and silent: a kept connection that has something to say has ended or is out of step."""
        young = now - self.born < LONGEST_LIFE_S and now - self.idle_since < IDLE_S
        pending = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
        return young and not pending and self.is_connected


class _Encrypted(_Connection):
    default_port = 443  # type: ignore[misc]

    def connect(self) -> None:
        super().connect()
        if self._errand is None:
            raise _UnansweredError("closed before the request")
        try:
            context = _tls_context(self.origin.policy.ca_file)
            self.sock.settimeout(self._errand.deadline.left())
            self.sock = context.wrap_socket(self.sock, server_hostname=self.origin.host)
        except ssl.SSLCertVerificationError as trouble:
            raise _AttemptError("tls", f"The server's certificate is not valid: {trouble.verify_message}.") from trouble
        except OSError as trouble:
            why = getattr(trouble, "reason", None) or trouble.strerror or str(trouble)
            raise _AttemptError("tls", f"No encrypted connection could be made: {why}.") from trouble


# --- Names and addresses -----------------------------------------------------------------------------------------------


def _dial(errand: _Errand) -> tuple[socket.socket, str]:
    """A TCP connection to one of the name's addresses, and that address. One forbidden address refuses the whole name."""
    host, port, policy = errand.origin.host, errand.origin.port, errand.origin.policy
    addresses = _addresses(host, port, errand)
    for address in addresses:
        if why := refusal(address, policy.allowed):
            raise _AttemptError("forbidden_address", f"{host} leads to {why}, which cannot be used.")
    tried = addresses[:MOST_TRIED]
    trouble: OSError = ConnectionError("no address")
    for index, address in enumerate(tried):
        left = errand.deadline.left()
        try:
            # An address that swallows packets must leave time for the next one.
            return _connect(address, port, left / (len(tried) - index), errand.deadline), address
        except OSError as failed:
            trouble = failed
    errand.deadline.left()
    raise _AttemptError("connect", f"No connection to {host} port {port}: {trouble.strerror or 'no answer'}.") from trouble


def _addresses(host: str, port: int, errand: _Errand) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return list(dict.fromkeys(_shared.lookups.find(host, port, errand.resolver, errand.deadline)))


def _connect(address: str, port: int, timeout: float, deadline: _Deadline) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        deadline.watch(sock)
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock


class _Lookups:
    """Name lookups, which cannot be interrupted, each in a thread of its own so that a sender need not wait for its end.

    A name that is being looked up is not looked up a second time, so a name server that never answers costs one thread per
    name, not one per attempt. At most MOST_LOOKUPS run at once; beyond that a lookup fails at once and is retried with the
    delivery. libc gives up by itself within a minute or so; a lookup older than STUCK_LOOKUP_S is counted no more, so even
    lookups that hang for good cannot keep the others out for longer than that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: OrderedDict[tuple[Resolver, str], tuple[Future[Sequence[str]], float]] = OrderedDict()

    def find(self, host: str, port: int, resolver: Resolver, deadline: _Deadline) -> Sequence[str]:
        found = self._lookup(host, port, resolver).result(timeout=deadline.left())
        if not found:
            raise _AttemptError("dns", f"The name {host} has no address.")
        return found

    def _lookup(self, host: str, port: int, resolver: Resolver) -> Future[Sequence[str]]:
        key = (resolver, host)
        now = time.monotonic()
        with self._lock:
            while self._running and now - next(iter(self._running.values()))[1] > STUCK_LOOKUP_S:
                self._running.popitem(last=False)
            if key in self._running:
                return self._running[key][0]
            if len(self._running) >= MOST_LOOKUPS:
                raise _AttemptError("dns", "Too many name lookups are hanging; this one will be tried again.")
            future: Future[Sequence[str]] = Future()
            self._running[key] = (future, now)
        work = threading.Thread(target=self._work, args=(key, port, future), name="push-lookup", daemon=True)
        try:
            work.start()
        except RuntimeError as trouble:  # No more threads to be had.
            self._end(key, future)
            future.set_exception(_AttemptError("dns", "No name lookup can be started now."))
            raise _AttemptError("dns", "No name lookup can be started now.") from trouble
        return future

    def _work(self, key: tuple[Resolver, str], port: int, future: Future[Sequence[str]]) -> None:
        resolver, host = key
        try:
            found = resolver(host, port)
        except Exception as trouble:  # noqa: BLE001 - handed to whoever waits; a resolver may fail in many ways.
            self._end(key, future)
            why = getattr(trouble, "strerror", None) or str(trouble)
            future.set_exception(_AttemptError("dns", f"The name {host} could not be found: {why}."))
        else:
            self._end(key, future)
            future.set_result(found)

    def _end(self, key: tuple[Resolver, str], future: Future[Sequence[str]]) -> None:
        with self._lock:
            if self._running.get(key, (None, 0.0))[0] is future:
                del self._running[key]


# --- The deadline ------------------------------------------------------------------------------------------------------


class _Deadline:
    """One attempt's end. While it watches a socket, that socket is shut down when the time is up.

    It holds a duplicate of the descriptor: wrapping a socket in TLS takes the descriptor away from the object that had it,
    and closing one while another thread shuts it down could hit a stranger's. The duplicate is ours alone.
    """

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._passed = False

    @property
    def over(self) -> bool:
        return self._passed or time.monotonic() >= self.at

    def left(self) -> float:
        """Seconds left, more than 0. Raises TimeoutError when there are none."""
        left = self.at - time.monotonic()
        if self._passed or left <= 0:
            raise TimeoutError
        return left

    def watch(self, sock: socket.socket) -> None:
        """Watch this socket, and no other any more."""
        line = socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))
        self.release()
        with self._lock:
            self._line = line
        self.left()

    def release(self) -> None:
        with self._lock:
            if self._line is not None:
                self._line.close()
                self._line = None

    def met(self) -> None:
        """Stop watching, for good: the work is done. Raises TimeoutError if it was not done in time."""
        self.release()
        self.left()

    def fire(self) -> None:
        """The time is up: whoever reads, writes or shakes hands on the socket wakes up with an end or an error."""
        with self._lock:
            self._passed = True
            if self._line is not None:
                with suppress(OSError):  # Not connected yet, or not any more.
                    self._line.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        _shared.reaper.add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


class _Reaper:
    """The one thread that ends attempts whose time is up. Deadlines that were met stay in the heap till their hour, idle."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, _Deadline]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, deadline: _Deadline) -> None:
        with self._condition:
            heapq.heappush(self._heap, (deadline.at, next(self._numbers), deadline))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="push-reaper", daemon=True)
                self._thread.start()
            if self._heap[0][2] is deadline:
                self._condition.notify()

    def _work(self) -> None:
        while True:
            self._next().fire()

    def _next(self) -> _Deadline:
        with self._condition:
            while not self._heap or self._heap[0][0] > time.monotonic():
                self._condition.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
            return heapq.heappop(self._heap)[2]


# --- Kept connections --------------------------------------------------------------------------------------------------


class _Idle:
    """Connections waiting for the next errand to the same origin: the last used first, the longest forgotten evicted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_origin: OrderedDict[_Origin, list[_Connection]] = OrderedDict()
        self._count = 0

    def take(self, origin: _Origin) -> _Connection | None:
        while True:
            with self._lock:
                kept = self._by_origin.get(origin)
                if not kept:
                    return None
                connection = self._pop(origin, -1)
            if connection.usable(time.monotonic()):
                return connection
            connection.close()

    def give(self, connection: _Connection) -> None:
        origin = connection.origin
        connection.idle_since = now = time.monotonic()
        surplus = []
        with self._lock:
            kept = self._by_origin.setdefault(origin, [])
            self._by_origin.move_to_end(origin)
            kept.append(connection)
            self._count += 1
            if len(kept) > IDLE_PER_HOST:
                surplus.append(self._pop(origin, 0))
            while self._count > IDLE_IN_ALL or now - next(iter(self._by_origin.values()))[0].idle_since > IDLE_S:
                surplus.append(self._pop(next(iter(self._by_origin)), 0))
        for old in surplus:
            old.close()

    def _pop(self, origin: _Origin, index: int) -> _Connection:
        kept = self._by_origin[origin]
        connection = kept.pop(index)
        self._count -= 1
        if not kept:
            del self._by_origin[origin]
        return connection

    def close(self) -> None:
        with self._lock:
            everything = [connection for kept in self._by_origin.values() for connection in kept]
            self._by_origin.clear()
            self._count = 0
        for connection in everything:
            connection.close()


class _Shared:
    """What the threads of one process share."""

    def __init__(self) -> None:
        self.start_afresh()

    def start_afresh(self) -> None:
        """Threads do not survive a fork, and two processes must not speak on one connection."""
        self.idle = _Idle()
        self.lookups = _Lookups()
        self.reaper = _Reaper()


_shared = _Shared()
os.register_at_fork(after_in_child=_shared.start_afresh)
