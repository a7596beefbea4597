"""The filter of the console's list of exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from attendance.models import AttendanceException

ExceptionState = AttendanceException.State


class ExceptionStateFilter(admin.SimpleListFilter):
    """Open ones unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (ExceptionState.RESOLVED, _("Resolved by a person")),
            (ExceptionState.AUTO_CLOSED, _("Closed automatically")),
            ("all", _("All")),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Without a choice the open ones are shown, so that is what the first one is called."""
        first, *others = super().choices(changelist)
        yield first | {"display": _("Open")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "all":
            return queryset
        return queryset.filter(
            state=self.value() if self.value() in ExceptionState.values else ExceptionState.OPEN
        )
