"""The judge itself: each kind of violation is found, and what is allowed is let through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.rig.check import (
    Arrival,
    Findings,
    SendResult,
    SentPunch,
    StoredDelivery,
    check,
    unbalanced,
)

SENT = [
    SentPunch("a", SendResult.ACKNOWLEDGED),
    SentPunch("b", SendResult.ACKNOWLEDGED),
    SentPunch("c", SendResult.INDETERMINATE),
    SentPunch("d", SendResult.REFUSED),
]
A = Arrival("/one", "msg_a", "employee:1", 1, "aa", "a")
B = Arrival("/one", "msg_b", "employee:1", 2, "bb", "b")
C = Arrival("/one", "msg_c", "employee:1", 3, "cc", "c")
STORED = [
    StoredDelivery("/one", f"msg_{name}", "employee:1", number, "delivered")
    for number, name in enumerate("ab", 1)
]


def judge(
    *arrivals: Arrival, sent: list[SentPunch] = SENT, stored: list[StoredDelivery] | None = None
) -> Findings:
    return check(sent, arrivals, ["/one"], stored or [])


def test_a_good_run_has_no_faults() -> None:
    assert judge(A, B, stored=STORED).faults == {}


def test_an_operation_without_an_answer_may_arrive_or_not() -> None:
    assert judge(A, B, C).faults == {}
    assert judge(A, B).faults == {}


def test_a_repeat_with_the_same_bytes_is_allowed_even_late() -> None:
    found = judge(A, B, A, B, A)
    assert found.faults == {}
    assert found.notes["repeats"] == 3


@pytest.mark.parametrize(
    ("kind", "arrivals"),
    [
        ("lost", [A]),
        ("invented", [A, B, replace(C, name="x")]),
        ("invented", [A, B, replace(C, name="d")]),
        ("altered", [A, B, replace(A, digest="xx")]),
        ("altered", [A, B, replace(A, sequence=7)]),
        ("split", [A, B, replace(C, name="a")]),
        ("unverified", [A, replace(B, verified=False)]),
        ("disordered", [B, A]),
        ("disordered", [A, B, replace(C, sequence=4)]),
        ("disordered", [A, B, replace(C, sequence=2)]),
    ],
)
def test_each_violation_is_found_and_nothing_else(kind: str, arrivals: list[Arrival]) -> None:
    assert set(judge(*arrivals).faults) == {kind}


def test_order_is_kept_apart_by_endpoint_and_lane() -> None:
    other = [
        replace(A, endpoint="/two", id="msg_2"),
        replace(B, lane="employee:2", sequence=1, id="msg_3", name="b"),
    ]
    assert check(SENT, [A, *other, B], [], []).disordered == []


def test_a_dead_letter_may_be_missing_in_the_order() -> None:
    dead = StoredDelivery("/one", "msg_x", "employee:1", 3, "dead")
    assert judge(A, B, replace(C, sequence=4), stored=[]).disordered
    assert not check(SENT, [A, B, replace(C, sequence=4)], ["/one"], [dead]).disordered


def test_what_still_waits_was_not_recovered() -> None:
    waiting = [*STORED, StoredDelivery("/one", "msg_c", "employee:1", 3, "waiting")]
    assert set(judge(A, B, stored=waiting).faults) == {"unrecovered"}


def test_what_the_database_calls_delivered_must_have_come() -> None:
    told = [*STORED, StoredDelivery("/one", "msg_c", "employee:1", 3, "delivered")]
    assert set(judge(A, B, stored=told).faults) == {"unrecovered"}


def test_an_id_the_database_does_not_know_is_an_invention() -> None:
    assert set(judge(A, B, C, stored=STORED).faults) == {"invented"}


def test_counters_must_add_up() -> None:
    counts = {
        "received": 5,
        "accepted": 3,
        "refused": 0,
        "duplicate": 2,
        "conflict": 0,
        "unmatched": 0,
    }
    assert unbalanced(counts, {"accepted": 3}, 3) == []
    assert unbalanced(counts | {"received": 6}, {"accepted": 3}, 3)
    assert unbalanced(counts, {"accepted": 4}, 3)
    assert unbalanced(counts, {"accepted": 3}, 4)
