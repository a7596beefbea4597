"""How the HR console looks and is ordered. Imported by the settings, so it knows addresses and
permissions by name only.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNMATCHED_PUNCHES_QUERY: Final = "match_state=unknown"


class HasPermission:
    """Whether somebody may look at a kind of row: what a line of the sidebar asks before it
    shows.
    """

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def __call__(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(self.permission))


class IsCurrentPage:
    """Whether a line of the sidebar is where somebody is. The two lists of punches share an
    address, so the query decides.
    """

    def __init__(self, model: str, *, unmatched: bool = False) -> None:
        self.address = reverse_lazy(f"admin:{model}_changelist")
        self.unmatched = unmatched

    def __call__(self, request: HttpRequest) -> bool:
        return (
            request.path.startswith(str(self.address))
            and (UNMATCHED_PUNCHES_QUERY in request.GET.urlencode()) == self.unmatched
        )


def _menu_item(title: Any, icon: str, model: str, **more: Any) -> dict[str, Any]:
    """A line of the sidebar that leads to the list of `app_model`."""
    app, _sep, name = model.partition("_")
    line = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": HasPermission(f"{app}.view_{name}"),
    }
    return line | more


# The sidebar, in the order of HR's day.
NAVIGATION: Final[list[dict[str, Any]]] = [
    {
        "items": [{"title": _("Today"), "icon": "today", "link": reverse_lazy("admin:index")}],
    },
    {
        "title": _("Attendance"),
        "separator": True,
        "items": [
            _menu_item(
                _("Punches"),
                "fingerprint",
                "attendance_punch",
                active=IsCurrentPage("attendance_punch"),
            ),
            _menu_item(
                _("Unmatched punches"),
                "person_search",
                "attendance_punch",
                link=lambda _request: (
                    f"{reverse_lazy('admin:attendance_punch_changelist')}?{UNMATCHED_PUNCHES_QUERY}"
                ),
                active=IsCurrentPage("attendance_punch", unmatched=True),
                badge_variant="warning",
                badge_style="solid",
                counts="unmatched",
            ),
            _menu_item(
                _("Exceptions"),
                "inbox",
                "attendance_attendanceexception",
                badge_variant="warning",
                badge_style="solid",
                counts="exceptions",
            ),
            _menu_item(_("Late arrivals"), "timer_off", "attendance_lateday"),
            _menu_item(_("Daily register"), "calendar_today", "attendance_day"),
            _menu_item(_("Correction requests"), "edit_calendar", "attendance_regularization"),
            _menu_item(_("Corrections"), "history_edu", "attendance_correction"),
            _menu_item(_("Imports"), "upload_file", "attendance_manualimport"),
            {
                "title": _("Live board"),
                "icon": "monitoring",
                "link": reverse_lazy("admin:reports_screen_board"),
                "permission": HasPermission("attendance.view_punch"),
            },
        ],
    },
    {
        "title": _("Shifts and months"),
        "separator": True,
        "items": [
            _menu_item(_("Shifts"), "schedule", "shifts_shifttype"),
            _menu_item(_("Shift patterns"), "view_week", "shifts_shiftpattern"),
            _menu_item(_("Rosters"), "event_repeat", "shifts_roster"),
            _menu_item(_("Shift settings"), "tune", "shifts_shiftsettings"),
            _menu_item(_("Attendance policy"), "rule", "attendance_attendancepolicy"),
            _menu_item(_("Locked months"), "lock", "attendance_periodlock"),
            _menu_item(_("Day adjustments"), "difference", "attendance_dayadjustment"),
            _menu_item(_("Recalculations"), "restart_alt", "attendance_recalculation"),
        ],
    },
    {
        "title": _("Reports"),
        "separator": True,
        "items": [
            _menu_item(
                _("Reports"), "description", "reports_reportjob", link=reverse_lazy("report-list")
            ),
            _menu_item(_("My reports"), "hourglass_top", "reports_reportjob"),
        ],
    },
    {
        "title": _("Employees and sites"),
        "separator": True,
        "items": [
            _menu_item(_("Employees"), "badge", "employees_employee"),
            _menu_item(_("Assignments"), "work_history", "employees_assignment"),
            _menu_item(_("Departments"), "account_tree", "employees_department"),
            _menu_item(_("Sites"), "location_on", "employees_site"),
            _menu_item(
                _("Screens"),
                "tv",
                "reports_screen",
                permission=HasPermission("employees.change_site"),
            ),
        ],
    },
    {
        "title": _("Geofencing"),
        "separator": True,
        "items": [
            _menu_item(_("Geofences"), "fence", "geofences_geofence"),
            _menu_item(_("Wi-Fi networks"), "wifi", "geofences_allowednetwork"),
            _menu_item(_("Geofence policy"), "rule", "geofences_geofencepolicy"),
        ],
    },
    {
        "title": _("Leave and tours"),
        "separator": True,
        "items": [
            _menu_item(_("Leave applications"), "event_available", "leaves_leaveapplication"),
            _menu_item(_("Tours"), "flight_takeoff", "tours_tour"),
            _menu_item(_("Tour documents"), "attach_file", "tours_tourdocument"),
            _menu_item(_("Leave balances"), "account_balance", "leaves_leaveaccount"),
            _menu_item(_("Holidays"), "calendar_month", "leaves_holidaycalendar"),
            _menu_item(_("Leave adjustments"), "gavel", "leaves_leaveadjustment"),
            _menu_item(_("Absences"), "event_busy", "leaves_absence"),
            _menu_item(_("Suspensions"), "block", "leaves_suspension"),
            _menu_item(_("Late marks"), "schedule", "leaves_latemark"),
            _menu_item(_("Certificates"), "medical_information", "leaves_certificate"),
            _menu_item(_("Leave details"), "assignment_ind", "leaves_leaveprofile"),
            _menu_item(_("Children"), "child_care", "leaves_child"),
            _menu_item(_("Leave policy"), "rule", "leaves_leavepolicy"),
        ],
    },
    {
        "title": _("Devices"),
        "separator": True,
        "items": [
            _menu_item(_("Devices"), "router", "devices_device"),
            _menu_item(_("Phones"), "smartphone", "devices_phone"),
            _menu_item(_("Phone policy"), "policy", "devices_phonepolicy"),
        ],
    },
    {
        "title": _("Webhooks"),
        "separator": True,
        "items": [
            _menu_item(_("Endpoints"), "webhook", "webhooks_endpoint"),
            _menu_item(_("Deliveries"), "outbox", "webhooks_delivery"),
            _menu_item(_("Attempts"), "history", "webhooks_attempt"),
        ],
    },
    {
        "title": _("Administration"),
        "separator": True,
        "collapsible": True,
        "items": [
            _menu_item(_("Users"), "group", "accounts_user"),
            _menu_item(_("Delegations"), "supervised_user_circle", "accounts_delegation"),
            _menu_item(_("API clients"), "api", "accounts_apiclient"),
            _menu_item(_("Sign-ins"), "login", "accounts_tokenfamily"),
            _menu_item(_("Personal tokens"), "vpn_key", "accounts_personaltoken"),
            _menu_item(_("Security events"), "policy", "accounts_securityevent"),
            _menu_item(_("Sign-in settings"), "passkey", "accounts_signinsettings"),
            _menu_item(_("Linked identities"), "link", "accounts_ssoidentity"),
            _menu_item(_("Second factors"), "phonelink_lock", "accounts_secondfactor"),
            _menu_item(_("Organization"), "domain", "employees_organization"),
            _menu_item(_("Punch matches"), "how_to_reg", "attendance_punchmatch"),
            _menu_item(_("Ingestion log"), "functions", "attendance_ingestionlogentry"),
            _menu_item(_("Change log"), "change_circle", "employees_change"),
        ],
    },
]

# Pages that show a secret, export, send again or change who gets in: they ask who has been signed
# in for a while to prove who they are once more (accounts/middleware.py). Names of addresses.
STEP_UP_VIEWS: Final = frozenset(
    f"admin:{name}"
    for name in (
        "devices_device_issue_first_token",
        "devices_device_rotate_token",
        "webhooks_endpoint_add",
        "webhooks_endpoint_rotate",
        "webhooks_endpoint_feed_key",
        "webhooks_endpoint_send_many_again",
        "webhooks_delivery_send_again",
        "accounts_apiclient_issue_api_key",
        "accounts_apiclient_issue_secret",
        "accounts_signinsettings_add",
        "accounts_signinsettings_change",
        "accounts_ssoidentity_unlink",
        "accounts_secondfactor_remove",
        "auth_user_password_change",
        "reports_screen_issue",
    )
)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Muster",
    "SITE_HEADER": "Muster",
    "SITE_SUBHEADER": _("Attendance"),
    "SITE_SYMBOL": "fingerprint",
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "BORDER_RADIUS": "6px",
    "LOGIN": {"form": "accounts.views.sign_in.SignInForm"},
    "ACCOUNT": {
        "navigation": [{"title": _("Second factor"), "link": reverse_lazy("second-factor-set-up")}]
    },
    "DASHBOARD_CALLBACK": "config.dashboard.dashboard",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("muster/favicon.svg"),
        }
    ],
    "STYLES": [lambda _request: static("muster/console.css")],
    "COLORS": {
        "primary": {
            "50": "#eef6f4",
            "100": "#d5eae5",
            "200": "#aed5cc",
            "300": "#7fbaae",
            "400": "#549c8f",
            "500": "#398074",
            "600": "#2c675e",
            "700": "#26534d",
            "800": "#22433f",
            "900": "#1f3935",
            "950": "#0d201e",
        }
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        # A function of the request, because a number stands beside the punches that wait for a
        # name.
        "navigation": "config.console.navigation",
    },
}
