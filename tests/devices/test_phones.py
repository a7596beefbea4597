"""People register their own phones, a few each; staff take phones away from them; no two people
have one key.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import SecurityEvent, User
from accounts.services import issue_personal_token
from devices.models import DeviceKey, KeyOwner, Phone, PhonePolicy
from devices.phones import (
    is_key_active,
    phone_keys_at,
    record_phone_punch,
    release_phone,
    revoke_phone,
)
from devices.public_keys import key_hash, read_public_key
from employees.models import Employee
from tests import people

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
FIELDS = {
    "id",
    "device_uuid",
    "platform",
    "model",
    "name",
    "status",
    "registered_at",
    "last_punch_at",
}


class Caller:
    """Somebody with a bearer token."""

    def __init__(self, user: User) -> None:
        self.user = user
        _row, token = issue_personal_token(user, "phone")
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def register(self, key: str | None = None, **changes: Any) -> Any:
        body = {
            "device_uuid": UUID,
            "platform": "android",
            "model": "Pixel 9",
            "public_key": key or people.make_key()[1],
        }
        return self.client.post(
            "/api/v1/devices/register", body | changes, content_type="application/json"
        )

    def phones(self) -> Any:
        return self.client.get("/api/v1/devices")

    def deactivate(self, pk: object) -> Any:
        return self.client.post(f"/api/v1/devices/{pk}/deactivate")


def caller(employee: Employee) -> Caller:
    """An employee who is nothing else."""
    facts = {"organization": employee.organization, "employee": employee}
    return Caller(User.objects.create(username=employee.name.lower(), **facts))


@pytest.fixture
def asha_calls(asha: Employee) -> Caller:
    """Asha, with her token."""
    return caller(asha)


@pytest.fixture
def bala_calls(bala: Employee) -> Caller:
    """Bala of the same organization, an employee like her."""
    return caller(bala)


@pytest.fixture
def chitra_calls(chitra: Employee) -> Caller:
    """Chitra of the other organization."""
    return caller(chitra)


@pytest.fixture
def hr_calls(acme_staff: User) -> Caller:
    """Staff with admin-attendance, and no employee."""
    return Caller(acme_staff)


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422, response.content
    body = response.json()
    assert set(body) == {"message", "errors", "code", "rule", "details"}
    return body["errors"]


def test_a_new_phone_is_201_and_the_same_again_200_and_the_same_answer(asha_calls: Caller) -> None:
    key = people.make_key()[1]
    first, again = asha_calls.register(key), asha_calls.register(key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert set(first.json()) == FIELDS
    assert (
        Phone.objects.count(),
        DeviceKey.objects.count(),
        SecurityEvent.objects.filter(about__contains=UUID).count(),
    ) == (
        1,
        1,
        1,
    )


def test_the_uuid_is_one_whatever_its_case_and_told_in_lower_case(asha_calls: Caller) -> None:
    assert asha_calls.register(device_uuid=UUID.upper()).json()["device_uuid"] == UUID
    assert asha_calls.register().status_code == 200


def test_registering_again_replaces_what_is_known_and_keeps_the_name_and_the_old_key(
    asha_calls: Caller,
) -> None:
    old, new = people.make_key()[1], people.make_key()[1]
    asha_calls.register(old, name="Mine")
    told = asha_calls.register(new, model="Pixel 10", platform="ios").json()
    assert (told["model"], told["platform"], told["name"]) == ("Pixel 10", "ios", "Mine")
    current, former = DeviceKey.objects.all()
    assert (bytes(current.spki), current.replaced_at) == (read_public_key(new), None)
    assert (bytes(former.spki), former.replaced_at) == (read_public_key(old), current.created_at)


def test_a_phone_may_go_back_to_a_key_it_had_and_one_is_current(asha_calls: Caller) -> None:
    old, new = people.make_key()[1], people.make_key()[1]
    for key in (old, new, old):
        asha_calls.register(key)
    assert [bytes(key.spki) for key in DeviceKey.objects.filter(replaced_at=None)] == [
        read_public_key(old)
    ]
    assert KeyOwner.objects.count() == 2


def test_the_list_is_ones_own_newest_first(asha_calls: Caller, bala_calls: Caller) -> None:
    ours = [asha_calls.register(device_uuid=str(uuid.uuid4())).json() for _ in range(2)]
    bala_calls.register()
    assert asha_calls.phones().json() == {"data": ours[::-1], "next": None}


def test_the_list_goes_on_after_a_page(asha_calls: Caller, acme: Any) -> None:
    PhonePolicy.objects.create(organization=acme, max_phones=100)
    for _ in range(51):
        people.make_phone(asha_calls.user.employee)
    page = asha_calls.phones().json()
    rest = asha_calls.client.get(page["next"]).json()
    assert (len(page["data"]), len(rest["data"]), rest["next"]) == (50, 1, None)


def test_two_are_active_at_most_and_deactivating_one_makes_room(asha_calls: Caller) -> None:
    first, second, third = (str(uuid.uuid4()) for _ in range(3))
    kept = asha_calls.register(device_uuid=first).json()
    asha_calls.register(device_uuid=second)
    assert set(errors(asha_calls.register(device_uuid=third))) == {"device_uuid"}
    assert asha_calls.register(device_uuid=first).status_code == 200
    assert asha_calls.deactivate(kept["id"]).json()["status"] == "revoked"
    assert asha_calls.register(device_uuid=third).status_code == 201
    assert set(errors(asha_calls.register(device_uuid=first))) == {"device_uuid"}


def test_the_organization_says_how_many(asha_calls: Caller, acme: Any) -> None:
    PhonePolicy.objects.create(organization=acme, max_phones=1)
    assert asha_calls.register().status_code == 201
    assert (
        "1 active phones"
        in errors(asha_calls.register(device_uuid=str(uuid.uuid4())))["device_uuid"][0]
    )


def test_the_owner_deactivates_and_registers_again(asha_calls: Caller) -> None:
    phone = asha_calls.register().json()
    for _again in range(2):
        reply = asha_calls.deactivate(phone["id"])
        assert (reply.status_code, reply.json()["status"]) == (200, "revoked")
    again = asha_calls.register()
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (
        200,
        phone["id"],
        "active",
    )


def test_a_phone_that_staff_revoked_comes_back_only_after_its_release(
    asha_calls: Caller, hr_calls: Caller
) -> None:
    phone = asha_calls.register().json()
    assert hr_calls.deactivate(phone["id"]).json()["status"] == "revoked"
    refused = asha_calls.register()
    assert (refused.status_code, "release" in refused.json()["message"]) == (403, True)
    assert asha_calls.deactivate(phone["id"]).status_code == 200
    assert asha_calls.register().status_code == 403
    row = Phone.objects.get()
    assert (row.deactivated_by, row.revoked_by_staff) == (hr_calls.user, True)
    release_phone(row)
    assert row.status == "revoked"
    assert asha_calls.register().json()["status"] == "active"
    assert Phone.objects.get().deactivated_by is None


def test_a_phone_that_its_owner_put_away_can_still_be_revoked(
    asha_calls: Caller, hr_calls: Caller
) -> None:
    phone = asha_calls.register().json()
    asha_calls.deactivate(phone["id"])
    hr_calls.deactivate(phone["id"])
    assert asha_calls.register().status_code == 403


def test_staff_who_put_away_their_own_phone_are_its_owner(asha: Employee) -> None:
    staff = Caller(people.make_staff(asha.organization, "asha", role="hr_admin", employee=asha))
    staff.deactivate(staff.register().json()["id"])
    assert staff.register().status_code == 200


@pytest.mark.parametrize("role", ["approver", "reports"])
def test_other_roles_may_not(asha: Employee, bala: Employee, role: str) -> None:
    phone = caller(asha).register().json()
    assert (
        Caller(people.make_staff(bala.organization, "r", role=role, employee=bala))
        .deactivate(phone["id"])
        .status_code
        == 404
    )
    lone = Caller(people.make_staff(bala.organization, "s", role=role)).deactivate(phone["id"])
    assert (lone.status_code, lone.json()["message"]) == (
        403,
        "Forbidden: 'admin-attendance' requires one of: admin, hr_admin",
    )
    assert Phone.objects.get().status == "active"


def test_anothers_phone_is_answered_like_none(
    asha_calls: Caller, bala_calls: Caller, chitra_calls: Caller
) -> None:
    phone = asha_calls.register().json()
    chitra_staff = Caller(people.make_staff(chitra_calls.user.organization, "hr"))
    for stranger in (bala_calls, chitra_calls, chitra_staff):
        answers = [stranger.deactivate(pk) for pk in (phone["id"], 987_654_321, 10**40)]
        assert {(answer.status_code, answer.content) for answer in answers} == {
            (404, answers[1].content)
        }
    assert Phone.objects.get().status == "active"
    assert chitra_calls.phones().json()["data"] == bala_calls.phones().json()["data"] == []


def test_an_account_without_an_employee_is_told_so(hr_calls: Caller) -> None:
    for reply in (hr_calls.register(), hr_calls.phones()):
        assert (reply.status_code, reply.json()["message"]) == (
            403,
            "Forbidden: this account is not linked to an employee.",
        )


@pytest.mark.parametrize(
    "authorization", [{}, {"Authorization": "Bearer mst_x"}, {"Authorization": "Basic YTpi"}]
)
def test_nobody_is_401(db: None, authorization: dict[str, str]) -> None:
    client = Client(headers=authorization)
    calls = [
        client.post("/api/v1/devices/register"),
        client.get("/api/v1/devices"),
        client.post("/api/v1/devices/1/deactivate"),
    ]
    assert {(reply.status_code, reply.content) for reply in calls} == {
        (401, b'{"message":"Unauthenticated."}')
    }


def test_two_people_of_one_organization_never_have_one_key(
    asha_calls: Caller, bala_calls: Caller, chitra_calls: Caller
) -> None:
    key = people.make_key()[1]
    asha_calls.register(key)
    assert set(errors(bala_calls.register(key, device_uuid=str(uuid.uuid4())))) == {"public_key"}
    assert not Phone.objects.filter(employee=bala_calls.user.employee).exists()
    assert chitra_calls.register(key).status_code == 201
    assert asha_calls.register(key, device_uuid=str(uuid.uuid4())).status_code == 201
    asha_calls.register()
    assert set(errors(bala_calls.register(key))) == {"public_key"}


def test_a_key_in_another_spelling_is_the_same_key(asha_calls: Caller, bala_calls: Caller) -> None:
    from tests.samples import VECTORS

    spellings = [vector["public_key"] for vector in VECTORS["keys"]["cases"] if vector["valid"]]
    assert {asha_calls.register(key).status_code for key in spellings} == {200, 201}
    assert all(set(errors(bala_calls.register(key))) == {"public_key"} for key in spellings)
    assert KeyOwner.objects.count() == DeviceKey.objects.count() == 1


@pytest.mark.parametrize("verb", ["update", "delete"])
def test_the_database_lets_nobody_give_a_key_away(
    asha_calls: Caller, bala: Employee, verb: str
) -> None:
    asha_calls.register()
    rows = KeyOwner.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(employee=bala) if verb == "update" else rows._raw_delete("default")
    assert KeyOwner.objects.get().employee == asha_calls.user.employee


def test_the_database_keeps_one_current_key_and_no_active_revoked_phone(asha: Employee) -> None:
    phone, _private = people.make_phone(asha)
    key = DeviceKey.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        DeviceKey.objects.create(
            organization=phone.organization,
            phone=phone,
            owner=key.owner,
            spki=key.spki,
            created_at=key.created_at,
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Phone.objects.update(revoked_by_staff=True)


def test_one_uuid_under_two_people_is_two_rows_that_are_shared(
    asha_calls: Caller, bala_calls: Caller
) -> None:
    asha_calls.register()
    assert [phone.shared for phone in Phone.objects.with_shared()] == [False]
    assert bala_calls.register().status_code == 201
    assert [phone.shared for phone in Phone.objects.with_shared()] == [True, True]


def test_one_uuid_in_two_organizations_is_not_shared(
    asha_calls: Caller, chitra_calls: Caller
) -> None:
    asha_calls.register()
    chitra_calls.register()
    assert [phone.shared for phone in Phone.objects.with_shared()] == [False, False]


def test_what_is_kept_of_a_key_is_its_canonical_der(asha_calls: Caller) -> None:
    key = people.make_key()[1]
    asha_calls.register(key)
    row = DeviceKey.objects.select_related("owner").get()
    assert row.owner.key_hash == key_hash(bytes(row.spki)) == key_hash(read_public_key(key))


def test_a_revocation_beside_a_registration_is_not_undone_by_it(
    asha_calls: Caller, acme_staff: User
) -> None:
    asha_calls.register()
    stale = Phone.objects.get()
    revoke_phone(Phone.objects.get(), actor=acme_staff)
    assert stale.status == "active"
    assert asha_calls.register().status_code == 403


def test_a_name_is_kept_as_it_is_written(asha_calls: Caller) -> None:
    for name in ("क्\u200dषमा का फ़ोन", "👩\u200d💻", "Asha’s phone"):
        assert asha_calls.register(name=name).json()["name"] == name
    assert asha_calls.register(name="").json()["name"] == ""


def test_registering_leaves_the_time_of_the_last_punch_alone(asha_calls: Caller) -> None:
    asha_calls.register()
    Phone.objects.update(last_punch_at=people.NOON)
    assert asha_calls.register(model="Pixel 10").json()["last_punch_at"] == "2026-06-21T06:30:00Z"


BAD = [
    ("device_uuid", None),
    ("device_uuid", ""),
    ("device_uuid", 7),
    ("device_uuid", UUID.replace("-", "")),
    ("device_uuid", "{" + UUID + "}"),
    ("device_uuid", f"urn:uuid:{UUID}"),
    ("device_uuid", UUID + "\n1"),
    ("device_uuid", "٣" + UUID[1:]),
    ("device_uuid", [UUID]),
    ("platform", "symbian"),
    ("platform", None),
    ("platform", ["ios"]),
    ("platform", {"a": 1}),
    ("platform", True),
    ("model", ""),
    ("model", None),
    ("model", 9),
    ("model", "x" * 201),
    ("model", "a\nb"),
    ("model", "a\x00"),
    ("model", "\ud800"),
    ("model", "a\u2028b"),
    ("name", 5),
    ("name", "a\tb"),
    ("name", "x" * 201),
    ("public_key", ""),
    ("public_key", None),
    ("public_key", {}),
    ("public_key", "AAAA"),
    ("public_key", "A" * 100_000),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_field_that_is_wrong_is_named(asha_calls: Caller, field: str, value: Any) -> None:
    assert set(errors(asha_calls.register(**{field: value}))) == {field}
    assert not Phone.objects.exists()


@pytest.mark.parametrize("field", ["device_uuid", "platform", "model", "public_key"])
def test_a_field_that_is_missing_is_named(asha_calls: Caller, field: str) -> None:
    body = {
        "device_uuid": UUID,
        "platform": "web",
        "model": "Firefox",
        "public_key": people.make_key()[1],
    }
    del body[field]
    reply = asha_calls.client.post(
        "/api/v1/devices/register", body, content_type="application/json"
    )
    assert set(errors(reply)) == {field}


@pytest.mark.parametrize(
    ("body", "status"),
    [("{", 400), ("[]", 422), ("null", 422), ('"x"', 422), ("7", 422), ("", 422)],
)
def test_a_body_that_is_no_object_is_refused(asha_calls: Caller, body: str, status: int) -> None:
    reply = asha_calls.client.post(
        "/api/v1/devices/register", body, content_type="application/json"
    )
    assert reply.status_code == status
    assert "message" in reply.json()


def test_other_methods_media_and_ids_are_answered_in_json(asha_calls: Caller) -> None:
    assert asha_calls.client.get("/api/v1/devices/register").status_code == 405
    assert (
        asha_calls.client.post(
            "/api/v1/devices/register", "a=b", content_type="text/plain"
        ).status_code
        == 415
    )
    for pk in ("x", "-1", "1.5", "%00"):
        assert asha_calls.deactivate(pk).json()["code"] == "not_found"


@given(
    value=st.text(max_size=60) | st.none() | st.integers() | st.lists(st.integers(), max_size=2),
    field=st.sampled_from(["device_uuid", "platform", "public_key"]),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)
def test_nothing_malformed_is_registered_or_a_fault_of_the_server(
    asha_calls: Caller, value: Any, field: str
) -> None:
    from django.core.cache import caches

    caches["limits"].clear()
    assert asha_calls.register(**{field: value}).status_code in {400, 422}
    assert not Phone.objects.exists()


@pytest.mark.usefixtures("frozen_clock")
def test_sixty_calls_a_minute_are_what_a_token_has(asha_calls: Caller) -> None:
    replies = [asha_calls.phones() for _ in range(61)]
    assert [reply.status_code for reply in replies] == [200] * 60 + [429]
    assert int(replies[-1]["Retry-After"]) >= 1


def test_registering_costs_a_few_statements(
    asha_calls: Caller, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20):
        asha_calls.register()
    assert connection.in_atomic_block


def test_a_key_that_was_replaced_stands_for_what_happened_before(asha: Employee) -> None:
    phone, _private = people.make_phone(asha, device_uuid=uuid.UUID(UUID))
    people.make_phone(asha, device_uuid=phone.device_uuid)
    current, former = DeviceKey.objects.all()
    change, moment = current.created_at, timedelta(microseconds=1)
    for at, usable in (
        (change - moment, [current, former]),
        (change, [current]),
        (change + moment, [current]),
    ):
        assert phone_keys_at(asha.organization_id, asha.pk, phone.device_uuid, at) == usable
        standing = [
            key
            for key in (current, former)
            if is_key_active(asha.organization_id, asha.pk, key.pk, at)
        ]
        assert standing == usable


def test_nothing_stands_for_somebody_else_or_on_a_phone_out_of_service(
    world: people.World, acme_staff: User
) -> None:
    phone, _private = people.make_phone(world.asha)
    key, now = phone.keys.get(), timezone.now()
    assert is_key_active(world.acme.pk, world.asha.pk, key.pk, now)
    assert not is_key_active(world.acme.pk, world.bala.pk, key.pk, now)
    assert not is_key_active(world.zenith.pk, world.asha.pk, key.pk, now)
    assert phone_keys_at(world.acme.pk, world.bala.pk, phone.device_uuid, now) == []
    revoke_phone(phone, actor=acme_staff)
    assert not is_key_active(world.acme.pk, world.asha.pk, key.pk, now)
    assert phone_keys_at(world.acme.pk, world.asha.pk, phone.device_uuid, now) == [key]


def test_the_last_punch_is_the_latest_however_they_come_in(asha: Employee) -> None:
    phone, _private = people.make_phone(asha)
    for hour, latest in ((9, 9), (11, 11), (10, 11)):
        record_phone_punch(asha.organization_id, phone.pk, people.NOON.replace(hour=hour))
        phone.refresh_from_db()
        assert phone.last_punch_at == people.NOON.replace(hour=latest)
