"""The console's pages on places: fences drawn on a map, Wi-Fi networks, and the rules about both.

The map (static/geofences/geofence_map.js) draws in the fields of the form, so that the page works
without it; it fetches what else lies in view from `near`, and asks nobody else unless
MUSTER_MAP_TILES names a server.
"""

from __future__ import annotations

import json
import math
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.db.models import Max, Min, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from core.admin_errors import to_validation_error
from core.admin_html import badge_html, change_url, changelist_url
from core.tenant_admin import TenantAdmin
from core.tenant_visibility import is_operator, visible_rows
from employees.models import Organization
from geofences.geojson_io import MAX_FILE_CHARS, export_geojson, import_geojson
from geofences.geometry import box_from_bounds
from geofences.models import SCOPES, AllowedNetwork, Geofence, GeofencePolicy
from geofences.services import save_allowed_network, save_geofence, save_geofence_policy

MAX_GEOFENCES_ON_MAP: Final = 500

ON, OFF, NOT_STARTED, ENDED = "on", "off", "early", "over"
STATUS_LABELS: Final[dict[str, Any]] = {
    ON: _("In force"),
    NOT_STARTED: _("Not yet in force"),
    ENDED: _("Ended"),
    OFF: _("Switched off"),
}
STATUS_COLOURS: Final = {ON: "success", NOT_STARTED: "info", ENDED: "warning", OFF: "warning"}


def geofence_status(fence: Geofence) -> str:
    """Whether a fence holds now."""
    now = timezone.now()
    if not fence.active:
        return OFF
    if fence.starts_at is not None and now < fence.starts_at:
        return NOT_STARTED
    return ENDED if fence.ends_at is not None and fence.ends_at <= now else ON


