"""An organization to break things for: terminals, people and endpoints, made on a fresh database by
a child process.

`make_rig_world` migrates and makes them; `Database` is the rig's own view of the rows, without
Django, on either engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.rig.check import StoredDelivery
from tests.run import ROOT, postgres_binaries


@dataclass(frozen=True, slots=True)
class Terminal:
    """A device, and what it sends with each punch."""

    serial: str
    token: str


@dataclass(frozen=True, slots=True)
class RigWorld:
    """What was made."""

    organization_id: int
    terminals: list[Terminal]
    codes: list[str]
    endpoints: dict[str, int]
    secrets: dict[str, str]


def make_rig_world(
    env: Mapping[str, str],
    receiver: str,
    *,
    devices: int = 8,
    employees: int = 8,
    paths: Sequence[str] = ("/one", "/two"),
    slug: str = "rig",
) -> RigWorld:
    """Migrate the database of `env` and make an organization whose endpoints are `receiver` + each
    of `paths`.
    """
    wish = {
        "receiver": receiver,
        "devices": devices,
        "employees": employees,
        "paths": list(paths),
        "slug": slug,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.rig.world", json.dumps(wish)],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    made = json.loads(done.stdout.splitlines()[-1])
    made["terminals"] = [Terminal(**one) for one in made["terminals"]]
    return RigWorld(**made)


def _make_rows(options: dict[str, Any]) -> dict[str, Any]:
    """In the child: the rows, through the verbs that the console uses."""
    import django

    django.setup()
    from django.db import transaction

    from accounts.credentials import decrypt
    from tests import people

    _migrate()
    with transaction.atomic():
        organization = people.make_organization(options["slug"])
        codes = [f"{1001 + number}" for number in range(options["employees"])]
        for code in codes:
            people.make_employee(organization, code, f"Person {code}")
        tokens = [
            people.make_device(organization, f"GATE-{number}")
            for number in range(options["devices"])
        ]
        endpoints = {
            path: people.make_endpoint(
                organization, options["receiver"] + path, name=path.strip("/")
            )
            for path in options["paths"]
        }
    return {
        "organization_id": organization.pk,
        "terminals": [{"serial": device.serial, "token": token} for device, token in tokens],
        "codes": codes,
        "endpoints": {path: endpoint.pk for path, endpoint in endpoints.items()},
        "secrets": {path: decrypt(endpoint.secret_cipher) for path, endpoint in endpoints.items()},
    }


def _migrate() -> None:
    """Bring the database up to date. What an empty one comes to is kept beside Python: migrating
    takes ten times as long.
    """
    from django.core.management import call_command
    from django.db import connection

    binaries, url = postgres_binaries(), os.environ["DATABASE_URL"]
    empty = connection.vendor == "postgresql" and not connection.introspection.table_names()
    connection.close()
    dump = Path(sys.prefix, f"muster-rig-{_migrations_digest()}.sql")
    if empty and binaries and dump.exists():
        subprocess.run(
            [binaries / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", dump, url],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return
    call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
    if empty and binaries:
        with tempfile.NamedTemporaryFile(
            dir=dump.parent, prefix="muster-rig-", delete=False
        ) as file:
            subprocess.run([binaries / "pg_dump", "--no-owner", url], stdout=file, check=True)
        Path(file.name).replace(dump)


def _migrations_digest() -> str:
    """What the dump follows from."""
    found = hashlib.sha256()
    for path in sorted(ROOT.glob("*/migrations/*.py")) + sorted(ROOT.glob("*/roles.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


class Database:
    """Plain reading (and, for tests that must, writing) beside Muster: each call its own
    connection.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def rows(self, statement: str, *params: object) -> list[tuple[Any, ...]]:
        """The rows of one statement, with %s for parameters."""
        if self._url.startswith("sqlite"):
            with (
                closing(
                    sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=10)
                ) as connection,
                connection,
            ):
                return connection.execute(statement.replace("%s", "?"), params).fetchall()
        with psycopg.connect(self._url, connect_timeout=5, autocommit=True) as connection:
            cursor = connection.execute(statement, params)
            return cursor.fetchall() if cursor.description else []

    def waiting(self) -> int:
        """How many deliveries are still to be made."""
        return int(
            self.rows("SELECT COUNT(*) FROM webhooks_delivery WHERE state IN ('new', 'waiting')")[
                0
            ][0]
        )

    def stored(self, world: RigWorld) -> list[StoredDelivery]:
        """The deliveries of a world, for the judge."""
        paths = {number: path for path, number in world.endpoints.items()}
        rows = self.rows(
            "SELECT endpoint_id, message_id, lane_key, sequence, state FROM webhooks_delivery WHERE"
            " organization_id = %s AND event_type = 'punch.recorded'",
            world.organization_id,
        )
        return [StoredDelivery(paths[endpoint], *rest) for endpoint, *rest in rows]

    def counts(self) -> dict[str, int]:
        """The sums of the ingest counters."""
        kinds = ("received", "accepted", "refused", "duplicate", "conflict", "unmatched")
        sums = self.rows(
            f"SELECT {', '.join(f'COALESCE(SUM({kind}), 0)' for kind in kinds)} FROM"
            " attendance_ingestionlogentry"
        )
        return {kind: int(number) for kind, number in zip(kinds, sums[0], strict=True)}

    def punches(self) -> dict[str, int]:
        """Stored punches by verdict."""
        return {
            verdict: int(number)
            for verdict, number in self.rows(
                "SELECT verdict, COUNT(*) FROM attendance_punch GROUP BY verdict"
            )
        }


if __name__ == "__main__":
    print(json.dumps(_make_rows(json.loads(sys.argv[1]))))
