"""The console's pages on places: fences drawn on a map, Wi-Fi networks, and the rules about both.

The map (static/geofences/fences.js) draws in the fields of the form, so that the page works without
it; it fetches what else lies in view from `near`, and asks nobody else unless MUSTER_MAP_TILES
names a server.
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

from employees.console import (
    TenantAdmin,
    badge_html,
    change_url,
    list_url,
    refused,
    sees_everything,
    within,
)
from employees.models import Organization
from geofences.exchange import MAX_FILE, export_geojson, import_geojson
from geofences.geometry import box_of
from geofences.models import SCOPES, AllowedNetwork, Fence, FencePolicy
from geofences.services import save_fence, save_network, save_policy

MAP_SHOWS: Final = 500

ON, OFF, EARLY, OVER = "on", "off", "early", "over"
STATES: Final[dict[str, Any]] = {
    ON: _("In force"),
    EARLY: _("Not yet in force"),
    OVER: _("Over"),
    OFF: _("Switched off"),
}
COLOURS: Final = {ON: "success", EARLY: "info", OVER: "warning", OFF: "warning"}


def state_of(fence: Fence) -> str:
    """Whether a fence holds now."""
    now = timezone.now()
    if not fence.active:
        return OFF
    if fence.starts_at is not None and now < fence.starts_at:
        return EARLY
    return OVER if fence.ends_at is not None and fence.ends_at <= now else ON


class ReachFilter(admin.SimpleListFilter):
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
        _("Whom it applies to"),
        {
            "fields": ("site", "department", "employee"),
            "description": _("Choose one of the three, or none: then it applies to everybody."),
        },
    )
    autocomplete_fields = ("employee",)
    list_select_related = ("site", "department", "employee", "organization")
    deletable = True

    @display(description=_("applies to"))
    def reach(self, row: Any) -> str:
        return str(row.site or row.department or row.employee or _("Everybody"))


class ImportForm(forms.Form):
    """A GeoJSON file; an operator also says whose."""

    file = forms.FileField(
        label=_("GeoJSON file"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".geojson,.json"}),
        help_text=_(
            "Fences are found by their external id, else by their name, and changed; others are"
            " added."
        ),
    )

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST or None, request.FILES or None)
        self.mine: Any = getattr(request.user, "organization", None)
        if sees_everything(request):
            self.fields["organization"] = forms.ModelChoiceField(
                Organization.objects.all(),
                label=_("organization"),
                widget=UnfoldAdminSelectWidget(),
            )

    def clean_file(self) -> str:
        """The text of the file."""
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE:
            raise ValidationError(
                _("The file is larger than %(most)d MB.") % {"most": MAX_FILE // 1_000_000}
            )
        try:
            return str(file.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValidationError(_("The file is no text in UTF-8.")) from error

    @property
    def organization(self) -> Any:
        """Whose fences these are."""
        chosen: Any = self.cleaned_data.get("organization") or self.mine
        return chosen


@admin.register(Fence)
class FenceAdmin(ScopedAdmin):
    """Fences, on a map."""

    fieldsets = (
        (None, {"fields": (("name", "external_id"), "active", "starts_at", "ends_at")}),
        ScopedAdmin._scope,
        (
            _("Where it is"),
            {
                "fields": ("kind", "geojson", ("latitude", "longitude", "radius_m")),
                "description": _(
                    "Draw on the map above, which fills in these fields; or fill them in here: a"
                    " polygon as GeoJSON, a circle by its centre and radius."
                ),
            },
        ),
    )
    verbs: ClassVar = {Fence: save_fence}
    list_display = ("name", "external_id", "kind", "reach", "badge", "starts_at", "ends_at")
    list_filter = ("active", "kind", ReachFilter, "site", "department")
    search_fields = ("name", "external_id")
    search_help_text = _("Name or external id")
    actions_list = ("import_file", "export_file")
    list_before_template = "admin/console/fence_map.html"
    change_form_before_template = "admin/console/fence_map.html"
    empty_title = _("No fences yet")
    empty_text = _(
        "Add one and draw it on the map, or import a GeoJSON file. Until then phones cannot punch,"
        " except by Wi-Fi."
    )

    class Media:
        css: ClassVar = {
            "all": (
                "geofences/vendor/leaflet/leaflet.css",
                "geofences/vendor/geoman/leaflet-geoman.css",
                "geofences/fences.css",
            )
        }
        js = (
            "geofences/vendor/leaflet/leaflet.js",
            "geofences/vendor/geoman/leaflet-geoman.min.js",
            "geofences/fences.js",
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
    def badge(self, fence: Fence) -> Any:
        state = state_of(fence)
        return badge_html(STATES[state], COLOURS[state])

    # The map
    def get_urls(self) -> list[Any]:
        near = path("near/", self.admin_site.admin_view(self.near), name="geofences_fence_near")
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
        fences: Any = within(request, Fence.objects.all()).exclude(pk=left_out)
        rows = fences.meeting(box_of(south, west, north, east)).order_by("-id")[: MAP_SHOWS + 1]
        features = [_on_map(fence) for fence in rows[:MAP_SHOWS]]
        return JsonResponse(
            {"type": "FeatureCollection", "features": features, "more": len(rows) > MAP_SHOWS}
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
        fence = fence and Fence.objects.get(pk=fence.pk)
        context["muster_map"] = _map(within(request, Fence.objects.all()), fence=fence, draws=may)
        return _with_tiles(super().render_change_form(request, context, *args, **kwargs))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        fences = within(request, Fence.objects.all())
        shown = _map(fences) if fences.exists() else None
        response: HttpResponse = super().changelist_view(
            request, (extra_context or {}) | {"muster_map": shown}
        )
        return _with_tiles(response)

    # Files
    def has_import_permission(self, request: HttpRequest) -> bool:
        """An import adds and changes."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    @action(
        description=_("Import GeoJSON"), url_path="import", icon="upload", permissions=["import"]
    )
    def import_file(self, request: HttpRequest) -> HttpResponse:
        """Upload a file: all of it is stored, or nothing, with what is wrong in each feature."""
        form = ImportForm(request)
        errors: list[str] = []
        if request.method == "POST" and form.is_valid():
            try:
                done = import_geojson(form.organization, form.cleaned_data["file"])
            except (ValidationError, DatabaseError) as error:
                errors = refused(error).messages
            else:
                messages.success(
                    request,
                    _(
                        "Fences added: %(created)d, changed: %(changed)d, as they were:"
                        " %(unchanged)d."
                    )
                    % {
                        "created": done.created,
                        "changed": done.changed,
                        "unchanged": done.unchanged,
                    },
                )
                return redirect(list_url(Fence))
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/console/fence_import.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "obj": _("Fences"),
                "back": list_url(Fence),
                "title": _("Import fences"),
                "form": form,
                "errors": errors,
            },
        )

    @action(
        description=_("Export GeoJSON"), url_path="export", icon="download", permissions=["view"]
    )
    def export_file(self, request: HttpRequest) -> HttpResponse:
        """All fences as a file; to import it again changes nothing."""
        fences = within(request, Fence.objects.select_related(*SCOPES).order_by("id"))
        content = json.dumps(export_geojson(fences), ensure_ascii=False)
        response = HttpResponse(content, content_type="application/geo+json")
        response["Content-Disposition"] = 'attachment; filename="fences.geojson"'
        return response


