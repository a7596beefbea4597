"""What a change of shifts or rosters would do to calculated days: a provider of `core.impact`."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from attendance.days.changes import concerned_days
from core.impact import Impact, ProposedChange


def day_impact(change: ProposedChange) -> Iterator[Impact]:
    """How many calculated days of how many people the change concerns."""
    days = concerned_days(change)
    if count := days.count():
        people = days.order_by().values("employee").distinct().count()
        yield Impact(
            _("Days that are recalculated: %(days)d. Employees: %(people)d.")
            % {"days": count, "people": people},
            count,
        )
