"""A database that another version of Muster made is refused in words, before anything changes."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from config.schema import check_schema_version, unknown_migrations

pytestmark = pytest.mark.django_db


def apply_older_migration() -> None:
    MigrationRecorder(connection).record_applied("attendance", "0004_gather_exceptions")


def test_a_database_of_this_version_has_no_unknown_migrations() -> None:
    assert unknown_migrations() == []


def test_a_migration_that_is_not_on_disk_is_named() -> None:
    apply_older_migration()
    assert unknown_migrations() == ["attendance.0004_gather_exceptions"]


def test_migrations_of_other_packages_are_their_own_concern() -> None:
    MigrationRecorder(connection).record_applied("sessions", "0099_of_another_release")
    assert unknown_migrations() == []


def test_make_run_refuses_an_older_folder_and_says_what_to_do() -> None:
    apply_older_migration()
    with pytest.raises(CommandError, match=r"another version of Muster.*MUSTER_DATA="):
        check_schema_version()


def test_a_system_check_says_so_before_migrating() -> None:
    apply_older_migration()
    with pytest.raises(CommandError, match=r"muster\.E020"):
        call_command("check", "--database", "default")
