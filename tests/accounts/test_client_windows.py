"""An API client's own limits: each replaces the channel's limit for the same length of time, and no
other.
"""

from __future__ import annotations

from typing import Any

import pytest

from employees.models import Employee, Organization
from tests.attendance.channels.clients import HrSystem, Scanner

MINUTE, HOUR, DAY = 60, 3600, 86_400


def policy(reply: Any) -> dict[int, int]:
    """What `RateLimit-Policy` says: the window in seconds → the limit."""
    windows = {}
    for item in reply["RateLimit-Policy"].split(", "):
        _name, limit, period = item.split(";")
        windows[int(period.removeprefix("w="))] = int(limit.removeprefix("q="))
    return windows


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {HOUR: 1000, DAY: 10_000}),
        ({"per_hour": 20_000}, {HOUR: 20_000, DAY: 10_000}),
        ({"per_day": 50}, {HOUR: 1000, DAY: 50}),
        ({"per_minute": 7}, {MINUTE: 7, HOUR: 1000, DAY: 10_000}),
        ({"per_minute": 7, "per_hour": 8, "per_day": 9}, {MINUTE: 7, HOUR: 8, DAY: 9}),
    ],
)
def test_a_scanners_own_limit_replaces_the_channels_limit_for_the_same_time_only(
    acme: Organization, own: dict[str, int], expected: dict[int, int]
) -> None:
    reply = Scanner(acme, **own).send()
    assert reply.status_code == 200
    assert policy(reply) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {MINUTE: 600}),
        ({"per_hour": 20_000}, {MINUTE: 600, HOUR: 20_000}),
        ({"per_day": 50}, {MINUTE: 600, DAY: 50}),
        ({"per_minute": 7}, {MINUTE: 7}),
        ({"per_minute": 7, "per_day": 9}, {MINUTE: 7, DAY: 9}),
    ],
)
def test_an_hr_systems_own_limit_replaces_the_channels_limit_for_the_same_time_only(
    acme: Organization, asha: Employee, own: dict[str, int], expected: dict[int, int]
) -> None:
    reply = HrSystem(acme, **own).call({})
    assert reply.status_code == 400
    assert policy(reply) == expected


@pytest.mark.usefixtures("frozen_clock")
def test_a_scanner_with_a_higher_hourly_limit_still_stops_at_the_daily_limit(
    acme: Organization,
) -> None:
    scanner = Scanner(acme, per_hour=20_000, per_day=2)
    assert [scanner.send(scanId=f"scan-{n}").status_code for n in range(3)] == [200, 200, 429]
