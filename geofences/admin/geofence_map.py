"""What the map of the console needs: the features it draws, where it looks first, its texts, and
leave to load tiles.

Called by the page of geofences. The map (static/geofences/geofence_map.js) asks no other server
unless MUSTER_MAP_TILES names one.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Max, Min, QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core.admin_html import change_url
from geofences.admin.status import ON, geofence_status
from geofences.models import Geofence

MAX_GEOFENCES_ON_MAP: Final = 500


def allow_tile_images(response: HttpResponse) -> HttpResponse:
    """The page, whose content policy lets images come from the server of the tiles, if the settings
    name one.
    """
    server = urlsplit(settings.MAP_TILES)
    if server.netloc:
        response._csp_update = {  # type: ignore[attr-defined]
            "img-src": [f"{server.scheme}://{server.netloc.replace('{s}', '*')}"]
        }
    return response


def map_feature(fence: Geofence) -> dict[str, Any]:
    """A fence as the map draws it, and where it leads."""
    properties = {
        "name": fence.name,
        "url": change_url(fence),
        "on": geofence_status(fence) == ON,
        "radius_m": fence.radius_m,
    }
    return {"type": "Feature", "geometry": fence.geometry, "properties": properties}


def map_context(
    fences: QuerySet[Geofence], *, fence: Geofence | None = None, draws: bool = False
) -> dict[str, Any]:
    """What the map has to know: where to look first, and what it may do there."""
    extent = fences.aggregate(
        south=Min("south"), west=Min("west"), north=Max("north"), east=Max("east")
    )
    return {
        "draws": draws,
        "shown": fence and map_feature(fence),
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
