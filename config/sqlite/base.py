"""Django's SQLite backend with one addition: transactions take turns.

SQLite has one write lock, and whoever finds it taken sleeps for up to a tenth of a second before
looking again. With twenty threads that looks like a jam: everybody sleeps while the lock is free.
Here only one thread of a process is ever a writer, the others wait for it in Python and go on at
once. That one looks for other processes' lock every millisecond, and says meanwhile that it waits:
a process that sees another wait lets it go first.

SQLite itself never waits here, because it would do so inside the connection's own lock: the garbage
collector, which throws a connection's old statements away in whatever thread it runs, would wait
there for it; and if that thread is the writer, each waits for the other until SQLite gives up.
Named as the ENGINE in the settings; knows nothing of Muster.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.db import OperationalError
from django.db.backends.sqlite3 import base

POLL_EVERY_S: Final = 0.001
# Long enough for who looks every millisecond to find the lock free.
YIELD_S: Final = 0.0025
# Others waited meanwhile: worth a line in the log.
SLOW_TRANSACTION_S: Final = 1.0

log = logging.getLogger(__name__)

T = TypeVar("T")


class WriteQueue:
    """Who is next: among this process's threads by a lock, and among processes by the lock on a
    file beside the database.

    The file is locked, shared, by every process that waits; the system takes the lock from one that
    ends. Nothing is decided by it, only how soon the next transaction begins.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._files: dict[tuple[int, str], int] = {}

    def acquire(self, timeout_s: float) -> bool:
        """Wait for this process's turn; False when that took too long."""
        if not self._lock.acquire(timeout=timeout_s):
            return False
        time.sleep(max(0.0, self._not_before - time.monotonic()))
        return True

    def release(self, database: str) -> bool:
        """Let the next thread have the turn; a moment later if another process waits, which is the
        answer.
        """
        others = self._another_process_waits(database)
        self._not_before = time.monotonic() + YIELD_S if others else 0.0
        self._lock.release()
        return others

    def announce_waiting(self, database: str) -> None:
        """Tell the other processes that this one waits."""
        with contextlib.suppress(OSError):
            fcntl.flock(self._file(database), fcntl.LOCK_SH | fcntl.LOCK_NB)

    def withdraw_waiting(self, database: str) -> None:
        """It waits no longer."""
        with contextlib.suppress(OSError):
            fcntl.flock(self._file(database), fcntl.LOCK_UN)

    def _another_process_waits(self, database: str) -> bool:
        try:
            file = self._file(database)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(file, fcntl.LOCK_UN)
        except BlockingIOError:
            return True
        except OSError:
            return False  # A folder that cannot be written, say: without courtesy then.
        return False

    def _file(self, database: str) -> int:
        # By process: after a fork the parent's file would be the child's too, and its lock.
        key = (os.getpid(), database)
        if key not in self._files:
            self._files[key] = os.open(
                f"{database}-turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        return self._files[key]


_write_queue = WriteQueue()


class Cursor(base.SQLiteCursorWrapper):
    """A cursor whose statements wait in Python while another process, or thread, writes."""

    wrapper: DatabaseWrapper

    def execute(self, query: Any, params: Any = None) -> Any:
        """As Django's."""
        return self.wrapper.run_when_unlocked(lambda: super(Cursor, self).execute(query, params))

    def executemany(self, query: Any, param_list: Any) -> Any:
        """As Django's."""
        rows = list(param_list)  # Read once, however often it is tried.
        return self.wrapper.run_when_unlocked(lambda: super(Cursor, self).executemany(query, rows))


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions wait for their turn, as long as SQLite itself would have
    waited.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._holds_write_turn = False
        self._transaction_began = 0.0

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def create_cursor(self, name: Any = None) -> Any:
        cursor = self.connection.cursor(factory=Cursor)
        cursor.wrapper = self
        return cursor

    def run_when_unlocked(self, statement: Callable[[], T]) -> T:
        """Run a statement that may find the lock taken, and run it again until it is free. Within a
        transaction it has it.
        """
        deadline, had_turn, waited = (
            time.monotonic() + self._timeout_s,
            self._holds_write_turn,
            False,
        )
        changes = self.connection.total_changes
        try:
            while True:
                try:
                    return statement()
                except sqlite3.OperationalError as error:
                    # The extended codes of BUSY have it in their last byte. Of many rows some may
                    # have been written already.
                    busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                    begun = (
                        self.connection.in_transaction or self.connection.total_changes != changes
                    )
                    if not busy or begun or time.monotonic() > deadline:
                        raise
                self._acquire_write_turn()
                waited = True
                _write_queue.announce_waiting(self._path)
                time.sleep(POLL_EVERY_S)
        finally:
            if waited:
                _write_queue.withdraw_waiting(self._path)
                if not had_turn:
                    self._release_write_turn()

    def _start_transaction_under_autocommit(self) -> None:
        self._acquire_write_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
            self._transaction_began = time.monotonic()
        except BaseException:
            self._release_write_turn()
            raise

    def _commit(self) -> Any:
        # A commit that fails is rolled back by Django next; that gives the turn back.
        result = super()._commit()  # type: ignore[misc]
        self._release_write_turn()
        return result

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._release_write_turn()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self._release_write_turn()

    @property
    def _timeout_s(self) -> float:
        return float(self.settings_dict["OPTIONS"].get("timeout", 5))

    @property
    def _path(self) -> str:
        return str(self.settings_dict["NAME"])

    def _acquire_write_turn(self) -> None:
        if not self._holds_write_turn:
            if not _write_queue.acquire(self._timeout_s):
                raise OperationalError(
                    f"database is locked: no turn within {self._timeout_s:.0f} s"
                )
            self._holds_write_turn = True

    def _release_write_turn(self) -> None:
        if self._holds_write_turn:
            self._holds_write_turn = False
            held, self._transaction_began = (
                time.monotonic() - self._transaction_began if self._transaction_began else 0.0,
                0.0,
            )
            if _write_queue.release(self._path) and held > SLOW_TRANSACTION_S:
                log.warning(
                    "A transaction of %s kept others waiting for %.1f s",
                    threading.current_thread().name,
                    held,
                )
