"""The worker's own threads live as long as the worker does."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError

from employees import loops


@pytest.mark.parametrize("trouble", [OperationalError("away"), RuntimeError("a bug")])
def test_a_loop_goes_on_after_trouble(trouble: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "AFTER_TROUBLE_S", 0.0)
    stop, looked = threading.Event(), []

    def look() -> float:
        looked.append(1)
        if len(looked) == 1:
            raise trouble
        stop.set()
        return 0.0

    # A thread of its own, as in the worker: what it closes is its own connection, never the one of
    # the tests.
    thread = threading.Thread(target=loops.look_for_ever, args=(look, stop))
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert len(looked) == 2
