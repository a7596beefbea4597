"""The forms of the console's pages, and of the rows kept on their parent's page: rows belong to an
organization before they are checked. The bases in `core.tenant_admin` and `core.admin_inlines` use
them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms.models import InlineForeignKeyField
from unfold.forms import PaginationInlineFormSet

from core.admin_errors import move_unique_errors_to_fields
from core.tenant_visibility import has_organization


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


class TenantFormSet(PaginationInlineFormSet):  # type: ignore[misc]
    """Rows of an inline belong to the organization of the row they hang on."""

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)
        form.instance.organization_id = self.instance.organization_id
        return form
