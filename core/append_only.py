"""Tables that only grow: the database itself refuses UPDATE and DELETE on them.

A model opts in with the class attribute ``append_only = True``; the triggers are (re)installed
after every migrate, because SQLite rebuilds a table, and so drops its triggers, whenever a column
changes. Both engines refuse row by row; PostgreSQL refuses TRUNCATE too. `triggers_disabled` is the
documented way for tests to flush such tables; no other code calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

APPEND_ONLY_ERROR = "this table is append-only"

_POSTGRES_FUNCTION = f"""
CREATE OR REPLACE FUNCTION muster_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '{APPEND_ONLY_ERROR}: %', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def append_only_models() -> list[type[models.Model]]:
    """Every installed model that declares ``append_only = True``."""
    return [model for model in apps.get_models() if getattr(model, "append_only", False)]


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers on every append-only table that exists. Idempotent."""
    existing = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRES_FUNCTION)
        for model in append_only_models():
            table = model._meta.db_table
            if table in existing:
                for statement in _create_statements(connection.vendor, table):
                    cursor.execute(statement)


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers off again: for `triggers_disabled` only."""
    with connection.cursor() as cursor:
        for model in append_only_models():
            for statement in _drop_statements(connection.vendor, model._meta.db_table):
                cursor.execute(statement)


@contextmanager
def triggers_disabled(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let a test flush the tables; the triggers are back afterwards."""
    remove_triggers(connection)
    try:
        yield
    finally:
        install_triggers(connection)


def install_triggers_after_migrate(using: str, **_: Any) -> None:
    """Receiver of Django's post_migrate."""
    install_triggers(connections[using])


def _create_statements(vendor: str, table: str) -> list[str]:
    if vendor == "postgresql":
        return [
            *_drop_statements(vendor, table),
            (
                f'CREATE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON "{table}" '
                "FOR EACH ROW EXECUTE FUNCTION muster_append_only()"
            ),
            (
                f'CREATE TRIGGER append_only_all BEFORE TRUNCATE ON "{table}" EXECUTE FUNCTION'
                " muster_append_only()"
            ),
        ]
    return [
        f'CREATE TRIGGER IF NOT EXISTS "{table}_no_{verb.lower()}" BEFORE {verb} ON "{table}" '
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY_ERROR}: {table}'); END"
        for verb in ("UPDATE", "DELETE")
    ]


def _drop_statements(vendor: str, table: str) -> list[str]:
    if vendor == "postgresql":
        return [
            f'DROP TRIGGER IF EXISTS {name} ON "{table}"'
            for name in ("append_only_row", "append_only_all")
        ]
    return [f'DROP TRIGGER IF EXISTS "{table}_no_{verb}"' for verb in ("update", "delete")]
