"""The bases of every page of the HR console. What they show of which tenant is decided in
`core.tenant_visibility`.

Rows are written by the verbs of the services. What a verb or the database refuses becomes an error
on the form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from core.admin_choices import TenantRelatedFilter
from core.admin_errors import move_unique_errors_to_fields, to_validation_error
from core.admin_forms import TenantForm
from core.admin_scope import TenantScopedMixin
from core.object_pages import ObjectPagesMixin
from core.tenant_visibility import belongs_to_tenant, has_organization, is_operator, tenant_id

_SERVICE_ERROR: Final = "_muster_service_error"


class TenantAdmin(ObjectPagesMixin, TenantScopedMixin, ModelAdmin):  # type: ignore[misc]
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
            and belongs_to_tenant(request, obj)
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
        if any("\0" in value for _name, values in request.GET.lists() for value in values):
            # PostgreSQL takes no NUL in text: a filter with one can find nothing.
            return HttpResponseRedirect(f"{request.path}?e=1")
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


class ReadOnlyTenantAdmin(TenantAdmin):
    """Rows that are evidence: nobody adds, changes or deletes them here, an operator neither."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
