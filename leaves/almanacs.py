"""The calendars of many people at once, for whoever works out days. `facts.almanac_of` is for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from leaves.calendars import Almanac, Post, WeeklyOffs
from leaves.facts import offices
from leaves.models import LeaveFacts, LeavePolicy

# What holds where no rules say anything.
FIVE_DAYS: Final = "SAT,SUN"


def almanacs(organization_id: int, posts: Mapping[Any, Sequence[Post]], years: Collection[int], on: date) -> dict[Any, Almanac]:
    """Each person's almanac for some years, by employee id. `posts`: where they work; `on`: whose rules' weekly offs hold.

    Weekly offs of the rules count only where an office has no calendar. Three queries, however many people.
    """
    sites = {post.site for places in posts.values() for post in places}
    shared = offices(organization_id, years, sites)
    offs = _Offs(organization_id, posts, on)
    return {one: Almanac(shared, offs.of(one), places) for one, places in posts.items()}


class _Offs:
    """The weekly offs of each person's rules on a day."""

    def __init__(self, organization_id: int, people: Iterable[Any], on: date) -> None:
        published = LeavePolicy.objects.of(organization_id).filter(published_at__isnull=False, effective_from__lte=on)
        rows = published.order_by("effective_from").values_list("scheme", "weekly_offs")
        self._by_scheme = {scheme: WeeklyOffs.parse(text) for scheme, text in rows}
        self._schemes: dict[Any, str] = defaultdict(lambda: "standard")
        # Unless there are several, nobody's particulars need to be asked.
        if len(self._by_scheme) > 1:
            facts = LeaveFacts.objects.of(organization_id).filter(employee__in=list(people), starts_on__lte=on)
            self._schemes.update(facts.order_by("starts_on").values_list("employee_id", "scheme"))
        self._otherwise = WeeklyOffs.parse(FIVE_DAYS)

    def of(self, employee_id: Any) -> WeeklyOffs:
        standard = self._by_scheme.get("standard", self._otherwise)
        return self._by_scheme.get(self._schemes[employee_id], standard)
