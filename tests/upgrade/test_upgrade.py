"""The database of every released version becomes today's by `migrate`, and loses no row."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.upgrade import databases


class Upgraded:
    """A database of an older version: its URL, and a way to count its rows."""

    def __init__(self, url: str, count: Callable[[], dict[str, int]]) -> None:
        self.url, self.count = url, count


@contextlib.contextmanager
def older_database(version: str, scratch: Path) -> Iterator[Upgraded]:
    sql = (databases.folder(version, connection.vendor) / databases.DUMP).read_text()
    if connection.vendor == "sqlite":
        path = scratch / "muster.sqlite3"
        databases.load_sqlite(path, sql)
        yield Upgraded(f"sqlite:///{path}", lambda: databases.sqlite_rows(path))
    else:
        with databases.postgres_database(os.environ["DATABASE_URL"]) as url:
            databases.load_postgres(url, sql)
            yield Upgraded(url, lambda: databases.postgres_rows(url))


@pytest.fixture(params=databases.versions())
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.django_db
def test_migrating_keeps_every_row(version: str, tmp_path: Path) -> None:
    kept = json.loads((databases.folder(version, connection.vendor) / databases.ROWS).read_text())
    with older_database(version, tmp_path) as database:
        done = databases.manage(database.url, tmp_path, "migrate", "--verbosity=0")
        assert done.returncode == 0, done.stderr
        after = database.count()
    lost = {name: (rows, after.get(name)) for name, rows in kept.items() if rows != after.get(name)}
    assert lost == {}, "A migration that removes rows on purpose says so here"


@pytest.mark.django_db
def test_a_migrated_database_passes_every_check(version: str, tmp_path: Path) -> None:
    with older_database(version, tmp_path) as database:
        assert databases.manage(database.url, tmp_path, "migrate", "--verbosity=0").returncode == 0
        done = databases.manage(database.url, tmp_path, "check", "--database", "default")
        assert done.returncode == 0, done.stderr


def test_one_row_of_every_kind_is_kept(version: str) -> None:
    rows = json.loads((databases.folder(version, "sqlite") / databases.ROWS).read_text())
    kept = {name for name, number in rows.items() if number}
    assert {"attendance_punch", "attendance_day", "leaves_leaveledgerentry", "tours_tour"} <= kept
