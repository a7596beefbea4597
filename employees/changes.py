"""The change log: how facts travel up. A verb of an app below appends a row in its own transaction;
the apps above process it soon after (`attendance.background.changes`).

Nothing is called upwards, and no signal is sent: what changed is data.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from employees.models import Change, Employee


def record_change(
    employee: Employee,
    kind: Change.Kind,
    starts_on: date | None = None,
    ends_on: date | None = None,
) -> None:
    """Record that facts about one person changed between two dates (None: open)."""
    record_change_of_many(employee.organization_id, kind, starts_on, ends_on, employee=employee)


def record_change_of_many(
    organization_id: int,
    kind: Change.Kind,
    starts_on: date | None = None,
    ends_on: date | None = None,
    *,
    subject: str = "",
    employee: Employee | None = None,
) -> None:
    """Record that facts about many people changed between two dates (None: open).

    `subject` names what changed or whom it concerns, such as `shift:7`, `site:3` or `department:5`;
    empty for everybody of the organization.
    """
    Change.objects.create(
        organization_id=organization_id,
        employee=employee,
        subject=subject,
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
    )


def subject_of(row: Any) -> str:
    """How a row is named as the subject of a change: `site:3`."""
    return f"{row._meta.model_name}:{row.pk}"


def subject_id(subject: str, name: str) -> int | None:
    """The id in a subject of one kind: 3 for `site:3` and `site`; None for other subjects."""
    kind, _colon, number = subject.partition(":")
    return int(number) if kind == name else None
