"""Whether somebody may punch from where they are: pure judgement over the fences near them and the
Wi-Fi they see.

Fences are measured in metres on the ellipsoid. The phone's own accuracy is an allowance, up to a
limit: a reading that could as well be inside counts as inside. What cannot be judged is refused.
Called by services; knows no Django.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from geofences.geometry.shapes import Shape

# The words of the phone channel's contract.
REFUSAL_TEXT: Final = "Outside any allowed geo-fence or Wi-Fi SSID not on allowlist"


class PositionOutcome(StrEnum):
    """What decided a judgement."""

    NETWORK = "network"
    INSIDE = "inside"
    NEAR = "near"
    UNFENCED_ACCEPTED = "unfenced_accepted"
    OUTSIDE = "outside"
    INACCURATE = "inaccurate"
    UNFENCED = "unfenced"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class PositionRules:
    """An organization's rules about places. Lengths in metres."""

    ssid_sufficient: bool = True
    accept_unfenced: bool = False
    max_accuracy_m: float = 200.0
    tolerance_m: float = 50.0


@dataclass(frozen=True, slots=True)
class PositionReading:
    """What a phone says about where it is. Degrees, and the radius in metres it is sure of."""

    lat: float
    lng: float
    accuracy_m: float

    @property
    def is_valid(self) -> bool:
        """Whether it is a place on earth at all."""
        return abs(self.lat) <= 90 and abs(self.lng) <= 180 and 0 <= self.accuracy_m < math.inf


@dataclass(frozen=True, slots=True)
class PositionEvaluation:
    """The verdict on a place. `fence_id` is the fence that holds it, or the nearest that was looked
    at; `outside_m` is how far outside that fence it is, in metres; `network_id` is the allow-listed
    Wi-Fi that was seen.
    """

    outcome: PositionOutcome
    fence_id: int | None = None
    outside_m: float | None = None
    network_id: int | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the punch may stand."""
        return self.outcome in (
            PositionOutcome.NETWORK,
            PositionOutcome.INSIDE,
            PositionOutcome.NEAR,
            PositionOutcome.UNFENCED_ACCEPTED,
        )

    @property
    def refusal_text(self) -> str:
        """The text of a refusal; empty when there is none."""
        return "" if self.is_accepted else REFUSAL_TEXT


def evaluate_reading(
    reading: PositionReading,
    fences: Iterable[tuple[int, Shape]],
    network_id: int | None,
    policy: PositionRules,
    is_fenced: Callable[[], bool],
) -> PositionEvaluation:
    """The verdict on a reading.

    `fences` are those that apply, are active, and could be near enough (id, shape); no more of them
    are taken than needed. `network_id` is the allow-listed network the phone sees, if any.
    `is_fenced` tells whether any fence applies, wherever it is; it is asked only when no fence
    holds the reading.
    """
    if network_id is not None and policy.ssid_sufficient:
        return PositionEvaluation(PositionOutcome.NETWORK, network_id=network_id)
    if not reading.is_valid:
        return PositionEvaluation(PositionOutcome.UNREADABLE, network_id=network_id)
    inaccurate = reading.accuracy_m > policy.max_accuracy_m and network_id is None
    found = None if inaccurate else _nearest_fence(reading, fences, policy)
    fence_id, outside_m = found or (None, None)
    if outside_m is not None and _is_within_allowance(outside_m, reading, policy):
        return PositionEvaluation(
            PositionOutcome.NEAR if outside_m else PositionOutcome.INSIDE,
            fence_id,
            outside_m,
            network_id,
        )
    if not is_fenced():
        return PositionEvaluation(
            PositionOutcome.UNFENCED_ACCEPTED
            if policy.accept_unfenced
            else PositionOutcome.UNFENCED,
            network_id=network_id,
        )
    return PositionEvaluation(
        PositionOutcome.INACCURATE if inaccurate else PositionOutcome.OUTSIDE,
        fence_id,
        outside_m,
        network_id,
    )


def _is_within_allowance(outside_m: float, reading: PositionReading, policy: PositionRules) -> bool:
    return outside_m == 0 or outside_m < min(reading.accuracy_m, policy.tolerance_m)


def _nearest_fence(
    reading: PositionReading, fences: Iterable[tuple[int, Shape]], policy: PositionRules
) -> tuple[int, float] | None:
    """The first fence that allows the reading, with the metres outside it; else the nearest one."""
    nearest: tuple[int, float] | None = None
    for fence_id, shape in fences:
        outside_m = shape.outside_m(reading.lat, reading.lng)
        if _is_within_allowance(outside_m, reading, policy):
            return fence_id, outside_m
        if nearest is None or outside_m < nearest[1]:
            nearest = fence_id, outside_m
    return nearest
