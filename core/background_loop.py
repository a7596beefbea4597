"""Look again and again: the one way in which the background's threads live (the watcher of pushes,
the drain of changes).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

log = logging.getLogger(__name__)

ERROR_PAUSE_S = 1.0
# Punches and pushes want the database too. So many times as long as a transaction took it is left
# alone afterwards.
PAUSE_FACTOR: Final = {"postgresql": 1, "sqlite": 4}
MIN_PAUSE_S: Final = 0.01
# Waiting for its turn is a part of what a transaction took, and no reason to come ever more rarely.
MAX_PAUSE_S: Final = 1.0


def run_background_loop(step: Callable[[], float], stop: threading.Event) -> None:
    """Call `step` until `stop`, waiting as many seconds as it says; a database that is away is
    waited for.

    The thread must not end while the worker lives: nobody would notice, and nothing would be worked
    on any more.
    """
    while not stop.is_set():
        pause = ERROR_PAUSE_S
        try:
            pause = step()
        except (DatabaseError, InterfaceError) as error:
            log.warning("The database is away: %s", error)
            close_old_connections()
        except Exception:
            log.exception("Something went wrong; looking again in %.0f s", ERROR_PAUSE_S)
            close_old_connections()
        stop.wait(pause)


def pause_after_transaction(started_at: float) -> float:
    """How many seconds work in heaps leaves the database alone, after a transaction that began at
    `started_at` (monotonic).
    """
    return min(
        max((time.monotonic() - started_at) * PAUSE_FACTOR[connection.vendor], MIN_PAUSE_S),
        MAX_PAUSE_S,
    )
