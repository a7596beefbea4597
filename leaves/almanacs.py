"""The calendars of many people at once, for whoever works out days. `facts.almanac_of` is for one,
and says the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from leaves.calendars import Almanac, Post, WeeklyOffs
from leaves.facts import offices
from leaves.models import LeaveFacts, LeavePolicy
from leaves.policies import STANDARD, in_force


def almanacs(
    organization_id: int, posts: Mapping[Any, Sequence[Post]], years: Collection[int]
) -> dict[Any, Almanac]:
    """Each person's almanac for some years, by employee id. `posts`: where they work.

    Weekly offs of the rules, those of the version of each day, count only where an office has no
    calendar. Few queries, however many people.
    """
    shared = offices(
        organization_id, years, {post.site for places in posts.values() for post in places}
    )
    offs = _Offs(organization_id, posts)
    return {one: Almanac.of(shared, places, offs.of(one)) for one, places in posts.items()}


def closings(
    organization_id: int, posts: Mapping[Any, Sequence[Post]], years: Collection[int]
) -> dict[Any, Almanac]:
    """As `almanacs`, of anything that stands at offices: what their calendars say, and weekly offs
    of nobody's rules.
    """
    shared = offices(
        organization_id, years, {post.site for places in posts.values() for post in places}
    )
    return {one: Almanac.of(shared, places, []) for one, places in posts.items()}


@dataclass(frozen=True, slots=True)
class _Version:
    """The weekly offs of a version of rules."""

    effective_from: date
    offs: WeeklyOffs


class _Offs:
    """The weekly offs of each person's rules, each from its day on."""

    def __init__(self, organization_id: int, people: Iterable[Any]) -> None:
        published = (
            LeavePolicy.objects.of(organization_id)
            .filter(published_at__isnull=False)
            .order_by("effective_from")
        )
        self._by_scheme: dict[str, list[_Version]] = defaultdict(list)
        for scheme, since, text in published.values_list("scheme", "effective_from", "weekly_offs"):
            self._by_scheme[scheme].append(_Version(since, WeeklyOffs.parse(text)))
        self._spans: dict[Any, list[tuple[date, str]]] = defaultdict(list)
        # Unless some group of staff has rules of its own, nobody's particulars need to be asked.
        if set(self._by_scheme) - {STANDARD}:
            facts = (
                LeaveFacts.objects.of(organization_id)
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
            for one in in_force(self._by_scheme, self._spans[employee_id])
        ]
