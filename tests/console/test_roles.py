"""Four roles, the same in every installation."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from accounts.roles import ROLE_PERMISSIONS, ROLES, ensure_roles, ensure_roles_after_migrate
from tests import people


def held(role: str) -> set[str]:
    rows = Group.objects.get(name=role).permissions.values_list(
        "content_type__app_label", "codename"
    )
    return {f"{app}.{codename}" for app, codename in rows}


def test_every_permission_that_is_granted_exists(db: None) -> None:
    named = {name for names in ROLE_PERMISSIONS.values() for name in names}
    rows = Permission.objects.values_list("content_type__app_label", "codename")
    assert named <= {
        f"{app}.{code.partition('_')[2]}:{code.partition('_')[0]}" for app, code in rows
    }


def test_making_the_roles_twice_changes_nothing_and_takes_back_what_was_added_by_hand(
    db: None,
) -> None:
    ensure_roles()
    before = {role: held(role) for role in ROLES}
    Group.objects.get(name="reports").permissions.add(
        Permission.objects.get(codename="change_device")
    )
    for config in apps.get_app_configs():
        ensure_roles_after_migrate(config, "default")
    assert {role: held(role) for role in ROLES} == before


def test_two_roles_look_only_and_nobody_may_write_evidence(db: None) -> None:
    ensure_roles()
    assert all(".view_" in name for role in ("approver", "reports") for name in held(role))
    everything = set.union(*(held(role) for role in ROLES))
    assert not everything & {
        "attendance.change_punch",
        "attendance.delete_punch",
        "webhooks.change_attempt",
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_number", [1, 2])
def test_a_transactional_test_can_flush_tables_that_only_grow(round_number: int) -> None:
    world = people.make_world()
    people.make_punch(world.acme, "1001", key="the same in both rounds")
