"""Child processes, each in a process group of its own: they can be stopped, killed, hung and
started again.

Everything lives in a folder of the test, logs included, and listens on a free port of 127.0.0.1. As
context managers they leave nothing behind. PostgreSQL and Redis are the rig's own; what the machine
runs is not touched.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.run import IGNORED_ENVIRONMENT, ROOT, free_port, postgres_binaries, run_as_unprivileged

__all__ = ["Child", "Postgres", "Redis", "Web", "Worker", "environment", "folder", "free_port"]

READY_S = 30.0
STOP_S = 15.0


class Child:
    """One process group. `start` after `kill` or `stop` starts it again, with the same port and the
    same log.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[object],
        folder: Path,
        env: Mapping[str, str] | None = None,
        **popen: Any,
    ) -> None:
        self.name, self.folder, self.log = name, folder, folder / f"{name}.log"
        self._command, self._popen = (
            [str(part) for part in command],
            {"cwd": ROOT, "env": env, **popen},
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The first process of the group, which is also the group's number."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the first process runs (or is paused)."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; returns at once."""
        assert not self.alive, f"{self.name} runs already"
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                **self._popen,
            )

    def stop(self) -> int:
        """TERM to the first process, as a supervisor does, and wait; what is left is killed.
        Returns the exit status.
        """
        assert self._process is not None
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        self.kill()
        return self._process.returncode

    def kill(self) -> None:
        """kill -9 for the whole group."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP: it lives, holds its connections and does nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def ready(self) -> bool:
        """Whether it does its work; for each kind its own question."""
        return self.alive

    def wait_ready(self, seconds: float = READY_S) -> None:
        """Return when it is ready. Raises RuntimeError with the end of its log."""
        deadline = time.monotonic() + seconds
        while not self.ready():
            if not self.alive or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not get ready:\n{self.log_text()[-3000:]}")
            time.sleep(0.05)

    def log_text(self) -> str:
        """Its log since the last start."""
        if not self.log.exists():
            return ""
        return self.log.read_bytes()[self._log_from :].decode(errors="replace")

    def _signal(self, number: int) -> None:
        # Only while the first process is ours to wait for can its number not belong to somebody
        # else.
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def environment(
    folder: Path, database_url: str = "", broker_url: str = "memory://", **more: str
) -> dict[str, str]:
    """What Muster's parts are told: an installation of its own, that may push to this machine."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in IGNORED_ENVIRONMENT and not name.startswith("MUSTER_")
    }
    data = folder / "data"
    (data / "static").mkdir(parents=True, exist_ok=True)
    told = {
        "SECRET_KEY": "rig-only-" + "k" * 50,
        "MUSTER_PEPPER": "rig-only-" + "p" * 50,
        "MUSTER_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "ALLOWED_HOSTS": "127.0.0.1",
        "MUSTER_DATA": str(data),
        "DATABASE_URL": database_url or f"sqlite:///{data}/muster.sqlite3",
        "BROKER_URL": broker_url,
        "MUSTER_PUSH_ALLOWED_NETWORKS": "127.0.0.0/8",
        "MUSTER_PUSH_ALLOW_HTTP": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
    }
    return own | told | more


