"""Something done to many rows of a list at once: asked first, then told for each row what became of
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from core.admin_html import changelist_url

MAX_ROWS: Final = 200
_ROW_ID: Final = re.compile(r"[0-9]{1,18}")


class BulkActionMixin:
    """For an admin class with actions upon the rows that were ticked. Goes before the admin's own
    class.
    """

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        """Rows are named by numbers; whoever sends something else did not get it from our page."""
        if not all(_ROW_ID.fullmatch(one) for one in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise SuspiciousOperation
        return super().response_action(request, queryset)  # type: ignore[misc]

    def bulk_action_view(
        self,
        request: HttpRequest,
        rows: Any,
        form: forms.Form,
        perform: Callable[[Any, dict[str, Any]], Any],
        **page: Any,
    ) -> TemplateResponse:
        """Show the form; once it comes back filled in, do each row by itself and tell what became
        of each.
        """
        chosen = list(rows[: MAX_ROWS + 1])
        results = None
        if len(chosen) > MAX_ROWS:
            chosen = []
            page |= {"refusal": _("Select at most %(count)d rows.") % {"count": MAX_ROWS}}
        elif "confirmed" in request.POST and form.is_valid():
            results = [
                (row, *_perform_one(lambda row=row: perform(row, form.cleaned_data)))  # type: ignore[misc]
                for row in chosen
            ]
        asked = request.POST.getlist(ACTION_CHECKBOX_NAME)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
            "form": form,
            "media": form.media,
            "chosen": chosen,
            "results": results,
            "missing": max(len(asked) - len(chosen), 0) if results is not None else 0,
            "selected": [row.pk for row in chosen],
            "action": request.POST.get("action", ""),
            "back": changelist_url(self.model),  # type: ignore[attr-defined]
            "obj": self.opts.verbose_name_plural,  # type: ignore[attr-defined]
            "address": request.get_full_path(),
            **page,
        }
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        response = TemplateResponse(request, "admin/console/bulk_action.html", context)
        add_never_cache_headers(response)
        return response


def _perform_one(perform: Callable[[], Any]) -> tuple[bool, str]:
    """Whether it was done, and what to say of it. A rule against one row is none against the
    others.
    """
    try:
        return True, str(perform())
    except ValidationError as error:
        return False, " ".join(str(message) for message in error.messages)
    except PermissionDenied as error:
        return False, str(error)
