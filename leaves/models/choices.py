"""The leave types, accrual cycles and sanctioning authorities as a database column and a form
show them. The pure rules know the same values in `leaves.policies`.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class LeaveTypeChoices(models.TextChoices):
    """Kinds of leave, as the pure rules know them."""

    CL = "CL", _("Casual leave")
    SCL = "SCL", _("Special casual leave")
    EL = "EL", _("Earned leave")
    HPL = "HPL", _("Half pay leave")
    COMMUTED = "COMMUTED", _("Commuted leave")
    CCL = "CCL", _("Child care leave")
    RH = "RH", _("Restricted holiday")


class AccrualCycleChoices(models.TextChoices):
    """How often."""

    NEVER = "NEVER", _("never")
    MONTHLY = "MONTHLY", _("monthly")
    HALF_YEARLY = "HALF_YEARLY", _("half-yearly")
    YEARLY = "YEARLY", _("yearly")
    LIFETIME = "LIFETIME", _("once in a career")


class AuthorityChoices(models.TextChoices):
    """Who may sanction leave, as the pure rules know them, from the nearest to the highest."""

    MANAGER = "MANAGER", _("controlling officer (manager)")
    HEAD = "HEAD", _("head of department")
    HR = "HR", _("HR")
    ADMIN = "ADMIN", _("administrator")
