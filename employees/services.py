"""Verbs on people and places. The console calls these; `note_change` is called by every app below
attendance.
"""

from __future__ import annotations

from datetime import date

from django.db import transaction

from employees.models import Assignment, Change, Employee


def note_change(
    employee: Employee,
    kind: Change.Kind,
    starts_on: date | None = None,
    ends_on: date | None = None,
) -> None:
    """Leave a note for the floors above that facts about `employee` changed between two dates
    (None: open).
    """
    Change.objects.create(
        organization_id=employee.organization_id,
        employee=employee,
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
    )


def save_employee(employee: Employee) -> Employee:
    """Validate and store an employee; punches waiting for this code or worker id are matched soon
    after.

    Raises ValidationError with the field named.
    """
    employee.full_clean()
    with transaction.atomic():
        employee.save()
        note_change(employee, Change.Kind.IDENTITY)
    return employee


def save_assignment(assignment: Assignment) -> Assignment:
    """Validate and store an assignment. Two assignments of one employee may not share a day.

    Raises ValidationError with the field named.
    """
    with transaction.atomic():
        # The employee's row is the lock under which overlap is decided; on SQLite the transaction
        # itself is the lock.
        Employee.objects.select_for_update().get(pk=assignment.employee_id)
        assignment.full_clean()
        assignment.refuse_overlap()
        assignment.save()
        note_change(
            assignment.employee, Change.Kind.ASSIGNMENT, assignment.starts_on, assignment.ends_on
        )
    return assignment
