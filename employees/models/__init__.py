"""The rows of employees: organizations (the tenants), their places and their people."""

from employees.models.assignments import Assignment
from employees.models.changes import Change
from employees.models.employees import Employee, EmployeeQuerySet
from employees.models.half_day_reservations import HalfDayReservation
from employees.models.organizations import Department, Organization, Site

__all__ = [
    "Assignment",
    "Change",
    "Department",
    "Employee",
    "EmployeeQuerySet",
    "HalfDayReservation",
    "Organization",
    "Site",
]
