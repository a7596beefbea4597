"""The inbox: sightings are kept as rows, close by themselves when they are no more, and are
answered by a person.

`keep` is called by whoever looks (`gathering` as days are worked out, `watching` in the
background), never on a punch's way in. What is open once is decided by the database: two who look
at once make one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from attendance.models import DayException
from attendance.sightings import Sighting
from employees.refusals import Conflict, Refused

OPEN, RESOLVED, GONE = DayException.State.OPEN, DayException.State.RESOLVED, DayException.State.GONE
_AT_ONCE: Final = 500
Key = tuple[str, str]


def keep(
    organization_id: int, standing: Iterable[DayException], found: Iterable[Sighting], now: datetime
) -> int:
    """Make the inbox what was found; returns how many rows that changed. Within a transaction.

    `standing`: the open rows that this look would have found again, were they still so; those it
    did not find close. What was answered with the same facts stays answered.
    """
    # In order, so that two who keep the same at once wait for each other and do not stand in each
    # other's way.
    wanted = {one.key: one for one in sorted(found, key=lambda one: one.key)}
    known = {(row.kind, row.subject): row for row in standing}
    if not wanted and not known:
        return 0
    answered = _answered(organization_id, wanted.values())
    asked = {key: one for key, one in wanted.items() if (*key, one.facts) not in answered}
    changed = close([row for key, row in known.items() if key not in asked], now)
    changed += sum(_refresh(row, asked[key]) for key, row in known.items() if key in asked)
    fresh = [_row(organization_id, one) for key, one in asked.items() if key not in known]
    DayException.objects.bulk_create(fresh, batch_size=_AT_ONCE, ignore_conflicts=True)
    return changed + len(fresh)


def close(rows: Sequence[DayException], now: datetime) -> int:
    """What these say is no longer so."""
    ids = [row.pk for row in rows]
    parts = (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
    return sum(
        DayException.objects.filter(pk__in=part, state=OPEN).update(state=GONE, closed_at=now)
        for part in parts
    )


def _answered(organization_id: int, found: Iterable[Sighting]) -> set[tuple[str, str, str]]:
    subjects = sorted({one.subject for one in found})
    answered: set[tuple[str, str, str]] = set()
    for start in range(0, len(subjects), _AT_ONCE):
        rows = DayException.objects.of(organization_id).filter(
            state=RESOLVED, subject__in=subjects[start : start + _AT_ONCE]
        )
        answered.update(rows.order_by().values_list("kind", "subject", "facts"))
    return answered


def _refresh(row: DayException, one: Sighting) -> int:
    """Bring an open row up to date, unless somebody closed it meanwhile."""
    if row.facts == one.facts and row.details == one.details:
        return 0
    return DayException.objects.filter(pk=row.pk, state=OPEN).update(
        facts=one.facts,
        details=one.details,
        punch_id=one.punch_id,
        date=one.date,
        site_id=one.site_id,
    )


def _row(organization_id: int, one: Sighting) -> DayException:
    return DayException(
        organization_id=organization_id,
        kind=one.kind,
        subject=one.subject,
        facts=one.facts,
        details=dict(one.details),
        employee_id=one.employee_id,
        device_id=one.device_id,
        punch_id=one.punch_id,
        site_id=one.site_id,
        date=one.date,
    )


def resolve(row: DayException, *, note: str, actor: User | None) -> DayException:
    """Say that nothing more is to be done about it, and why. It stays answered until its facts
    change.

    Raises Refused without a reason, Conflict when it is closed already, by somebody or by itself.
    """
    if not note.strip():
        raise Refused(
            _("Say why nothing is to be done."), code="REASON", rule="INBOX", field="remarks"
        )
    with transaction.atomic():
        mine = DayException.objects.of(row.organization_id).filter(pk=row.pk, state=OPEN)
        if not mine.update(
            state=RESOLVED, closed_at=timezone.now(), closed_by=actor, note=note.strip()[:400]
        ):
            raise Conflict(_("This is closed already."), code="CLOSED", rule="INBOX")
        row.refresh_from_db()
    return row
