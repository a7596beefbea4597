"""Run the suite on every engine Muster supports and say plainly which ones ran. `make test` calls
this.

All of it on SQLite, and on PostgreSQL again what asks the database (`tests/conftest.py` says how
that is told): at MUSTER_TEST_POSTGRES (a URL of a role that may create databases) if that is set,
else in a throwaway cluster made from the installed binaries, else on a server that answers on this
machine. Arguments that are not known here go to pytest: `tests/run.py --engine sqlite -k channel`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg

ROOT = Path(__file__).resolve().parent.parent
OLDEST_POSTGRES = 15
MIN_FREE_BYTES = (
    1_000_000_000  # bytes; less than this in /dev/shm may not be enough for both engines
)
BINARIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
# What a developer's shell may say about an installation has no say in the tests.
IGNORED_ENVIRONMENT = (
    "SECRET_KEY",
    "DATABASE_URL",
    "BROKER_URL",
    "DEBUG",
    "ALLOWED_HOSTS",
    "PORT",
    "MAKELEVEL",
    "MAKEFLAGS",
    "MFLAGS",
)


class EngineResult(NamedTuple):
    """What one engine's run came to."""

    engine: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    status: int

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return (
            f"{self.engine}: {self.passed} passed, {self.failed} failed{skipped} in"
            f" {self.seconds:.0f} s"
        )


