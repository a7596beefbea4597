"""What the state numbers of terminals mean. Pure; used by the Device row and the device channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

IN: Final = "in"
OUT: Final = "out"
BREAK_OUT: Final = "break_out"
BREAK_IN: Final = "break_in"
OVERTIME_IN: Final = "overtime_in"
OVERTIME_OUT: Final = "overtime_out"
DIRECTIONS: Final = (IN, OUT, BREAK_OUT, BREAK_IN, OVERTIME_IN, OVERTIME_OUT)

STATE_MAP_PRESETS: Final[dict[str, dict[str, str]]] = {
    "in1": {"1": IN, "2": OUT},
    "zk": {"0": IN, "1": OUT, "2": BREAK_OUT, "3": BREAK_IN, "4": OVERTIME_IN, "5": OVERTIME_OUT},
}


def direction_for_state(state: int | None, states: Mapping[str, str]) -> str | None:
    """The direction a state number stands for; None when it is absent or unknown, which is never a
    fault.
    """
    return None if state is None else states.get(str(state))


def validate_state_map(states: Any) -> None:
    """Raise ValueError, in words for a clerk, unless `punch_states` maps whole numbers (as text) to
    directions.
    """
    if not isinstance(states, dict) or not states:
        raise ValueError('Give a map such as {"1": "in", "2": "out"}.')
    for number, direction in states.items():
        if not number.removeprefix("-").isdecimal():
            raise ValueError(f"“{number}” is not a whole number.")
        if direction not in DIRECTIONS:
            raise ValueError(f"“{direction}” is not one of: {', '.join(DIRECTIONS)}.")
