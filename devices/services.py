"""Verbs on devices: issue, rotate and revoke tokens, note presence, map numbers. The console and
the device channel call these.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.credentials import generate_token, hash_token
from devices.authentication import AuthenticatedDevice
from devices.models import Device, DeviceToken, DeviceUser
from employees.changes import record_change
from employees.models import Change

ROTATION_OVERLAP = timedelta(days=7)
LAST_SEEN_INTERVAL = timedelta(seconds=60)


def issue_token(device: Device, *, overlap: timedelta = ROTATION_OVERLAP) -> str:
    """Make a new token for `device` and return it: the only time it can be seen. Older ones work on
    for `overlap`.
    """
    token = generate_token("mst_dev_")
    now = timezone.now()
    with transaction.atomic():
        older = DeviceToken.objects.of(device.organization_id).valid_at(now).filter(device=device)
        older.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now + overlap)).update(
            expires_at=now + overlap
        )
        DeviceToken.objects.create(
            organization_id=device.organization_id,
            device=device,
            token_hash=hash_token(token),
            hint=token[-4:],
        )
    return token


def revoke_tokens(device: Device) -> int:
    """Revoke every live token of `device` at once; returns how many."""
    now = timezone.now()
    return (
        DeviceToken.objects.of(device.organization_id)
        .valid_at(now)
        .filter(device=device)
        .update(revoked_at=now)
    )


def record_device_seen(device: AuthenticatedDevice, now: datetime, *, firmware: str = "") -> None:
    """Remember that the device spoke; written at most once a minute, so that a busy gate is not a
    busy row.
    """
    fresh = device.last_seen_at is not None and now - device.last_seen_at < LAST_SEEN_INTERVAL
    if fresh and (not firmware or firmware == device.firmware):
        return
    changes: dict[str, object] = {"last_seen_at": now}
    if firmware:
        changes["firmware"] = firmware[:100]
    Device.objects.of(device.organization_id).filter(pk=device.id).update(**changes)


def record_rejection(device: AuthenticatedDevice, now: datetime) -> None:
    """Count a punch that was refused because the device is blocked or its subscription has
    ended.
    """
    Device.objects.of(device.organization_id).filter(pk=device.id).update(
        rejected_count=F("rejected_count") + 1, last_rejected_at=now, last_seen_at=now
    )


def save_device_user(mapping: DeviceUser) -> DeviceUser:
    """Validate and store a device's number for a person; punches waiting for it are matched soon
    after.
    """
    mapping.full_clean()
    with transaction.atomic():
        mapping.save()
        record_change(mapping.employee, Change.Kind.IDENTITY)
    return mapping
