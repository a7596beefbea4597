"""What arrived at the demo's receiver: the bounded list in its memory, and the same as a page."""

from __future__ import annotations

import threading
from collections import deque
from html import escape
from typing import Any, Final

MAX_ARRIVALS: Final = 10_000
MAX_ROWS_SHOWN: Final = 200
PAGE_TEMPLATE: Final = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>Customer's server</title><style>body{{font:15px system-ui;margin:2rem;color:#1f3935}}
table{{border-collapse:collapse}}
td,th{{text-align:left;padding:.35rem .9rem .35rem 0;
border-bottom:1px solid #d5eae5;vertical-align:top}}
.bad{{color:#b00020}}code{{font-size:12px;overflow-wrap:anywhere}}</style>
<h1>Customer's server of the demo</h1><p>{summary} <a href="/received">As JSON</a></p>
<table><tr><th>#<th>Received (UTC)<th>Sent to<th>Signature<th>Punch<th>Body</tr>
{rows}</table></html>"""


class ArrivalLog:
    """What arrived, and which message ids were seen before. Shared by the server's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals: deque[dict[str, Any]] = deque(maxlen=MAX_ARRIVALS)
        self._seen: dict[str, None] = {}
        self._count = 0

    def add(self, arrival: dict[str, Any]) -> None:
        """Number and keep an arrival. A verified message whose id was seen before is marked as a
        repeat.
        """
        with self._lock:
            self._count += 1
            message = arrival["webhook_id"]
            arrival = {"n": self._count, "repeat": message in self._seen, **arrival}
            if arrival["verified"] and not arrival["problems"]:
                self._seen[message] = None
                if len(self._seen) > 10 * MAX_ARRIVALS:
                    del self._seen[next(iter(self._seen))]
            self._arrivals.append(arrival)

    def after(self, number: int) -> list[dict[str, Any]]:
        """Arrivals with a higher number, oldest first."""
        with self._lock:
            return [arrival for arrival in self._arrivals if arrival["n"] > number]

    def clear(self) -> None:
        """Forget everything but the numbering, so that `after` keeps its meaning."""
        with self._lock:
            self._arrivals.clear()
            self._seen.clear()


def arrivals_page(arrivals: list[dict[str, Any]]) -> str:
    """The arrivals as a page, newest first. Every value is escaped: it came from elsewhere."""
    rows = "".join(_row(arrival) for arrival in reversed(arrivals[-MAX_ROWS_SHOWN:]))
    good = sum(arrival["verified"] and not arrival["problems"] for arrival in arrivals)
    summary = (
        f"{len(arrivals)} arrived, {good} of them as they must be."
        if arrivals
        else "Nothing has arrived yet."
    )
    return PAGE_TEMPLATE.format(summary=escape(summary), rows=rows)


def _row(arrival: dict[str, Any]) -> str:
    marks = ["verified" if arrival["verified"] else "does not verify", *arrival["problems"]]
    if arrival["repeat"]:
        marks.append("repeat")
    style = "" if arrival["verified"] and not arrival["problems"] else ' class="bad"'
    cells = (
        arrival["n"],
        arrival["received_at"],
        arrival["path"],
        ", ".join(marks),
        event_summary(arrival["event"]),
    )
    columns = "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
    return f"<tr{style}>{columns}<td><code>{escape(arrival['body'][:2000])}</code></td></tr>"


def event_summary(event: Any) -> str:
    """Who and when, from either format, for the page."""
    if not isinstance(event, dict):
        return ""
    data, log = event.get("data"), (event.get("RealTime") or {}).get("PunchLog")
    if isinstance(log, dict):
        return f"{log.get('UserId')} {log.get('Type')} {log.get('LogTime')}"
    if isinstance(data, dict) and "local_time" in data:
        return (
            f"{(data.get('employee') or {}).get('name') or data.get('user_code')}"
            f" {data.get('direction')} {data['local_time']}"
        )
    return str(event.get("type", ""))
