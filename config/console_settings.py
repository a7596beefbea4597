"""How the HR console looks and is ordered. Imported by the settings, so it knows addresses and
permissions by name only.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNMATCHED_QUERY: Final = "whose=unknown"


class May:
    """Whether somebody may look at a kind of row: what a line of the sidebar asks before it
    shows.
    """

    def __init__(self, permission: str) -> None:
        self.permission = permission

    def __call__(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(self.permission))


class Active:
    """Whether a line of the sidebar is where somebody is. The two lists of punches share an
    address, so the query decides.
    """

    def __init__(self, model: str, *, unmatched: bool = False) -> None:
        self.address = reverse_lazy(f"admin:{model}_changelist")
        self.unmatched = unmatched

    def __call__(self, request: HttpRequest) -> bool:
        return (
            request.path.startswith(str(self.address))
            and (UNMATCHED_QUERY in request.GET.urlencode()) == self.unmatched
        )


def _line(title: Any, icon: str, model: str, **more: Any) -> dict[str, Any]:
    """A line of the sidebar that leads to the list of `app_model`."""
    app, _sep, name = model.partition("_")
    line = {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": May(f"{app}.view_{name}"),
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
            _line(
                _("Punches"), "fingerprint", "attendance_punch", active=Active("attendance_punch")
            ),
            _line(
                _("Whose are these?"),
                "person_search",
                "attendance_punch",
                link=lambda _request: (
                    f"{reverse_lazy('admin:attendance_punch_changelist')}?{UNMATCHED_QUERY}"
                ),
                active=Active("attendance_punch", unmatched=True),
                badge_variant="warning",
                badge_style="solid",
                counts="unmatched",
            ),
            _line(
                _("Inbox"),
                "inbox",
                "attendance_dayexception",
                badge_variant="warning",
                badge_style="solid",
                counts="inbox",
            ),
            _line(_("Late coming to decide"), "timer_off", "attendance_lateday"),
            _line(_("Days"), "calendar_today", "attendance_day"),
            _line(_("Corrections asked for"), "edit_calendar", "attendance_regularization"),
            _line(_("Corrections"), "history_edu", "attendance_correction"),
            _line(_("Times from files"), "upload_file", "attendance_manualimport"),
            {
                "title": _("Live board"),
                "icon": "monitoring",
                "link": reverse_lazy("admin:reports_screen_board"),
                "permission": May("attendance.view_punch"),
            },
        ],
    },
    {
        "title": _("Shifts and months"),
        "separator": True,
        "items": [
            _line(_("Shifts"), "schedule", "attendance_shifttype"),
            _line(_("Patterns"), "view_week", "attendance_shiftpattern"),
            _line(_("Rosters"), "event_repeat", "attendance_roster"),
            _line(_("Rules about days"), "rule", "attendance_daypolicy"),
            _line(_("Locked months"), "lock", "attendance_periodlock"),
            _line(_("Adjustments"), "difference", "attendance_dayadjustment"),
            _line(_("Rebuilds"), "restart_alt", "attendance_rebuild"),
        ],
    },
    {
        "title": _("Reports"),
        "separator": True,
        "items": [
            _line(
                _("Reports"), "description", "reports_reportjob", link=reverse_lazy("report-list")
            ),
            _line(_("My reports"), "hourglass_top", "reports_reportjob"),
        ],
    },
    {
        "title": _("People and places"),
        "separator": True,
        "items": [
            _line(_("Employees"), "badge", "employees_employee"),
            _line(_("Assignments"), "work_history", "employees_assignment"),
            _line(_("Departments"), "account_tree", "employees_department"),
            _line(_("Sites"), "location_on", "employees_site"),
            _line(_("Screens"), "tv", "reports_screen", permission=May("employees.change_site")),
        ],
    },
    {
        "title": _("Where phones may punch"),
        "separator": True,
        "items": [
            _line(_("Fences"), "fence", "geofences_fence"),
            _line(_("Wi-Fi networks"), "wifi", "geofences_allowednetwork"),
            _line(_("Rules about places"), "rule", "geofences_fencepolicy"),
        ],
    },
    {
        "title": _("Leave and tours"),
        "separator": True,
        "items": [
            _line(_("Applications"), "event_available", "leaves_leaveapplication"),
            _line(_("Tours"), "flight_takeoff", "tours_tour"),
            _line(_("Papers of tours"), "attach_file", "tours_tourpaper"),
            _line(_("Accounts"), "account_balance", "leaves_account"),
            _line(_("Calendars"), "calendar_month", "leaves_calendar"),
            _line(_("Orders"), "gavel", "leaves_ledgerorder"),
            _line(_("Absences"), "event_busy", "leaves_absence"),
            _line(_("Suspensions"), "block", "leaves_suspension"),
            _line(_("Late coming"), "schedule", "leaves_latemark"),
            _line(_("Certificates"), "medical_information", "leaves_certificate"),
            _line(_("Particulars"), "assignment_ind", "leaves_leavefacts"),
            _line(_("Children"), "child_care", "leaves_child"),
            _line(_("Rules"), "rule", "leaves_leavepolicy"),
        ],
    },
    {
        "title": _("Devices"),
        "separator": True,
        "items": [
            _line(_("Devices"), "router", "devices_device"),
            _line(_("Phones"), "smartphone", "devices_phone"),
            _line(_("Phone policy"), "policy", "devices_phonepolicy"),
        ],
    },
    {
        "title": _("Push to customers"),
        "separator": True,
        "items": [
            _line(_("Endpoints"), "webhook", "webhooks_endpoint"),
            _line(_("Deliveries"), "outbox", "webhooks_delivery"),
            _line(_("Attempts"), "history", "webhooks_attempt"),
        ],
    },
    {
        "title": _("Administration"),
        "separator": True,
        "collapsible": True,
        "items": [
            _line(_("Users"), "group", "accounts_user"),
            _line(_("Stand-ins"), "supervised_user_circle", "accounts_delegation"),
            _line(_("API clients"), "api", "accounts_apiclient"),
            _line(_("Sign-ins"), "login", "accounts_tokenfamily"),
            _line(_("Personal tokens"), "vpn_key", "accounts_personaltoken"),
            _line(_("Security events"), "policy", "accounts_securityevent"),
            _line(_("Sign-in settings"), "passkey", "accounts_signinsettings"),
            _line(_("Sign-on accounts"), "link", "accounts_ssoidentity"),
            _line(_("Second factors"), "phonelink_lock", "accounts_secondfactor"),
            _line(_("Organization"), "domain", "employees_organization"),
            _line(_("Matches"), "how_to_reg", "attendance_punchmatch"),
            _line(_("Requests counted"), "functions", "attendance_ingestcount"),
            _line(_("Changes"), "change_circle", "employees_change"),
        ],
    },
]

# Pages that show a secret, export, send again or change who gets in: they ask who has been signed
# in for a while to prove who they are once more (accounts/guard.py). Names of addresses.
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
        "accounts_ssoidentity_forget",
        "accounts_secondfactor_take_away",
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
    "LOGIN": {"form": "accounts.pages.SignInForm"},
    "ACCOUNT": {
        "navigation": [{"title": _("Second factor"), "link": reverse_lazy("second-factor-set-up")}]
    },
    "DASHBOARD_CALLBACK": "config.console.dashboard",
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
