"""Ctrl-C under make: a supervisor that make started keeps the terminal's interrupt to itself, and
sees when make was interrupted alone. Called by `manage.py up`.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def detach_from_make() -> None:
    """At a terminal, go on in a child that has the terminal, and its Ctrl-C, to itself.

    make dies of an interrupt that reaches it, however well its recipe ends; this way the interrupt
    does not reach it and `make run` ends with 0. The process that make started waits, passes on the
    signals it gets, and ends as the child does.
    """
    if (terminal := _controlling_terminal()) is None:
        return
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpgrp())
        signal.signal(
            signal.SIGTSTP, signal.SIG_IGN
        )  # make would wait for a stopped child, and the shell for make.
        return
    for number in STOP_SIGNALS:
        signal.signal(number, lambda received, _: os.kill(child, received))
    _pid, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        os.tcsetpgrp(terminal, os.getpgrp())
    os._exit(abs(os.waitstatus_to_exitcode(status)))


def _controlling_terminal() -> int | None:
    """The terminal whose foreground we are; None without one."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
        return terminal if os.tcgetpgrp(terminal) == os.getpgrp() else None
    except OSError:
        return None


def handles_sigint(pid: int) -> bool | None:
    """Whether a process has a handler for SIGINT; None when it is gone, or this system does not
    tell.

    make that is interrupted alone takes its handler away and waits for us without a word; make that
    is killed just goes.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    handled = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(handled & 1 << signal.SIGINT - 1)