def _with_tiles(response: HttpResponse) -> HttpResponse:
    """The page, whose content policy lets images come from the server of the tiles, if the settings
    name one.
    """
    server = urlsplit(settings.MAP_TILES)
    if server.netloc:
        response._csp_update = {  # type: ignore[attr-defined]
            "img-src": [f"{server.scheme}://{server.netloc.replace('{s}', '*')}"]
        }
    return response


def _on_map(fence: Fence) -> dict[str, Any]:
    """A fence as the map draws it, and where it leads."""
    properties = {
        "name": fence.name,
        "url": change_url(fence),
        "on": state_of(fence) == ON,
        "radius_m": fence.radius_m,
    }
    return {"type": "Feature", "geometry": fence.geometry, "properties": properties}


def _map(
    fences: QuerySet[Fence], *, fence: Fence | None = None, draws: bool = False
) -> dict[str, Any]:
    """What the map has to know: where to look first, and what it may do there."""
    extent = fences.aggregate(
        south=Min("south"), west=Min("west"), north=Max("north"), east=Max("east")
    )
    return {
        "draws": draws,
        "shown": fence and _on_map(fence),
        "near": reverse("admin:geofences_fence_near"),
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
    "continueLine": _("Click to go on"),
    "finishPoly": _("Click the first corner to finish"),
    "finishRect": _("Click to finish"),
    "startCircle": _("Click to set the centre"),
    "finishCircle": _("Click to finish the circle"),
    "unreadable": _("The GeoJSON cannot be drawn yet: it is checked in full when you save."),
    "outOfReach": _("Other fences could not be fetched."),
    "more": _("Only some of the fences in view are shown. Zoom in to see the others."),
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
                    "A Wi-Fi name is the phone's own word: anybody can give a network this name."
                    " Use fences where that matters."
                ),
            },
        ),
        ScopedAdmin._scope,
    )
    verbs: ClassVar = {AllowedNetwork: save_network}
    list_display = ("ssid", "note", "reach", "active")
    list_filter = ("active", ReachFilter, "site", "department")
    search_fields = ("ssid", "note")
    empty_title = _("No Wi-Fi networks yet")
    empty_text = _(
        "Add the name of the office Wi-Fi: phones that see it may punch, even deep inside where"
        " positions are poor."
    )


@admin.register(FencePolicy)
class FencePolicyAdmin(TenantAdmin):
    """An organization's rules about places: one row."""

    fieldsets = (
        (None, {"fields": ("ssid_sufficient", "unfenced", ("max_accuracy_m", "tolerance_m"))}),
    )
    verbs: ClassVar = {FencePolicy: save_policy}
    list_display = ("__str__", "ssid_sufficient", "unfenced", "max_accuracy_m", "tolerance_m")
    empty_title = _("The usual rules hold")
    empty_text = _(
        "An allowed Wi-Fi name suffices; who has no fence cannot punch; positions less sure than"
        " 200 m are refused; up to 50 m outside a fence is allowed when the position is no surer."
        " Add a row to change this."
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One row for each organization."""
        room = sees_everything(request) or not within(request, FencePolicy.objects.all()).exists()
        return room and bool(super().has_add_permission(request))
