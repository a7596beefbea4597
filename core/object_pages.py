"""Pages of the console about one row, outside Django's own four: a question before an action, a
result, a file. `core.tenant_admin.TenantAdmin` has these, and actions on a row call them.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.fields.files import FieldFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _

from core import attachments
from core.admin_html import change_url

log = logging.getLogger(__name__)


class ObjectPagesMixin:
    """What an action upon one row needs: the row, a page to ask or answer on, and the way back."""

    def object_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """The row an action is about. Another tenant's row is not found, like one that
        never was.
        """
        found = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if found is None:
            raise Http404
        return found

    def render_page(
        self, request: HttpRequest, template: str, obj: models.Model, **context: Any
    ) -> TemplateResponse:
        """A page of the console about one row, outside Django's own four."""
        request.current_app = self.admin_site.name  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
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
        self.log_change(request, obj, str(message))  # type: ignore[attr-defined]
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
