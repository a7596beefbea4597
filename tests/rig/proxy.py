"""A TCP proxy that breaks on command: before a broker, a database or a customer's server.

`Mode` can be changed at any time and acts on open connections too. Threads of the test's own
process.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from enum import StrEnum
from typing import Self

LINGER_NOT = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    """What happens to bytes."""

    PASS = "pass"  # They go through.
    REFUSE = "refuse"  # Nobody listens, and open connections are reset.
    HANG = "hang"  # Connections are accepted and stay open, and nothing goes through.
    DRIP = "drip"  # One byte each `drip_s` seconds, in both directions.
    CUT = "cut"  # Connections are accepted and reset, open ones too.


class Proxy:
    """A listener on `port` that leads to `target`. A context manager; nothing is left behind."""

    def __init__(
        self, target: tuple[str, int], mode: Mode = Mode.PASS, *, drip_s: float = 1.0
    ) -> None:
        self._target, self._drip_s = target, drip_s
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._closed = False
        self.accepted = 0
        self.mode = mode
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def __enter__(self) -> Self:
        self.switch(self.mode)
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self.switch(Mode.REFUSE)

    def switch(self, mode: Mode) -> None:
        """Behave like `mode` from now on."""
        with self._changed:
            self.mode = mode
            self._changed.notify_all()
        if mode is Mode.REFUSE and self._listener:
            # close() alone would leave the listener alive under the thread that accepts.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        if mode in (Mode.REFUSE, Mode.CUT):
            for sock in list(self._open):
                self._reset(sock)
        if mode is not Mode.REFUSE and not self._listener:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
            threading.Thread(
                target=self._accept, args=(self._listener,), name="proxy-accept", daemon=True
            ).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                self.accepted += 1
                self._open.add(near)
                threading.Thread(
                    target=self._serve, args=(near,), name="proxy-serve", daemon=True
                ).start()

    def _serve(self, near: socket.socket) -> None:
        if not self._may_pass():
            self._reset(near)
            return
        try:
            far = socket.create_connection(self._target, timeout=5)
        except OSError:
            self._reset(near)
            return
        far.settimeout(None)
        self._open.add(far)
        threading.Thread(
            target=self._pump, args=(far, near), name="proxy-pump", daemon=True
        ).start()
        self._pump(near, far)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 if self.mode is Mode.DRIP else 65536):
                if not self._may_pass():
                    break
                if self.mode is Mode.DRIP:
                    with self._changed:
                        self._changed.wait_for(lambda: self.mode is not Mode.DRIP, self._drip_s)
                sink.sendall(data)
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        self._reset(source)
        self._reset(sink)

    def _may_pass(self) -> bool:
        """Wait while the line hangs; False when the connection is to be reset."""
        with self._changed:
            self._changed.wait_for(lambda: self.mode is not Mode.HANG)
            return self.mode in (Mode.PASS, Mode.DRIP) and not self._closed

    def _reset(self, sock: socket.socket) -> None:
        self._open.discard(sock)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)  # Wakes the thread that reads.
        sock.close()
