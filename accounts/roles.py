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
_EVERYBODY_VIEWS: Final = (
    "employees.organization",
    "employees.site",
    "employees.department",
    "employees.employee",
    "employees.assignment",
    "devices.device",
    "attendance.punch",
    "attendance.punchmatch",
    "attendance.ingestcount",
    "leaves.calendar",
    "leaves.calendarday",
)
_HR_VIEWS: Final = (
    *_EVERYBODY_VIEWS,
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
    "leaves.account",
    "leaves.entry",
    "leaves.ledgerorder",
    "leaves.absence",
    "leaves.latemark",
    *(
        f"attendance.{kind}"
        for kind in (
            "day",
            "shifttype",
            "shiftpattern",
            "patternslot",
            "roster",
            "daypolicy",
            "periodlock",
            "dayadjustment",
            "rebuild",
            "dayexception",
            "lateday",
            "regularization",
            "correction",
            "manualimport",
        )
    ),
    "leaves.certificate",
    "leaves.leavefacts",
    "leaves.child",
    "leaves.leavepolicy",
    "leaves.kindrule",
    "leaves.sanctionrule",
    "leaves.suspension",
    "tours.tour",
    "tours.tourpaper",
    "reports.reportjob",
)
# Who may write. `devicetoken` stands for issuing and revoking, `punchmatch` for telling whose a
# punch is.
_HR_KEEPS: Final = (
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
    "leaves.calendar",
    "leaves.calendarday",
    "leaves.leavepolicy",
    *(
        f"attendance.{kind}"
        for kind in (
            "shifttype",
            "shiftpattern",
            "patternslot",
            "roster",
            "daypolicy",
            "periodlock",
            "rebuild",
        )
    ),
    "leaves.kindrule",
    "leaves.sanctionrule",
    "leaves.leavefacts",
    "leaves.child",
    "leaves.absence",
    "leaves.ledgerorder",
    "leaves.suspension",
)
_HR_ACTIONS: Final = frozenset(
    {f"{model}:{action}" for model in _HR_KEEPS for action in ("add", "change")}
    | {f"{model}:view" for model in _HR_VIEWS}
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
        for kind in ("fence", "allowednetwork", "fencepolicy")
        for action in ("view", "add", "change")
    }
    | {"geofences.fence:delete", "geofences.allowednetwork:delete"}
    # Phones register themselves; staff revoke and release them.
    | {"devices.phone:change"}
    # Exceptions are found by themselves; somebody notes that there is nothing to do. Late days are
    # decided as `latemark:add`.
    | {"attendance.dayexception:change"}
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
    | {"attendance.roster:delete", "attendance.patternslot:delete"}
    | {"leaves.sanctionrule:delete"}
    # Times are put right beside the punches, by hand or by files; what was put right stays.
    | {"attendance.correction:add", "attendance.manualimport:add"}
)
GRANTS: Final[dict[str, frozenset[str]]] = {
    # Of leave, tours, days and corrections an approver sees those of the people they decide for.
    APPROVER: frozenset(
        f"{model}:view"
        for model in (
            *_EVERYBODY_VIEWS,
            "leaves.leaveapplication",
            "tours.tour",
            "tours.tourpaper",
            "attendance.day",
            "attendance.regularization",
        )
    ),
    # Whoever sees jobs of reports may ask for some: beside the ability `reports`, which the same
    # groups have.
    REPORTS: frozenset(
        f"{model}:view" for model in (*_EVERYBODY_VIEWS, "attendance.day", "reports.reportjob")
    ),
    HR_ADMIN: _HR_ACTIONS,
    ADMIN: _HR_ACTIONS
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
    by_name = {_name(permission): permission.pk for permission in permissions}
    for role in ROLES:
        group, _created = group_model.objects.using(using).get_or_create(name=role)
        wanted = {pk for name, pk in by_name.items() if name in GRANTS[role]}
        held = set(group.permissions.filter(pk__in=by_name.values()).values_list("pk", flat=True))
        group.permissions.remove(*held - wanted)
        group.permissions.add(*wanted - held)


def _name(permission: Any) -> str:
    """`devices.device:add`, from the row that stands for it."""
    action, _sep, model = permission.codename.partition("_")
    return f"{permission.content_type.app_label}.{model}:{action}"


def ensure_roles_after_migrate(app_config: AppConfig, using: str, **_: Any) -> None:
    """Receiver of Django's post_migrate: connect it after django.contrib.auth, whose own receiver
    makes the permissions.
    """
    if any(
        name.startswith(f"{app_config.label}.") for grants in GRANTS.values() for name in grants
    ):
        ensure_roles(app_config.label, using)
