"""The calendars of many people at once, for whoever works out days. `context.work_calendar_of` is
for one, and says the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from leaves.calendars import SiteAssignment, WeeklyOffs, WorkCalendar
from leaves.context import load_office_calendars
from leaves.models import LeavePolicy, LeaveProfile
from leaves.policies import STANDARD_SCHEME, versions_in_force


def load_work_calendars(
    organization_id: int,
    assignments: Mapping[Any, Sequence[SiteAssignment]],
    years: Collection[int],
) -> dict[Any, WorkCalendar]:
    """Each person's almanac for some years, by employee id. `assignments`: where they work.

    Weekly offs of the rules, those of the version of each day, count only where an office has no
    calendar. Few queries, however many people.
    """
    shared = load_office_calendars(
        organization_id, years, {post.site for places in assignments.values() for post in places}
    )
    offs = _PolicyWeeklyOffs(organization_id, assignments)
    return {
        one: WorkCalendar.from_policies(shared, places, offs.of(one))
        for one, places in assignments.items()
    }


def load_site_calendars(
    organization_id: int,
    assignments: Mapping[Any, Sequence[SiteAssignment]],
    years: Collection[int],
) -> dict[Any, WorkCalendar]:
    """As `work_calendars`, of anything that stands at offices: what their calendars say, and weekly
    offs of nobody's rules.
    """
    shared = load_office_calendars(
        organization_id, years, {post.site for places in assignments.values() for post in places}
    )
    return {
        one: WorkCalendar.from_policies(shared, places, []) for one, places in assignments.items()
    }


@dataclass(frozen=True, slots=True)
class _WeeklyOffsVersion:
    """The weekly offs of a version of rules."""

    effective_from: date
    offs: WeeklyOffs


class _PolicyWeeklyOffs:
    """The weekly offs of each person's rules, each from its day on."""

    def __init__(self, organization_id: int, people: Iterable[Any]) -> None:
        published = (
            LeavePolicy.objects.of(organization_id)
            .filter(published_at__isnull=False)
            .order_by("effective_from")
        )
        self._by_scheme: dict[str, list[_WeeklyOffsVersion]] = defaultdict(list)
        for scheme, since, text in published.values_list("scheme", "effective_from", "weekly_offs"):
            self._by_scheme[scheme].append(_WeeklyOffsVersion(since, WeeklyOffs.parse(text)))
        self._spans: dict[Any, list[tuple[date, str]]] = defaultdict(list)
        # Unless some group of staff has rules of its own, nobody's particulars need to be asked.
        if set(self._by_scheme) - {STANDARD_SCHEME}:
            facts = (
                LeaveProfile.objects.of(organization_id)
                .filter(employee__in=list(people))
                .order_by("starts_on")
            )
            for employee_id, since, scheme in facts.values_list(
                "employee_id", "starts_on", "scheme"
            ):
                self._spans[employee_id].append((since, scheme))

    def of(self, employee_id: Any) -> list[tuple[date, WeeklyOffs]]:
        """Patterns, the oldest first."""
        return [
            (one.effective_from, one.offs)
            for one in versions_in_force(self._by_scheme, self._spans[employee_id])
        ]
