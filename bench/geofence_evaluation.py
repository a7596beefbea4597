#!/usr/bin/env python
"""What ten thousand fences cost a punch: `geofences.services.evaluate_position` with one fence and
with many, on a throwaway database.

Runs on SQLite in a temporary folder, or on the PostgreSQL of DATABASE_URL, in a transaction that is
rolled back. The many are spread over a city of 40 km, half of them for everybody and half for one
employee each, with polygons of 20 corners among the circles. Shown: microseconds of one judgement
(median), with one fence and with many, and their ratio, which is the figure.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("MUSTER_DATA", tempfile.mkdtemp(prefix="muster-bench-"))
os.environ.setdefault("MUSTER_DEMO", "1")
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from employees.models import Employee, Organization  # noqa: E402
from geofences.evaluation import PositionEvaluation, PositionOutcome  # noqa: E402
from geofences.models import Geofence  # noqa: E402
from geofences.services import evaluate_position  # noqa: E402

OFFICE_POSITION = (28.6175, 77.2085)
OUTSIDE_POSITION = (28.6175, 78.9)
CITY_DEGREES = 0.18
CORNERS = 20


def make_geofence(
    organization: Organization, lat: float, lng: float, *, employee: Employee | None, circle: bool
) -> Geofence:
    """A fence of about 60 m around a place, not stored."""
    fence = Geofence(organization=organization, name="Bench", employee=employee)
    if circle:
        fence.kind, fence.latitude, fence.longitude, fence.radius_m = (
            Geofence.Kind.CIRCLE,
            lat,
            lng,
            60,
        )
    else:
        turns = [math.tau * number / CORNERS for number in range(CORNERS)]
        ring = [[lng + 0.0006 * math.cos(turn), lat + 0.0006 * math.sin(turn)] for turn in turns]
        fence.geojson = json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
    fence.clean_shape()
    return fence


def median_us(
    judge: Callable[[], PositionEvaluation], expected: PositionOutcome, times: int
) -> float:
    """The median microseconds of a judgement that comes out as expected."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        verdict = judge()
        found.append((time.perf_counter() - begun) * 1e6)
        assert verdict.outcome == expected, verdict
    return statistics.median(found)


def measure(employee: Employee, times: int) -> dict[str, float]:
    """Microseconds inside the office, and far from every fence."""

    def judge(lat: float, lng: float) -> PositionEvaluation:
        return evaluate_position(
            organization_id=employee.organization_id,
            employee_id=employee.pk,
            site_id=None,
            department_id=None,
            at=timezone.now(),
            lat=lat,
            lng=lng,
            accuracy_m=12,
            ssid="Somebody's phone",
        )

    return {
        "inside": median_us(lambda: judge(*OFFICE_POSITION), PositionOutcome.INSIDE, times),
        "outside": median_us(lambda: judge(*OUTSIDE_POSITION), PositionOutcome.OUTSIDE, times),
    }


def main() -> None:
    """Measure, add the many, measure again."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--fences", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=500)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    with transaction.atomic():
        one, many = run(asked.fences, asked.times)
        transaction.set_rollback(True)
    ratios = {name: many[name] / one[name] for name in one}
    print(
        f"{connection.vendor}: {asked.fences}"
        f" fences\n{'':10}{'1 fence':>12}{'many':>12}{'ratio':>8}"
    )
    for name, ratio in ratios.items():
        print(f"{name:10}{one[name]:>9.0f} us{many[name]:>9.0f} us{ratio:>8.2f}")
    print(
        json.dumps(
            {
                "bench": "fences",
                "engine": connection.vendor,
                "fences": asked.fences,
                "one_us": one,
                "many_us": many,
                "ratio": ratios,
            }
        )
    )


def run(count: int, times: int) -> tuple[dict[str, float], dict[str, float]]:
    """Figures with one fence, and with `count` more."""
    organization: Any = Organization.objects.create(
        slug="bench-fences", name="Bench", timezone="Asia/Kolkata"
    )
    people = Employee.objects.bulk_create(
        [
            Employee(
                organization=organization, code=str(number), name="Bench", joined_on="2020-01-01"
            )
            for number in range(100)
        ]
    )
    make_geofence(organization, *OFFICE_POSITION, employee=None, circle=False).save()
    measure(people[0], 50)
    one = measure(people[0], times)
    dice = random.Random(7)
    rows = []
    for number in range(count):
        lat, lng = (
            middle + dice.uniform(-CITY_DEGREES, CITY_DEGREES) for middle in OFFICE_POSITION
        )
        mine = people[number % len(people)] if number % 2 else None
        rows.append(make_geofence(organization, lat, lng, employee=mine, circle=number % 3 > 0))
    Geofence.objects.bulk_create(rows, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return one, measure(people[0], times)


if __name__ == "__main__":
    main()
