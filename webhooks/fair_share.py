"""Fair shares: how the free slots of a worker are divided among endpoints and organizations.

Pure: numbers in, numbers out. One organization, and all slow endpoints together, can hold only a
part of the slots. Called by `webhooks.lane_claims`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointCapacity:
    """An endpoint that could be given `free_lanes` more lanes now. `slow`: it is not known to
    answer quickly.
    """

    endpoint_id: int
    organization_id: int
    free_lanes: int
    slow: bool


def slow_endpoint_limits(total_slots: int) -> tuple[int, int]:
    """How many of `total_slots` slots slow endpoints may hold: all together, and those of one
    organization.
    """
    return max(total_slots // 4, 3), max(total_slots // 8, 2)


def divide_fairly(
    capacities: Sequence[EndpointCapacity],
    held: Mapping[tuple[int, bool], int],
    free_slots: int,
    total_slots: int,
) -> dict[int, int]:
    """Divide `free_slots` of `total_slots`: organization by organization in turn, and among an
    organization's endpoints.

    `held` counts the lanes being worked on by (organization, slow). One organization holds at most
    half of all slots, slow endpoints a quarter (at least three slots), one organization's an eighth
    (at least two): two hundred tar-pits cost the others nothing.
    """
    by_organization, slow = Counter[int](), Counter[int]()
    for (organization, is_slow), number in held.items():
        by_organization[organization] += number
        slow[organization] += number if is_slow else 0
    given = Counter[int]()
    queues: dict[int, deque[EndpointCapacity]] = {}
    most_slow, most_slow_of_one = slow_endpoint_limits(total_slots)
    for capacity in capacities:
        queues.setdefault(capacity.organization_id, deque()).append(capacity)

    def fits(capacity: EndpointCapacity) -> bool:
        if given[capacity.endpoint_id] >= capacity.free_lanes or by_organization[
            capacity.organization_id
        ] >= max(total_slots // 2, 1):
            return False
        return not capacity.slow or (
            slow.total() < most_slow and slow[capacity.organization_id] < most_slow_of_one
        )

    while free_slots > 0 and queues:
        for organization, queue in list(queues.items()):
            while queue and not fits(queue[0]):
                queue.popleft()
            if not queue:
                del queues[organization]
            elif free_slots > 0:
                capacity = queue[0]
                queue.rotate(-1)
                given[capacity.endpoint_id] += 1
                by_organization[organization] += 1
                slow[organization] += capacity.slow
                free_slots -= 1
    return dict(given)
