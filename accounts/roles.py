"""The four roles, as groups with Django permissions. Written after every migrate, so that a new
kind of row joins its roles.

Permissions are named by text, because the apps that own them live on the floors above.
"""

from __future__ import annotations

from typing import Any, Final

from django.apps import AppConfig, apps

APPROVER: Final = "approver"
HR_ADMIN: Final = "hr_admin"
ADMIN: Final = "admin"
REPORTS: Final = "reports"
ROLES: Final = (APPROVER, HR_ADMIN, ADMIN, REPORTS)

# Who may look. Everybody sees people and punches; what is personal or technical stays with HR.
_VIEWABLE_BY_EVERY_ROLE: Final = (
    "employees.organization",
    "employees.site",
    "employees.department",
    "employees.employee",
    "employees.assignment",
    "devices.device",
    "attendance.punch",
    "attendance.punchmatch",
    "attendance.ingestionlogentry",
    "leaves.holidaycalendar",
    "leaves.calendarday",
)
_SHIFTS: Final = (
    "shifts.shifttype",
    "shifts.shiftpattern",
    "shifts.patternslot",
    "shifts.roster",
    "shifts.shiftsettings",
)
_VIEWABLE_BY_HR: Final = (
    *_VIEWABLE_BY_EVERY_ROLE,
    "employees.change",
    "devices.devicetoken",
    "devices.deviceuser",
    "webhooks.endpoint",
    "webhooks.delivery",
    "webhooks.attempt",
    "attendance.punchevidence",
    "accounts.apiclient",
    "accounts.clientkey",
    "accounts.personaltoken",
    "accounts.tokenfamily",
    "accounts.delegation",
    "accounts.securityevent",
    "devices.phone",
    "devices.devicekey",
    "devices.phonepolicy",
    "leaves.leaveapplication",
    "leaves.leaveaccount",
    "leaves.leaveledgerentry",
    "leaves.leaveadjustment",
    "leaves.absence",
    "leaves.latemark",
    *_SHIFTS,
    *(
        f"attendance.{kind}"
        for kind in (
            "day",
            "attendancepolicy",
            "periodlock",
            "dayadjustment",
            "recalculation",
            "attendanceexception",
            "lateday",
            "regularization",
            "correction",
            "manualimport",
        )
    ),
    "leaves.certificate",
    "leaves.leaveprofile",
    "leaves.child",
    "leaves.leavepolicy",
    "leaves.leavetyperule",
    "leaves.sanctionrule",
    "leaves.suspension",
    "tours.tour",
    "tours.tourdocument",
    "reports.reportjob",
)
# Who may write. `devicetoken` stands for issuing and revoking, `punchmatch` for telling whose a
# punch is.
_EDITABLE_BY_HR: Final = (
    "employees.site",
    "employees.department",
    "employees.employee",
    "employees.assignment",
    "devices.device",
    "devices.devicetoken",
    "devices.deviceuser",
    "webhooks.endpoint",
    "accounts.apiclient",
    "accounts.clientkey",
    "accounts.delegation",
    "devices.phonepolicy",
    "leaves.holidaycalendar",
    "leaves.calendarday",
    "leaves.leavepolicy",
    *_SHIFTS,
    *(
        f"attendance.{kind}"
        for kind in (
            "attendancepolicy",
            "periodlock",
            "recalculation",
        )
    ),
    "leaves.leavetyperule",
    "leaves.sanctionrule",
    "leaves.leaveprofile",
    "leaves.child",
    "leaves.absence",
    "leaves.leaveadjustment",
    "leaves.suspension",
)
_HR_PERMISSIONS: Final = frozenset(
    {f"{model}:{action}" for model in _EDITABLE_BY_HR for action in ("add", "change")}
    | {f"{model}:view" for model in _VIEWABLE_BY_HR}
    # Rows that are no evidence of anything: a place nobody was ever at, a number keyed in wrongly.
    | {"accounts.personaltoken:change", "accounts.tokenfamily:change"}
    | {
        "employees.site:delete",
        "employees.department:delete",
        "devices.deviceuser:delete",
        "attendance.punchmatch:add",
    }
    # Fences may show where somebody lives: they are HR's alone.
    | {
        f"geofences.{kind}:{action}"
        for kind in ("geofence", "allowednetwork", "geofencepolicy")
        for action in ("view", "add", "change")
    }
    | {"geofences.geofence:delete", "geofences.allowednetwork:delete"}
    # Phones register themselves; staff revoke and release them.
    | {"devices.phone:change"}
    # Exceptions are found by themselves; somebody notes that there is nothing to do. Late days are
    # decided as `latemark:add`.
    | {"attendance.attendanceexception:change"}
    # Leave and tours are decided by actions; HR enters them for somebody, and strikes dates from
    # drafts.
    | {
        "leaves.leaveapplication:add",
        "leaves.latemark:add",
        "tours.tour:add",
        "leaves.calendarday:delete",
    }
    # A roster may be taken back, and a day of a pattern: days are worked out again by what holds
    # then.
    | {"shifts.roster:delete", "shifts.patternslot:delete"}
    | {"leaves.sanctionrule:delete"}
    # Times are put right beside the punches, by hand or by files; what was put right stays.
    | {"attendance.correction:add", "attendance.manualimport:add"}
)
ROLE_PERMISSIONS: Final[dict[str, frozenset[str]]] = {
    # Of leave, tours, days and corrections an approver sees those of the people they decide for.
    APPROVER: frozenset(
        f"{model}:view"
        for model in (
            *_VIEWABLE_BY_EVERY_ROLE,
            "leaves.leaveapplication",
            "tours.tour",
            "tours.tourdocument",
            "attendance.day",
            "attendance.regularization",
        )
    ),
    # Whoever sees jobs of reports may ask for some: beside the ability `reports`, which the same
    # groups have.
    REPORTS: frozenset(
        f"{model}:view"
        for model in (*_VIEWABLE_BY_EVERY_ROLE, "attendance.day", "reports.reportjob")
    ),
    HR_ADMIN: _HR_PERMISSIONS,
    ADMIN: _HR_PERMISSIONS
    | {
        "employees.organization:change",
        "accounts.user:view",
        "accounts.user:add",
        "accounts.user:change",
    }
    # `delete` stands for unlinking an account, and for taking away a second factor whose phone is
    # lost.
    | {f"accounts.signinsettings:{action}" for action in ("view", "add", "change")}
    | {
        f"accounts.{model}:{action}"
        for model in ("ssoidentity", "secondfactor")
        for action in ("view", "delete")
    },
}


