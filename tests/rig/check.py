"""What goes in must come out: the judgement over a run, from what was sent, what arrived and what
the database says.

Jepsen's idea. An operation whose answer never came is *indeterminate*: it may have happened or not,
so its delivery is no invention and its absence no loss. Deliveries are at least once: the same id
may arrive again, always with the same bytes. Pure functions; `tests.rig.load` makes the
`SentPunch`, `tests.rig.recorder` the `Arrival`, `tests.rig.world` the `StoredDelivery`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum


class SendResult(StrEnum):
    """What the sender was told."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class SentPunch:
    """One punch as its terminal knows it; `name` is found again in what arrives."""

    name: str
    result: SendResult


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request at the customer's server. The order of arrivals is the order in which they were
    written down.
    """

    endpoint: str
    id: str
    lane: str
    sequence: int
    digest: str
    name: str
    verified: bool = True


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as the database has it at the end."""

    endpoint: str
    id: str
    lane: str
    sequence: int
    state: str


@dataclass(slots=True)
class Findings:
    """What is wrong, by kind; each a list of sentences. `notes` are figures, not faults."""

    lost: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    unrecovered: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def faults(self) -> dict[str, list[str]]:
        """The kinds that were found."""
        found = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "notes"}
        return {kind: sentences for kind, sentences in found.items() if sentences}

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {number}" for name, number in self.notes.items())
        faults = "; ".join(
            f"{kind} {len(found)}: {found[:3]}" for kind, found in self.faults.items()
        )
        return f"{figures} | {faults or 'lost 0, invented 0, same id same bytes, order kept'}"


def check(
    sent: Sequence[SentPunch],
    arrivals: Sequence[Arrival],
    endpoints: Iterable[str],
    stored: Sequence[StoredDelivery] = (),
) -> Findings:
    """Judge a run after its drain. Every acknowledged punch must have come to every one of
    `endpoints`.
    """
    endpoints = list(endpoints)
    dead = {one.id for one in stored if one.state == "dead"}
    gone = {(one.endpoint, one.lane, one.sequence) for one in stored if one.state == "dead"}
    return Findings(
        lost=lost(sent, arrivals, endpoints),
        invented=invented(sent, arrivals, stored),
        altered=altered(arrivals),
        split=split(arrivals),
        unverified=[f"{one.id} at {one.endpoint}" for one in arrivals if not one.verified],
        disordered=disordered(arrivals, gone),
        unrecovered=unrecovered(arrivals, stored),
        notes=_notes(sent, arrivals) | {"dead letters": len(dead)},
    )


def lost(
    sent: Sequence[SentPunch], arrivals: Sequence[Arrival], endpoints: Iterable[str]
) -> list[str]:
    """Acknowledged and never delivered."""
    came = {(one.endpoint, one.name) for one in arrivals}
    promised = [one.name for one in sent if one.result is SendResult.ACKNOWLEDGED]
    return [
        f"{name} never came to {endpoint}"
        for endpoint in endpoints
        for name in promised
        if (endpoint, name) not in came
    ]


def invented(
    sent: Sequence[SentPunch], arrivals: Sequence[Arrival], stored: Sequence[StoredDelivery] = ()
) -> list[str]:
    """Delivered although nobody sent it, or although it was refused, or with an id that the
    database does not know.
    """
    fates = {one.name: one.result for one in sent}
    known = {(one.endpoint, one.id) for one in stored}
    found = [f"{one.name} was never sent" for one in arrivals if one.name not in fates]
    found += [
        f"{one.name} was refused" for one in arrivals if fates.get(one.name) is SendResult.REFUSED
    ]
    if stored:
        found += [
            f"{one.id} is not in the database"
            for one in arrivals
            if (one.endpoint, one.id) not in known
        ]
    return found


def altered(arrivals: Sequence[Arrival]) -> list[str]:
    """The same id with other bytes, or at another place in the order."""
    first: dict[str, Arrival] = {}
    found = []
    for one in arrivals:
        before = first.setdefault(one.id, one)
        if (before.digest, before.lane, before.sequence, before.endpoint) != (
            one.digest,
            one.lane,
            one.sequence,
            one.endpoint,
        ):
            found.append(
                f"{one.id} came as {before.lane}/{before.sequence} and as {one.lane}/{one.sequence}"
            )
    return found


def split(arrivals: Sequence[Arrival]) -> list[str]:
    """One punch under two ids at one endpoint: the receiver would process it twice."""
    ids: dict[tuple[str, str], set[str]] = {}
    for one in arrivals:
        ids.setdefault((one.endpoint, one.name), set()).add(one.id)
    return [
        f"{name} came to {endpoint} under {len(two)} ids"
        for (endpoint, name), two in ids.items()
        if len(two) > 1
    ]


def disordered(
    arrivals: Sequence[Arrival], dead_letters: Iterable[tuple[str, str, int]] = ()
) -> list[str]:
    """First arrivals of a lane that do not count 1, 2, 3 …; numbers in `gone` (dead letters) may be
    missing.
    """
    dead_letters = set(dead_letters)
    seen: set[str] = set()
    last: dict[tuple[str, str], int] = {}
    found = []
    for one in arrivals:
        if one.id in seen:
            continue
        seen.add(one.id)
        lane = (one.endpoint, one.lane)
        before = last.get(lane, 0)
        missing = [
            number
            for number in range(before + 1, one.sequence)
            if (*lane, number) not in dead_letters
        ]
        if one.sequence <= before or missing:
            found.append(f"{one.endpoint} {one.lane}: {one.sequence} came after {before}")
        last[lane] = max(before, one.sequence)
    return found


def unrecovered(arrivals: Sequence[Arrival], stored: Sequence[StoredDelivery]) -> list[str]:
    """Still waiting after the drain, or delivered according to the database and never seen."""
    came = {(one.endpoint, one.id) for one in arrivals}
    found = [f"{one.id} is still {one.state}" for one in stored if one.state in ("new", "waiting")]
    found += [
        f"{one.id} never came"
        for one in stored
        if one.state == "delivered" and (one.endpoint, one.id) not in came
    ]
    return found


def unbalanced(
    counts: Mapping[str, int], punches: Mapping[str, int], acknowledged: int
) -> list[str]:
    """Counters that do not add up: `counts` are the sums of the ingest counters, `punches` the rows
    by verdict.
    """
    parts = ("accepted", "refused", "duplicate", "conflict", "unmatched")
    found = []
    if counts["received"] != sum(counts[part] for part in parts):
        found.append(f"received {counts['received']} is not the sum of its parts")
    for verdict in ("accepted", "unmatched"):
        if counts[verdict] != punches.get(verdict, 0):
            found.append(
                f"{counts[verdict]} counted as {verdict}, {punches.get(verdict, 0)} stored"
            )
    if sum(punches.values()) < acknowledged:
        found.append(f"{acknowledged} acknowledged, {sum(punches.values())} stored")
    return found


def _notes(sent: Sequence[SentPunch], arrivals: Sequence[Arrival]) -> dict[str, int]:
    notes = {str(fate): sum(one.result is fate for one in sent) for fate in SendResult}
    ids = {(one.endpoint, one.id) for one in arrivals}
    return notes | {"arrivals": len(arrivals), "repeats": len(arrivals) - len(ids)}
