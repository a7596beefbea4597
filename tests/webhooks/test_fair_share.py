"""How slots are divided among organizations and their endpoints."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from webhooks.fair_share import EndpointCapacity, divide_fairly

_WANTS = st.lists(
    st.builds(
        EndpointCapacity,
        st.integers(0, 30),
        st.integers(0, 4),
        st.integers(1, 20),
        st.booleans(),
    ),
    max_size=30,
    unique_by=lambda want: want.endpoint_id,
)
_HELD = st.dictionaries(st.tuples(st.integers(0, 4), st.booleans()), st.integers(0, 20), max_size=6)


@given(_WANTS, _HELD, st.integers(0, 64), st.integers(8, 64))
def test_no_share_is_larger_than_wanted_and_the_caps_hold(
    wants: Any, held: Any, hands: int, total: int
) -> None:
    given_ = divide_fairly(wants, held, hands, total)
    assert sum(given_.values()) <= hands
    for organization in range(5):
        mine = [want for want in wants if want.organization_id == organization]
        got = sum(given_.get(want.endpoint_id, 0) for want in mine)
        slow = sum(given_.get(want.endpoint_id, 0) for want in mine if want.slow)
        before = held.get((organization, True), 0)
        assert got == 0 or got + before + held.get((organization, False), 0) <= total // 2
        assert slow == 0 or slow + before <= max(total // 8, 2)
    assert all(given_.get(want.endpoint_id, 0) <= want.free_lanes for want in wants)


@given(st.integers(1, 300), st.integers(8, 64))
def test_any_number_of_slow_endpoints_leaves_a_quick_tenant_its_share(
    pits: int, total: int
) -> None:
    wants = [EndpointCapacity(number, 1, 8, True) for number in range(pits)] + [
        EndpointCapacity(999, 2, 4, False)
    ]
    taken = max(total // 8, 2)
    assert divide_fairly(wants, {(1, True): taken}, total - taken, total) == {999: 4}


def test_organizations_take_turns_and_so_do_their_endpoints() -> None:
    wants = [
        EndpointCapacity(1, 1, 9, False),
        EndpointCapacity(2, 1, 9, False),
        EndpointCapacity(3, 2, 9, False),
    ]
    assert divide_fairly(wants, {}, 8, 64) == {1: 2, 2: 2, 3: 4}