def ensure_roles(app_label: str | None = None, using: str = "default") -> None:
    """Make the four groups and give each exactly its permissions, of one app or of all. Idempotent.

    What somebody added to these groups by hand is taken away again: a role means the same in every
    installation.
    """
    # Looked up by name, so that this module can be imported while Django is still loading its apps.
    group_model, permission_model = (
        apps.get_model("auth", "Group"),
        apps.get_model("auth", "Permission"),
    )
    permissions = permission_model.objects.using(using).select_related("content_type")
    if app_label is not None:
        permissions = permissions.filter(content_type__app_label=app_label)
    by_name = {_permission_name(permission): permission.pk for permission in permissions}
    for role in ROLES:
        group, _created = group_model.objects.using(using).get_or_create(name=role)
        wanted = {pk for name, pk in by_name.items() if name in ROLE_PERMISSIONS[role]}
        held = set(group.permissions.filter(pk__in=by_name.values()).values_list("pk", flat=True))
        group.permissions.remove(*held - wanted)
        group.permissions.add(*wanted - held)


def _permission_name(permission: Any) -> str:
    """`devices.device:add`, from the row that stands for it."""
    action, _sep, model = permission.codename.partition("_")
    return f"{permission.content_type.app_label}.{model}:{action}"


def ensure_roles_after_migrate(app_config: AppConfig, using: str, **_: Any) -> None:
    """Receiver of Django's post_migrate: connect it after django.contrib.auth, whose own receiver
    makes the permissions.
    """
    if any(
        name.startswith(f"{app_config.label}.")
        for grants in ROLE_PERMISSIONS.values()
        for name in grants
    ):
        ensure_roles(app_config.label, using)
