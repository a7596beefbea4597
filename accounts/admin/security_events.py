"""The console's page of the security log, which can only be read."""

from __future__ import annotations

import json
from typing import Any

from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.models import SecurityEvent
from core.admin_html import preformatted_html
from core.tenant_admin import ReadOnlyTenantAdmin


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
