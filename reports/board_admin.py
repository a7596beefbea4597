"""The live board in the console, and the screens that show it in public."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from employees.console import TenantAdmin, badge_html, within
from employees.models import Organization
from reports import screens
from reports.board import Board
from reports.models import Screen
from reports.pages_board import on_page

# Whoever may look at punches may look at how many there are; whoever keeps sites keeps their
# screens.
_LOOK, _KEEP = "attendance.view_punch", "employees.change_site"


@admin.register(Screen)
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
        "Add one for each screen that shows the live board, then issue its address and open it"
        " there."
    )

    # --- Who may
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(_KEEP)) and self._mine(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(_KEEP))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(_KEEP))

    def has_keep_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm(_KEEP))

    @staticmethod
    def _mine(request: HttpRequest, obj: Any) -> bool:
        return (
            obj is None
            or obj.pk is None
            or bool(within(request, Screen.objects.filter(pk=obj.pk)).exists())
        )

    # --- Addresses of screens
    @display(description=_("state"))
    def badge(self, screen: Screen) -> Any:
        return (
            badge_html(_("Showing"), "success")
            if screen.token_hash
            else badge_html(_("No address"), "info")
        )

    @action(description=_("Issue address"), url_path="issue", icon="link", permissions=["keep"])
    def issue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then issue and show: the address is in this one reply."""
        screen = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.confirm(
                request,
                screen,
                title=_("Issue address"),
                button=_("Issue address"),
                question=_(
                    "It is shown once, on the next page. Whoever knows it sees how many are in, and"
                    " no name. The address before it ends now."
                ),
            )
        address = screens.issue_address(screen, actor=request.user, request=request)
        return self.page(
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
        permissions=["keep"],
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then revoke."""
        screen = self.object_or_404(request, object_id)
        if request.method != "POST":
            return self.confirm(
                request,
                screen,
                title=_("Revoke address"),
                button=_("Revoke at once"),
                danger=True,
                question=_(
                    "The screen shows nothing from this moment on, until you issue a new address."
                ),
            )
        screens.revoke_address(screen, actor=request.user, request=request)
        return self.done(request, screen, _("Address revoked."))

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
        organization = _whose(request)
        request.current_app = self.admin_site.name
        address = reverse("admin:reports_screen_figures")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Live board"),
            "organizations": (
                [] if organization else list(within(request, Organization.objects.all()))
            ),
            "keeps": self.has_add_permission(request),
        }
        if organization is not None:
            context |= on_page(Board(organization).figures())
            context["figures"] = f"{address}?organization={organization.pk}"
        response = TemplateResponse(request, "admin/console/board.html", context)
        add_never_cache_headers(response)
        return response

    def figures(self, request: HttpRequest) -> JsonResponse:
        """Its numbers."""
        organization = _whose(request)
        if organization is None:
            raise Http404
        response = JsonResponse(Board(organization).figures())
        add_never_cache_headers(response)
        return response


def _whose(request: HttpRequest) -> Organization | None:
    """The organization whose board is meant: one's own, or for an operator the one that is asked
    for.
    """
    if not request.user.has_perm(_LOOK):
        raise PermissionDenied
    mine = within(request, Organization.objects.all())
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