class Web(Child):
    """gunicorn with Muster, as `manage.py up` starts it."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], *, workers: int = 2, threads: int = 8
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "config.wsgi",
            "--no-control-socket",
            "-k",
            "gthread",
            "-w",
            workers,
            "--threads",
            threads,
            "-b",
            f"127.0.0.1:{self.port}",
            "--log-level",
            "warning",
            "--keep-alive",
            75,
        ]
        super().__init__("web", command, folder, env)

    def ready(self) -> bool:
        """It answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/healthz", timeout=2):
                return True
        except (OSError, urllib.error.HTTPError):
            return False

    def reload(self) -> None:
        """HUP to gunicorn: new processes take over, the old ones finish what they have; returns at
        once.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)


class Worker(Child):
    """A Celery worker: the watcher, and its hands."""

    def __init__(
        self, folder: Path, env: Mapping[str, str], *, name: str = "worker", threads: int = 8
    ) -> None:
        command = [
            sys.executable,
            "-W",
            "ignore:You're running the worker with superuser privileges",
            "-m",
            "celery",
            "-q",
            "-A",
            "config",
            "worker",
            "-P",
            "threads",
            "-c",
            threads,
            "-n",
            f"{name}@%h",
            "--without-mingle",
            "--without-gossip",
            "-l",
            "INFO",
        ]
        super().__init__(name, command, folder, env)

    def ready(self) -> bool:
        """It is connected to its broker. One that starts without a broker is never ready, and
        pushes all the same.
        """
        return " ready." in self.log_text()

    def tasks_received(self) -> int:
        """How many tasks it got from the broker since its start."""
        return self.log_text().count("] received")


class Redis(Child):
    """The rig's own Redis. `pause` makes it hang; `flush` empties it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [
            shutil.which("redis-server") or "redis-server",
            "--port",
            self.port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            folder,
        ]
        super().__init__("redis", command, folder)

    def ready(self) -> bool:
        """It answers."""
        try:
            return self._client().ping() is True
        except OSError:
            return False
        except Exception as error:  # noqa: BLE001
            return type(error).__name__ not in (
                "ConnectionError",
                "TimeoutError",
                "BusyLoadingError",
            )

    def flush(self) -> None:
        """FLUSHALL."""
        self._client().flushall()

    def corrupt_key(self, key: str) -> None:
        """Put a value of the wrong kind where a queue was: commands on it are refused
        (WRONGTYPE).
        """
        self._client().set(key, "spoilt")

    def lengths(self) -> dict[str, int]:
        """Key → length, for lists."""
        client = self._client()
        keys = [key for key in client.keys("*") if client.type(key) == b"list"]
        return {key.decode(): client.llen(key) for key in keys}

    def _client(self) -> Any:
        import redis

        return redis.Redis(port=self.port, socket_timeout=2, socket_connect_timeout=2)


class Postgres(Child):
    """The rig's own PostgreSQL cluster, durable as in production: what it acknowledged survives
    `kill`.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        binaries = postgres_binaries()
        assert binaries is not None, "PostgreSQL is not installed"
        self._binaries, self._home, self.port = binaries, folder / "postgres", free_port()
        self._password = secrets.token_hex(16)
        self._home.mkdir(mode=0o700)
        (self._home / "password").write_text(self._password)
        self._lent = run_as_unprivileged(folder, self._home)
        subprocess.run(
            [
                binaries / "initdb",
                "-D",
                self._home / "data",
                "-U",
                "muster",
                "-A",
                "scram-sha-256",
                "--pwfile",
                self._home / "password",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            cwd=self._home,
            stdout=subprocess.DEVNULL,
            check=True,
            **self._lent,
        )
        told = {
            "fsync": "on",
            "synchronous_commit": "on",
            "max_connections": 200,
            "shared_buffers": "256MB",
        } | settings
        command = [
            binaries / "postgres",
            "-D",
            self._home / "data",
            "-k",
            self._home,
            "-h",
            "127.0.0.1",
            "-p",
            self.port,
            *(part for name, value in told.items() for part in ("-c", f"{name}={value}")),
        ]
        super().__init__("postgres", command, folder, cwd=self._home, **self._lent)
        self.url = f"postgres://muster:{self._password}@127.0.0.1:{self.port}/postgres"

    @staticmethod
    def installed() -> bool:
        """Whether there are binaries to make a cluster with."""
        return postgres_binaries() is not None

    def ready(self) -> bool:
        """It lets us in; not so while it recovers."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def kill(self) -> None:
        """`pg_ctl -m immediate`: no checkpoint, no goodbye; its next start recovers from
        the log.
        """
        if self.alive:
            stop = [
                self._binaries / "pg_ctl",
                "-D",
                self._home / "data",
                "-m",
                "immediate",
                "-t",
                "20",
                "stop",
            ]
            subprocess.run(
                stop,
                cwd=self._home,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                **self._lent,
            )
        super().kill()

    def stop(self) -> int:
        """A fast shutdown: sessions are ended, everything is written."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(STOP_S)
        return self._process.returncode


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder on disk for one run, removed afterwards; copied to MUSTER_RIG_KEEP before, if that
    is set, for its logs.
    """
    made = Path(tempfile.mkdtemp(prefix="muster-rig-"))
    try:
        yield made
    finally:
        if keep := os.environ.get("MUSTER_RIG_KEEP"):
            shutil.copytree(
                made, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("postgres", "data")
            )
        shutil.rmtree(made, ignore_errors=True)
