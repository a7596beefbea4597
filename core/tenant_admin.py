"""The wall between tenants in the HR console: the base of every admin class of the house.

Staff of an organization see, choose, find and change rows of that organization only; another
tenant's id is answered like one that does not exist. Operators (superusers) see everything. All of
it hangs on one function, `visible_rows`, which knows every kind of row and returns nothing for a
kind it does not know.

Rows are written by the verbs of the services. What a verb or the database refuses becomes an error
on the form.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import NON_FIELD_ERRORS, FieldDoesNotExist, ValidationError
from django.db import DatabaseError, models
from django.db.models.fields.files import FieldFile
from django.forms.models import InlineForeignKeyField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import PaginationInlineFormSet

from core import attachments
from core.tenancy import is_tenant_root

log = logging.getLogger(__name__)
_M = TypeVar("_M", bound=models.Model)

# Filters list at most this many choices: an organization has few sites and devices, and people are
# searched, not listed.
MAX_FILTER_CHOICES: Final = 200
_SERVICE_ERROR: Final = "_muster_service_error"


# --- Who sees what --------------------------------------------------------------------------------
def is_operator(request: HttpRequest) -> bool:
    """Whether this is an operator of the whole installation."""
    return bool(request.user.is_superuser)


def tenant_id(request: HttpRequest) -> int | None:
    """The organization whose staff is speaking; None for an operator, and for somebody who belongs
    nowhere.
    """
    return None if is_operator(request) else getattr(request.user, "organization_id", None)


def visible_rows(request: HttpRequest, rows: models.QuerySet[_M]) -> models.QuerySet[_M]:
    """The part of `rows` that this person may know of. A kind of row that has no
    organization is nobody's: none of it.
    """
    if is_operator(request):
        return rows
    mine = tenant_id(request)
    if mine is None:
        return rows.none()
    if is_tenant_root(rows.model):
        return rows.filter(pk=mine)
    if not has_organization(rows.model):
        return rows.none()
    rows = rows.filter(organization=mine)
    if _has_field(rows.model, "is_superuser"):
        rows = rows.filter(is_superuser=False)
    return rows


def has_organization(model: type[models.Model]) -> bool:
    """Whether rows of this kind belong to one organization."""
    return _has_field(model, "organization")


def _has_field(model: type[models.Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True


# --- Errors a clerk understands -------------------------------------------------------------------
def move_unique_errors_to_fields(
    model: type[models.Model], error: ValidationError
) -> ValidationError:
    """The same refusal, with a broken uniqueness rule said at the field that is to be changed."""
    found: dict[str, list[ValidationError]] = {}
    told = (
        error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    )
    for field, errors in told.items():
        for one in errors:
            home = _field_of_constraint(model, one) if field == NON_FIELD_ERRORS else None
            if home is None:
                found.setdefault(field, []).append(one)
            else:
                message = _("%(thing)s with this %(field)s already exists.") % {
                    "thing": capfirst(model._meta.verbose_name),
                    "field": getattr(model._meta.get_field(home), "verbose_name", home),
                }
                found.setdefault(home, []).append(ValidationError(message, code="unique"))
    return ValidationError(found)


def _field_of_constraint(model: type[models.Model], error: ValidationError) -> str | None:
    """The last field of the uniqueness rule that was broken: the part that tells this row from its
    neighbours.
    """
    for rule in model._meta.constraints:
        if isinstance(rule, models.UniqueConstraint):
            names = [
                *rule.fields,
                *(
                    str(one.deconstruct()[1][0])
                    for one in rule.expressions
                    if isinstance(one, models.F)
                ),
            ]
            broken = error.message == rule.get_violation_error_message() or (
                error.code == "unique_together"
                and tuple((error.params or {}).get("unique_check", ())) == tuple(names)
            )
            if broken and names:
                return names[-1]
    return None


def to_validation_error(error: ValidationError | DatabaseError) -> ValidationError:
    """What to tell a person of what a verb or the database refused."""
    if isinstance(error, ValidationError):
        return error
    log.warning("the database refused what the console asked for: %s", error)
    return ValidationError(
        _(
            "Nothing was saved: the database rejected the change. Another user may have changed the"
            " same record. Try again."
        )
    )


class TenantForm(forms.ModelForm[Any]):
    """A form whose row belongs to the speaker's organization before it is checked, so that every
    rule of it is checked.
    """

    tenant_organization_id: ClassVar[int | None] = None
    service_error: ClassVar[ValidationError | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if (
            self.tenant_organization_id is not None
            and has_organization(type(self.instance))
            and self.instance.organization_id is None
        ):
            self.instance.organization_id = self.tenant_organization_id

    def _get_validation_exclusions(self) -> set[str]:
        """Django leaves out rules with a field the form does not show; ours nearly all have the
        organization in them.
        """
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return (
            excluded - {"organization"}
            if getattr(self.instance, "organization_id", None)
            else excluded
        )

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        self._validate_parent_constraints()
        if self.service_error is not None and not self.errors:
            self._update_errors(self.service_error)

    def _validate_parent_constraints(self) -> None:
        """Django leaves out rules with the parent in them for the rows of an inline; a parent that
        exists can be asked.
        """
        parents = [
            name for name, field in self.fields.items() if isinstance(field, InlineForeignKeyField)
        ]
        if self.errors or not parents or getattr(self.instance, parents[0])._state.adding:
            return
        try:
            self.instance.validate_constraints(exclude=self._get_validation_exclusions())
        except ValidationError as error:
            self._update_errors(error)

    def _update_errors(self, errors: ValidationError) -> None:
        plain = move_unique_errors_to_fields(self._meta.model, errors)
        elsewhere = [
            field
            for field in plain.error_dict
            if field not in self.fields and field != NON_FIELD_ERRORS
        ]
        for field in elsewhere:
            plain.error_dict.setdefault(NON_FIELD_ERRORS, []).extend(plain.error_dict.pop(field))
        super()._update_errors(plain)  # type: ignore[misc]


# --- The parts of a list and a form ---------------------------------------------------------------
class TenantRelatedFilter(admin.RelatedFieldListFilter):
    """A list filter by a related row that names only rows of the speaker's organization."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: Any
    ) -> list[tuple[str, Any]]:
        rows = visible_rows(request, field.remote_field.model._default_manager.all())
        return [(row.pk, str(row)) for row in rows[:MAX_FILTER_CHOICES]]


