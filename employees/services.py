"""Verbs on employees and assignments. The console calls these."""

from __future__ import annotations

from django.db import transaction

from employees.changes import record_change
from employees.models import Assignment, Change, Employee


def save_employee(employee: Employee) -> Employee:
    """Validate and store an employee; punches waiting for this code or worker id are matched soon
    after.

    Raises ValidationError with the field named.
    """
    employee.full_clean()
    with transaction.atomic():
        employee.save()
        record_change(employee, Change.Kind.IDENTITY)
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
        assignment.validate_no_overlap()
        assignment.save()
        record_change(
            assignment.employee, Change.Kind.ASSIGNMENT, assignment.starts_on, assignment.ends_on
        )
    return assignment
