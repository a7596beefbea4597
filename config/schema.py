"""Which version of Muster made a database: the names of migrations it has applied beside those on
disk.

A database that another version made is refused in words, before anything is written to it. Asked by
`manage.py up` and by a system check before `migrate`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.management.base import CommandError
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder


def unknown_migrations(using: str = "default") -> list[str]:
    """Applied migrations of Muster's own apps that are not on disk, such as
    `attendance.0004_gather_exceptions`; empty for a new database.
    """
    connection = connections[using]
    recorder = MigrationRecorder(connection)
    if not recorder.has_table():
        return []
    known = set(MigrationLoader(None).disk_migrations)
    # Muster's own packages stand at the top level of the project.
    own = {
        config.label
        for config in apps.get_app_configs()
        if Path(config.path).parent == settings.BASE_DIR
    }
    return sorted(
        f"{app}.{name}"
        for app, name in recorder.applied_migrations()
        if app in own and (app, name) not in known
    )


@register(Tags.database)
def schema_is_of_this_version(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Errors for a database that another version of Muster made."""
    errors: list[CheckMessage] = []
    for using in databases or ():
        try:
            unknown = unknown_migrations(using)
        except DatabaseError:
            continue  # A database that is away is another check's concern.
        if unknown:
            errors.append(
                Error(
                    "The database was made by another version of Muster: it has"
                    f" {len(unknown)} migrations that this one does not know, such as"
                    f" {unknown[0]}.",
                    hint="Use the version that made it, or another database.",
                    id="muster.E020",
                )
            )
    return errors


def check_schema_version() -> None:
    """Raise CommandError for a database that another version of Muster made."""
    if unknown := unknown_migrations():
        place = (
            "The database of DATABASE_URL"
            if "DATABASE_URL" in os.environ
            else f"The data folder {settings.DATA_DIR}"
        )
        raise CommandError(
            f"{place} was made by another version of Muster, which knows {unknown[0]}. Nothing was"
            " changed. Start that version again, or begin with an empty one: move the folder away,"
            " or name another, as in MUSTER_DATA=/another/folder make run."
        )