class TolerantAutocompleteSelect(AutocompleteSelect):
    """Shows a form again that came with an id which cannot be one, where Django's own fails; the
    field says what is wrong.
    """

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        """The options for `value`, without what is no id of such a row."""
        relation = self.field.remote_field
        column = relation.model._meta.get_field(
            getattr(relation, "field_name", None) or relation.model._meta.pk.attname
        )
        return super().optgroups(name, [one for one in value if _is_valid_value(column, one)], attr)


def _is_valid_value(column: Any, value: Any) -> bool:
    try:
        column.run_validators(column.to_python(value))
    except ValidationError:
        return False
    return True


class TenantScopedMixin:
    """What forms and inlines share: choices of another tenant do not exist."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs.setdefault("widget", TolerantAutocompleteSelect(db_field, self.admin_site))  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return visible_rows(request, super().get_queryset(request))  # type: ignore[misc]

    def get_field_queryset(
        self, db: Any, db_field: Any, request: HttpRequest
    ) -> models.QuerySet[Any]:
        rows = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        return visible_rows(
            request, db_field.remote_field.model._default_manager.all() if rows is None else rows
        )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _belongs_to_tenant(request, obj) and super().has_view_permission(request, obj)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _belongs_to_tenant(request, obj) and super().has_change_permission(request, obj)  # type: ignore[misc]


def _belongs_to_tenant(request: HttpRequest, obj: Any) -> bool:
    """The wall once more, for a row that came by a way nobody thought of. Unfold passes bare ids
    here: those say nothing.
    """
    if not isinstance(obj, models.Model) or is_operator(request):
        return True
    owner = obj.pk if is_tenant_root(type(obj)) else getattr(obj, "organization_id", None)
    return owner is not None and owner == tenant_id(request)


class TenantFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    """Rows of an inline belong to the organization of the row they hang on."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)
        form.instance.organization_id = self.instance.organization_id
        return form


class TenantInline(TenantScopedMixin, TabularInline):  # type: ignore[misc]
    """Rows that are kept on their parent's page."""

    form = TenantForm
    formset = TenantFormSet
    extra = 0
    can_delete = False
    show_change_link = False
    hide_title = True


class ReadOnlyInline(TenantInline):
    """Rows that are only looked at."""

    max_num = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# --- The admin class ------------------------------------------------------------------------------
