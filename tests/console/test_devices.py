"""A device's token is shown once, kept as a hash, and changed without losing a punch."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.credentials import hash_token
from devices.models import Device, DeviceToken, DeviceUser
from devices.presence import (
    BLOCKED,
    DEVICE_STATES,
    ENDED,
    NEVER,
    ONLINE,
    SILENT,
    device_state,
    devices_in_state,
)
from employees.models import Change, Organization
from tests import people


def action(device: Device, name: str) -> str:
    return reverse(f"admin:devices_device_{name}", args=(device.pk,))


@pytest.fixture
def bare(acme: Organization) -> Device:
    """A device nobody gave a token yet."""
    return Device.objects.create(organization=acme, serial="NEW-1")


def issue(staff: Client, device: Device, name: str = "issue_first_token") -> str:
    page = staff.post(action(device, name))
    assert page.status_code == 200
    found = re.search(r"mst_dev_[\w-]+", page.content.decode())
    assert found
    return found[0]


def test_asking_issues_nothing(staff: Client, bare: Device) -> None:
    assert staff.get(action(bare, "issue_first_token")).status_code == 200
    assert not DeviceToken.objects.exists()


def test_a_token_is_stored_as_a_hash_and_works_until_it_is_rotated(
    staff: Client, bare: Device
) -> None:
    token = issue(staff, bare)
    row = DeviceToken.objects.get()
    assert (row.token_hash, row.hint, row.expires_at) == (hash_token(token), token[-4:], None)


def test_a_token_is_shown_once_and_left_nowhere_else(staff: Client, bare: Device) -> None:
    token = issue(staff, bare)
    assert (
        token
        not in staff.get(reverse("admin:devices_device_change", args=(bare.pk,))).content.decode()
    )
    assert (
        token
        not in staff.get(reverse("admin:devices_device_history", args=(bare.pk,))).content.decode()
    )
    assert token not in str(dict(staff.session))
    assert token not in str(list(LogEntry.objects.values()))


def test_the_page_with_a_token_is_kept_by_no_cache_and_says_nothing_in_messages(
    staff: Client, bare: Device
) -> None:
    page = staff.post(action(bare, "issue_first_token"))
    assert "no-store" in page["Cache-Control"]
    assert not list(get_messages(page.wsgi_request))
    assert "curl -X POST" in page.content.decode()


def test_a_serial_with_shell_characters_is_quoted_in_the_curl(
    staff: Client, acme: Organization
) -> None:
    device = Device.objects.create(organization=acme, serial="a'; rm -rf $HOME")
    page = staff.post(action(device, "issue_first_token"))
    (_label, snippet), *_rest = page.context["snippets"]
    assert """-H 'sn: a'"'"'; rm -rf $HOME'""" in snippet


def test_a_token_needs_the_form_of_the_console(acme_staff: object, bare: Device) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(acme_staff)  # type: ignore[arg-type]
    assert browser.post(action(bare, "issue_first_token")).status_code == 403
    assert not DeviceToken.objects.exists()


def test_after_a_rotation_the_old_token_works_on_for_a_week(staff: Client, device: Device) -> None:
    old = DeviceToken.objects.get(device=device)
    new = issue(staff, device, "rotate_token")
    old.refresh_from_db()
    assert timedelta(days=6) < old.expires_at - timezone.now() <= timedelta(days=7)
    assert DeviceToken.objects.valid_at(timezone.now()).count() == 2
    assert DeviceToken.objects.get(expires_at=None).token_hash == hash_token(new)


def test_revoking_ends_every_token_at_once(staff: Client, device: Device) -> None:
    assert staff.get(action(device, "revoke_all_tokens")).status_code == 200
    assert DeviceToken.objects.valid_at(timezone.now()).exists()
    assert staff.post(action(device, "revoke_all_tokens")).status_code == 302
    assert not DeviceToken.objects.valid_at(timezone.now()).exists()


def test_hashes_are_not_in_the_page(staff: Client, device: Device) -> None:
    page = staff.get(reverse("admin:devices_device_change", args=(device.pk,))).content.decode()
    assert DeviceToken.objects.get(device=device).token_hash not in page


def form(**facts: object) -> dict[str, object]:
    lines = {
        f"{prefix}-{name}": 0
        for prefix in ("tokens", "users")
        for name in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    return (
        {"serial": "GATE-1", "state_map": "in1", "own_state_map": "{}", "heartbeat_s": 60}
        | lines
        | facts
    )


def test_a_serial_that_exists_here_is_a_plain_error_and_elsewhere_none(
    staff: Client, device: Device, zenith: Organization
) -> None:
    people.make_device(zenith, "GATE-2")
    page = staff.post(reverse("admin:devices_device_add"), form()).content.decode()
    assert "Device with this serial number already exists." in page
    assert staff.post(reverse("admin:devices_device_add"), form(serial="GATE-2")).status_code == 302
    assert Device.objects.get(serial="GATE-2", organization=device.organization)


def test_saving_a_form_does_not_undo_what_the_device_did_meanwhile(
    staff: Client, device: Device
) -> None:
    loaded = Device.objects.get(pk=device.pk)
    Device.objects.filter(pk=device.pk).update(rejected_count=3, last_seen_at=timezone.now())
    with patch("devices.admin.DeviceAdmin.get_object", return_value=loaded):
        saved = staff.post(
            reverse("admin:devices_device_change", args=(device.pk,)),
            form(serial="GATE-1", name="Renamed"),
        )
    assert saved.status_code == 302
    device.refresh_from_db()
    assert (device.name, device.rejected_count, device.last_seen_at is None) == (
        "Renamed",
        3,
        False,
    )


def test_numbers_on_a_device_are_kept_by_the_service(staff: Client, ours: SimpleNamespace) -> None:
    address = reverse("admin:devices_device_change", args=(ours.device.pk,))
    kept = {
        "users-TOTAL_FORMS": 1,
        "users-INITIAL_FORMS": 1,
        "users-0-id": ours.device_user.pk,
        "users-0-device": ours.device.pk,
        "users-0-user_code": "30",
        "users-0-employee": ours.employee.pk,
    }
    Change.objects.all().delete()
    assert staff.post(address, form(**kept)).status_code == 302
    assert DeviceUser.objects.get().user_code == "30"
    assert Change.objects.get().kind == Change.Kind.IDENTITY
    assert staff.post(address, form(**kept, **{"users-0-DELETE": "on"})).status_code == 302
    assert not DeviceUser.objects.exists()


def test_a_number_twice_on_one_device_is_a_plain_error(
    staff: Client, ours: SimpleNamespace
) -> None:
    twice = {
        "users-TOTAL_FORMS": 1,
        "users-INITIAL_FORMS": 0,
        "users-0-user_code": "29",
        "users-0-employee": ours.employee.pk,
        "users-0-device": ours.device.pk,
    }
    page = staff.post(reverse("admin:devices_device_change", args=(ours.device.pk,)), form(**twice))
    assert page.status_code == 200
    assert (
        "Device user with this user number on the device already exists." in page.content.decode()
    )


def test_a_device_is_not_deleted(staff: Client, device: Device) -> None:
    assert (
        staff.post(
            reverse("admin:devices_device_delete", args=(device.pk,)), {"post": "yes"}
        ).status_code
        == 403
    )


def test_the_list_and_the_filter_agree_on_what_state_a_device_is_in(
    staff: Client, acme: Organization
) -> None:
    now = timezone.now()
    facts = {
        ONLINE: {"last_seen_at": now - timedelta(seconds=170)},
        SILENT: {"last_seen_at": now - timedelta(seconds=200)},
        NEVER: {},
        BLOCKED: {"blocked": True, "last_seen_at": now},
        ENDED: {"subscription_until": now - timedelta(days=1), "last_seen_at": now},
    }
    for state, given in facts.items():
        Device.objects.create(organization=acme, serial=state, **given)
    Device.objects.create(
        organization=acme, serial="slow", heartbeat_s=600, last_seen_at=now - timedelta(seconds=900)
    )
    for state in DEVICE_STATES:
        found = {device.serial for device in devices_in_state(Device.objects.all(), state, now)}
        assert found == {
            device.serial for device in Device.objects.all() if device_state(device, now) == state
        }
        page = staff.get(reverse("admin:devices_device_changelist"), {"state": state})
        assert {device.serial for device in page.context["cl"].queryset} == found


def test_an_empty_list_says_what_to_do_next(staff: Client) -> None:
    page = staff.get(reverse("admin:devices_device_changelist")).content.decode()
    assert "No devices yet" in page
    assert "issue its token" in page
