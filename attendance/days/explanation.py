"""Why a day is what it is, as plain data that is kept with it: the API gives it as it is, the
console words. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from attendance.days.counted_punches import InterpretedPunch
from attendance.days.results import DayContext, DayResult
from shifts.schedule import ScheduledShift, Span


def explain_day(
    scheduled_shift: ScheduledShift, day: DayResult, context: DayContext
) -> dict[str, Any]:
    """`{"rule", "shift", "off", "hours", "window", "taken", "holiday", …, "punches": […]}`;
    instants are ISO 8601 in UTC.

    A punch is `{"punch" or "correction": id, "at", "direction", "read_as", "counted", "why"}`.
    """
    return {
        "rule": scheduled_shift.rule,
        "shift": {"id": scheduled_shift.shift.id, "name": scheduled_shift.shift.name},
        "off": scheduled_shift.is_off,
        "hours": _span_json(scheduled_shift.hours),
        "window": _span_json(scheduled_shift.window),
        "taken": list(context.taken),
        "holiday": context.holiday,
        **{name: str(value) for name, value in sorted(day.rules.items())},
        "punches": [_punch_json(one) for one in day.punches],
    }


def _span_json(span: Span) -> list[str]:
    return [_utc_iso(span.start), _utc_iso(span.end)]


def _utc_iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _punch_json(punch: InterpretedPunch) -> dict[str, Any]:
    # Times entered by hand are stamps below nought (`days.inputs.CORRECTION_SIGN`).
    named = {"punch": punch.punch.id} if punch.punch.id > 0 else {"correction": -punch.punch.id}
    return {
        **named,
        "at": _utc_iso(punch.punch.at),
        "direction": punch.punch.direction,
        "read_as": punch.read_as,
        "counted": punch.counted,
        "why": punch.why,
    }
