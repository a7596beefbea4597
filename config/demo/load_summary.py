"""What a run of the simulated devices measured, as data and as text: percentiles, losses, repeats.

accept → received is the time from `received_at` in the pushed body to the arrival noted by the
demo's receiver; both clocks are this machine's. Called by `manage.py simulate_devices`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from config.demo.simulator import ReceiverPoller, SentPunch

PERCENTILES: Final = (("p50", 0.50), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """The nearest-rank percentiles of `values`, in milliseconds; None where there are no values."""
    ranked = sorted(values)
    return {
        name: round(ranked[math.ceil(len(ranked) * part) - 1], 1) if ranked else None
        for name, part in PERCENTILES
    }


def load_summary(
    sent: list[SentPunch], seconds: float, accepted: set[str], customer: ReceiverPoller
) -> dict[str, Any]:
    """Everything measured, as plain data."""
    answered = [one.latency_ms for one in sent if one.punch_id]
    modes = {}
    for mode, arrivals in customer.times.items():
        mine = {punch_id: times for punch_id, times in arrivals.items() if punch_id in accepted}
        delays = [
            (times[0] - customer.accepted[punch_id]).total_seconds() * 1000
            for punch_id, times in mine.items()
            if punch_id in customer.accepted
        ]
        modes[mode] = {
            "received": len(mine),
            "lost": len(accepted - mine.keys()),
            "duplicated": sum(len(times) - 1 for times in mine.values()),
            "accept_to_received_ms": percentiles(delays),
        }
    return {
        "seconds": round(seconds, 1),
        "sent": len(sent),
        "accepted": len(accepted),
        "statuses": dict(sorted(Counter(str(one.status or "no answer") for one in sent).items())),
        "request_ms": percentiles(answered),
        "modes": modes,
        "faulty": customer.faulty,
    }


def format_load_summary(result: dict[str, Any]) -> str:
    """The result for a person."""
    statuses = ", ".join(f"{number} × {status}" for status, number in result["statuses"].items())
    lines = [
        (
            f"sent {result['sent']} in {result['seconds']} s ({statuses}), accepted"
            f" {result['accepted']}"
        ),
        "",
        f"{'milliseconds':<26}" + "".join(f"{name:>10}" for name, _ in PERCENTILES),
        _format_percentiles("request, from its due time", result["request_ms"]),
    ]
    lines += [
        _format_percentiles(f"accept → received, {mode}", figures["accept_to_received_ms"])
        for mode, figures in result["modes"].items()
    ]
    lines.append("")
    for mode, figures in result["modes"].items():
        lines.append(
            f"{mode:<10} received {figures['received']}, lost {figures['lost']}, duplicated"
            f" {figures['duplicated']}"
        )
    if result["faulty"]:
        lines.append(f"{result['faulty']} arrivals had a wrong signature or shape")
    return "\n".join(lines)


def _format_percentiles(title: str, values: dict[str, float | None]) -> str:
    return f"{title:<26}" + "".join(
        f"{'–' if value is None else value:>10}" for value in values.values()
    )
