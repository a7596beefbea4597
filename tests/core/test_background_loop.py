"""The worker's own threads live as long as the worker does."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError

from core import background_loop


@pytest.mark.parametrize("trouble", [OperationalError("away"), RuntimeError("a bug")])
def test_a_loop_goes_on_after_trouble(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_loop, "ERROR_PAUSE_S", 0.0)
    stop, looked = threading.Event(), []

    def look() -> float:
        looked.append(1)
        if len(looked) == 1:
            raise trouble
        stop.set()
        return 0.0

    # A thread of its own, as in the worker: what it closes is its own connection, never the one of
    # the tests.
    thread = threading.Thread(target=background_loop.run_background_loop, args=(look, stop))
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert len(looked) == 2
