"""How much leave may be turned into money (E12): with a leave travel concession while in service,
and on leaving. Pure.

Quantities are half-days; what is given back counts as a negative encashment. Called by `records`,
which holds the accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from leaves.judgement import Refusal
from leaves.policies import Kind, Policy


class Occasion(StrEnum):
    """Why leave is encashed. What is encashed with travel does not count towards what may be on
    leaving (E9).
    """

    TRAVEL = "TRAVEL"
    LEAVING = "LEAVING"


KINDS = {Occasion.TRAVEL: (Kind.EL,), Occasion.LEAVING: (Kind.EL, Kind.HPL)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An encashment on the table; negative: given back."""

    kind: Kind
    occasion: Occasion
    on: date
    half_days: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules ask about a person's encashments, in half-days.

    `available`: what could be taken off the account on that day; `used`: encashed on occasions of
    this sort so far, of all kinds; `of_kind`: of this account, by order here; `same_day`: on this
    very date. `left_on`, `forfeits`: how service ends.
    """

    available: int
    used: int = 0
    of_kind: int = 0
    same_day: int = 0
    left_on: date | None = None
    forfeits: bool = False


def refusals(wanted: Wanted, standing: Standing, policy: Policy) -> Iterator[Refusal]:
    """Everything that stands against an encashment, the first reason first."""
    if wanted.kind not in KINDS[wanted.occasion]:
        yield _refuse(
            wanted, "ENCASH_KIND", "kind", kinds=[str(one) for one in KINDS[wanted.occasion]]
        )
        return
    if wanted.half_days % 2:
        yield _refuse(wanted, "ENCASH_WHOLE_DAYS")
    if wanted.half_days < 0:
        if -wanted.half_days > standing.of_kind:
            yield _refuse(
                wanted, "ENCASH_NOT_TAKEN", days=-wanted.half_days / 2, used=standing.of_kind / 2
            )
    elif wanted.occasion is Occasion.TRAVEL:
        yield from _travelling(wanted, standing, policy)
    else:
        yield from _leaving(wanted, standing, policy)


def _travelling(wanted: Wanted, standing: Standing, policy: Policy) -> Iterator[Refusal]:
    days, same_day, used = wanted.half_days / 2, standing.same_day / 2, standing.used / 2
    if same_day + days > policy.encash_at_a_time:
        yield _refuse(
            wanted, "ENCASH_AT_A_TIME", days=same_day + days, limit=policy.encash_at_a_time
        )
    if used + days > policy.encash_career:
        yield _refuse(wanted, "ENCASH_CAREER", days=days, used=used, limit=policy.encash_career)
    left = standing.available / 2 - days
    if left < policy.encash_remain:
        yield _refuse(
            wanted,
            "ENCASH_REMAINDER",
            days=days,
            available=standing.available / 2,
            left=left,
            limit=policy.encash_remain,
        )


def _leaving(wanted: Wanted, standing: Standing, policy: Policy) -> Iterator[Refusal]:
    days, used = wanted.half_days / 2, standing.used / 2
    if standing.left_on is None or wanted.on != standing.left_on:
        yield _refuse(
            wanted,
            "ENCASH_NOT_LEAVING",
            "effective_on",
            left_on=standing.left_on,
            effective_on=wanted.on,
        )
    if standing.forfeits:
        yield Refusal("ENCASH_FORFEITED", "G15", "type", {"kind": str(wanted.kind)})
    if used + days > policy.encash_leaving:
        yield _refuse(
            wanted, "ENCASH_LEAVING_LIMIT", days=days, used=used, limit=policy.encash_leaving
        )
    if wanted.half_days > standing.available:
        numbers = {"account": str(wanted.kind), "needed": days, "available": standing.available / 2}
        yield Refusal(
            "INSUFFICIENT_BALANCE", "LEDGER", "days", {"kind": str(wanted.kind), **numbers}
        )


def _refuse(wanted: Wanted, code: str, field: str = "days", **details: Any) -> Refusal:
    return Refusal(
        code, "E12", field, {"kind": str(wanted.kind), "occasion": str(wanted.occasion), **details}
    )


def most(wanted: Wanted, standing: Standing, policy: Policy) -> int:
    """The most that could be encashed on this occasion now, in half-days of whole days. How much is
    wanted is not asked.
    """
    if wanted.occasion is Occasion.TRAVEL:
        room = [
            2 * policy.encash_at_a_time - standing.same_day,
            2 * policy.encash_career - standing.used,
            standing.available - 2 * policy.encash_remain,
        ]
    else:
        leaving = standing.left_on == wanted.on and not standing.forfeits
        room = [2 * policy.encash_leaving - standing.used if leaving else 0, standing.available]
    fits = wanted.kind in KINDS[wanted.occasion]
    return max(0, min(room) // 2 * 2) if fits else 0
