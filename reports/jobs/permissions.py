"""Who may see a background report: which jobs, and whether the report behind one may still be read.

Asked by the verbs, by the worker before it reads anything, by the API and by the console.
"""

from __future__ import annotations

from accounts.models import User
from accounts.permissions import READ_REPORTS, groups_of, has_ability
from accounts.roles import ADMIN
from reports import services
from reports.base import Report
from reports.models import ReportJob, ReportJobQuerySet


def jobs_visible_to(user: User) -> ReportJobQuerySet:
    """The jobs a user may see: their own; for administrators all of their organization."""
    rows = (
        ReportJob.objects.of(user.organization_id)
        if user.organization_id
        else ReportJob.objects.none()
    )
    return rows if ADMIN in groups_of(user) else rows.filter(asked_by=user)


def can_read_report(user: User, report_class: type[Report]) -> bool:
    """Whether somebody may read a report now: the ability, and the kind of row that it shows."""
    return (
        user.is_active
        and has_ability(user, READ_REPORTS)
        and services.has_report_permission(user, report_class)
    )
