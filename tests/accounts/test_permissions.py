"""Who may do what, and who decides for whom."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from accounts import services
from accounts.models import Delegation, User
from accounts.permissions import abilities_of, can_decide_for, decidable_employees
from employees.models import Assignment, Employee, Organization
from tests import people

DAY = date(2026, 6, 15)


def who(employee: Employee, *roles: str) -> User:
    return people.make_user(employee, employee.name.lower(), *roles)


def both(user: User, employee: Employee) -> bool:
    """The question about one, and the same as a condition on many; they must agree."""
    one = can_decide_for(user, employee, DAY)
    assert (
        Employee.objects.of(user.organization_id)
        .filter(decidable_employees(user, DAY), pk=employee.pk)
        .exists()
        == one
    )
    return one


@pytest.mark.parametrize(
    ("role", "abilities"),
    [
        ("admin", ["admin-attendance", "leave-approver", "reports"]),
        ("hr_admin", ["admin-attendance", "leave-approver", "reports"]),
        ("approver", ["leave-approver"]),
        ("reports", ["reports"]),
    ],
)
def test_abilities_follow_from_groups(bala: Employee, role: str, abilities: list[str]) -> None:
    assert abilities_of(who(bala, role)) == abilities


def test_a_manager_decides_for_those_who_report_to_them(asha: Employee, bala: Employee) -> None:
    assert both(who(bala, "approver"), asha)


def test_without_the_role_a_manager_decides_nothing(asha: Employee, bala: Employee) -> None:
    assert not both(who(bala), asha)


def test_a_role_alone_reaches_nobody_elses_reports(acme: Organization, asha: Employee) -> None:
    stranger = people.make_employee(acme, "1003", "Dev")
    assert not both(who(stranger, "approver"), asha)


def test_a_head_decides_for_the_department_while_somebody_is_in_it(
    acme: Organization, asha: Employee
) -> None:
    head = people.make_employee(acme, "1003", "Dev")
    department = people.make_department(acme, head=head)
    Assignment.objects.create(
        organization=acme,
        employee=asha,
        site=people.make_site(acme),
        department=department,
        starts_on="2026-06-01",
        ends_on="2026-06-20",
    )
    user = who(head, "approver")
    assert both(user, asha)
    assert not can_decide_for(user, asha, date(2026, 7, 1))


@pytest.mark.parametrize("role", ["approver", "hr_admin", "admin"])
def test_nobody_decides_for_themselves(asha: Employee, role: str) -> None:
    Employee.objects.filter(pk=asha.pk).update(manager=asha)
    asha.refresh_from_db()
    assert not both(who(asha, role), asha)


def test_hr_decides_for_everybody_else_of_the_organization(
    acme: Organization, asha: Employee, chitra: Employee
) -> None:
    user = people.make_staff(acme, "hr", role="hr_admin")
    assert both(user, asha)
    assert not can_decide_for(user, chitra, DAY)


def stand_in(
    approver: Employee,
    delegate: Employee,
    starts_on: str = "2026-06-10",
    ends_on: str = "2026-06-20",
) -> Delegation:
    return services.save_delegation(
        Delegation(
            organization=approver.organization,
            approver=approver,
            delegate=delegate,
            starts_on=date.fromisoformat(starts_on),
            ends_on=date.fromisoformat(ends_on),
        )
    )


def test_a_stand_in_decides_during_the_dates_and_not_outside_them(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    who(bala, "approver")
    dev = people.make_employee(acme, "1003", "Dev")
    user, row = who(dev), stand_in(bala, dev)
    assert both(user, asha)
    for day in (date(2026, 6, 9), date(2026, 6, 21)):
        assert not can_decide_for(user, asha, day)
    services.withdraw_delegation(row)
    assert not both(user, asha)


def test_a_stand_in_decides_neither_for_themselves_nor_for_the_approver(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    who(bala, "approver")
    user = who(asha)
    stand_in(bala, asha)
    assert not both(user, asha)
    assert not both(user, bala)


def test_who_lost_the_role_can_lend_nothing(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    who(bala)
    dev = people.make_employee(acme, "1003", "Dev")
    stand_in(bala, dev)
    assert not both(who(dev), asha)


def test_nobody_of_another_organization_stands_in(bala: Employee, chitra: Employee) -> None:
    with pytest.raises(ValidationError):
        stand_in(bala, chitra)


def test_me_tells_groups_abilities_and_place(
    acme: Organization, asha: Employee, bala: Employee
) -> None:
    site = people.make_site(acme, "Dubai", timezone="Asia/Dubai")
    department = people.make_department(acme)
    Assignment.objects.create(
        organization=acme, employee=asha, site=site, department=department, starts_on="2024-01-01"
    )
    user = who(asha, "reports")
    _row, text = services.issue_personal_token(user, "test")
    reply: Any = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {text}"}).json()
    assert reply == {
        "user": {
            "id": user.pk,
            "name": "Asha",
            "email": "",
            "groups": ["reports"],
            "abilities": ["reports"],
        },
        "employee": {
            "id": str(asha.pk),
            "code": "1001",
            "name": "Asha",
            "site": "Dubai",
            "department": "Stores",
            "timezone": "Asia/Dubai",
            "manager": {"id": str(bala.pk), "code": "1002", "name": "Bala"},
        },
    }


def test_me_without_an_employee_is_null(acme: Organization) -> None:
    _row, text = services.issue_personal_token(people.make_staff(acme, "hr"), "test")
    reply = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})
    assert reply.json()["employee"] is None