class ScopeFilter(admin.SimpleListFilter):
    """Rules by what kind of scope they have."""

    title = _("applies to")
    parameter_name = "applies_to"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("organization", _("Everybody")),
            ("site", _("A site")),
            ("department", _("A department")),
            ("employee", _("An employee")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "organization":
            return queryset.filter(**{f"{name}__isnull": True for name in SCOPES})
        return (
            queryset.filter(**{f"{self.value()}__isnull": False})
            if self.value() in SCOPES
            else queryset
        )


class ScopedAdmin(TenantAdmin):
    """What fences and networks share: whom they apply to."""

    _scope = (
        _("Applies to"),
        {
            "fields": ("site", "department", "employee"),
            "description": _("Choose one of the three, or none: then it applies to everybody."),
        },
    )
    autocomplete_fields = ("employee",)
    list_select_related = ("site", "department", "employee", "organization")
    deletable = True

    @display(description=_("applies to"))
    def scope(self, row: Any) -> str:
        return str(row.site or row.department or row.employee or _("Everybody"))


class GeofenceImportForm(forms.Form):
    """A GeoJSON file; an operator also says whose."""

    file = forms.FileField(
        label=_("GeoJSON file"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".geojson,.json"}),
        help_text=_(
            "Geofences are matched by external id, or by name if there is none, and updated. Others"
            " are added."
        ),
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST or None, request.FILES or None)
        self.own_organization: Any = getattr(request.user, "organization", None)
        if is_operator(request):
            self.fields["organization"] = forms.ModelChoiceField(
                Organization.objects.all(),
                label=_("organization"),
                widget=UnfoldAdminSelectWidget(),
            )

    def clean_file(self) -> str:
        """The text of the file."""
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_CHARS:
            raise ValidationError(
                _("The file is larger than %(most)d MB.") % {"most": MAX_FILE_CHARS // 1_000_000}
            )
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValidationError(_("The file is not UTF-8 text.")) from error

    @property
    def organization(self) -> Any:
        """Whose fences these are."""
        chosen: Any = self.cleaned_data.get("organization") or self.own_organization
        return chosen


@admin.register(Geofence)
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
        features = [_map_feature(fence) for fence in rows[:MAX_GEOFENCES_ON_MAP]]
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
        context["muster_map"] = _map_context(
            visible_rows(request, Geofence.objects.all()), fence=fence, draws=may
        )
        return _allow_tile_images(super().render_change_form(request, context, *args, **kwargs))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        fences = visible_rows(request, Geofence.objects.all())
        shown = _map_context(fences) if fences.exists() else None
        response: HttpResponse = super().changelist_view(
            request, (extra_context or {}) | {"muster_map": shown}
        )
        return _allow_tile_images(response)

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


def _allow_tile_images(response: HttpResponse) -> HttpResponse:
    """The page, whose content policy lets images come from the server of the tiles, if the settings
    name one.
    """
    server = urlsplit(settings.MAP_TILES)
    if server.netloc:
        response._csp_update = {  # type: ignore[attr-defined]
            "img-src": [f"{server.scheme}://{server.netloc.replace('{s}', '*')}"]
        }
    return response


def _map_feature(fence: Geofence) -> dict[str, Any]:
    """A fence as the map draws it, and where it leads."""
    properties = {
        "name": fence.name,
        "url": change_url(fence),
        "on": geofence_status(fence) == ON,
        "radius_m": fence.radius_m,
    }
    return {"type": "Feature", "geometry": fence.geometry, "properties": properties}


def _map_context(
    fences: QuerySet[Geofence], *, fence: Geofence | None = None, draws: bool = False
) -> dict[str, Any]:
    """What the map has to know: where to look first, and what it may do there."""
    extent = fences.aggregate(
        south=Min("south"), west=Min("west"), north=Max("north"), east=Max("east")
    )
    return {
        "draws": draws,
        "shown": fence and _map_feature(fence),
        "near": reverse("admin:geofences_geofence_near"),
        "except": fence and fence.pk,
        "extent": None if extent["south"] is None else extent,
        "tiles": settings.MAP_TILES,
        "attribution": settings.MAP_ATTRIBUTION,
        "texts": {name: str(text) for name, text in _MAP_TEXTS.items()},
    }


_MAP_TEXTS: Final[dict[str, Any]] = {
    "drawPolyButton": _("Draw a polygon"),
    "drawRectButton": _("Draw a rectangle"),
    "drawCircleButton": _("Draw a circle"),
    "editButton": _("Move corners"),
    "dragButton": _("Move the whole shape"),
    "cutButton": _("Cut a hole"),
    "deleteButton": _("Remove"),
    "finish": _("Finish"),
    "cancel": _("Cancel"),
    "removeLastVertex": _("Remove the last corner"),
    "firstVertex": _("Click to set the first corner"),
    "continueLine": _("Click to continue"),
    "finishPoly": _("Click the first corner to finish"),
    "finishRect": _("Click to finish"),
    "startCircle": _("Click to set the centre"),
    "finishCircle": _("Click to finish the circle"),
    "unreadable": _("The GeoJSON cannot be drawn yet: it is checked in full when you save."),
    "outOfReach": _("Other geofences could not be fetched."),
    "more": _("Only some of the geofences in view are shown. Zoom in to see the others."),
}


@admin.register(AllowedNetwork)
class AllowedNetworkAdmin(ScopedAdmin):
    """Wi-Fi names that show somebody to be at work."""

    fieldsets = (
        (
            None,
            {
                "fields": (("ssid", "note"), "active"),
                "description": _(
                    "The phone reports the Wi-Fi name, and anybody can give a network this name."
                    " Use geofences where that matters."
                ),
            },
        ),
        ScopedAdmin._scope,
    )
    save_functions: ClassVar = {AllowedNetwork: save_allowed_network}
    list_display = ("ssid", "note", "scope", "active")
    list_filter = ("active", ScopeFilter, "site", "department")
    search_fields = ("ssid", "note")
    empty_title = _("No Wi-Fi networks yet")
    empty_text = _(
        "Add the name of the office Wi-Fi. Phones that see it may punch, even indoors where"
        " positions are inaccurate."
    )


@admin.register(GeofencePolicy)
class GeofencePolicyAdmin(TenantAdmin):
    """An organization's rules about places: one row."""

    fieldsets = (
        (None, {"fields": ("ssid_sufficient", "unfenced", ("max_accuracy_m", "tolerance_m"))}),
    )
    save_functions: ClassVar = {GeofencePolicy: save_geofence_policy}
    list_display = ("__str__", "ssid_sufficient", "unfenced", "max_accuracy_m", "tolerance_m")
    empty_title = _("The default policy applies")
    empty_text = _(
        "An allowed Wi-Fi name is enough. An employee without a geofence cannot punch. Positions"
        " less accurate than 200 m are refused. Up to 50 m outside a geofence is allowed, within"
        " the accuracy of the position. Add a policy to change this."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One row for each organization."""
        room = (
            is_operator(request) or not visible_rows(request, GeofencePolicy.objects.all()).exists()
        )
        return room and bool(super().has_add_permission(request))