class Server(NamedTuple):
    """A PostgreSQL to test on."""

    url: str
    version: str


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_suite(engine: str, scratch: Path, arguments: list[str], **environment: str) -> EngineResult:
    """Run pytest in a process of its own, show what it says and read its closing line."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in IGNORED_ENVIRONMENT and not name.startswith("MUSTER_")
    }
    data = scratch / re.sub(r"\W", "-", engine)
    data.mkdir()
    say(f"\n── {engine} ──")
    # Fault tests kill real processes and want the machine for themselves: `python -m tests.faults`
    # runs them.
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        str(min(4, os.cpu_count() or 1)),
        "-m",
        "not slow",
        *arguments,
    ]
    if sys.stdout.isatty():
        command.append("--color=yes")
    started, closing = time.monotonic(), ""
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=own | {"MUSTER_DATA": str(data)} | environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                if re.search(r"\d+ (passed|failed|error|skipped|deselected)|no tests ran", line):
                    closing = line
        except BaseException:
            process.terminate()  # Its workers end with it.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            raise
    counts = {
        word: int(number)
        for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", closing)
    }
    failed = counts.get("failed", 0) + counts.get("error", 0)
    if process.returncode not in (0, 5) and not failed:
        failed = 1  # It did not come to an end of its own: that is no success.
    seconds = time.monotonic() - started
    return EngineResult(
        engine,
        counts.get("passed", 0),
        failed,
        counts.get("skipped", 0),
        seconds,
        process.returncode,
    )


def postgres_binaries() -> Path | None:
    """The folder with the newest initdb and postgres that are new enough."""
    folders = [folder for pattern in BINARIES for folder in Path("/").glob(pattern[1:])]
    for tool, arguments in (("pg_config", ["--bindir"]), ("initdb", None)):
        if found := shutil.which(tool):
            if arguments:
                answer = subprocess.run(
                    [found, *arguments], capture_output=True, text=True, check=False
                )
                folders.append(Path(answer.stdout.strip()))
            else:
                folders.append(Path(found).resolve().parent)
    usable = [
        (_major(folder), folder)
        for folder in folders
        if (folder / "initdb").exists() and (folder / "postgres").exists()
    ]
    newest = max(usable, default=(0, None), key=lambda one: one[0])
    return newest[1] if newest[0] >= OLDEST_POSTGRES else None


def _major(folder: Path) -> int:
    answer = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r" (\d+)", answer)
    return int(found.group(1)) if found else 0


@contextlib.contextmanager
def throwaway_cluster(binaries: Path, scratch: Path) -> Iterator[Server]:
    """A PostgreSQL that exists for this run only. initdb refuses root, so root lends it to another
    user.
    """
    home, port, password = scratch / "postgres", free_port(), secrets.token_hex(16)
    home.mkdir(mode=0o700)
    (home / "password").write_text(password)
    lent = run_as_unprivileged(scratch, home)
    quiet = {"cwd": home, "stdout": subprocess.DEVNULL, "start_new_session": True, **lent}
    log = (home / "log").open("w")
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            home / "data",
            "-U",
            "muster",
            "-A",
            "scram-sha-256",
            "--pwfile",
            home / "password",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        stderr=log,
        check=True,
        **quiet,
    )
    settings = (
        "fsync=off",
        "full_page_writes=off",
        "synchronous_commit=off",
        "max_connections=300",
        "max_wal_size=4GB",
        "autovacuum=off",
    )
    process = subprocess.Popen(
        [
            binaries / "postgres",
            "-D",
            home / "data",
            "-k",
            home,
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            *(part for setting in settings for part in ("-c", setting)),
        ],
        stderr=log,
        **quiet,
    )
    url = f"postgres://muster:{password}@127.0.0.1:{port}/postgres"
    try:
        yield Server(url, wait_for(url, process))
    finally:
        process.send_signal(signal.SIGQUIT)  # Immediate: there is nothing to save.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()
        log.close()


def run_as_unprivileged(scratch: Path, home: Path) -> dict[str, object]:
    """As root, give `home` to an ordinary user; returns what subprocess needs to start something as
    them.
    """
    if os.geteuid() != 0:
        return {}
    names = [entry.pw_name for entry in pwd.getpwall()]
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    scratch.chmod(0o711)
    for path in (home, home / "password"):
        os.chown(path, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def wait_for(url: str, process: subprocess.Popen[bytes]) -> str:
    """The version of the server, once it answers. Raises OSError when it ends or stays silent for
    30 s.
    """
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        if version := server_version(url):
            return version
        time.sleep(0.1)
    raise OSError("PostgreSQL did not start")


def server_version(url: str) -> str | None:
    """The version of the server at `url`; None when it does not let us in or may not create
    databases.
    """
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            row = connection.execute(
                "SELECT current_setting('server_version'), rolcreatedb OR rolsuper FROM pg_roles"
                " WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return None
    return row[0].split()[0] if row and row[1] else None


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def postgres(scratch: Path) -> Iterator[Server | str]:
    """A server to test on, or why there is none."""
    if url := os.environ.get("MUSTER_TEST_POSTGRES"):
        version = server_version(url)
        yield (
            Server(url, version)
            if version
            else "MUSTER_TEST_POSTGRES does not let us in, or may not create databases"
        )
    elif binaries := postgres_binaries():
        try:
            cluster = throwaway_cluster(binaries, scratch)
            server = cluster.__enter__()
        except (OSError, subprocess.CalledProcessError) as error:
            yield f"the cluster made with {binaries} did not start ({error})"
            return
        with contextlib.ExitStack() as stack:
            stack.push(cluster.__exit__)
            yield server
    else:
        for known in ("postgres:postgres@", "postgres@", "muster:muster@"):
            url = f"postgres://{known}127.0.0.1:5432/postgres"
            if version := server_version(url):
                yield Server(url, version)
                return
        yield (
            f"no binaries of version {OLDEST_POSTGRES} or newer were found, and no server lets us"
            " in at 127.0.0.1:5432"
        )


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for everything the runs write, in memory where there is room; removed afterwards."""
    memory = Path("/dev/shm")
    roomy = (
        memory.is_dir()
        and os.access(memory, os.W_OK)
        and shutil.disk_usage(memory).free > MIN_FREE_BYTES
    )
    folder = tempfile.mkdtemp(prefix="muster-tests-", dir=memory if roomy else None)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run what was asked for; the exit status is 0 when nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("all", "sqlite", "postgres"), default="all")
    options, arguments = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # Even where a shell started us in the background.
    outcomes: list[EngineResult] = []
    notes: list[str] = []
    with scratch_folder() as scratch:
        if options.engine != "postgres":
            outcomes.append(run_suite(f"SQLite {sqlite3.sqlite_version}", scratch, arguments))
        if options.engine != "sqlite":
            with postgres(scratch) as server:
                if isinstance(server, Server):
                    engine = f"PostgreSQL {server.version}"
                    outcomes.append(run_suite(engine, scratch, arguments, DATABASE_URL=server.url))
                else:
                    notes.append(f"PostgreSQL: not run: {server}.")
    say("")
    for line in (*outcomes, *notes):
        say(str(line))
    passed, failed = sum(one.passed for one in outcomes), sum(one.failed for one in outcomes)
    say(f"Together: {passed} passed, {failed} failed")
    refused = options.engine == "postgres" and bool(notes)
    return 1 if failed or refused else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("Stopped.")
        sys.exit(130)
