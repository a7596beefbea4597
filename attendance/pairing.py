"""Taking turns at the HR clock: in, out, in, out. Pure; asked by `verdicts.settle` under the lock
on the employee's row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

IN: Final = "in"
OUT: Final = "out"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The nearest earlier accepted punch with a direction, of any door, within the time that
    counts; `at` is UTC.
    """

    door: str
    direction: str
    at: datetime


def out_of_turn(door: str, direction: str | None, earlier: Earlier | None) -> str:
    """Why a punch of `door` is not in turn after `earlier`; empty when it is.

    Only this door's own punches can make another one wrong: somebody who came in at the gate may
    clock in at the desk too.
    """
    same_again = earlier is not None and earlier.door == door and earlier.direction == direction
    if direction == IN and same_again:
        return "already_in"
    if direction == OUT and (earlier is None or same_again):
        return "not_in" if earlier is None else "already_out"
    return ""
