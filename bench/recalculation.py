#!/usr/bin/env python
"""A month of ten thousand employees worked out anew: how long, in how much memory, and beside what
floor.

A PostgreSQL of this run only. Everybody punches four times on each working day, some forget to
leave, a tenth works nights. The floor is what any program would have to do: read the same punches
once, and write as many rows of days by one statement.
"""

# environment.
from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.rig.processes import Postgres, environment, folder  # noqa: E402
from tests.rig.world import make_rig_world  # noqa: E402

FIRST, LAST = date(2026, 7, 1), date(2026, 7, 31)


def fill(organization_id: int, people: int) -> int:
    """Employees, a roster of nights for a tenth of them, and their punches; returns how many
    punches.
    """
    from core.raw_sql import run_sql  # noqa: PLC0415

    run_sql("SET statement_timeout = 0")
    run_sql(
        "INSERT INTO employees_employee (id, organization_id, code, worker_id, name, email,"
        " joined_on) SELECT gen_random_uuid(), %s, 'B' || n, '', 'Person ' || n, '', '2020-01-01'"
        " FROM generate_series(1, %s) n",
        organization_id,
        people,
    )
    run_sql(
        "INSERT INTO attendance_punch (organization_id, channel, source, key, fingerprint,"
        " employee_id, user_code, occurred_at, occurred_text, zone, received_at, direction,"
        " verdict, reasons, flags, late, commitment) SELECT e.organization_id, 'device',"
        " 'device:0', e.code || d || t.n, '', e.id, e.code, d + t.at + (random() * interval '20"
        " minutes') + CASE WHEN e.code LIKE '%%7' THEN interval '13 hours' ELSE '0' END, '',"
        " 'Asia/Kolkata', now(), NULL, 'accepted', '{}', '[]', FALSE, '' FROM employees_employee e,"
        " generate_series(%s::timestamptz, %s::timestamptz, '1 day') d, (VALUES (1, interval '3.4"
        " hours'), (2, interval '7.4 hours'), (3, interval '7.9 hours'), (4, interval '12 hours'))"
        " t (n, at) WHERE e.organization_id = %s AND extract(isodow FROM d) < 6 AND (t.n < 4 OR"
        " random() < 0.98)",
        "2026-06-30 00:00Z",
        "2026-08-02 00:00Z",
        organization_id,
    )
    run_sql("VACUUM ANALYZE attendance_punch")
    run_sql("VACUUM ANALYZE employees_employee")
    return int(run_sql("SELECT count(*) FROM attendance_punch")[0][0])


def recalculate(organization_id: int) -> tuple[float, int]:
    """Ask for the month and work until it is done; seconds, and days that changed."""
    from django.db import transaction  # noqa: PLC0415

    from attendance import recalculation_queue  # noqa: PLC0415
    from attendance.background import recalculation  # noqa: PLC0415
    from attendance.models import Recalculation  # noqa: PLC0415

    began, shown = time.monotonic(), 0.0
    with transaction.atomic():
        asked = recalculation_queue.request_recalculation(organization_id, FIRST, LAST)
    while Recalculation.objects.filter(pk=asked.pk, finished_at__isnull=True).exists():
        recalculation.recalculate_next_batch()
        if time.monotonic() - shown > 5:
            shown = time.monotonic()
            print(
                f"  {asked.total - asked.stale_ranges.count()} of {asked.total} person-months",
                flush=True,
            )
    asked.refresh_from_db()
    return time.monotonic() - began, asked.changed


def measure_floor(organization_id: int) -> float:
    """Read the punches once, and write a copy of the days by one statement."""
    from django.db import connection  # noqa: PLC0415

    from core.raw_sql import run_sql  # noqa: PLC0415

    began = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT employee_id, id, occurred_at, direction FROM attendance_punch WHERE"
            " organization_id = %s",
            [organization_id],
        )
        while cursor.fetchmany(5000):
            pass
    run_sql("CREATE TABLE floor (LIKE attendance_day INCLUDING ALL)")
    run_sql("INSERT INTO floor SELECT * FROM attendance_day")
    return time.monotonic() - began


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The whole run."""
    with folder() as scratch, Postgres(scratch) as postgres:
        given = environment(scratch, postgres.url)
        os.environ.update(given)
        world = make_rig_world(given, "http://127.0.0.1:9", paths=())
        import django  # noqa: PLC0415

        django.setup()
        from django.db import connections  # noqa: PLC0415

        punches = fill(world.organization_id, options.employees)
        print(f"{options.employees} employees, {punches} punches", flush=True)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        first_s, fresh = recalculate(world.organization_id)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        again_s, changed = recalculate(world.organization_id)
        floor_s = measure_floor(world.organization_id)
        print(f"first: {fresh} days in {first_s:.1f} s, {fresh / first_s:.0f} a second")
        print(f"again: {changed} days changed, {again_s:.1f} s")
        print(f"floor: {floor_s:.1f} s; ratio {first_s / floor_s:.1f}")
        print(f"memory: {before // 1024} MiB before, {after // 1024} MiB at most")
        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]
        return {
            "bench": "recalculation",
            "employees": options.employees,
            "punches": punches,
            "days": fresh,
            "seconds": round(first_s, 1),
            "again_s": round(again_s, 1),
            "changed_again": changed,
            "floor_s": round(floor_s, 1),
            "ratio": round(first_s / floor_s, 2),
            "mib_before": before // 1024,
            "mib_most": after // 1024,
        }


def main() -> None:
    """Read the flags, run, and close with one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--employees", type=int, default=10_000, help="how many (10000)")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
