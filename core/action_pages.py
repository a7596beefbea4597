"""Pages of the console that ask something, do it, and show the same page again when a rule refuses.

Mixed into admin classes beside `core.tenant_admin.TenantAdmin`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse


class ActionFormMixin:
    """An action with a form: GET asks, POST performs it."""

    def action_page(
        self,
        request: HttpRequest,
        obj: Any,
        form: forms.Form,
        perform: Callable[[dict[str, Any]], Any],
        done: Any,
        **page: Any,
    ) -> HttpResponse:
        """GET shows the form; POST performs the action, or says at the form why not. `done` is the
        message afterwards.
        """
        if request.method == "POST" and form.is_valid():
            try:
                perform(form.cleaned_data)
            except ValidationError as error:
                form.add_error(None, [str(message) for message in error.messages])
            else:
                return self.finish_action(request, obj, done)  # type: ignore[attr-defined, no-any-return]
        return self.render_page(request, "action_form", obj, form=form, **page)  # type: ignore[attr-defined, no-any-return]


def posted_data(request: HttpRequest) -> Any:
    """What a form is bound to: the data of a POST, and nothing for a GET."""
    return request.POST if request.method == "POST" else None
