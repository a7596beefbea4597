"""SQLite's writers: who waits, for whom, and where. All on a database file of the test's own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from config.sqlite import base

# Another process that says that it waits, until its standard input ends.
WAITER = """
import sys
from config.sqlite.base import WriteQueue
WriteQueue().announce_waiting(sys.argv[1])
print("waiting", flush=True)
sys.stdin.read()
"""


def connect(path: Path, timeout: float = 10) -> base.DatabaseWrapper:
    """A connection as Django makes one, with Muster's settings."""
    options = {
        "transaction_mode": "IMMEDIATE",
        "timeout": timeout,
        "init_command": "PRAGMA journal_mode=WAL;",
    }
    told: dict[str, Any] = {
        "ENGINE": "config.sqlite",
        "NAME": str(path),
        "OPTIONS": options,
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": False,
        "TIME_ZONE": None,
        "USER": "",
        "PASSWORD": "",
        "HOST": "",
        "PORT": "",
        "TEST": {"CHARSET": None, "COLLATION": None, "MIGRATE": True, "MIRROR": None, "NAME": None},
    }
    wrapper = base.DatabaseWrapper(told, alias=f"test-{path.name}")
    wrapper.inc_thread_sharing()
    return wrapper


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Iterator[Path]:
    """A database with one table; a queue of its own for this test's threads."""
    monkeypatch.setattr(base, "_write_queue", base.WriteQueue())
    made = tmp_path / "some.sqlite3"
    connection = sqlite3.connect(made)
    connection.executescript(
        "PRAGMA journal_mode=WAL; CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('a'),"
        " ('b')"
    )
    connection.close()
    with django_db_blocker.unblock():  # It is no database of the suite's.
        yield made


@pytest.fixture
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody outside Django, as another process is, who holds the write lock."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


@pytest.mark.parametrize("kind", ["statement", "transaction"])
def test_who_finds_the_lock_taken_writes_when_it_is_free(
    path: Path, writer: sqlite3.Connection, kind: str
) -> None:
    done = in_a_thread(lambda: write(path, kind))
    assert not done.wait(0.3)
    writer.execute("COMMIT")
    assert done.wait(10)
    assert texts(path) == ["a", "b", kind]


@pytest.mark.parametrize("kind", ["statement", "transaction"])
def test_who_waits_in_vain_gives_up_and_leaves_the_turn_to_others(
    path: Path, writer: sqlite3.Connection, kind: str
) -> None:
    with pytest.raises(OperationalError, match="locked"):
        write(path, kind, timeout=0.2)
    writer.execute("COMMIT")
    write(path, "transaction")
    assert texts(path) == ["a", "b", "transaction"]


def test_a_statement_of_another_connection_that_is_thrown_away_does_not_stop_the_writer(
    path: Path,
) -> None:
    """As the garbage collector does it, in whatever thread it runs; SQLite would wait there for the
    one that waits for us.
    """
    mine, other = connect(path), connect(path)
    cursor = other.cursor()
    # Not read to its end: a statement of theirs that is still open. From no table, so that it has
    # begun no transaction.
    cursor.execute("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3")
    cursor.fetchone()
    with mine.cursor() as writing:
        mine.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        writing.execute("INSERT INTO note VALUES ('mine')")
        done = in_a_thread(lambda: other.cursor().execute("UPDATE note SET text = text || '!'"))
        assert not done.wait(0.3)
        del cursor
        mine.commit()
    mine.set_autocommit(True)
    assert done.wait(10)
    mine.close()
    other.close()
    assert texts(path) == ["a!", "b!", "mine!"]


def test_a_process_that_waits_is_let_in_first(path: Path) -> None:
    turns = base.WriteQueue()
    assert turns.acquire(1)
    assert not turns.release(str(path))
    with subprocess.Popen(
        [sys.executable, "-c", WAITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as waiter:
        assert waiter.stdout is not None
        assert waiter.stdout.readline() == b"waiting\n"
        assert turns.acquire(1)
        assert turns.release(str(path))
        waiter.kill()
    assert turns.acquire(1)
    assert not turns.release(str(path)), "the system takes the word back from a process that ended"


def test_without_a_place_for_the_queue_all_goes_on_without_courtesy(tmp_path: Path) -> None:
    turns, nowhere = base.WriteQueue(), str(tmp_path / "gone" / "some.sqlite3")
    turns.announce_waiting(nowhere)
    assert turns.acquire(1)
    assert not turns.release(nowhere)
    turns.withdraw_waiting(nowhere)


def write(path: Path, kind: str, timeout: float = 10) -> None:
    """One row, by a statement alone or in a transaction."""
    wrapper = connect(path, timeout)
    try:
        if kind == "transaction":
            wrapper.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        with wrapper.cursor() as cursor:
            cursor.execute("INSERT INTO note VALUES (%s)", [kind])
        if kind == "transaction":
            wrapper.commit()
    finally:
        wrapper.close()


def in_a_thread(work: Callable[[], object]) -> threading.Event:
    """Do it; the event is set once that went well."""
    done = threading.Event()

    def run() -> None:
        work()
        done.set()

    threading.Thread(target=run, daemon=True).start()
    return done


def texts(path: Path) -> list[str]:
    """What is in the table."""
    connection = sqlite3.connect(path)
    try:
        return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY rowid")]
    finally:
        connection.close()
