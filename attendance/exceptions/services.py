"""The inbox: sightings are kept as rows, close by themselves when they are no more, and are
answered by a person.

`sync_exceptions` is called by whoever looks (`exceptions.day_rules` as days are worked out,
`exceptions.scan` in the background), never on a punch's way in. What is open once is decided by the
database: two who look at once make one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from attendance.exceptions.rules import DetectedException
from attendance.models import AttendanceException
from core.errors import Conflict, RuleViolation

OPEN, RESOLVED, GONE = (
    AttendanceException.State.OPEN,
    AttendanceException.State.RESOLVED,
    AttendanceException.State.AUTO_CLOSED,
)
_BATCH_SIZE: Final = 500
ExceptionKey = tuple[str, str]


def sync_exceptions(
    organization_id: int,
    open_rows: Iterable[AttendanceException],
    detected: Iterable[DetectedException],
    now: datetime,
) -> int:
    """Make the inbox what was found; returns how many rows that changed. Within a transaction.

    `open_rows`: the open rows that this look would have found again, were they still so; those it
    did not find close. What was answered with the same facts stays answered.
    """
    # In order, so that two who keep the same at once wait for each other and do not stand in each
    # other's way.
    wanted = {one.key: one for one in sorted(detected, key=lambda one: one.key)}
    known = {(row.kind, row.subject): row for row in open_rows}
    if not wanted and not known:
        return 0
    answered = _resolved_keys(organization_id, wanted.values())
    asked = {key: one for key, one in wanted.items() if (*key, one.fingerprint) not in answered}
    changed = close_exceptions([row for key, row in known.items() if key not in asked], now)
    changed += sum(_update_open_row(row, asked[key]) for key, row in known.items() if key in asked)
    fresh = [_new_row(organization_id, one) for key, one in asked.items() if key not in known]
    AttendanceException.objects.bulk_create(fresh, batch_size=_BATCH_SIZE, ignore_conflicts=True)
    return changed + len(fresh)


def close_exceptions(rows: Sequence[AttendanceException], now: datetime) -> int:
    """What these say is no longer so."""
    ids = [row.pk for row in rows]
    parts = (ids[start : start + _BATCH_SIZE] for start in range(0, len(ids), _BATCH_SIZE))
    return sum(
        AttendanceException.objects.filter(pk__in=part, state=OPEN).update(
            state=GONE, closed_at=now
        )
        for part in parts
    )


def _resolved_keys(
    organization_id: int, detected: Iterable[DetectedException]
) -> set[tuple[str, str, str]]:
    subjects = sorted({one.subject for one in detected})
    answered: set[tuple[str, str, str]] = set()
    for start in range(0, len(subjects), _BATCH_SIZE):
        rows = AttendanceException.objects.of(organization_id).filter(
            state=RESOLVED, subject__in=subjects[start : start + _BATCH_SIZE]
        )
        answered.update(rows.order_by().values_list("kind", "subject", "fingerprint"))
    return answered


def _update_open_row(row: AttendanceException, detected: DetectedException) -> int:
    """Bring an open row up to date, unless somebody closed it meanwhile."""
    if row.fingerprint == detected.fingerprint and row.details == detected.details:
        return 0
    return AttendanceException.objects.filter(pk=row.pk, state=OPEN).update(
        fingerprint=detected.fingerprint,
        details=detected.details,
        punch_id=detected.punch_id,
        date=detected.date,
        site_id=detected.site_id,
    )


def _new_row(organization_id: int, detected: DetectedException) -> AttendanceException:
    return AttendanceException(
        organization_id=organization_id,
        kind=detected.kind,
        subject=detected.subject,
        fingerprint=detected.fingerprint,
        details=dict(detected.details),
        employee_id=detected.employee_id,
        device_id=detected.device_id,
        punch_id=detected.punch_id,
        site_id=detected.site_id,
        date=detected.date,
    )


def resolve_exception(
    row: AttendanceException, *, remarks: str, actor: User | None
) -> AttendanceException:
    """Say that nothing more is to be done about it, and why. It stays answered until its facts
    change.

    Raises RuleViolation without a reason, Conflict when it is closed already, by somebody or by
    itself.
    """
    if not remarks.strip():
        raise RuleViolation(
            _("Enter a reason for resolving without action."),
            code="REASON",
            rule="INBOX",
            field="remarks",
        )
    with transaction.atomic():
        mine = AttendanceException.objects.of(row.organization_id).filter(pk=row.pk, state=OPEN)
        if not mine.update(
            state=RESOLVED, closed_at=timezone.now(), closed_by=actor, remarks=remarks.strip()[:400]
        ):
            raise Conflict(_("This exception is already closed."), code="CLOSED", rule="INBOX")
        row.refresh_from_db()
    return row
