"""The console's pages on who may speak: users, API clients and their keys, tokens, stand-ins,
security events.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import (
    services,
    sso_admin,  # noqa: F401 - Django looks for pages in this module only.
)
from accounts.api_keys import SCOPES
from accounts.audit import record_security_event
from accounts.models import (
    ApiClient,
    ClientKey,
    Delegation,
    PersonalToken,
    SecurityEvent,
    TokenFamily,
    User,
)
from accounts.roles import ROLES
from core.tenant_admin import (
    ReadOnlyInline,
    ReadOnlyTenantAdmin,
    TenantAdmin,
    TenantForm,
    badge_html,
    is_operator,
    preformatted_html,
    tenant_id,
)

HTTP_FOUND = 302

# The four roles are written by the code after every migrate; there is nothing to edit about them
# here.
admin.site.unregister(Group)


def _signed_in_user(request: HttpRequest) -> User:
    """The person at the console: nobody gets this far without having signed in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


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


@admin.register(User)
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

    def _walled_filter(self, item: Any) -> Any:
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
            services.revoke_all_tokens(obj, actor=_signed_in_user(request), request=request)

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
                actor=_signed_in_user(request),
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
            services.revoke_all_tokens(user, actor=_signed_in_user(request), request=request)
            record_security_event(
                SecurityEvent.Kind.PASSWORD_CHANGED,
                user.organization_id,
                actor=_signed_in_user(request),
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
        count = services.revoke_all_tokens(user, actor=_signed_in_user(request), request=request)
        return self.finish_action(
            request, user, _("Sign-ins and tokens ended: %(count)d.") % {"count": count}
        )

    @display(description=_("name"))
    def full_name(self, user: User) -> str:
        return user.get_full_name() or "–"

    @display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(sorted(group.name for group in user.groups.all())) or "–"


# --- API clients ----------------------------------------------------------------------------------
class ApiClientForm(TenantForm):
    """Scopes are ticked, not typed."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        choices=[(scope, f"{scope}: {what}") for scope, what in SCOPES.items()],
    )


class ClientKeyInline(ReadOnlyInline):
    """A client's keys and secrets, as far as they can be shown."""

    model = ClientKey
    fields = ("purpose", "hint", "created_at", "expires_at", "revoked_at", "last_used_at")
    readonly_fields = fields
    verbose_name_plural = _("keys")


@admin.register(ApiClient)
class ApiClientAdmin(TenantAdmin):
    """Programs that report punches: biometric systems and HR applications."""

    form = ApiClientForm
    save_functions: ClassVar = {ApiClient: services.save_api_client}
    fieldsets = (
        (None, {"fields": ("name", "active")}),
        (_("Access"), {"fields": ("scopes", "employee", "audience")}),
        (_("Rate limits"), {"fields": ("per_minute", "per_hour", "per_day")}),
    )
    _credentials_fieldset = (_("Credentials"), {"fields": (("client_id", "created_at"),)})
    readonly_fields = ("client_id", "created_at")
    inlines = (ClientKeyInline,)
    autocomplete_fields = ("employee",)
    list_display = ("name", "client_id", "scope_list", "employee", "badge", "last_used")
    list_filter = ("active",)
    list_select_related = ("employee", "organization")
    search_fields = ("name", "client_id")
    search_help_text = _("Name or client id")
    actions_detail = ("issue_api_key", "issue_secret", "revoke_all_keys")
    empty_title = _("No API clients yet")
    empty_text = _(
        "Add one for each system that reports punches, then issue its key and put the key into that"
        " system."
    )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        fieldsets = super().get_fieldsets(request, obj)
        return [*fieldsets, self._credentials_fieldset] if obj else fieldsets

    def get_inlines(self, request: HttpRequest, obj: Any) -> tuple[Any, ...]:
        """A client has keys only once it exists."""
        return super().get_inlines(request, obj) if obj else ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("keys")

    @display(description=_("scopes"))
    def scope_list(self, client: ApiClient) -> str:
        return ", ".join(client.scopes) or "–"

    @display(description=_("state"))
    def badge(self, client: ApiClient) -> Any:
        if not client.active:
            return badge_html(_("Inactive"), "warning")
        now = timezone.now()
        live = [
            key
            for key in client.keys.all()
            if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
        ]
        return badge_html(_("Working"), "success") if live else badge_html(_("No key"), "info")

    @display(description=_("last used"))
    def last_used(self, client: ApiClient) -> Any:
        return max(
            (key.last_used_at for key in client.keys.all() if key.last_used_at), default=None
        )

    # Keys
    def has_issue_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.add_clientkey"))

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("accounts.change_clientkey"))

    @action(
        description=_("Issue API key"),
        url_path="issue-key",
        icon="key",
        variant=ActionVariant.PRIMARY,
        permissions=["issue"],
    )
    def issue_api_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A key to send with every call."""
        return self._issue(request, object_id, ClientKey.Purpose.KEY, _("Issue an API key"))

    @action(
        description=_("Issue client secret"),
        url_path="issue-secret",
        icon="password",
        permissions=["issue"],
    )
    def issue_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A secret to get machine tokens with."""
        return self._issue(request, object_id, ClientKey.Purpose.SECRET, _("Issue a client secret"))

    @action(
        description=_("Revoke all keys"),
        url_path="revoke-keys",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
    )
    def revoke_all_keys(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Turn the client away at once."""
        client = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                client,
                title=_("Revoke all keys"),
                button=_("Revoke at once"),
                danger=True,
                question=_(
                    "All requests of this client are rejected immediately, until you issue a new"
                    " key and enter it in the other system."
                ),
            )
        count = services.revoke_client_keys(client, actor=_signed_in_user(request), request=request)
        return self.finish_action(request, client, _("Keys revoked: %(count)d.") % {"count": count})

    def _issue(
        self, request: HttpRequest, object_id: str, purpose: str, title: Any
    ) -> HttpResponse:
        """Ask, then issue and show. The key exists in this one reply: not in an address, a message
        or the session.
        """
        client = self.object_or_404(request, object_id)
        if request.method != "POST":
            question = _(
                "It is shown once, on the next page. The previous one stays valid for %(days)d"
                " days, so that nothing is lost while you change it in the other system. Older ones"
                " stop working now."
            ) % {"days": services.ROTATION_OVERLAP.days}
            return self.render_confirmation(
                request, client, title=title, question=question, button=title
            )
        text = services.issue_client_key(
            client, purpose, actor=_signed_in_user(request), request=request
        )
        self.log_change(request, client, str(_("Key issued.")))
        return self.render_page(
            request,
            "secret",
            client,
            title=_("For %(client)s") % {"client": client},
            secrets=[(ClientKey.Purpose(purpose).label, text), (_("Client id"), client.client_id)],
            advice=_("Copy it now: it is stored as a hash and cannot be shown again."),
            snippets=_curl_snippets(client, purpose, text),
        )


def _curl_snippets(client: ApiClient, purpose: str, text: str) -> list[tuple[Any, str]]:
    """What to paste into a shell to try a new key or secret."""
    if purpose == ClientKey.Purpose.SECRET:
        lines = [
            f"curl -X POST {settings.BASE_URL}/api/v1/oauth/token",
            "-d grant_type=client_credentials",
            f"-d {shlex.quote(f'client_id={client.client_id}')}",
            f"-d {shlex.quote(f'client_secret={text}')}",
        ]
        return [(_("Get a machine token"), " \\\n  ".join(lines))]
    body = (
        '{"scanId": "TRY-1", "employeeId": "EMP001", "eventType": "check_in", "timestamp":'
        ' "2026-06-21T09:30:00+05:30"}'
    )
    lines = [
        f"curl -X POST {settings.BASE_URL}/api/biometric/attendance",
        f"-H {shlex.quote(f'X-API-Key: {text}')}",
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(body)}",
    ]
    return [(_("An event on the biometric channel"), " \\\n  ".join(lines))]


# --- Tokens, stand-ins, events --------------------------------------------------------------------
class _RevocableAdmin(ReadOnlyTenantAdmin):
    """Rows that can be looked at and revoked."""

    actions_detail = ("revoke_now",)

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm(f"accounts.change_{self.opts.model_name}"))

    def revoke(self, request: HttpRequest, row: Any) -> None:
        """Revoke this row."""
        raise NotImplementedError

    @action(
        description=_("Revoke"),
        url_path="revoke",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],
    )
    def revoke_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then revoke: refused from the next call on."""
        row = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                row,
                title=_("Revoke"),
                button=_("Revoke at once"),
                danger=True,
                question=_("Requests that use it are rejected immediately."),
            )
        self.revoke(request, row)
        return self.finish_action(request, row, _("Revoked."))


