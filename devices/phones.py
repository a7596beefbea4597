"""Verbs on people's phones: register, deactivate, revoke, release; and what a punch asks of them.

The API, the console and the phone channel call these.

All of them take the owner's row as their lock, so that two registrations do not pass the limit
together and a registration does not undo a revocation that happened beside it; on SQLite the
transaction itself is the lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record_security_event
from accounts.models import SecurityEvent, User
from devices.models import DeviceKey, KeyOwner, Phone, PhonePolicy
from devices.public_keys import key_hash
from employees.models import Employee

# A phone that changes its key with every start has so many tries at an old signature, and no more.
MAX_KEYS_TRIED: Final = 20


@dataclass(frozen=True, slots=True)
class PhoneRegistration:
    """What a phone says about itself. `key` is canonical DER from `devices.public_keys`; `name`
    None leaves the name as it is.
    """

    device_uuid: UUID
    platform: str
    model: str
    key: bytes
    name: str | None = None


def register_phone(
    employee: Employee,
    registration: PhoneRegistration,
    *,
    actor: User | None = None,
    request: Any = None,
) -> tuple[Phone, bool]:
    """Register a phone of `employee`, or replace what is known of it; the phone, and whether its
    row is new.

    Saying the same again changes nothing. Another key takes over from the one before, which is
    kept. Raises PermissionDenied when staff revoked this phone; ValidationError with the field
    named when there are too many active phones, or when the key is somebody else's.
    """
    now = timezone.now()
    with transaction.atomic():
        _lock_employee(employee.organization_id, employee.pk)
        mine = Phone.objects.of(employee.organization_id).filter(employee=employee)
        phone = mine.filter(device_uuid=registration.device_uuid).first()
        if phone is not None and phone.revoked_by_staff:
            raise PermissionDenied(
                _("This phone was revoked by your organization. Ask them to release it.")
            )
        created, standing = phone is None, phone is not None and phone.deactivated_at is None
        if not standing:
            _check_phone_limit(employee, mine.active().count())
        phone = _save_phone(
            phone
            or Phone(
                organization_id=employee.organization_id, employee=employee, registered_at=now
            ),
            registration,
        )
        if _set_current_key(phone, registration.key, now) or not standing:
            about = f"key of phone {phone.device_uuid}"
            record_security_event(
                SecurityEvent.Kind.KEY_ISSUED,
                phone.organization_id,
                actor=actor,
                request=request,
                about=about,
            )
    return phone, created


def deactivate_phone(phone: Phone, *, actor: User, request: Any = None) -> None:
    """Take a phone out of service for its owner, who may register it again. A phone out of service
    stays as it is.
    """
    _deactivate(phone, {"deactivated_at__isnull": True}, {}, actor, request)


def revoke_phone(phone: Phone, *, actor: User, request: Any = None) -> None:
    """Take a phone out of service for the organization: its owner cannot register it again until it
    is released.
    """
    _deactivate(phone, {"revoked_by_staff": False}, {"revoked_by_staff": True}, actor, request)


def release_phone(phone: Phone) -> None:
    """Let the owner of a revoked phone register it again. Until they do, it is not active."""
    with transaction.atomic():
        _lock_employee(phone.organization_id, phone.employee_id)
        Phone.objects.of(phone.organization_id).filter(pk=phone.pk).update(revoked_by_staff=False)
    phone.refresh_from_db()


def _deactivate(
    phone: Phone, condition: dict[str, bool], changes: dict[str, bool], actor: User, request: Any
) -> None:
    """Deactivate a phone that stands as `standing` says; `phone` shows afterwards how it stands."""
    with transaction.atomic():
        _lock_employee(phone.organization_id, phone.employee_id)
        row = Phone.objects.of(phone.organization_id).filter(pk=phone.pk, **condition)
        if row.update(deactivated_at=timezone.now(), deactivated_by=actor, **changes):
            about = f"phone {phone.device_uuid}"
            record_security_event(
                SecurityEvent.Kind.KEY_REVOKED,
                phone.organization_id,
                actor=actor,
                request=request,
                about=about,
                **changes,
            )
    phone.refresh_from_db()


def max_phones(organization_id: int) -> int:
    """How many active phones each employee of an organization may have."""
    return get_phone_policy(organization_id).max_phones


def get_phone_policy(organization_id: int) -> PhonePolicy:
    """An organization's rules about phones; the defaults, not stored, when it has none of
    its own.
    """
    return PhonePolicy.objects.of(organization_id).first() or PhonePolicy()


def phone_keys_at(
    organization_id: int, employee_id: UUID, device_uuid: UUID, at: datetime
) -> list[DeviceKey]:
    """The keys that this employee's phone of this name may have signed with at `at` (UTC), newest
    first, each with its phone.

    Empty when they have, and had, no such phone: every phone has a key. A phone out of service is
    told by `phone.status`.
    """
    keys = DeviceKey.objects.of(organization_id).usable_at(at).select_related("phone")
    return list(
        keys.filter(phone__employee=employee_id, phone__device_uuid=device_uuid).order_by("-id")[
            :MAX_KEYS_TRIED
        ]
    )


def is_key_active(organization_id: int, employee_id: UUID, key_id: int, at: datetime) -> bool:
    """Whether this key is of the employee's active phone and may have signed at `at` (UTC). Asked
    under the owner's lock.
    """
    mine = DeviceKey.objects.of(organization_id).usable_at(at).filter(pk=key_id)
    return mine.filter(phone__employee=employee_id, phone__deactivated_at__isnull=True).exists()


def record_phone_punch(organization_id: int, phone_id: int, at: datetime) -> None:
    """Remember a phone's latest punch; one that comes late does not turn it back. Called under the
    owner's lock.
    """
    phones = Phone.objects.of(organization_id).filter(pk=phone_id)
    phones.filter(Q(last_punch_at__isnull=True) | Q(last_punch_at__lt=at)).update(last_punch_at=at)


def _lock_employee(organization_id: int, employee_id: UUID) -> None:
    # no_key: rows that refer to the employee, such as a punch at a gate, need not wait.
    Employee.objects.of(organization_id).select_for_update(no_key=True).get(pk=employee_id)


def _check_phone_limit(employee: Employee, active: int) -> None:
    most = max_phones(employee.organization_id)
    if active >= most:
        message = _(
            "You already have %(count)d active phones; the limit is %(most)d. Deactivate one first."
        )
        raise ValidationError({"device_uuid": message % {"count": active, "most": most}})


def _save_phone(phone: Phone, registration: PhoneRegistration) -> Phone:
    """The row as it is wanted. Only the columns that registration is about: punches write to the
    same row.
    """
    facts = {
        "device_uuid": registration.device_uuid,
        "platform": registration.platform,
        "model": registration.model,
        "name": phone.name if registration.name is None else registration.name,
        "deactivated_at": None,
        "deactivated_by": None,
    }
    for name, value in facts.items():
        setattr(phone, name, value)
    phone.save(update_fields=None if phone._state.adding else list(facts))
    return phone


def _set_current_key(phone: Phone, key: bytes, now: datetime) -> bool:
    """Make `key` the one the phone signs with; False when it was.

    Of two people who bring the same key at once the database lets one through.
    """
    digest = key_hash(key)
    claim = KeyOwner(
        organization_id=phone.organization_id, employee_id=phone.employee_id, key_hash=digest
    )
    KeyOwner.objects.bulk_create([claim], ignore_conflicts=True)
    owner = KeyOwner.objects.of(phone.organization_id).get(key_hash=digest)
    if owner.employee_id != phone.employee_id:
        raise ValidationError(
            {
                "public_key": _(
                    "This key is registered to another employee. Create a new key on this phone."
                )
            }
        )
    current = DeviceKey.objects.of(phone.organization_id).filter(
        phone=phone, replaced_at__isnull=True
    )
    if current.filter(owner=owner).exists():
        return False
    current.update(replaced_at=now)
    DeviceKey.objects.create(
        organization_id=phone.organization_id, phone=phone, owner=owner, spki=key, created_at=now
    )
    return True
