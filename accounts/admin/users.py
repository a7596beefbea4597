"""The console's page of users: their roles, their password, the end of their sign-ins."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import services
from accounts.audit import record_security_event
from accounts.models import SecurityEvent, User
from accounts.permissions import signed_in_user
from accounts.roles import ROLES
from core.admin_forms import TenantForm
from core.tenant_admin import TenantAdmin
from core.tenant_visibility import is_operator, tenant_id

HTTP_FOUND = 302


class _SameOrganizationForm(TenantForm):
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


class ChangeUserForm(_SameOrganizationForm, UserChangeForm):
    """A user as they are."""


class AddUserForm(_SameOrganizationForm, UserCreationForm):
    """A new user, with a password to be told to them."""

    def clean_username(self) -> str:
        """Namesakes are looked for where the rule is: in the organization, by the row's own
        constraint.
        """
        return str(self.cleaned_data["username"])


class UserAdmin(DjangoUserAdmin, TenantAdmin):  # type: ignore[type-arg, misc]
    """Users: staff keep those of their organization and know of no operator; operators keep all.

    The fields that open every channel (superuser, single permissions) are not on the form of staff
    at all, so that nothing can be posted to them.
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
    _identity_fieldsets = (
        (None, {"fields": ("username", "password")}),
        (
            _("Person"),
            {
                "fields": (
                    ("first_name", "last_name"),
                    "email",
                    "employee",
                )
            },
        ),
    )
    _dates_fieldset = (_("Dates"), {"fields": (("last_login", "date_joined"),)})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        operator = is_operator(request)
        if obj is None:
            names: tuple[Any, ...] = (
                "username",
                "usable_password",
                "password1",
                "password2",
                "employee",
                "is_staff",
                "groups",
            )
            names = ("organization", *names, "is_superuser") if operator else names
            return [(None, {"fields": names})]
        rights = (
            ("is_active", "is_staff", "is_superuser") if operator else ("is_active", "is_staff")
        )
        organization = [(_("Organization"), {"fields": ("organization",)})] if operator else []
        return [
            *organization,
            *self._identity_fieldsets,
            (_("Permissions"), {"fields": (rights, "groups")}),
            self._dates_fieldset,
        ]

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
            queryset=rows,
            widget=UnfoldAdminCheckboxSelectMultipleWidget(),
            label=_("Roles"),
            help_text=_(
                "admin and hr_admin can edit in the console; approver and reports can only view."
            ),
        )

    def _tenant_filter(self, item: Any) -> Any:
        return item if item == "groups" else super()._tenant_filter(item)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Staff make no operator, whatever was posted: the form has no such field, and this is the
        second lock.
        """
        mine = tenant_id(request)
        if not is_operator(request):
            obj.is_superuser = False
            obj.organization_id = mine
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active:
            services.revoke_all_tokens(obj, actor=signed_in_user(request), request=request)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Roles are rights: who gave or took them is written down."""
        user = form.instance
        before = set(user.groups.values_list("name", flat=True))
        super().save_related(request, form, formsets, change)
        after = set(user.groups.values_list("name", flat=True))
        if before != after:
            record_security_event(
                SecurityEvent.Kind.ROLE_CHANGED,
                user.organization_id,
                actor=signed_in_user(request),
                request=request,
                about=str(user),
                given=sorted(after - before),
                taken=sorted(before - after),
            )

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002
        form_url: str = "",
    ) -> HttpResponse:
        """As Django's page; and then the person's sign-ins end, because whoever had the old
        password had those too.
        """
        response = super().user_change_password(request, id, form_url)
        user = self.get_object(request, id)
        if request.method == "POST" and response.status_code == HTTP_FOUND and user is not None:
            services.revoke_all_tokens(user, actor=signed_in_user(request), request=request)
            record_security_event(
                SecurityEvent.Kind.PASSWORD_CHANGED,
                user.organization_id,
                actor=signed_in_user(request),
                request=request,
                about=str(user),
            )
        return response

    actions_detail = ("end_sign_ins",)

    @action(
        description=_("End all sign-ins"),
        url_path="end-sign-ins",
        icon="logout",
        variant=ActionVariant.DANGER,
        permissions=["change"],
    )
    def end_sign_ins(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Turn all of somebody's tokens away at once, as when a phone is lost."""
        user = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                user,
                title=_("End all sign-ins"),
                button=_("End them now"),
                danger=True,
                question=_(
                    "Every phone and program of this user is signed out until the user signs in"
                    " again."
                ),
            )
        count = services.revoke_all_tokens(user, actor=signed_in_user(request), request=request)
        return self.finish_action(
            request, user, _("Sign-ins and tokens ended: %(count)d.") % {"count": count}
        )

    @display(description=_("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "–"
