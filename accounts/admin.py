"""The console's page on people who sign in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.models import User
from accounts.roles import ROLES
from employees.console import TenantAdmin, TenantForm, sees_everything, tenant_id

# The four roles are written by the code after every migrate; there is nothing to edit about them here.
admin.site.unregister(Group)


class _SameOrganization(TenantForm):
    """A user and the employee they are belong to one organization."""

    def clean(self) -> dict[str, Any] | None:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        employee = cleaned.get("employee")
        organization = cleaned.get("organization")
        owner = organization.pk if organization else self.instance.organization_id
        if employee is not None and employee.organization_id != owner:
            unknown = _("Select a valid choice. That choice is not one of the available choices.")
            self.add_error("employee", ValidationError(unknown, code="invalid_choice"))
        return cleaned


class ChangeUserForm(_SameOrganization, UserChangeForm):
    """A user as they are."""


class AddUserForm(_SameOrganization, UserCreationForm):
    """A new user, with a password to be told to them."""


@admin.register(User)
class UserAdmin(DjangoUserAdmin, TenantAdmin):  # type: ignore[type-arg, misc]
    """Users: staff keep those of their organization and know of no operator; operators keep all.

    The fields that open every door (superuser, single permissions) are not on the form of staff at all, so that nothing can
    be posted to them.
    """

    form = ChangeUserForm
    add_form = AddUserForm
    change_password_form = AdminPasswordChangeForm
    filter_horizontal = ()
    autocomplete_fields = ("employee",)
    list_display = ("username", "full_name", "employee", "roles", "is_active", "last_login")
    list_filter = ("is_active", "is_staff", "groups")
    list_select_related = ("employee", "organization")
    search_fields = ("username", "first_name", "last_name", "email")
    readonly_fields = ("last_login", "date_joined")
    empty_title = _("No users yet")
    empty_text = _("Add the people who may sign in to this console, and give each a role.")
    _who = ((None, {"fields": ("username", "password")}), (_("Person"), {"fields": (
        ("first_name", "last_name"), "email", "employee",
    )}))  # fmt: skip
    _when = (_("Dates"), {"fields": (("last_login", "date_joined"),)})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        operator = sees_everything(request)
        if obj is None:
            names: tuple[Any, ...] = ("username", "usable_password", "password1", "password2", "employee", "is_staff", "groups")
            names = ("organization", *names, "is_superuser") if operator else names
            return [(None, {"fields": names})]
        rights = ("is_active", "is_staff", "is_superuser") if operator else ("is_active", "is_staff")
        organization = [(_("Organization"), {"fields": ("organization",)})] if operator else []
        return [*organization, *self._who, (_("What they may do"), {"fields": (rights, "groups")}), self._when]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def get_field_queryset(self, db: Any, db_field: Any, request: HttpRequest) -> Any:
        if db_field.name == "groups":
            return Group.objects.filter(name__in=ROLES).order_by("name")
        return super().get_field_queryset(db, db_field, request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "groups":
            return super().formfield_for_manytomany(db_field, request, **kwargs)
        rows = self.get_field_queryset(None, db_field, request)
        return db_field.formfield(
            queryset=rows, widget=UnfoldAdminCheckboxSelectMultipleWidget(), label=_("Roles"),
            help_text=_("admin and hr_admin keep the console; approver and reports look only."),
        )  # fmt: skip

    def _walled_filter(self, item: Any) -> Any:
        return item if item == "groups" else super()._walled_filter(item)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Staff make no operator, whatever was posted: the form has no such field, and this is the second lock."""
        mine = tenant_id(request)
        if not sees_everything(request):
            obj.is_superuser = False
            obj.organization_id = mine
        super().save_model(request, obj, form, change)

    @display(description=_("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "–"