class TenantAdmin(TenantScopedMixin, ModelAdmin):  # type: ignore[misc]
    """A page of the console. Subclasses name fields, never the organization: it is added for
    operators.
    """

    form = TenantForm
    # How rows are written, by kind: the verb of the service. A kind without a verb is checked and
    # saved as it is.
    save_functions: ClassVar[Mapping[type[models.Model], Callable[[Any], Any]]] = {}
    # Rows are evidence that somebody is paid by, so nothing can be deleted unless a class says so.
    deletable: ClassVar[bool] = False
    # Query-string filters beyond those of list_filter; anything else could be used to guess at
    # columns nobody shows.
    extra_allowed_lookups: ClassVar[tuple[str, ...]] = ()
    empty_title: ClassVar[Any] = _("Nothing here yet")
    empty_text: ClassVar[Any] = ""
    list_per_page = 50
    compressed_fields = True
    warn_unsaved_form = True
    show_facets = admin.ShowFacets.NEVER

    # Permissions
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return (
            self.deletable
            and _belongs_to_tenant(request, obj)
            and bool(super().has_delete_permission(request, obj))
        )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Rows are deleted one by one, where they can be at all."""
        actions = super().get_actions(request)
        return {name: action for name, action in actions.items() if name != "delete_selected"}

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what the page offers as a filter: `?secret__startswith=` on any other column would
        be an oracle.
        """
        offered = {*self.extra_allowed_lookups, *self._filter_names(request)}
        known = any(lookup == name or lookup.startswith(f"{name}__") for name in offered)
        return known and bool(super().lookup_allowed(lookup, value, request))

    def _filter_names(self, request: HttpRequest | None) -> Iterable[str]:
        for item in self.get_list_filter(request) if request else self.list_filter:
            if isinstance(item, (tuple, list)):
                yield item[0]
            elif isinstance(item, str):
                yield item
            elif parameter := getattr(item, "parameter_name", None):
                yield parameter
        if self.date_hierarchy:
            yield self.date_hierarchy

    # Lists
    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Filters by a related row name the speaker's rows only; operators can filter by
        organization.
        """
        filters = list(super().get_list_filter(request))
        if is_operator(request) and has_organization(self.model):
            filters.append("organization")
        return [self._tenant_filter(item) for item in filters]

    def _tenant_filter(self, item: Any) -> Any:
        if isinstance(item, str) and get_fields_from_path(self.model, item)[-1].is_relation:
            return (item, TenantRelatedFilter)
        return item

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        return (
            [*columns, "organization"]
            if is_operator(request) and has_organization(self.model)
            else columns
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)  # type: ignore[no-any-return]
        except (OverflowError, ValueError, IncorrectLookupParameters):
            # A date beyond the calendar in the address; Django handles every other nonsense itself.
            if not request.GET.keys() - {"e"}:
                raise
            return HttpResponseRedirect(f"{request.path}?e=1")

    # Forms
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The class's fields; operators see the organization before them."""
        fieldsets = [
            (title, dict(options)) for title, options in super().get_fieldsets(request, obj)
        ]
        if is_operator(request) and has_organization(self.model) and fieldsets:
            first = fieldsets[0][1]
            if "organization" not in first["fields"]:
                first["fields"] = ("organization", *first["fields"])
        return fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """No row moves to another organization."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return (
            (*fields, "organization")
            if obj is not None and has_organization(self.model)
            else fields
        )

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        # Made anew for each request by Django, so it can carry what is of this request.
        form.tenant_organization_id = tenant_id(request)
        form.service_error = getattr(request, _SERVICE_ERROR, None)
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Save; if a verb or the database refuses, show the same form again with the refusal on it.
        Nothing was saved then.
        """
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]
        except (ValidationError, DatabaseError) as error:
            if request.method != "POST" or hasattr(request, _SERVICE_ERROR):
                raise
            setattr(request, _SERVICE_ERROR, self._with_field_errors(to_validation_error(error)))
            return super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[no-any-return]

    def _with_field_errors(self, error: ValidationError) -> ValidationError:
        """A refusal in plain words, whether it was about the row or about a row of its inlines."""
        for model in (self.model, *(inline.model for inline in self.inlines)):
            error = move_unique_errors_to_fields(model, error)
        return error

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Delete; a row that came into use meanwhile stays, with a message."""
        try:
            return super().delete_view(request, object_id, extra_context)  # type: ignore[no-any-return]
        except (ValidationError, DatabaseError) as error:
            self.show_error(request, to_validation_error(error))
            return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """By the verb; or else only what was typed, as channels and workers write to the same rows
        meanwhile.
        """
        verb = self.save_functions.get(self.model)
        if verb is not None:
            verb(obj)
        elif change:
            columns = {field.name for field in obj._meta.concrete_fields}
            obj.save(update_fields=[name for name in form.changed_data if name in columns])
        else:
            obj.save()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        rows = formset.save(commit=False)
        verb = self.save_functions.get(formset.model)
        if verb is None:
            return  # Rows that are only looked at.
        for row in rows:
            verb(row)
        for row in formset.deleted_objects:
            self.delete_inline_row(row)
        formset.save_m2m()

    def delete_inline_row(self, row: models.Model) -> None:
        """Take away a row of an inline that allows it."""
        row.delete()

    # Pages of object actions
    def object_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The row an action is about. Another tenant's row is not found, like one that
        never was.
        """
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        return found

    def render_page(
        self, request: HttpRequest, template: str, obj: models.Model, **context: Any
    ) -> TemplateResponse:
        """A page of the console about one row, outside Django's own four."""
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "obj": obj,
            **context,
        }
        response = TemplateResponse(
            request, f"admin/console/{template}.html", {"back": self.object_url(obj), **context}
        )
        add_never_cache_headers(response)
        return response

    def render_confirmation(
        self,
        request: HttpRequest,
        obj: models.Model,
        *,
        title: Any,
        question: Any,
        button: Any,
        danger: bool = False,
    ) -> TemplateResponse:
        """Ask before doing: a form that posts to the same address."""
        return self.render_page(
            request, "confirm", obj, title=title, question=question, button=button, danger=danger
        )

    def finish_action(self, request: HttpRequest, obj: models.Model, message: Any) -> HttpResponse:
        """Back to the row, with a note in its history."""
        self.log_change(request, obj, str(message))
        messages.success(request, message)
        return redirect(self.object_url(obj))

    def serve_attachment(
        self, request: HttpRequest, obj: models.Model, file: FieldFile, name: str
    ) -> Any:
        """The paper of a row as an attachment. A row whose file is lost says so: 404, with what to
        do about it.
        """
        try:
            return attachments.attachment_response(file, name, obj.content_type)  # type: ignore[attr-defined]
        except attachments.FileMissing:
            log.exception("the file of %s %s is not in the store", obj._meta.label, obj.pk)
            page = self.render_page(
                request,
                "notice",
                obj,
                title=_("The file is missing"),
                text=attachments.FILE_MISSING_TEXT,
            )
            page.status_code = 404
            return page

    def show_error(self, request: HttpRequest, error: ValidationError) -> None:
        """Tell somebody, in a message, why something was not done."""
        messages.error(request, " ".join(str(message) for message in error.messages))

    def object_url(self, obj: models.Model) -> str:
        """The page of a row."""
        return change_url(obj)


