"""Plain SQL for the few statements that run for every punch and every push, on both engines.

There the ORM has no way to say it (RETURNING with ON CONFLICT, values worked out by SQL), or spends
more on writing a statement than the database on running it. Called by the device channel's
authentication, attendance, the outbox and the lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils.dateparse import parse_datetime


@dataclass(frozen=True, slots=True)
class SqlExpression:
    """A value that the database works out."""

    text: str
    params: tuple[Any, ...] = ()


def insert_rows(
    model: type[models.Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    before: SqlExpression | None = None,
    suffix: str = "",
) -> list[tuple[Any, ...]]:
    """Insert `rows` (field attname → value or `SqlExpression`), all with the same keys, in one
    statement.

    `suffix` is trusted SQL such as ``ON CONFLICT (…) DO NOTHING RETURNING id``; returns what it
    returns. `before` is a ``WITH …`` that the values may refer to; one that writes is for
    PostgreSQL only.
    """
    fields = [model._meta.get_field(name) for name in rows[0]]
    columns = ", ".join(f'"{field.column}"' for field in fields)  # type: ignore[union-attr]
    texts: list[str] = []
    params: list[Any] = [*before.params] if before else []
    for row in rows:
        cells = []
        for field, value in zip(fields, row.values(), strict=True):
            if isinstance(value, SqlExpression):
                cells.append(value.text)
                params.extend(value.params)
            else:
                cells.append("%s")
                params.append(field.get_db_prep_save(value, connection))  # type: ignore[union-attr]
        texts.append(f"({', '.join(cells)})")
    statement = (
        f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES {", ".join(texts)} {suffix}'  # noqa: S608
    )
    return run_sql(f"{before.text} {statement}" if before else statement, *params)


def run_sql(statement: str, *params: Any) -> list[tuple[Any, ...]]:
    """One statement; its rows, if it has any. `statement` is ours, what came from outside is in
    `params`.
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


def lock_for_share(rows: models.QuerySet[Any, Any]) -> None:
    """Let nobody change `rows` until the transaction ends; others may hold them as well.
    `select_for_update` has no such lock.

    On SQLite whoever is in a transaction that writes is alone anyway.
    """
    if connection.vendor == "postgresql":
        text, params = rows.query.sql_with_params()
        run_sql(f"{text} FOR SHARE", *params)


def write_transaction() -> AbstractContextManager[Any]:
    """For a single statement that writes: a transaction on SQLite, which is how its threads wait;
    nothing on PostgreSQL.
    """
    return transaction.atomic() if connection.vendor == "sqlite" else nullcontext()


@contextmanager
def durable_transaction() -> Iterator[None]:
    """A transaction whose commit waits for the disk, also in a process whose other commits do not:
    for what is sent to somebody outside right after it.
    """
    with sqlite_full_sync(), transaction.atomic():
        if connection.vendor == "postgresql":
            # Until the outermost transaction ends.
            run_sql("SET LOCAL synchronous_commit = on")
        yield


@contextmanager
def sqlite_full_sync() -> Iterator[None]:
    """Let SQLite's commits in this block wait for the disk. SQLite changes that between two
    transactions only: within one, this does nothing.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    ((before,),) = run_sql("PRAGMA synchronous")
    run_sql("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        run_sql(f"PRAGMA synchronous = {int(before)}")


def release_idle_connection() -> None:
    """Let others have this thread's pooled connection while it waits for somebody outside. Kept
    within a transaction.
    """
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def to_db_datetime(at: datetime) -> Any:
    """An instant as the engine stores it."""
    return connection.ops.adapt_datetimefield_value(at)


def from_db_datetime(value: Any) -> datetime | None:
    """An instant as it comes without the ORM: PostgreSQL gives it with its zone, SQLite in UTC
    without one.
    """
    found = parse_datetime(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found
