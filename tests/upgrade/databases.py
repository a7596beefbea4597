"""Databases of released versions, kept as SQL: schema and one row of every kind.

`python -m tests.upgrade.databases 0.9` writes the folder of a version with the code that is checked
out, for the engine of DATABASE_URL. A folder is written once, when its version is released, and
never again: every later migration is tested from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.db.backends.sqlite3._functions import register

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DUMP, ROWS = "database.sql", "rows.json"
# Rows that Django makes after every migrate.
DERIVED = ("django_migrations", "django_content_type", "auth_permission", "auth_group_permissions")


def versions() -> list[str]:
    """The versions whose databases are kept, the oldest first."""
    return sorted(
        (path.name for path in HERE.iterdir() if path.name[0].isdigit()),
        key=lambda name: [int(part) for part in name.split(".")],
    )


def folder(version: str, vendor: str) -> Path:
    """Where the database of a version is kept; `vendor` as Django names it."""
    return HERE / version / {"sqlite": "sqlite", "postgresql": "postgres"}[vendor]


def manage(url: str, data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py on a database."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": url,
            "MUSTER_DATA": str(data),
            "MUSTER_DEMO": "1",
            "MUSTER_PUSH_ALLOW_HTTP": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def count_rows(connection: Any, tables: list[str]) -> dict[str, int]:
    """How many rows each table has."""
    return {
        table: connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0]
        for table in sorted(tables)
        if table not in DERIVED
    }


# --- SQLite ---------------------------------------------------------------------------------------
def sqlite_rows(path: Path) -> dict[str, int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        named = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return count_rows(connection, [name for (name,) in named])


def load_sqlite(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        register(connection)  # Checks of tables call functions that Django brings.
        connection.executescript(sql)


def dump_sqlite(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


# --- PostgreSQL -----------------------------------------------------------------------------------
@contextlib.contextmanager
def postgres_database(server: str) -> Iterator[str]:
    """The URL of an empty database on a server; it is dropped afterwards."""
    name = f"muster_upgrade_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def postgres_rows(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        named = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return count_rows(connection, [name for (name,) in named])


def load_postgres(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


def dump_postgres(url: str) -> str:
    dump = subprocess.run(
        ["pg_dump", "--no-owner", "--no-privileges", "--inserts", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Commands of psql itself; the rest is SQL that any client can send.
    return "".join(line for line in dump.splitlines(True) if not line.startswith("\\"))


# --- Writing a folder -----------------------------------------------------------------------------
FILL = """
from employees.models import Employee, Organization
from tests import people
from tests.console.conftest import make_tenant_rows
world = people.make_world()
make_tenant_rows(world.acme, "acme", world.asha)
make_tenant_rows(world.zenith, "zenith", world.chitra)
"""


def fill(url: str, data: Path) -> None:
    """Migrate an empty database and make one row of every kind."""
    for arguments in (("migrate", "--verbosity=0"), ("shell", "--no-imports", "-c", FILL)):
        done = manage(url, data, *arguments)
        if done.returncode:
            raise RuntimeError(done.stderr)


def write(version: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch)
        server = os.environ.get("DATABASE_URL", "")
        if server.startswith("postgres"):
            with postgres_database(server) as url:
                fill(url, data)
                keep(folder(version, "postgresql"), dump_postgres(url), postgres_rows(url))
        else:
            path = data / "muster.sqlite3"
            fill(f"sqlite:///{path}", data)
            keep(folder(version, "sqlite"), dump_sqlite(path), sqlite_rows(path))


def keep(home: Path, sql: str, rows: dict[str, int]) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / DUMP).write_text(sql)
    (home / ROWS).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    write(sys.argv[1])
