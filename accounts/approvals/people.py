"""Who decides for whom, as the approval APIs and the console ask it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import decidable_employees, local_today
from employees.models import Employee


def employees_decided_for(user: User) -> QuerySet[Employee]:
    """The employees for whom a user decides today, on the clock of the user's own office."""
    day = local_today(user.employee) if user.employee else date.today()  # noqa: DTZ011
    return Employee.objects.of(user.organization_id).filter(decidable_employees(user, day))


def employee_summary(employee: Employee) -> dict[str, Any]:
    """An employee in short: the body of `EmployeeSummarySerializer`."""
    return {"id": str(employee.pk), "code": employee.code, "name": employee.name}


def user_display_name(user: User | None) -> str | None:
    """A user's full name, else the employee's, else the user name; None for nobody."""
    if user is None:
        return None
    return user.get_full_name() or (user.employee.name if user.employee else user.get_username())