@admin.register(PersonalToken)
class PersonalTokenAdmin(_RevocableAdmin):
    """People's own tokens."""

    fields = ("user", "name", "hint", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_display = (
        "name",
        "user",
        "hint",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_select_related = ("user", "organization")
    search_fields = ("name", "user__username")
    empty_title = _("No personal access tokens")
    empty_text = _("Employees' phones and programs get theirs when they sign in or register.")

    def revoke(self, request: HttpRequest, row: Any) -> None:
        services.revoke_personal_token(row, actor=_signed_in_user(request), request=request)


@admin.register(TokenFamily)
class TokenFamilyAdmin(_RevocableAdmin):
    """Sign-ins by password over the API."""

    fields = ("user", "created_at", "expires_at", "revoked_at", "revocation_reason")
    list_display = ("user", "created_at", "expires_at", "revoked_at", "revocation_reason")
    list_filter = ("revocation_reason",)
    list_select_related = ("user", "organization")
    search_fields = ("user__username",)
    empty_title = _("No sign-ins over the API yet")

    def revoke(self, request: HttpRequest, row: Any) -> None:
        services.revoke_token_family(row, actor=_signed_in_user(request), request=request)


@admin.register(Delegation)
class DelegationAdmin(TenantAdmin):
    """Who decides in whose place."""

    save_functions: ClassVar = {Delegation: services.save_delegation}
    fieldsets = ((None, {"fields": ("approver", "delegate", ("starts_on", "ends_on"))}),)
    autocomplete_fields = ("approver", "delegate")
    list_display = ("delegate", "approver", "starts_on", "ends_on", "withdrawn_at")
    list_display_links = ("delegate", "approver")
    list_select_related = ("approver", "delegate", "organization")
    search_fields = ("approver__name", "delegate__name")
    actions_detail = ("withdraw",)
    empty_title = _("No delegations yet")
    empty_text = _(
        "When an approver is away, add the person who decides on leave and tours in their place,"
        " and until which day."
    )

    @action(
        description=_("Withdraw"),
        url_path="withdraw",
        icon="undo",
        variant=ActionVariant.DANGER,
        permissions=["change"],
    )
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end it before its last day."""
        row = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                row,
                title=_("Withdraw"),
                button=_("Withdraw now"),
                danger=True,
                question=_("The delegate can no longer decide in this approver's place."),
            )
        services.withdraw_delegation(row)
        return self.finish_action(request, row, _("Withdrawn."))


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyTenantAdmin):
    """Who signed in, and what was done to keys, roles and data. Nothing here can be changed, by an
    operator neither.
    """

    fields = ("at", "kind", "actor", "actor_text", "address", "about", "details_json")
    readonly_fields = ("details_json",)
    list_display = ("at", "kind", "actor_text", "address", "about")
    list_filter = ("kind",)
    list_select_related = ("organization",)
    search_fields = ("actor_text", "about")
    date_hierarchy = "at"
    empty_title = _("No security events yet")

    @display(description=_("details"))
    def details_json(self, event: SecurityEvent) -> Any:
        return (
            preformatted_html(json.dumps(event.details, indent=2, ensure_ascii=False))
            if event.details
            else "–"
        )
