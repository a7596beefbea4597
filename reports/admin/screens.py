"""The live board in the console, and the screens that show it in public."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from core.admin_html import badge_html
from core.tenant_admin import TenantAdmin
from core.tenant_visibility import visible_rows
from employees.models import Organization
from reports import screens
from reports.board import LiveBoard
from reports.board_views import board_context
from reports.models import Screen

# Users who may view punches may view the counts; users who may change sites manage their screens.
_VIEW_PERMISSION, _MANAGE_PERMISSION = "attendance.view_punch", "employees.change_site"


class ScreenAdmin(TenantAdmin):
    """Screens, and the board itself."""

    fields = ("name", "site", "language")
    list_display = ("name", "site", "language", "badge", "issued_at")
    list_select_related = ("site", "organization")
    search_fields = ("name",)
    deletable = True
    actions_detail = ("issue", "revoke")
    empty_title = _("No screens yet")
    empty_text = _(
        "Add one row for each screen that shows the live board. Then issue its address and open the"
        " address on that screen."
    )

    # --- Who may
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(_MANAGE_PERMISSION)) and self._is_of_organization(
            request, obj
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(_MANAGE_PERMISSION))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(_MANAGE_PERMISSION))

    def has_manage_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm(_MANAGE_PERMISSION))

    @staticmethod
    def _is_of_organization(request: HttpRequest, obj: Any) -> bool:
        return (
            obj is None
            or obj.pk is None
            or bool(visible_rows(request, Screen.objects.filter(pk=obj.pk)).exists())
        )

    # --- Addresses of screens
    @display(description=_("state"))
    def badge(self, screen: Screen) -> Any:
        return (
            badge_html(_("Active"), "success")
            if screen.token_hash
            else badge_html(_("No address"), "info")
        )

    @action(description=_("Issue address"), url_path="issue", icon="link", permissions=["manage"])
    def issue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then issue and show: the address is in this one reply."""
        screen = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                screen,
                title=_("Issue address"),
                button=_("Issue address"),
                question=_(
                    "The address is shown once, on the next page. Anyone with the address sees"
                    " counts and no names. The previous address stops working now."
                ),
            )
        address = screens.issue_screen_url(screen, actor=request.user, request=request)
        return self.render_page(
            request,
            "secret",
            screen,
            title=_("Address of the screen"),
            secrets=[(_("Address"), address)],
            snippets=[],
            advice=_("Open this address on the screen now. It cannot be shown again."),
        )

    @action(
        description=_("Revoke address"),
        url_path="revoke",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["manage"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then revoke."""
        screen = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.render_confirmation(
                request,
                screen,
                title=_("Revoke address"),
                button=_("Revoke at once"),
                danger=True,
                question=_("The screen shows nothing until you issue a new address."),
            )
        screens.revoke_screen_url(screen, actor=request.user, request=request)
        return self.finish_action(request, screen, _("Address revoked."))

    # --- The board
    def get_urls(self) -> list[Any]:
        pages = [
            path("board/", self.admin_site.admin_view(self.board), name="reports_screen_board"),
            path(
                "board/figures/",
                self.admin_site.admin_view(self.figures),
                name="reports_screen_figures",
            ),
        ]
        return [*pages, *super().get_urls()]

    def board(self, request: HttpRequest) -> HttpResponse:
        """The live board of the speaker's organization."""
        organization = _board_organization(request)
        request.current_app = self.admin_site.name
        address = reverse("admin:reports_screen_figures")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Live board"),
            "organizations": (
                [] if organization else list(visible_rows(request, Organization.objects.all()))
            ),
            "can_manage_screens": self.has_add_permission(request),
        }
        if organization is not None:
            context |= board_context(LiveBoard(organization).figures())
            context["figures"] = f"{address}?organization={organization.pk}"
        response = TemplateResponse(request, "admin/console/board.html", context)
        add_never_cache_headers(response)
        return response

    def figures(self, request: HttpRequest) -> JsonResponse:
        """Its numbers."""
        organization = _board_organization(request)
        if organization is None:
            raise Http404
        response = JsonResponse(LiveBoard(organization).figures())
        add_never_cache_headers(response)
        return response


def _board_organization(request: HttpRequest) -> Organization | None:
    """The organization whose board is meant: one's own, or for an operator the one that is asked
    for.
    """
    if not request.user.has_perm(_VIEW_PERMISSION):
        raise PermissionDenied
    mine = visible_rows(request, Organization.objects.all())
    asked = request.GET.get("organization", "")
    if asked:
        found = (
            mine.filter(pk=asked).first()
            if asked.isascii() and asked.isdecimal() and len(asked) < 19
            else None
        )
        if found is None:
            raise Http404
        return found
    return mine.first() if mine.count() == 1 else None
