"""What somebody should look at, found in what is known: days as they were worked out, numbers
nobody has, clocks. Pure.

A sighting names its kind and subject, and the facts it was found by: the same facts are the same
question, and are not asked again once a person answered. `exceptions.services` keeps sightings as
rows; `exceptions.day_rules` and `exceptions.scan` find them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

UNMATCHED: Final = "unmatched"
ODD: Final = "odd"
LONG_DAY: Final = "long_day"
CLOCK: Final = "clock"
SILENT_DEVICE: Final = "silent_device"
TRAVEL: Final = "travel"
CONFLICT: Final = "conflict"
OUTSIDE: Final = "outside"
DAY_KINDS: Final = (ODD, LONG_DAY, CONFLICT, OUTSIDE)

_UNPAIRED_MARKS: Final = ("missing_out", "missing_in", "in_again")
# Somebody whose card was held to the reader all day long needs no list of it.
_MAX_TIMES_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class DetectedException:
    """Something to look at. `details` are plain JSON, for the words that `exceptions.labels` makes
    of them.
    """

    kind: str
    subject: str
    fingerprint: str
    details: Mapping[str, Any] = field(default_factory=dict)
    employee_id: UUID | None = None
    device_id: int | None = None
    punch_id: int | None = None
    site_id: int | None = None
    date: date | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What can be open once."""
        return self.kind, self.subject


