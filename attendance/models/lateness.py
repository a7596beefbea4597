"""Days as HR decides on them: a view of `Day` with permissions of its own."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from attendance.models.days import Day


class LateDay(Day):
    """A day of late coming or early leaving. `attendance.lateness.services` says which wait for a
    decision.
    """

    class Meta:
        proxy = True
        ordering = ("-date", "employee")
        verbose_name = _("late arrival")
        verbose_name_plural = _("late arrivals")
