"""The floors, where the import linter cannot see them: foreign keys are strings, and tenants are
columns.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, models

from core.append_only import APPEND_ONLY_ERROR, append_only_models
from docs import floors
from employees.models import Organization
from tests import people

ROOT = Path(__file__).resolve().parent.parent
# The floors as the import linter holds them, the lowest first.
FLOORS = list(reversed(floors.read()[0]))
HEIGHT = {app: height for height, names in enumerate(FLOORS) for app in names}
OURS = [model for model in apps.get_models() if model._meta.app_label in HEIGHT]
# An operator of the whole installation has no organization; a constraint says that nobody else may
# be without. Second factors and recovery codes are a user's, whoever that is.
WITHOUT_TENANT = {
    "accounts.User",
    "accounts.SecondFactor",
    "accounts.RecoveryCode",
    "employees.Organization",
}


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_foreign_keys_lead_down_or_stay_on_their_floor_in_their_app(
    model: type[models.Model],
) -> None:
    own = model._meta.app_label
    for field in model._meta.get_fields():
        if isinstance(field, models.ForeignKey | models.ManyToManyField) and not field.auto_created:
            target = field.related_model._meta.app_label
            if target in HEIGHT and target != own:
                assert HEIGHT[target] < HEIGHT[own], (
                    f"{model._meta.label}.{field.name} leads up or sideways to {target}"
                )


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_row_reaches_its_organization_by_a_non_null_key(model: type[models.Model]) -> None:
    if model._meta.label in WITHOUT_TENANT or model._meta.auto_created:
        return
    field = model._meta.get_field("organization")
    assert isinstance(field, models.ForeignKey)
    assert field.related_model is Organization
    assert not field.null


def test_the_append_only_tables_are_the_ones_that_hold_history() -> None:
    labels = {model._meta.label for model in append_only_models()}
    assert {
        "attendance.Punch",
        "attendance.PunchMatch",
        "attendance.IngestionLogEntry",
        "webhooks.Attempt",
    } <= labels


@pytest.mark.parametrize("model", append_only_models(), ids=lambda model: model._meta.label)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_the_database_refuses_to_change_history(
    db: None, model: type[models.Model], verb: str
) -> None:
    table, field = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal",
                [table],
            )
            assert {name for (name,) in cursor.fetchall()} == {"append_only_row", "append_only_all"}
        else:
            cursor.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table]
            )
            found = [sql for (sql,) in cursor.fetchall()]
            assert any(
                f"BEFORE {verb}" in sql and APPEND_ONLY_ERROR in sql and field for sql in found
            )


def test_a_stored_punch_can_be_neither_changed_nor_deleted(world: people.World) -> None:
    from django.db import DatabaseError, transaction

    from attendance.models import Punch
    from tests.attendance.channels.test_device import Terminal

    Terminal(*people.make_device(world.acme, "S")).punch()
    for change in (
        lambda: Punch.objects.update(verdict="unmatched"),
        lambda: Punch.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match=APPEND_ONLY_ERROR), transaction.atomic():
            change()
    assert Punch.objects.get().verdict == "accepted"


def test_every_app_stands_on_a_floor() -> None:
    apps_here = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert apps_here - set(HEIGHT) == set()


def test_the_picture_of_the_floors_is_drawn_from_the_import_contracts() -> None:
    assert floors.PICTURE.read_text() == floors.draw(), "python docs/floors.py draws it again"


def test_every_admin_and_api_module_is_closed_to_other_apps() -> None:
    """The contracts name modules one by one: a new one has to be added to them."""
    closed = {
        module
        for contract in floors.contracts()
        if contract["name"].endswith("admin or api")
        for module in contract["forbidden_modules"]
    }
    # Nobody stands above these two: reports and attendance are imported by config alone.
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for app in HEIGHT
        for pattern in ("admin.py", "admin", "api.py", "api", "*_api.py")
        for path in (ROOT / app).rglob(pattern)
        if "migrations" not in path.parts
    }
    shared = {"accounts.approvals.admin"}  # A mixin for the apps above.
    inside = {name for name in found if any(name.startswith(f"{other}.") for other in found)}
    assert found - inside - shared - closed == set()
