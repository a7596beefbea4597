"""The console's page of geofences: drawn on a map, imported and exported as GeoJSON.

The map (static/geofences/geofence_map.js) draws in the fields of the form, so that the page works
without it; it fetches the other geofences in view from `near`.
"""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from core.admin_errors import to_validation_error
from core.admin_html import badge_html, changelist_url
from core.tenant_visibility import visible_rows
from geofences.admin.geofence_map import (
    MAX_GEOFENCES_ON_MAP,
    allow_tile_images,
    map_context,
    map_feature,
)
from geofences.admin.import_form import GeofenceImportForm
from geofences.admin.scopes import ScopedAdmin, ScopeFilter
from geofences.admin.status import STATUS_COLOURS, STATUS_LABELS, geofence_status
from geofences.geojson_export import export_geojson
from geofences.geojson_import import import_geojson
from geofences.geometry.bounding_box import box_from_bounds
from geofences.models import SCOPES, Geofence
from geofences.services import save_geofence


class GeofenceAdmin(ScopedAdmin):
    """Fences, on a map."""

    fieldsets = (
        (None, {"fields": (("name", "external_id"), "active", "starts_at", "ends_at")}),
        ScopedAdmin._scope,
        (
            _("Location"),
            {
                "fields": ("kind", "geojson", ("latitude", "longitude", "radius_m")),
                "description": _(
                    "Draw on the map above, which fills in these fields; or fill them in here: a"
                    " polygon as GeoJSON, a circle by its centre and radius."
                ),
            },
        ),
    )
    save_functions: ClassVar = {Geofence: save_geofence}
    list_display = ("name", "external_id", "kind", "scope", "badge", "starts_at", "ends_at")
    list_filter = ("active", "kind", ScopeFilter, "site", "department")
    search_fields = ("name", "external_id")
    search_help_text = _("Name or external id")
    actions_list = ("import_file", "export_file")
    list_before_template = "admin/console/geofence_map.html"
    change_form_before_template = "admin/console/geofence_map.html"
    empty_title = _("No geofences yet")
    empty_text = _(
        "Add one and draw it on the map, or import a GeoJSON file. Until then phones can punch only"
        " by Wi-Fi."
    )

    class Media:
        css: ClassVar = {
            "all": (
                "geofences/vendor/leaflet/leaflet.css",
                "geofences/vendor/geoman/leaflet-geoman.css",
                "geofences/geofence_map.css",
            )
        }
        js = (
            "geofences/vendor/leaflet/leaflet.js",
            "geofences/vendor/geoman/leaflet-geoman.min.js",
            "geofences/geofence_map.js",
        )

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "geojson":
            field.widget.attrs |= {
                "rows": 6,
                "spellcheck": "false",
                "class": f"{field.widget.attrs.get('class', '')} muster-code",
            }
        if db_field.name in ("latitude", "longitude", "radius_m"):
            field.widget.attrs["step"] = "any"
        return field

    @display(description=_("state"))
    def badge(self, fence: Geofence) -> Any:
        state = geofence_status(fence)
        return badge_html(STATUS_LABELS[state], STATUS_COLOURS[state])

    # The map
    def get_urls(self) -> list[Any]:
        near = path("near/", self.admin_site.admin_view(self.near), name="geofences_geofence_near")
        return [near, *super().get_urls()]

    def near(self, request: HttpRequest) -> JsonResponse:
        """The fences in view as GeoJSON: `?south&west&north&east`, without the one of `except`."""
        if not self.has_view_permission(request):
            return JsonResponse({"features": []}, status=403)
        try:
            south, west, north, east = (
                float(request.GET[name]) for name in ("south", "west", "north", "east")
            )
            left_out = int(request.GET.get("except") or 0)
        except (KeyError, ValueError):
            return JsonResponse({"features": []}, status=400)
        if (
            not all(math.isfinite(one) for one in (south, west, north, east))
            or abs(left_out) >= 2**63
        ):
            return JsonResponse({"features": []}, status=400)
        fences: Any = visible_rows(request, Geofence.objects.all()).exclude(pk=left_out)
        rows = fences.intersecting(box_from_bounds(south, west, north, east)).order_by("-id")[
            : MAX_GEOFENCES_ON_MAP + 1
        ]
        features = [map_feature(fence) for fence in rows[:MAX_GEOFENCES_ON_MAP]]
        return JsonResponse(
            {
                "type": "FeatureCollection",
                "features": features,
                "more": len(rows) > MAX_GEOFENCES_ON_MAP,
            }
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        fence = kwargs.get("obj")
        may = (
            self.has_change_permission(request, fence)
            if fence
            else self.has_add_permission(request)
        )
        # A form that was refused has left in `fence` what was typed, which need be no shape: the
        # map shows what is stored.
        fence = fence and Geofence.objects.get(pk=fence.pk)
        context["muster_map"] = map_context(
            visible_rows(request, Geofence.objects.all()), fence=fence, draws=may
        )
        return allow_tile_images(super().render_change_form(request, context, *args, **kwargs))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        fences = visible_rows(request, Geofence.objects.all())
        shown = map_context(fences) if fences.exists() else None
        response: HttpResponse = super().changelist_view(
            request, (extra_context or {}) | {"muster_map": shown}
        )
        return allow_tile_images(response)

    # Files
    def has_import_permission(self, request: HttpRequest) -> bool:
        """An import adds and changes."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    @action(
        description=_("Import GeoJSON"), url_path="import", icon="upload", permissions=["import"]
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Upload a file: all of it is stored, or nothing, with what is wrong in each feature."""
        form = GeofenceImportForm(request)
        errors: list[str] = []
        if request.method == "POST" and form.is_valid():
            try:
                done = import_geojson(form.organization, form.cleaned_data["file"])
            except (ValidationError, DatabaseError) as error:
                errors = to_validation_error(error).messages
            else:
                messages.success(
                    request,
                    _(
                        "Geofences added: %(created)d, changed: %(changed)d, unchanged:"
                        " %(unchanged)d."
                    )
                    % {
                        "created": done.created,
                        "changed": done.changed,
                        "unchanged": done.unchanged,
                    },
                )
                return redirect(changelist_url(Geofence))
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/console/geofence_import.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "obj": _("Geofences"),
                "back": changelist_url(Geofence),
                "title": _("Import geofences"),
                "form": form,
                "errors": errors,
            },
        )

    @action(
        description=_("Export GeoJSON"), url_path="export", icon="download", permissions=["view"]
    )
    def export_file(self, request: HttpRequest) -> HttpResponse:
        """All fences as a file; to import it again changes nothing."""
        fences = visible_rows(request, Geofence.objects.select_related(*SCOPES).order_by("id"))
        content = json.dumps(export_geojson(fences), ensure_ascii=False)
        response = HttpResponse(content, content_type="application/geo+json")
        response["Content-Disposition"] = 'attachment; filename="geofences.geojson"'
        return response
