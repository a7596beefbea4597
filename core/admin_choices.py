"""Choices on the console's lists and forms that name rows of the speaker's organization only. Used
by the bases of the console's pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from core.tenant_visibility import visible_rows

# Filters list at most this many choices: an organization has few sites and devices, and people are
# searched, not listed.
MAX_FILTER_CHOICES: Final = 200


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