class ReadOnlyTenantAdmin(TenantAdmin):
    """Rows that are evidence: nobody adds, changes or deletes them here, an operator neither."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# --- Bits of HTML ---------------------------------------------------------------------------------
def change_url(obj: models.Model) -> str:
    """The address of a row's page in the console."""
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=(obj.pk,))


def changelist_url(model: type[models.Model]) -> str:
    """The address of a kind's list in the console."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def link_html(url: str, text: Any) -> SafeString:
    """A link in the console's own colour."""
    return format_html('<a class="text-link" href="{}">{}</a>', url, text)


def badge_html(text: Any, kind: str) -> SafeString:
    """A coloured word, in lists and on pages alike. Kinds: success, info, warning, danger."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def preformatted_html(text: str) -> SafeString:
    """Text as it is, in a box that scrolls."""
    return format_html('<pre class="muster-pre">{}</pre>', text)


def table_html(head: Sequence[Any], rows: Iterable[Sequence[Any]], empty: Any) -> SafeString:
    """A table within a page of one row; `empty` says what it means that there are none."""
    body = [(format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows]
    if not body:
        return format_html("<p>{}</p>", empty)
    return format_html(
        '<table class="muster-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", "<th>{}</th>", ((cell,) for cell in head)),
        format_html_join("", "<tr>{}</tr>", body),
    )
