"""The body of a request that comes in chunks, without a Content-Length: Django reads such a body
as empty. `config.wsgi` puts this stream in its place.
"""

from __future__ import annotations

import io
from typing import IO, Any, Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation

# Read before it is known who sends it; the rest is read when a view asks for it.
PREFETCHED_BYTES: Final = 64 * 1024


def set_chunked_body_length(environ: dict[str, Any]) -> None:
    """Give a chunked request a Content-Length that Django can read it by. A request with a
    Content-Length stays as it is; so does one from a server that does not end the body itself.
    """
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if chunked and environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        body = ChunkedBody(environ["wsgi.input"], settings.MAX_BODY_BYTES)
        environ |= {"wsgi.input": body, "CONTENT_LENGTH": str(body.length)}


class ChunkedBody(io.BufferedIOBase):
    """The bytes of a chunked body, at most `limit`.

    `length` is the number of bytes of a small body, and else `limit`. Reading raises
    RequestDataTooBig for a body beyond the limit, and SuspiciousOperation for chunks that are
    malformed or cut off: what came of those is never taken for the whole.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._limit, self._taken = stream, limit, 0
        self._failure: Exception | None = None
        try:
            start = self._read_stream(PREFETCHED_BYTES)
        except SuspiciousOperation:
            start = b""
        whole = self._failure is None and len(start) < PREFETCHED_BYTES
        self._start, self.length = io.BytesIO(start), len(start) if whole else limit

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; as many as are asked for, unless the body ends. Raises RequestDataTooBig
        and SuspiciousOperation.
        """
        left = self._limit - self._taken
        size = left if size is None or size < 0 else min(size, left)
        piece = self._start.read(size)
        if len(piece) < size:
            piece += self._read_stream(size - len(piece))
        self._taken += len(piece)
        if self._taken == self._limit and self._read_stream(1):
            raise RequestDataTooBig("The chunked body is too large.")
        return piece

    def _read_stream(self, size: int) -> bytes:
        if self._failure is None:
            try:
                return self._stream.read(size)
            except Exception as error:  # noqa: BLE001 - each server has its own errors
                self._failure = error
        raise SuspiciousOperation("The chunks of the body are malformed.") from self._failure
