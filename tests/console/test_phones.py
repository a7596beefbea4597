"""HR sees people's phones, takes one away, gives it back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import SecurityEvent
from devices.admin.phones import ACTIVE, DEACTIVATED, PHONE_STATES, REVOKED, phone_state
from devices.models import DeviceKey, Phone, PhonePolicy
from devices.phones import deactivate_phone, get_phone_policy, max_phones, revoke_phone
from employees.models import Employee, Organization
from tests import people

LIST = "admin:devices_phone_changelist"
# What a browser sends of the policy beside the number of phones; a box that is not ticked is not
# sent.
RULES = {"offline_hours": 72, "refuse_mock": "on"}


def page(staff: Client, phone: Phone, name: str = "change") -> str:
    return staff.get(reverse(f"admin:devices_phone_{name}", args=(phone.pk,))).content.decode()


@pytest.fixture
def phone(asha: Employee) -> Phone:
    """Asha's phone."""
    return people.make_phone(asha, name="Asha’s Pixel")[0]


def test_the_list_says_whose_and_how_it_stands(staff: Client, phone: Phone) -> None:
    html = staff.get(reverse(LIST)).content.decode()
    assert all(
        text in html for text in ("Asha (1001)", "Asha’s Pixel", "Pixel 9", "Android", "Active")
    )


def test_asking_revokes_nothing_and_saying_so_does(
    staff: Client, phone: Phone, acme_staff: object
) -> None:
    asked = page(staff, phone, "revoke")
    assert "cannot register it again" in asked
    assert "Revoke the phone of Asha (1001)" in asked
    assert Phone.objects.get().status == "active"
    assert staff.post(reverse("admin:devices_phone_revoke", args=(phone.pk,))).status_code == 302
    row = Phone.objects.get()
    assert (row.revoked_by_staff, row.deactivated_by) == (True, acme_staff)
    assert LogEntry.objects.get().get_change_message() == "Revoked."
    assert SecurityEvent.objects.filter(
        kind="key_revoked", actor=acme_staff, about__contains=str(row.device_uuid)
    ).exists()


def test_a_released_phone_waits_for_its_owner(
    staff: Client, phone: Phone, acme_staff: object
) -> None:
    revoke_phone(phone, actor=acme_staff)  # type: ignore[arg-type]
    assert "may register it again" in page(staff, phone, "release")
    assert staff.post(reverse("admin:devices_phone_release", args=(phone.pk,))).status_code == 302
    row = Phone.objects.get()
    assert (row.status, row.revoked_by_staff) == ("revoked", False)


def test_what_is_offered_fits_how_the_phone_stands(
    staff: Client, phone: Phone, acme_staff: object
) -> None:
    revoke, release = (f"/{phone.pk}/{name}/" for name in ("revoke", "release"))
    html = page(staff, phone)
    assert (revoke in html, release in html) == (True, False)
    revoke_phone(phone, actor=acme_staff)  # type: ignore[arg-type]
    html = page(staff, phone)
    assert (revoke in html, release in html) == (False, True)


def test_the_keys_are_shown_and_kept(staff: Client, phone: Phone) -> None:
    people.make_phone(phone.employee, device_uuid=phone.device_uuid)
    html = page(staff, phone)
    assert DeviceKey.objects.count() == 2
    assert all(key.owner.key_hash in html for key in DeviceKey.objects.all())


def test_a_phone_is_neither_added_nor_changed_nor_deleted(staff: Client, phone: Phone) -> None:
    change, delete = (
        reverse(f"admin:devices_phone_{name}", args=(phone.pk,)) for name in ("change", "delete")
    )
    assert staff.get(reverse("admin:devices_phone_add")).status_code == 403
    assert staff.post(change, {"name": "mine"}).status_code == 403
    assert staff.post(delete, {"post": "yes"}).status_code == 403
    assert Phone.objects.get().name == "Asha’s Pixel"


def test_the_list_the_filter_and_the_badge_agree(
    staff: Client, asha: Employee, bala: Employee, acme_staff: object
) -> None:
    PhonePolicy.objects.create(organization=asha.organization, max_phones=9)
    shared = people.make_phone(asha)[0]
    people.make_phone(bala, device_uuid=shared.device_uuid)
    deactivate_phone(people.make_phone(asha)[0], actor=acme_staff)  # type: ignore[arg-type]
    revoke_phone(people.make_phone(asha)[0], actor=acme_staff)  # type: ignore[arg-type]
    for state in PHONE_STATES:
        found = set(staff.get(reverse(LIST), {"status": state}).context["cl"].queryset)
        assert found == {phone for phone in Phone.objects.all() if phone_state(phone) == state}
    assert {phone_state(phone) for phone in Phone.objects.all()} == {ACTIVE, DEACTIVATED, REVOKED}
    found = set(staff.get(reverse(LIST), {"shared": "yes"}).context["cl"].queryset)
    assert {phone.device_uuid for phone in found} == {shared.device_uuid}
    assert len(found) == 2


def test_hr_looks_and_revokes_but_other_roles_see_no_phones(client: Client, phone: Phone) -> None:
    for role, seen in (("hr_admin", 200), ("reports", 403), ("approver", 403)):
        client.force_login(people.make_staff(phone.organization, role, role=role))
        assert client.get(reverse(LIST)).status_code == seen
    assert client.post(reverse("admin:devices_phone_revoke", args=(phone.pk,))).status_code in {
        403,
        404,
    }
    assert Phone.objects.get().status == "active"


def test_the_policy_is_one_row_that_says_how_many(
    staff: Client, root: Client, acme: Organization
) -> None:
    add = reverse("admin:devices_phonepolicy_add")
    assert max_phones(acme.pk) == 2
    assert (
        "the defaults apply"
        in staff.get(reverse("admin:devices_phonepolicy_changelist")).content.decode()
    )
    assert staff.post(add, RULES | {"max_phones": 3}).status_code == 302
    assert max_phones(acme.pk) == 3
    assert staff.post(add, RULES | {"max_phones": 4}).status_code == 403
    assert (
        "already exists"
        in root.post(add, RULES | {"max_phones": 4, "organization": acme.pk}).content.decode()
    )
    change = reverse("admin:devices_phonepolicy_change", args=(PhonePolicy.objects.get().pk,))
    assert (
        "less than or equal to 100"
        in staff.post(change, RULES | {"max_phones": 101}).content.decode()
    )
    assert staff.post(change, RULES | {"max_phones": 0}).status_code == 302
    assert max_phones(acme.pk) == 0


def test_the_policy_says_what_a_phone_may_not_say_of_itself(
    staff: Client, acme: Organization
) -> None:
    assert get_phone_policy(acme.pk).rejected_flags == {"mock_location", "rooted", "emulator"}
    staff.post(
        reverse("admin:devices_phonepolicy_add"),
        {"max_phones": 2, "offline_hours": 9, "refuse_vpn": "on"},
    )
    assert (get_phone_policy(acme.pk).rejected_flags, get_phone_policy(acme.pk).offline_hours) == (
        {"vpn"},
        9,
    )


def test_the_empty_list_says_where_phones_come_from(staff: Client, acme: Organization) -> None:
    assert "Employees register their own phones" in staff.get(reverse(LIST)).content.decode()


def test_a_phone_of_the_same_uuid_elsewhere_does_not_show(
    staff: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    assert ours.phone.device_uuid == theirs.phone.device_uuid
    assert "Several employees" not in page(staff, ours.phone)
