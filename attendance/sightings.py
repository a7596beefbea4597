"""What somebody should look at, found in what is known: days as they were worked out, numbers
nobody has, clocks. Pure.

A sighting names its kind and subject, and the facts it was found by: the same facts are the same
question, and are not asked again once a person answered. `inbox` keeps sightings as rows;
`gathering` and `watching` find them.
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
SILENT: Final = "silent_device"
TRAVEL: Final = "travel"
CONFLICT: Final = "conflict"
OUTSIDE: Final = "outside"
OF_DAYS: Final = (ODD, LONG_DAY, CONFLICT, OUTSIDE)

_UNPAIRED: Final = ("missing_out", "missing_in", "in_again")
# Somebody whose card was held to the reader all day long needs no list of it.
_TIMES_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something to look at. `details` are plain JSON, for the words that `inbox_words` makes of
    them.
    """

    kind: str
    subject: str
    facts: str
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


def digest(*parts: Any) -> str:
    """Facts in short: 24 characters that differ when they do."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:24]


# --- Days -----------------------------------------------------------------------------------------
def of_day(employee_id: UUID, on: date, day: Mapping[str, Any], long_hours: int) -> list[Sighting]:
    """What to look at in a day as it was worked out: `day` has the columns of a row (`rebuilding`).

    A day that is not over says nothing yet of punches that may still come.
    """
    over = day["final_at"] is None
    reads: Sequence[Mapping[str, Any]] = day["why"]["punches"]
    common: dict[str, Any] = {
        "subject": f"day:{employee_id}:{on}",
        "employee_id": employee_id,
        "site_id": day["site_id"],
        "date": on,
    }
    zone = {"zone": day["zone"]}
    found: list[Sighting] = []
    if over and (marks := [one for one in _UNPAIRED if one in day["marks"]]):
        details: dict[str, Any] = zone | {"marks": marks, "times": _times(reads)}
        found.append(Sighting(ODD, facts=digest(*marks, *_named(reads)), details=details, **common))
    if stayed := _stayed(reads, timedelta(hours=long_hours)):
        found.append(
            Sighting(
                LONG_DAY, facts=digest(*stayed), details=zone | _span(*stayed, long_hours), **common
            )
        )
    if "leave_and_punch" in day["marks"]:
        taken = list(day["why"]["taken"])
        details = zone | {"taken": taken, "times": _times(reads)}
        found.append(
            Sighting(CONFLICT, facts=digest(*taken, *_named(reads)), details=details, **common)
        )
    beyond = [one for one in reads if one["why"] == "outside_window"]
    if over and beyond:
        details = zone | {"times": _times(beyond), "window": list(day["why"]["window"])}
        found.append(Sighting(OUTSIDE, facts=digest(*_named(beyond)), details=details, **common))
    return found


def _named(reads: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{one.get('punch')}/{one.get('correction')}" for one in reads]


def _times(reads: Sequence[Mapping[str, Any]]) -> list[str]:
    return [one["at"] for one in reads[:_TIMES_SHOWN]]


def _stayed(reads: Sequence[Mapping[str, Any]], limit: timedelta) -> tuple[str, str] | None:
    """The first and the last punch of a shift, when they are further from each other than
    `limit`.
    """
    times = [one["at"] for one in reads if one["why"] != "outside_window"]
    if (
        len(times) < 2
        or _moment(max(times, key=_moment)) - _moment(min(times, key=_moment)) <= limit
    ):
        return None
    return min(times, key=_moment), max(times, key=_moment)


def _span(first: str, last: str, limit: int) -> dict[str, Any]:
    minutes = int((_moment(last) - _moment(first)).total_seconds() // 60)
    return {"first": first, "last": last, "minutes": minutes, "limit": limit}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- Numbers nobody has, and clocks ---------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Waiting:
    """Punches of one number at one place for which nobody is known. `last`: UTC, when the latest
    was received.
    """

    door: str
    device_id: int | None
    code: str
    count: int
    first_at: datetime
    last_at: datetime
    received_at: datetime
    latest_id: int
    why: str
    zone: str
    on: date
    site_id: int | None = None


def code_subject(door: str, device_id: int | None, code: str) -> str:
    """What a number at a door and a device is called here."""
    return f"code:{door}:{device_id or ''}:{code}"


def of_code(one: Waiting) -> Sighting:
    """A number nobody has. A later day with such punches is another question than the one that was
    answered.
    """
    return Sighting(
        UNMATCHED,
        code_subject(one.door, one.device_id, one.code),
        digest(one.received_at.date(), one.why),
        {
            "code": one.code,
            "door": one.door,
            "count": one.count,
            "first": one.first_at.isoformat(),
            "last": one.last_at.isoformat(),
            "why": one.why,
            "zone": one.zone,
        },
        device_id=one.device_id,
        punch_id=one.latest_id,
        site_id=one.site_id,
        date=one.on,
    )


def of_refusals(
    device_id: int, on: date, count: int, latest_id: int, site_id: int | None
) -> Sighting:
    """Punches that a device sent on a date with an impossible time. They stay refused, so somebody
    has to say what was.

    `latest_id` is the last of them: it is the fact, as more may come after an answer.
    """
    details = {"refused": count, "last_id": latest_id}
    return Sighting(
        CLOCK,
        f"device:{device_id}:{on}",
        digest(latest_id),
        details,
        device_id=device_id,
        punch_id=latest_id,
        site_id=site_id,
        date=on,
    )


def of_skew(device_id: int, seconds: int, on: date, site_id: int | None) -> Sighting:
    """A clock that is steadily wrong: `seconds` ahead (or behind, below nought). Asked again each
    month, or when it moves.
    """
    minutes = round(seconds / 60)
    facts = digest(round(minutes / 10), f"{on:%Y-%m}")
    return Sighting(
        CLOCK,
        f"device:{device_id}",
        facts,
        {"minutes": minutes},
        device_id=device_id,
        site_id=site_id,
        date=on,
    )


def of_silence(
    device_id: int, since: datetime, usual_s: int, on: date, zone: str, site_id: int | None
) -> Sighting:
    """A device that has said nothing since an instant, for much longer than it usually does."""
    return Sighting(
        SILENT,
        f"device:{device_id}",
        since.isoformat(),
        {"since": since.isoformat(), "usual_minutes": max(round(usual_s / 60), 1), "zone": zone},
        device_id=device_id,
        site_id=site_id,
        date=on,
    )