def make_fingerprint(*parts: Any) -> str:
    """Facts in short: 24 characters that differ when they do."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:24]


# --- Days -----------------------------------------------------------------------------------------
def find_day_exceptions(
    employee_id: UUID, on: date, day: Mapping[str, Any], long_day_hours: int
) -> list[DetectedException]:
    """What to look at in a day as it was worked out: `day` has the columns of a row
    (`background.day_ranges`).

    A day that is not over says nothing yet of punches that may still come.
    """
    over = day["open_until"] is None
    reads: Sequence[Mapping[str, Any]] = day["why"]["punches"]
    common: dict[str, Any] = {
        "subject": f"day:{employee_id}:{on}",
        "employee_id": employee_id,
        "site_id": day["site_id"],
        "date": on,
    }
    zone = {"zone": day["zone"]}
    found: list[DetectedException] = []
    if over and (marks := [one for one in _UNPAIRED_MARKS if one in day["marks"]]):
        details: dict[str, Any] = zone | {"marks": marks, "times": _shown_times(reads)}
        found.append(
            DetectedException(
                ODD,
                fingerprint=make_fingerprint(*marks, *_punch_keys(reads)),
                details=details,
                **common,
            )
        )
    if stayed := _overlong_span(reads, timedelta(hours=long_day_hours)):
        found.append(
            DetectedException(
                LONG_DAY,
                fingerprint=make_fingerprint(*stayed),
                details=zone | _span_details(*stayed, long_day_hours),
                **common,
            )
        )
    if "leave_and_punch" in day["marks"]:
        taken = list(day["why"]["taken"])
        details = zone | {"taken": taken, "times": _shown_times(reads)}
        found.append(
            DetectedException(
                CONFLICT,
                fingerprint=make_fingerprint(*taken, *_punch_keys(reads)),
                details=details,
                **common,
            )
        )
    beyond = [one for one in reads if one["why"] == "outside_window"]
    if over and beyond:
        details = zone | {"times": _shown_times(beyond), "window": list(day["why"]["window"])}
        found.append(
            DetectedException(
                OUTSIDE,
                fingerprint=make_fingerprint(*_punch_keys(beyond)),
                details=details,
                **common,
            )
        )
    return found


def _punch_keys(reads: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{one.get('punch')}/{one.get('correction')}" for one in reads]


def _shown_times(reads: Sequence[Mapping[str, Any]]) -> list[str]:
    return [one["at"] for one in reads[:_MAX_TIMES_SHOWN]]


def _overlong_span(reads: Sequence[Mapping[str, Any]], limit: timedelta) -> tuple[str, str] | None:
    """The first and the last punch of a shift, when they are further from each other than
    `limit`.
    """
    times = [one["at"] for one in reads if one["why"] != "outside_window"]
    if (
        len(times) < 2
        or _parse_instant(max(times, key=_parse_instant))
        - _parse_instant(min(times, key=_parse_instant))
        <= limit
    ):
        return None
    return min(times, key=_parse_instant), max(times, key=_parse_instant)


def _span_details(first: str, last: str, limit: int) -> dict[str, Any]:
    minutes = int((_parse_instant(last) - _parse_instant(first)).total_seconds() // 60)
    return {"first": first, "last": last, "minutes": minutes, "limit": limit}


def _parse_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- Numbers nobody has, and clocks ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class UnmatchedCode:
    """Punches of one number at one place for which nobody is known. `last`: UTC, when the latest
    was received.
    """

    channel: str
    device_id: int | None
    code: str
    count: int
    first_at: datetime
    last_at: datetime
    received_at: datetime
    latest_id: int
    reason: str
    zone: str
    on: date
    site_id: int | None = None


def unmatched_code_subject(channel: str, device_id: int | None, code: str) -> str:
    """What a number at a channel and a device is called here."""
    return f"code:{channel}:{device_id or ''}:{code}"


def build_unmatched_exception(unmatched: UnmatchedCode) -> DetectedException:
    """A number nobody has. A later day with such punches is another question than the one that was
    answered.
    """
    return DetectedException(
        UNMATCHED,
        unmatched_code_subject(unmatched.channel, unmatched.device_id, unmatched.code),
        make_fingerprint(unmatched.received_at.date(), unmatched.reason),
        {
            "code": unmatched.code,
            "channel": unmatched.channel,
            "count": unmatched.count,
            "first": unmatched.first_at.isoformat(),
            "last": unmatched.last_at.isoformat(),
            "why": unmatched.reason,
            "zone": unmatched.zone,
        },
        device_id=unmatched.device_id,
        punch_id=unmatched.latest_id,
        site_id=unmatched.site_id,
        date=unmatched.on,
    )


def build_rejected_time_exception(
    device_id: int, on: date, count: int, latest_id: int, site_id: int | None
) -> DetectedException:
    """Punches that a device sent on a date with an impossible time. They stay refused, so somebody
    has to say what was.

    `latest_id` is the last of them: it is the fact, as more may come after an answer.
    """
    details = {"refused": count, "last_id": latest_id}
    return DetectedException(
        CLOCK,
        f"device:{device_id}:{on}",
        make_fingerprint(latest_id),
        details,
        device_id=device_id,
        punch_id=latest_id,
        site_id=site_id,
        date=on,
    )


def build_clock_skew_exception(
    device_id: int, seconds: int, on: date, site_id: int | None
) -> DetectedException:
    """A clock that is steadily wrong: `seconds` ahead (or behind, below nought). Asked again each
    month, or when it moves.
    """
    minutes = round(seconds / 60)
    facts = make_fingerprint(round(minutes / 10), f"{on:%Y-%m}")
    return DetectedException(
        CLOCK,
        f"device:{device_id}",
        facts,
        {"minutes": minutes},
        device_id=device_id,
        site_id=site_id,
        date=on,
    )


def build_silent_device_exception(
    device_id: int, since: datetime, usual_gap_s: int, on: date, zone: str, site_id: int | None
) -> DetectedException:
    """A device that has said nothing since an instant, for much longer than it usually does."""
    return DetectedException(
        SILENT_DEVICE,
        f"device:{device_id}",
        since.isoformat(),
        {
            "since": since.isoformat(),
            "usual_minutes": max(round(usual_gap_s / 60), 1),
            "zone": zone,
        },
        device_id=device_id,
        site_id=site_id,
        date=on,
    )
