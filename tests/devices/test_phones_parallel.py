"""Registrations at the same moment, with real threads and real commits."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connections

from accounts.models import User
from devices.models import DeviceKey, KeyOwner, Phone
from devices.phones import PhoneRegistration, register_phone, revoke_phone
from devices.public_keys import read_public_key
from employees.models import Employee
from tests import people

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls: list[Any]) -> list[Any]:
    def run(call: Any) -> Any:
        try:
            return call()
        except (ValidationError, PermissionDenied) as error:
            return type(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def wanted(key: str | None = None, device_uuid: uuid.UUID | None = None) -> PhoneRegistration:
    key = key or people.make_key()[1]
    return PhoneRegistration(
        device_uuid or uuid.uuid4(), "android", "Pixel 9", read_public_key(key)
    )


@pytest.fixture
def staff_of_ten(transactional_db: None) -> list[Employee]:
    """Ten people of one organization."""
    acme = people.make_organization("acme")
    return [people.make_employee(acme, str(number), f"Person {number}") for number in range(10)]


def test_of_many_phones_at_once_two_are_registered(staff_of_ten: list[Employee]) -> None:
    asha = staff_of_ten[0]
    found = at_once([lambda: register_phone(asha, wanted())[1]] * 12)
    assert Counter(found) == {True: 2, ValidationError: 10}
    assert Phone.objects.active().count() == 2


def test_one_phone_many_times_at_once_is_one_row_made_once(staff_of_ten: list[Employee]) -> None:
    asha, same = staff_of_ten[0], wanted()
    found = at_once([lambda: register_phone(asha, same)] * 12)
    assert {phone.pk for phone, _created in found} == {Phone.objects.get().pk}
    assert sorted(created for _phone, created in found) == [False] * 11 + [True]
    assert DeviceKey.objects.count() == 1


def test_of_many_people_with_one_key_one_gets_it(staff_of_ten: list[Employee]) -> None:
    key = people.make_key()[1]
    found = at_once([lambda one=one: register_phone(one, wanted(key))[1] for one in staff_of_ten])
    assert Counter(found) == {True: 1, ValidationError: 9}
    assert KeyOwner.objects.get().employee == Phone.objects.get().employee


def test_a_new_key_many_times_at_once_leaves_one_current(staff_of_ten: list[Employee]) -> None:
    asha, name = staff_of_ten[0], uuid.uuid4()
    at_once([lambda: register_phone(asha, wanted(device_uuid=name))] * 10)
    assert (DeviceKey.objects.count(), DeviceKey.objects.filter(replaced_at=None).count()) == (
        10,
        1,
    )


def test_staff_revoke_while_the_owner_registers_and_the_phone_stays_revoked(
    staff_of_ten: list[Employee],
) -> None:
    asha = staff_of_ten[0]
    phone, _private = people.make_phone(asha)
    hr = User.objects.create(username="hr", organization=asha.organization)
    again = wanted(device_uuid=phone.device_uuid)
    calls = [lambda: register_phone(asha, again)] * 5
    at_once([*calls, lambda: revoke_phone(Phone.objects.get(), actor=hr), *calls])
    assert (Phone.objects.get().status, Phone.objects.get().revoked_by_staff) == ("revoked", True)
