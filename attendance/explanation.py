"""Why a day is what it is, as plain data that is kept with it: the API gives it as it is, the
console words. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from attendance.days import Day, Facts, Read
from attendance.shifts import Duty, Span


def explain(duty: Duty, day: Day, facts: Facts) -> dict[str, Any]:
    """`{"rule", "shift", "off", "hours", "window", "taken", "holiday", …, "punches": […]}`;
    instants are ISO 8601 in UTC.

    A punch is `{"punch" or "correction": id, "at", "direction", "read_as", "counted", "why"}`.
    """
    return {
        "rule": duty.rule,
        "shift": {"id": duty.shift.id, "name": duty.shift.name},
        "off": duty.off,
        "hours": _span(duty.hours),
        "window": _span(duty.window),
        "taken": list(facts.taken),
        "holiday": facts.holiday,
        **{name: str(value) for name, value in sorted(day.rules.items())},
        "punches": [_read(one) for one in day.reads],
    }


def _span(span: Span) -> list[str]:
    return [_text(span.start), _text(span.end)]


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _read(one: Read) -> dict[str, Any]:
    # Times entered by hand are stamps below nought (`causes.CORRECTION`).
    named = {"punch": one.stamp.id} if one.stamp.id > 0 else {"correction": -one.stamp.id}
    return {
        **named,
        "at": _text(one.stamp.at),
        "direction": one.stamp.direction,
        "read_as": one.read_as,
        "counted": one.counted,
        "why": one.why,
    }
