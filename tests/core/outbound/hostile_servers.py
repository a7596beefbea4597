"""Servers that misbehave on purpose, on 127.0.0.1, for the tests of what opens connections to
strangers.

A `Server` gives every connection it accepts to a script: a function of the connection and of its
number (0, 1, ...). The scripts below are the ways real and hostile receivers behave. Everything
ends when the server is closed.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Script = Callable[["Server", socket.socket, int], None]


class Server:
    """Accepts on a free port of 127.0.0.1 until closed; remembers every request it was sent and
    every connection.
    """

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections: list[socket.socket] = []
        self.server_names: list[str | None] = []
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def url(self, *, host: str = "127.0.0.1", path: str = "/hook") -> str:
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closed.set()
        for connection in [self._listener, *self.connections]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while not self.closed.is_set():
                connection, _ = self._listener.accept()
                self.connections.append(connection)
                threading.Thread(
                    target=self._serve, args=(connection, len(self.connections) - 1), daemon=True
                ).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self.connections.append(connection)
            try:
                self.script(self, connection, number)
            finally:
                connection.close()

    def read(self, connection: socket.socket) -> bytes:
        """One request with its body; b"" when the other side has hung up."""
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                return b""
            received += piece
        head, _, body = received.partition(b"\r\n\r\n")
        lines = [*head.split(b"\r\n"), b"Content-Length: 0"]
        length = next(
            int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")
        )
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]


def answering(reply: bytes = OK) -> Script:
    """Answers every request of a connection, and keeps it open."""

    def script(server: Server, connection: socket.socket, number: int) -> None:
        while server.read(connection):
            connection.sendall(reply)

    return script


def closing(reply: bytes = b"") -> Script:
    """Answers once and hangs up without having said that it would."""

    def script(server: Server, connection: socket.socket, number: int) -> None:
        if server.read(connection):
            connection.sendall(reply)

    return script


def dripping(start: bytes, drop: bytes, every_s: float = 0.02) -> Script:
    """Never stops, never stalls for long: each drop would restart a timeout per operation."""

    def script(server: Server, connection: socket.socket, number: int) -> None:
        server.read(connection)
        connection.sendall(start)
        while not server.closed.wait(every_s):
            connection.sendall(drop)

    return script


def silent(server: Server, connection: socket.socket, number: int) -> None:
    """Accepts, reads nothing, says nothing."""
    server.closed.wait(30)


def flooding(start: bytes, piece: bytes, count: int) -> Script:
    """Sends a start and then `count` pieces as fast as they are taken, then hangs up."""

    def script(server: Server, connection: socket.socket, number: int) -> None:
        server.read(connection)
        connection.sendall(start)
        for _ in range(count):
            connection.sendall(piece)

    return script


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, str]:
    """A server's TLS context with a self-signed certificate for these names or addresses, and the
    file to trust it by.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hostile")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted = folder / "trusted.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = folder / "private.pem"
    plain = serialization.NoEncryption()
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return context, str(trusted)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
