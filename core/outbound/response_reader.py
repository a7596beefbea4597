"""What becomes of one attempt, and the reading of a stranger's reply in bounded memory.

`core.outbound.connection` reads every reply through `LimitedResponse`, notes in a
`ResponseProgress` how far it came, and hands its callers a `OutboundResponse`. Nothing here opens a
connection.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

MAX_BODY_BYTES = 64 * 1024
MAX_HEAD_BYTES = 64 * 1024  # Status line and headers, interim replies included.
MAX_WIRE_BYTES = 8 * MAX_BODY_BYTES  # A body with its framing: one-byte chunks cost six bytes each.
MAX_INTERIM_RESPONSES = 8


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    """What became of one attempt. The server took the message only if `error` is empty and `status`
    is a 2xx.

    `error` is "" or one of dns, forbidden_address, forbidden_url, connect, tls, timeout, protocol,
    too_large, redirect. `status` and `body` (at most 64 KiB, raw bytes) may be there beside an
    error: they tell how far it got. `address` is the IP connected to, "" if none; `detail` is one
    printable line for people.
    """

    status: int | None
    body: bytes
    error: str
    detail: str
    address: str
    duration_ms: int
    retry_after: str | None


class OutboundRequestError(Exception):
    """An attempt has failed for a reason we know: one of the classes of `Reply.error`, and a
    sentence.
    """

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error
        self.detail = detail


class NoResponseError(ConnectionError):
    """The connection ended before the first byte of a reply."""


@dataclass(slots=True)
class ResponseProgress:
    """How far an attempt has come: what is known of it even if it fails half-way."""

    status: int | None = None
    body: bytes = b""
    address: str = ""
    retry_after: str | None = None
    location: str = ""


def completed_exchange_error(progress: ResponseProgress) -> tuple[str, str]:
    """Error and detail of an exchange that was completed."""
    if progress.status is not None and 300 <= progress.status < 400:
        return (
            "redirect",
            (
                f"The server redirects to {progress.location or 'nowhere'}; redirects are not"
                " followed."
            ),
        )
    if len(progress.body) > MAX_BODY_BYTES:
        return "", "The reply is longer than 64 KiB; the rest was not read."
    return "", ""


def printable_text(text: str, max_length: int) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:max_length]).strip()


class LimitedReader(io.RawIOBase):
    """Counts what a connection delivers, and stops at a limit whatever the bytes pretend to be."""

    def __init__(self, source: io.RawIOBase) -> None:
        super().__init__()
        self._source = source
        self.bytes_read = 0
        self._remaining = 0
        self._limit_error = OutboundRequestError("protocol", "")
        self.set_limit(
            MAX_HEAD_BYTES,
            OutboundRequestError("protocol", "The headers of the reply are too long."),
        )

    def set_limit(self, count: int, excess: OutboundRequestError) -> None:
        self._remaining = count
        self._limit_error = excess

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]
        count = self._source.readinto(buffer)
        self.bytes_read += count or 0
        self._remaining -= count or 0
        if self._remaining < 0:
            raise self._limit_error
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class LimitedResponse(HTTPResponse):
    """The standard library's reply, metered, and patient with every interim (1xx) reply instead of
    100 alone.
    """

    def __init__(
        self, sock: Any, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self._limited_reader = LimitedReader(sock.makefile("rb", buffering=0))
        self.fp = io.BufferedReader(self._limited_reader)

    def begin(self) -> None:
        try:
            super().begin()
        except OSError as trouble:
            if self._limited_reader.bytes_read == 0 and not isinstance(trouble, TimeoutError):
                raise NoResponseError("closed without an answer") from trouble
            raise
        self._limited_reader.set_limit(
            MAX_WIRE_BYTES, OutboundRequestError("too_large", "The reply is mostly framing.")
        )

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MAX_INTERIM_RESPONSES):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:
                return version, status, reason
            while self.fp.readline(MAX_HEAD_BYTES + 1) not in (b"\r\n", b"\n", b""):
                pass
        raise HTTPException("too many interim replies")
