"""Django's SQLite backend with one addition: within a process, transactions take turns.

SQLite has one write lock, and whoever finds it taken sleeps for up to a tenth of a second before looking again. With twenty
threads that looks like a jam: everybody sleeps while the lock is free. Here only one thread of a process is ever a writer,
the others wait for it in Python and go on at once. Named as the ENGINE in the settings; knows nothing of Muster.
"""

from __future__ import annotations

import threading
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

_turn = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions wait for their turn, as long as SQLite itself would have waited."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._give_turn()
            raise

    def _commit(self) -> Any:
        # A commit that fails is rolled back by Django next; that gives the turn back.
        result = super()._commit()  # type: ignore[misc]
        self._give_turn()
        return result

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self._give_turn()

    def _take_turn(self) -> None:
        if not self._has_turn:
            patience = float(self.settings_dict["OPTIONS"].get("timeout", 5))
            if not _turn.acquire(timeout=patience):
                raise OperationalError(f"database is locked: no turn within {patience:.0f} s")
            self._has_turn = True

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turn.release()
