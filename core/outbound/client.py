"""One POST (or GET) to a stranger's server.

`webhooks.delivery` calls `send_request` from up to 64 threads, holding no transaction; single
sign-on reads a provider's documents and redeems codes with it. The server at the other end belongs
to a customer and may be slow, broken or hostile, so four things are enforced that no HTTP library
offers together: every address of a name is judged at connect time and the connection goes to a
judged address (`core.outbound.connection`); one total deadline covers everything from the name
lookup to the last byte (`core.outbound.dns`, `core.outbound.deadlines`); what is read is bounded
(`core.outbound.response_reader`); and nothing from the environment (proxies, .netrc, cookies,
redirects) has a say. Connections are kept alive between attempts (`core.outbound.connection_pool`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import closing

from core.outbound.connection import (
    Connection,
    TLSConnection,
    classify_error,
    dns_lookups,
    read_response,
    resolve_host,
    write_request,
)
from core.outbound.connection_pool import ConnectionPool
from core.outbound.deadlines import Deadline
from core.outbound.dns import Resolver
from core.outbound.outbound_request import OutboundRequest, build_request
from core.outbound.response_reader import (
    MAX_BODY_BYTES,
    NoResponseError,
    OutboundResponse,
    ResponseProgress,
    completed_exchange_error,
    printable_text,
)

__all__ = ["OutboundResponse", "close_idle_connections", "send_request"]


def send_request(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    deadline_s: float = 15.0,
    resolver: Resolver | None = None,
    method: str = "POST",
) -> OutboundResponse:
    """POST `body` (or GET, with an empty one) once and report.

    It ends within `deadline_s` seconds (give or take one) whatever the other side does.

    Nothing a remote server, name server or URL does raises. A kept connection that turns out to be
    closed before any byte of reply is replaced by a fresh one, once. Host, lengths, encoding and
    User-Agent are ours, whatever `headers` say. `resolver` is for tests; None means `resolve_host`.
    """
    progress = ResponseProgress()
    error, detail = "", ""
    started = time.monotonic()
    with Deadline(deadline_s) as deadline:
        try:
            errand = build_request(url, body, headers, deadline, resolver or resolve_host, method)
            _exchange_with_retry(errand, progress)
            error, detail = completed_exchange_error(progress)
        except Exception as trouble:  # noqa: BLE001
            error, detail = classify_error(trouble)
            if deadline.is_over:
                error, detail = "timeout", f"No complete answer within {deadline_s:g} seconds."
    return OutboundResponse(
        status=progress.status,
        body=bytes(progress.body[:MAX_BODY_BYTES]),
        error=error,
        detail=printable_text(detail, 300),
        address=progress.address,
        duration_ms=round((time.monotonic() - started) * 1000),
        retry_after=progress.retry_after,
    )


def close_idle_connections() -> None:
    """Close the connections kept for later; those in use are not touched."""
    _pool.close()


def _exchange_with_retry(errand: OutboundRequest, progress: ResponseProgress) -> None:
    kept = _pool.acquire(errand.origin)
    if kept is not None:
        try:
            _exchange(kept, errand, progress)
        except NoResponseError:
            # Closed by the server while it lay idle. A repeat would be harmless (same id), and this
            # is hardly one.
            if errand.deadline.is_over:
                raise
        else:
            return
    connection = (
        TLSConnection(errand.origin)
        if errand.origin.scheme == "https"
        else Connection(errand.origin)
    )
    _exchange(connection, errand, progress)


def _exchange(connection: Connection, errand: OutboundRequest, progress: ResponseProgress) -> None:
    """Send, read, and keep the connection if both sides are exactly at the end of the reply; close
    it in any other case.
    """
    keep = False
    try:
        connection.ensure_connected(errand)
        write_request(connection, errand)
        connection.timeout = errand.deadline.remaining()
        answer = connection.getresponse()
        with closing(answer):
            complete = read_response(answer, progress)
        # The reaper's shutdown looks like the ordinary end of a reply without a length; this is
        # where it is told apart.
        errand.deadline.complete()
        keep = complete and connection.sock is not None
    finally:
        progress.address = connection.address
        if keep:
            _pool.give_back(connection)
        else:
            connection.close()


_pool: ConnectionPool[Connection] = ConnectionPool()


def _reset_after_fork() -> None:
    """Threads do not survive a fork, and two processes must not speak on one connection."""
    _pool.reset()
    dns_lookups.reset()


os.register_at_fork(after_in_child=_reset_after_fork)
