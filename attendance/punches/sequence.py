"""Taking turns at the HR clock: in, out, in, out. Pure; asked by `punches.verdicts.settle` under
the lock on the employee's row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

IN: Final = "in"
OUT: Final = "out"


@dataclass(frozen=True, slots=True)
class PreviousPunch:
    """The nearest earlier accepted punch with a direction, of any channel, within the time that
    counts; `at` is UTC.
    """

    channel: str
    direction: str
    at: datetime


def sequence_error(channel: str, direction: str | None, previous: PreviousPunch | None) -> str:
    """Why a punch of `channel` is not in turn after `previous`; empty when it is.

    Only this channel's own punches can make another one wrong: somebody who came in at the gate may
    clock in at the desk too.
    """
    same_again = (
        previous is not None and previous.channel == channel and previous.direction == direction
    )
    if direction == IN and same_again:
        return "already_in"
    if direction == OUT and (previous is None or same_again):
        return "not_in" if previous is None else "already_out"
    return ""
