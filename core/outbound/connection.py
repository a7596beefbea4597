"""Connections to strangers' servers: the only file of the project that opens outbound sockets, and
that knows urllib3. `core.outbound.client` sends a request over one of these and reads its reply.

Every address of a name is judged at connect time, and the connection goes to a judged address; what
is sent and read ends with the deadline of the request.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import time
from contextlib import suppress
from http.client import HTTPException
from ipaddress import ip_address

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as ReadTimeout
from urllib3.response import BaseHTTPResponse
from urllib3.util.response import assert_header_parsing

from core.outbound.connection_pool import MAX_IDLE_S
from core.outbound.deadlines import Deadline
from core.outbound.dns import DnsLookups
from core.outbound.outbound_request import OutboundOrigin, OutboundRequest, tls_context
from core.outbound.response_reader import (
    MAX_BODY_BYTES,
    LimitedResponse,
    NoResponseError,
    OutboundRequestError,
    ResponseProgress,
    printable_text,
)
from core.outbound.ssrf_guard import forbidden_address_reason

logger = logging.getLogger(__name__)

MAX_ADDRESSES_TRIED = 4  # Addresses of one name that are tried within one attempt; all are judged.
MAX_CONNECTION_AGE_S = (
    600.0  # A kept connection must notice some day that the customer's name has moved.
)

# Shared by the threads of one process; `core.outbound.client` resets them after a fork.
dns_lookups = DnsLookups()


def resolve_host(host: str, port: int) -> list[str]:
    """All addresses of a name, as the system resolves it, in the order it prefers. Raises OSError.
    No deadline of its own.
    """
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def classify_error(trouble: Exception) -> tuple[str, str]:
    """The code and the text of what went wrong in an exchange, for an `OutboundResponse`."""
    match trouble:
        case OutboundRequestError():
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


def write_request(connection: Connection, errand: OutboundRequest) -> None:
    """Send the request on an open connection."""
    try:
        connection.request(
            errand.method,
            errand.target,
            errand.body or None,
            errand.headers,
            preload_content=False,
            decode_content=False,
        )
    except TimeoutError:
        raise
    except OSError:
        # A server may answer and hang up before it has read everything (413, 401): its answer is
        # still to be read.
        if connection.sock is None:
            raise NoResponseError("closed while sending") from None
    # Simple servers write headers and body separately and wait for our acknowledgement in between:
    # do not delay it by 40 ms.
    with suppress(OSError, AttributeError):  # Linux only; elsewhere it stays slow.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def read_response(answer: BaseHTTPResponse, progress: ResponseProgress) -> bool:
    """Read at most one byte more than is kept; True if that was all of it and the connection can
    serve again.
    """
    progress.status = answer.status
    progress.location = printable_text(answer.headers.get("Location", ""), 200)
    if "Retry-After" in answer.headers:
        progress.retry_after = printable_text(answer.headers["Retry-After"], 100)
    if answer.status == 101:
        raise HTTPException("it switches protocols unasked")
    while len(progress.body) <= MAX_BODY_BYTES:
        piece = answer.read(MAX_BODY_BYTES + 1 - len(progress.body), decode_content=False)
        if not piece:
            return True
        progress.body += piece
    return False


class _StrictResponse(LimitedResponse):
    """The metered reply, strict about its headers."""

    def begin(self) -> None:
        super().begin()
        assert_header_parsing(self.msg)


class _SocketHandle:
    """What a deadline cuts: a duplicate of a socket's descriptor.

    Wrapping a socket in TLS takes the descriptor away from the object that had it, and closing one
    while another thread shuts it down could hit a stranger's. The duplicate is the deadline's
    alone.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._copy = socket.socket(sock.family, sock.type, sock.proto, fileno=os.dup(sock.fileno()))

    def abort(self) -> None:
        with suppress(OSError):  # Not connected yet, or not any more.
            self._copy.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._copy.close()


class Connection(HTTPConnection):
    """A connection that goes only to an address that was judged, and ends when the errand's
    deadline does.
    """

    response_class = _StrictResponse

    def __init__(self, origin: OutboundOrigin) -> None:
        super().__init__(origin.host, origin.port)
        self.origin = origin
        self.address = ""
        self.opened_at = self.idle_since = time.monotonic()
        self._current_request: OutboundRequest | None = None

    def ensure_connected(self, errand: OutboundRequest) -> None:
        """Be connected, and under the errand's deadline."""
        self.timeout = errand.deadline.remaining()
        if self.sock is not None:
            errand.deadline.watch(_SocketHandle(self.sock))
            return
        self._current_request = errand
        try:
            self.connect()
        finally:
            self._current_request = None

    def _new_conn(self) -> socket.socket:
        if (
            self._current_request is None
        ):  # urllib3 would connect by itself if a request met a closed connection.
            raise NoResponseError("closed before the request")
        sock, self.address = _connect_to_allowed_address(self._current_request)
        return sock

    def is_usable(self, now: float) -> bool:
        """Open, not too old, and silent: a kept connection that has something to say has ended or
        is out of step.
        """
        young = now - self.opened_at < MAX_CONNECTION_AGE_S and now - self.idle_since < MAX_IDLE_S
        pending = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
        return young and not pending and self.is_connected


class TLSConnection(Connection):
    """The same over TLS, with the server's certificate checked for the name."""

    default_port = 443  # type: ignore[misc]

    def connect(self) -> None:
        super().connect()
        if self._current_request is None:
            raise NoResponseError("closed before the request")
        try:
            context = tls_context(self.origin.policy.ca_file)
            self.sock.settimeout(self._current_request.deadline.remaining())
            self.sock = context.wrap_socket(self.sock, server_hostname=self.origin.host)
        except ssl.SSLCertVerificationError as trouble:
            raise OutboundRequestError(
                "tls", f"The server's certificate is not valid: {trouble.verify_message}."
            ) from trouble
        except OSError as trouble:
            why = getattr(trouble, "reason", None) or trouble.strerror or str(trouble)
            raise OutboundRequestError(
                "tls", f"No encrypted connection could be made: {why}."
            ) from trouble


def _connect_to_allowed_address(errand: OutboundRequest) -> tuple[socket.socket, str]:
    """A TCP connection to one of the name's addresses, and that address. One forbidden address
    refuses the whole name.
    """
    host, port, policy = errand.origin.host, errand.origin.port, errand.origin.policy
    addresses = _resolve_addresses(host, port, errand)
    for address in addresses:
        if why := forbidden_address_reason(address, policy.allowed_networks):
            raise OutboundRequestError(
                "forbidden_address", f"{host} leads to {why}, which cannot be used."
            )
    tried = addresses[:MAX_ADDRESSES_TRIED]
    trouble: OSError = ConnectionError("no address")
    for index, address in enumerate(tried):
        left = errand.deadline.remaining()
        try:
            # An address that swallows packets must leave time for the next one.
            return _connect(address, port, left / (len(tried) - index), errand.deadline), address
        except OSError as failed:
            trouble = failed
    errand.deadline.remaining()
    raise OutboundRequestError(
        "connect", f"No connection to {host} port {port}: {trouble.strerror or 'no answer'}."
    ) from trouble


def _resolve_addresses(host: str, port: int, errand: OutboundRequest) -> list[str]:
    try:
        return [str(ip_address(host))]
    except ValueError:
        return list(
            dict.fromkeys(dns_lookups.resolve(host, port, errand.resolver, errand.deadline))
        )


def _connect(address: str, port: int, timeout: float, deadline: Deadline) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        deadline.watch(_SocketHandle(sock))
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock
