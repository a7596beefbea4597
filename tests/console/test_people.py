"""Employees and their assignments are kept through the services; what those refuse is an error on
the form.
"""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import patch

from django.db import IntegrityError
from django.test import Client
from django.urls import reverse

from accounts.roles import ROLES
from employees.models import Assignment, Change, Employee, Site

ADD = "/admin/employees/employee/add/"
LINES = {"assignments-TOTAL_FORMS": 0, "assignments-INITIAL_FORMS": 0}
FORM = {"code": "1009", "name": "Dev", "joined_on": "2026-01-01", **LINES}


def line(number: int, **facts: object) -> dict[str, object]:
    return {f"assignments-{number}-{name}": value for name, value in facts.items()}


def test_a_new_employee_with_a_place_of_work_is_noted_for_the_floors_above(
    staff: Client, ours: SimpleNamespace
) -> None:
    Change.objects.all().delete()
    first = line(0, site=ours.site.pk, department=ours.department.pk, starts_on="2026-01-01")
    assert staff.post(ADD, FORM | first | {"assignments-TOTAL_FORMS": 1}).status_code == 302
    employee = Employee.objects.get(code="1009", organization=ours.organization)
    assert employee.assignments.get().organization == ours.organization
    assert set(Change.objects.values_list("kind", flat=True)) == {"identity", "assignment"}


def test_a_code_that_exists_here_is_a_plain_error(staff: Client, ours: SimpleNamespace) -> None:
    page = staff.post(ADD, FORM | {"code": " 1001 "})
    assert page.context["adminform"].form.errors == {
        "code": ["Employee with this employee code already exists."]
    }


def test_leaving_before_joining_is_a_plain_error(staff: Client, ours: SimpleNamespace) -> None:
    page = staff.post(ADD, FORM | {"left_on": "2025-01-01"}).content.decode()
    assert "The last day of service is before the first." in page


def test_two_places_on_one_day_are_refused_and_nothing_is_saved(
    staff: Client, ours: SimpleNamespace
) -> None:
    both = line(0, site=ours.site.pk, starts_on="2026-01-01") | line(
        1, site=ours.site.pk, starts_on="2026-02-01"
    )
    page = staff.post(ADD, FORM | both | {"assignments-TOTAL_FORMS": 2})
    assert page.status_code == 200
    assert "already starts on" in page.content.decode()
    assert not Employee.objects.filter(code="1009").exists()
    assert Assignment.objects.count() == 1


def test_what_the_database_refuses_is_a_message_and_no_crash(
    staff: Client, ours: SimpleNamespace
) -> None:
    with patch.object(Employee, "save", side_effect=IntegrityError("duplicate key")):
        page = staff.post(ADD, FORM)
    assert page.status_code == 200
    assert "Nothing was saved" in page.content.decode()
    assert "duplicate key" not in page.content.decode()


def test_a_site_that_was_used_stays_and_one_that_was_not_goes(
    staff: Client, ours: SimpleNamespace
) -> None:
    unused = Site.objects.create(organization=ours.organization, name="Typo")
    for site in (ours.site, unused):
        staff.post(reverse("admin:employees_site_delete", args=(site.pk,)), {"post": "yes"})
    assert list(Site.objects.of(ours.organization)) == [ours.site]


def test_an_employee_is_not_deleted(staff: Client, ours: SimpleNamespace) -> None:
    address = reverse("admin:employees_employee_delete", args=(ours.employee.pk,))
    assert staff.post(address, {"post": "yes"}).status_code == 403


def test_users_can_be_filtered_by_role(staff: Client) -> None:
    page = staff.get("/admin/accounts/user/")
    (roles,) = [one for one in page.context["cl"].filter_specs if one.field_path == "groups"]
    assert set(ROLES) <= {name for _, name in roles.lookup_choices}
