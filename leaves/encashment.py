"""How much leave may be turned into money (E12): with a leave travel concession while in
service, and on leaving. Pure.

Quantities are half-days; what is given back counts as a negative encashment. Called by
`leaves.services.encashment_limits`, which holds the accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from leaves.eligibility.refusal import LeaveRefusal
from leaves.policies import LeavePolicyVersion, LeaveType


class EncashmentOccasion(StrEnum):
    """Why leave is encashed. What is encashed with travel does not count towards what may be on
    leaving (E9).
    """

    TRAVEL = "TRAVEL"
    LEAVING = "LEAVING"


ENCASHABLE_TYPES = {
    EncashmentOccasion.TRAVEL: (LeaveType.EL,),
    EncashmentOccasion.LEAVING: (LeaveType.EL, LeaveType.HPL),
}


@dataclass(frozen=True, slots=True)
class EncashmentRequest:
    """An encashment on the table; negative: given back."""

    kind: LeaveType
    occasion: EncashmentOccasion
    on: date
    half_days: int


@dataclass(frozen=True, slots=True)
class EncashmentPosition:
    """What the rules ask about a person's encashments, in half-days.

    `available`: what could be taken off the account on that day; `used`: encashed on occasions of
    this sort so far, of all kinds; `used_of_type`: of this account, by order here; `same_day`: on
    this very date. `left_on`, `forfeits_balance`: how service ends.
    """

    available: int
    used_before: int = 0
    used_of_type: int = 0
    used_same_day: int = 0
    left_on: date | None = None
    forfeits_balance: bool = False


def encashment_refusals(
    request: EncashmentRequest, position: EncashmentPosition, policy: LeavePolicyVersion
) -> Iterator[LeaveRefusal]:
    """Everything that stands against an encashment, the first reason first."""
    if request.kind not in ENCASHABLE_TYPES[request.occasion]:
        yield _encashment_refusal(
            request,
            "ENCASH_KIND",
            "kind",
            kinds=[str(one) for one in ENCASHABLE_TYPES[request.occasion]],
        )
        return
    if request.half_days % 2:
        yield _encashment_refusal(request, "ENCASH_WHOLE_DAYS")
    if request.half_days < 0:
        if -request.half_days > position.used_of_type:
            yield _encashment_refusal(
                request,
                "ENCASH_NOT_TAKEN",
                days=-request.half_days / 2,
                used=position.used_of_type / 2,
            )
    elif request.occasion is EncashmentOccasion.TRAVEL:
        yield from _travel_refusals(request, position, policy)
    else:
        yield from _leaving_refusals(request, position, policy)


def _travel_refusals(
    request: EncashmentRequest, position: EncashmentPosition, policy: LeavePolicyVersion
) -> Iterator[LeaveRefusal]:
    days, same_day, used = (
        request.half_days / 2,
        position.used_same_day / 2,
        position.used_before / 2,
    )
    if same_day + days > policy.encash_at_a_time:
        yield _encashment_refusal(
            request, "ENCASH_AT_A_TIME", days=same_day + days, limit=policy.encash_at_a_time
        )
    if used + days > policy.encash_career:
        yield _encashment_refusal(
            request, "ENCASH_CAREER", days=days, used=used, limit=policy.encash_career
        )
    left = position.available / 2 - days
    if left < policy.encash_remain:
        yield _encashment_refusal(
            request,
            "ENCASH_REMAINDER",
            days=days,
            available=position.available / 2,
            left=left,
            limit=policy.encash_remain,
        )


def _leaving_refusals(
    request: EncashmentRequest, position: EncashmentPosition, policy: LeavePolicyVersion
) -> Iterator[LeaveRefusal]:
    days, used = request.half_days / 2, position.used_before / 2
    if position.left_on is None or request.on != position.left_on:
        yield _encashment_refusal(
            request,
            "ENCASH_NOT_LEAVING",
            "effective_on",
            left_on=position.left_on,
            effective_on=request.on,
        )
    if position.forfeits_balance:
        yield LeaveRefusal("ENCASH_FORFEITED", "G15", "type", {"kind": str(request.kind)})
    if used + days > policy.encash_leaving:
        yield _encashment_refusal(
            request, "ENCASH_LEAVING_LIMIT", days=days, used=used, limit=policy.encash_leaving
        )
    if request.half_days > position.available:
        numbers = {
            "account": str(request.kind),
            "needed": days,
            "available": position.available / 2,
        }
        yield LeaveRefusal(
            "INSUFFICIENT_BALANCE", "LEDGER", "days", {"kind": str(request.kind), **numbers}
        )


def _encashment_refusal(
    request: EncashmentRequest, code: str, field: str = "days", **details: Any
) -> LeaveRefusal:
    return LeaveRefusal(
        code,
        "E12",
        field,
        {"kind": str(request.kind), "occasion": str(request.occasion), **details},
    )


def max_encashable(
    request: EncashmentRequest, position: EncashmentPosition, policy: LeavePolicyVersion
) -> int:
    """The most that could be encashed on this occasion now, in half-days of whole days. How much is
    wanted is not asked.
    """
    if request.occasion is EncashmentOccasion.TRAVEL:
        room = [
            2 * policy.encash_at_a_time - position.used_same_day,
            2 * policy.encash_career - position.used_before,
            position.available - 2 * policy.encash_remain,
        ]
    else:
        leaving = position.left_on == request.on and not position.forfeits_balance
        room = [
            2 * policy.encash_leaving - position.used_before if leaving else 0,
            position.available,
        ]
    fits = request.kind in ENCASHABLE_TYPES[request.occasion]
    return max(0, min(room) // 2 * 2) if fits else 0
