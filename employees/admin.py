"""The console's pages on organizations, places and people."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_inlines import TenantInline
from core.tenant_admin import ReadOnlyTenantAdmin, TenantAdmin
from core.tenant_visibility import is_operator
from employees.models import Assignment, Change, Department, Employee, Organization, Site
from employees.services import save_assignment, save_employee


@admin.register(Organization)
class OrganizationAdmin(TenantAdmin):
    """Operators keep all organizations; staff keep the name and zone of their own."""

    fieldsets = (
        (
            None,
            {
                "fields": ("name", "slug", "timezone", "created_at"),
                "description": _(
                    "Days are counted in the organization's time zone, unless a site or device has"
                    " its own."
                ),
            },
        ),
    )
    list_display = ("name", "slug", "timezone", "created_at")
    search_fields = ("name", "slug")
    empty_title = _("No organizations yet")
    empty_text = _("Add an organization, then its sites, employees and staff users.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        # The short name stands in addresses and at sign-in of everybody: only operators change it.
        return ("created_at",) if is_operator(request) else ("created_at", "slug")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_operator(request) and super().has_add_permission(request)


@admin.register(Site)
class SiteAdmin(TenantAdmin):
    """Places of work."""

    fieldsets = ((None, {"fields": ("name", "timezone")}),)
    list_display = ("name", "timezone")
    search_fields = ("name",)
    deletable = True  # A site that was ever used is held by what refers to it.
    empty_title = _("No sites yet")
    empty_text = _("Add the places where people work; employees and devices are assigned to them.")


@admin.register(Department)
class DepartmentAdmin(TenantAdmin):
    """Departments."""

    fieldsets = ((None, {"fields": ("name", "head")}),)
    list_display = ("name", "head")
    list_select_related = ("head",)
    autocomplete_fields = ("head",)
    search_fields = ("name",)
    deletable = True  # As with sites.
    empty_title = _("No departments yet")
    empty_text = _("Departments are optional. Reports can be grouped by department.")


class AssignmentInline(TenantInline):
    """Where an employee worked, and works."""

    model = Assignment
    fk_name = "employee"
    fields = ("site", "department", "starts_on", "ends_on")
    verbose_name = _("assignment")
    verbose_name_plural = _("assignments: one after the other, without overlap")


class InServiceFilter(admin.SimpleListFilter):
    """People in service today, or not."""

    title = _("in service")
    parameter_name = "in_service"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Today")), ("no", _("Left, or not yet joined"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        today = timezone.localdate()
        if self.value() == "yes":
            return queryset.employed_on(today)
        if self.value() == "no":
            return queryset.exclude(pk__in=queryset.employed_on(today).values("pk"))
        return queryset


@admin.register(Employee)
class EmployeeAdmin(TenantAdmin):
    """People, and where they work."""

    fieldsets = (
        (None, {"fields": (("name", "email"), ("code", "worker_id"), "manager")}),
        (
            _("Service"),
            {
                "fields": (("joined_on", "left_on"),),
                "description": _("Punches outside these dates are stored as unmatched."),
            },
        ),
    )
    inlines = (AssignmentInline,)
    save_functions: ClassVar = {Employee: save_employee, Assignment: save_assignment}
    autocomplete_fields = ("manager",)
    list_display = ("code", "name", "worker_id", "site", "department", "joined_on", "left_on")
    list_display_links = ("code", "name")
    list_filter = (InServiceFilter, "assignments__site", "assignments__department")
    search_fields = ("code", "name", "worker_id")
    search_help_text = _("Code, name or worker id")
    empty_title = _("No employees yet")
    empty_text = _(
        "Add an employee: punches with that employee code are then matched, including unmatched"
        " punches already stored."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """With assignments at hand: two columns need the one of today."""
        rows = super().get_queryset(request).select_related("organization")
        return rows.prefetch_related("assignments__site", "assignments__department")

    @display(description=_("site"))
    def site(self, employee: Employee) -> str:
        assignment = _current_assignment(employee)
        return str(assignment.site) if assignment else "–"

    @display(description=_("department"))
    def department(self, employee: Employee) -> str:
        assignment = _current_assignment(employee)
        return str(assignment.department or "–") if assignment else "–"


def _current_assignment(employee: Employee) -> Assignment | None:
    """The assignment that holds today, out of those fetched with the list."""
    today = timezone.localdate()
    return next((one for one in employee.assignments.all() if one.covers(today)), None)


@admin.register(Assignment)
class AssignmentAdmin(TenantAdmin):
    """Who worked where, across people."""

    fieldsets = (
        (None, {"fields": ("employee", ("site", "department"), ("starts_on", "ends_on"))}),
    )
    save_functions: ClassVar = {Assignment: save_assignment}
    autocomplete_fields = ("employee",)
    list_display = ("employee", "site", "department", "starts_on", "ends_on")
    list_filter = ("site", "department")
    list_select_related = ("employee", "site", "department", "organization")
    search_fields = ("employee__code", "employee__name")
    date_hierarchy = "starts_on"
    empty_title = _("No assignments yet")
    empty_text = _("On the employee's page, enter the site, the department and the start date.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """An assignment does not move to another person: end it, and start one there."""
        fields = super().get_readonly_fields(request, obj)
        return (*fields, "employee") if obj else fields


@admin.register(Change)
class ChangeAdmin(ReadOnlyTenantAdmin):
    """What changed about people, and whether the days that depend on it were worked out again."""

    fieldsets = (
        (
            None,
            {
                "fields": (
                    "employee",
                    "kind",
                    ("starts_on", "ends_on"),
                    "subject",
                    ("created_at", "leave_processed_at", "days_processed_at"),
                )
            },
        ),
    )
    list_display = (
        "created_at",
        "kind",
        "employee",
        "subject",
        "starts_on",
        "ends_on",
        "days_processed_at",
    )
    list_filter = ("kind",)
    list_select_related = ("employee", "organization")
    search_fields = ("employee__code", "employee__name")
    ordering = ("-id",)
    empty_title = _("No changes yet")
    empty_text = _(
        "Changes to employees, shifts, rosters, calendars, leave and tours are recorded here"
        " automatically."
    )
