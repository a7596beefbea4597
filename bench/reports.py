#!/usr/bin/env python
"""A month of ten thousand employees as reports: rows a second, memory, and how they compare to COPY
of the same rows.

A PostgreSQL of this run only, filled by SQL: everybody has a row for each of 31 days and four
punches on each. The muster roll and the pivot of verdicts are streamed as CSV to nowhere; beside
them the database copies the rows they are made of to nowhere.
"""

# environment.
from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.rig.processes import Postgres, environment, folder  # noqa: E402
from tests.rig.world import make_rig_world  # noqa: E402

FIRST, LAST = "2026-07-01", "2026-07-31"
MIB = 1024
# What each report is made of.
FLOORS = {
    "muster-roll": (
        "SELECT e.code, e.name, d.date, d.status, d.first_half, d.second_half, d.worked, d.late_by,"
        " d.early_by, d.overtime FROM attendance_day d JOIN employees_employee e ON e.id ="
        " d.employee_id ORDER BY e.code, d.date"
    ),
    "attendance": (
        "SELECT e.code, e.name, (p.occurred_at AT TIME ZONE 'Asia/Kolkata')::date AS day,"
        " p.verdict, count(*) FROM attendance_punch p JOIN employees_employee e ON e.id ="
        " p.employee_id GROUP BY 1, 2, 3, 4 ORDER BY 1, 3"
    ),
}
PARAMETERS = {"muster-roll": {"month": "2026-07"}, "attendance": {"from": FIRST, "to": LAST}}


def fill(organization_id: int, people: int) -> None:
    """Employees, their punches and their days."""
    from core.raw_sql import run_sql  # noqa: PLC0415

    run_sql("SET statement_timeout = 0")
    run_sql(
        "INSERT INTO employees_employee (id, organization_id, code, worker_id, name, email,"
        " joined_on) SELECT gen_random_uuid(), %s, 'B' || lpad(n::text, 6, '0'), '', 'Person ' ||"
        " n, '', '2020-01-01' FROM generate_series(1, %s) n",
        organization_id,
        people,
    )
    everybody = (
        " FROM employees_employee e, generate_series(%s::date, %s::date, '1 day') d, (VALUES {}) t"
        " (n, at) WHERE e.organization_id = %s AND e.code LIKE 'B%%'"
    )
    run_sql(
        "INSERT INTO attendance_punch (organization_id, channel, source, key, fingerprint,"
        " employee_id, user_code, occurred_at, occurred_text, zone, received_at, direction,"
        " verdict, reasons, flags, late, commitment) SELECT e.organization_id, 'device',"
        " 'device:0', e.code || d || t.n, '', e.id, e.code, d + t.at, '', 'Asia/Kolkata', now(),"
        " NULL, CASE WHEN random() < 0.98 THEN 'accepted' ELSE 'rejected_geofence' END, '{}', '[]',"
        " FALSE, ''"
        + everybody.format(
            "(1, interval '3.4h'), (2, interval '7.4h'), (3, interval '7.9h'), (4, interval '12h')"
        ),
        FIRST,
        LAST,
        organization_id,
    )
    run_sql(
        "INSERT INTO attendance_day (organization_id, employee_id, date, zone, status, first_half,"
        " second_half, first_in, last_out, worked, late_by, early_by, overtime, marks, why) SELECT"
        " organization_id, id, date, 'Asia/Kolkata', status, half, half, date + interval '3.4h',"
        " date + interval '12h', 480, late, 0, 0, '[]', '{}' FROM (SELECT e.organization_id, e.id,"
        " d::date AS date, (random() * 60)::int AS late, CASE WHEN extract(isodow FROM d) > 5 THEN"
        " 'weekly_off' WHEN random() < 0.04 THEN 'leave:CL' ELSE 'present' END AS status, 'present'"
        " AS half" + everybody.format("(1, 1)") + ") found",
        FIRST,
        LAST,
        organization_id,
    )
    for table in ("attendance_punch", "attendance_day", "employees_employee"):
        run_sql(f"VACUUM ANALYZE {table}")


def stream_report(organization_id: int, name: str) -> tuple[int, int]:
    """A report as CSV, thrown away piece by piece; how many rows and bytes it had."""
    from employees.models import Organization  # noqa: PLC0415
    from reports.base import ReportRun  # noqa: PLC0415
    from reports.catalog import REPORTS  # noqa: PLC0415
    from reports.formats import FORMATS  # noqa: PLC0415
    from reports.services import build_report  # noqa: PLC0415

    run = ReportRun(
        build_report(REPORTS[name], Organization.objects.get(pk=organization_id), PARAMETERS[name])
    )
    return sum(len(piece) for piece in FORMATS["csv"].render(run)), run.row_count


def copy_rows(name: str) -> tuple[int, int]:
    """The rows it is made of, copied by the database and thrown away; bytes and rows."""
    from django.db import connection  # noqa: PLC0415

    size = rows = 0
    with (
        connection.cursor() as cursor,
        cursor.cursor.copy(f"COPY ({FLOORS[name]}) TO STDOUT (FORMAT csv)") as copy,
    ):
        for piece in copy:
            size, rows = size + len(piece), rows + bytes(piece).count(b"\n")
    return size, rows


def timed(work: Callable[[], tuple[int, int]], start: int = 0) -> dict[str, Any]:
    """Seconds, rows and bytes of something, the most memory this process had meanwhile, and how
    much that is above `start`.
    """
    # 5 sets the high water mark of resident memory back to what is resident now.
    Path("/proc/self/clear_refs").write_text("5")
    began = time.monotonic()
    size, rows = work()
    seconds = time.monotonic() - began
    peak = _status("VmHWM")
    return {
        "rows": rows,
        "mib": round(size / MIB**2, 1),
        "seconds": round(seconds, 2),
        "peak": peak,
        "rise": peak - start,
    }


def _status(name: str) -> int:
    """A line of the kernel's, in MiB."""
    line = next(
        one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(name)
    )
    return int(line.split()[1]) // MIB


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """The whole run."""
    with folder() as scratch, Postgres(scratch) as postgres:
        given = environment(scratch, postgres.url)
        os.environ.update(given)
        world = make_rig_world(given, "http://127.0.0.1:9", paths=())
        import django  # noqa: PLC0415

        django.setup()
        from django.db import connections  # noqa: PLC0415

        fill(world.organization_id, options.employees)
        found: dict[str, Any] = {"bench": "reports", "employees": options.employees}
        for name in FLOORS:
            start = _status("VmRSS")
            stream_report(world.organization_id, name)  # Once to warm up, as the database does too.
            made = timed(lambda name=name: stream_report(world.organization_id, name), start)
            floor = timed(lambda name=name: copy_rows(name))
            ratio = made["seconds"] / max(floor["seconds"], 0.01)
            print(
                f"{name}: {made['rows']} rows ({floor['rows']} underneath) in {made['seconds']} s,"
                f" {floor['rows'] / made['seconds']:.0f} underneath a second; COPY"
                f" {floor['seconds']} s, ratio {ratio:.1f}; peak {made['peak']} MiB, {made['rise']}"
                " above the start",
                flush=True,
            )
            found[name] = {
                **made,
                "underneath": floor["rows"],
                "copy_s": floor["seconds"],
                "ratio": round(ratio, 1),
            }
        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]
        return found


def main() -> None:
    """Read the flags, run, and close with one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--employees", type=int, default=10_000, help="how many (10000)")
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
