"""The live board: how many are in, late, on leave, on tour, absent or not expected today, by site.
Counts only, never a name.

Today is the date of each place on its own clock. Who came in on last night's shift and has not left
yet is in, too. It takes a fixed number of queries however many people there are. Used by the
console's page and by screens (`reports.screens`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from attendance.days.status import LEAVE_PREFIX
from attendance.models import Day
from employees.models import Assignment, Employee, Organization, Site
from reports.scope import ONE_DAY

IN, CHECKED_OUT, EXPECTED, ON_LEAVE, ON_TOUR, ABSENT, NOT_EXPECTED, NOT_CALCULATED = (
    "in",
    "left",
    "awaited",
    "leave",
    "tour",
    "absent",
    "off",
    "unknown",
)
LATE: Final = "late"
# Everybody in service is one of these; late are some of those who are in or have left.
BOARD_STATES: Final[Mapping[str, Any]] = {
    IN: _("In"),
    CHECKED_OUT: _("Checked out"),
    EXPECTED: _("Expected"),
    ON_LEAVE: _("On leave"),
    ON_TOUR: _("On tour"),
    ABSENT: _("Absent"),
    NOT_EXPECTED: _("Not expected"),
    NOT_CALCULATED: _("Not calculated yet"),
}
BOARD_TITLES: Final[Mapping[str, Any]] = {**BOARD_STATES, LATE: _("Late today")}
_HAS_PUNCHED_IN, _HAS_PUNCHED_OUT = Q(first_in__isnull=False), Q(last_out__isnull=False)
# Once the window is over nobody is in, whether or not somebody saw them leave.
_IS_IN: Final = _HAS_PUNCHED_IN & ~_HAS_PUNCHED_OUT & Q(open_until__isnull=False)


@dataclass(frozen=True, slots=True)
class SiteCounts:
    """A site, or what belongs to none, with its numbers by state."""

    key: str
    name: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(BOARD_TITLES, 0))

    @property
    def headcount(self) -> int:
        """How many it has today."""
        return sum(self.counts[state] for state in BOARD_STATES)


@dataclass(frozen=True)
class LiveBoard:
    """A board of an organization, or of one site of it, at a moment."""

    organization: Organization
    site_id: int | None = None
    now: datetime = field(default_factory=timezone.now)

    def site_counts(self) -> list[SiteCounts]:
        """The sites with people, by name, and last what belongs to none. Four queries."""
        names = {pk: name for pk, name, _zone in self._sites}
        found: dict[int | None, SiteCounts] = {
            pk: SiteCounts(str(pk), name) for pk, name in names.items()
        }
        found[None] = SiteCounts("none", str(_("No site")))
        for site_id, state, number, late in self._counts():
            counts = found[site_id if site_id in names else None].counts
            counts[state] += number
            counts[LATE] += late
        wanted = [place for key, place in found.items() if self.site_id in (None, key)]
        return [place for place in wanted if place.headcount or self.site_id is not None]

    def figures(self) -> dict[str, Any]:
        """The board as JSON: the moment on the organization's clock, the sum, and each place."""
        places = self.site_counts()
        total = {name: sum(place.counts[name] for place in places) for name in BOARD_TITLES}
        clock = self.now.astimezone(ZoneInfo(self._zone))
        return {
            "at": self.now.isoformat(timespec="seconds"),
            "clock": f"{clock:%H:%M:%S}",
            "zone": self._zone,
            "total": total,
            "places": [{"key": one.key, "name": one.name, "counts": one.counts} for one in places],
        }

    # --- Which date it is where
    @cached_property
    def _sites(self) -> list[tuple[int, str, str]]:
        rows = Site.objects.of(self.organization).order_by("name", "pk")
        return [
            (pk, name, zone or self.organization.timezone)
            for pk, name, zone in rows.values_list("pk", "name", "timezone")
        ]

    @property
    def _zone(self) -> str:
        return next(
            (zone for pk, _name, zone in self._sites if pk == self.site_id),
            self.organization.timezone,
        )

    @cached_property
    def _dates(self) -> dict[date, set[str]]:
        """Today's dates, each with the zones where it is that date."""
        found: defaultdict[date, set[str]] = defaultdict(set)
        for zone in {self.organization.timezone, *(zone for _pk, _name, zone in self._sites)}:
            found[self.now.astimezone(ZoneInfo(zone)).date()].add(zone)
        return found

    def _day_rows(self, days_before: int = 0) -> QuerySet[Day]:
        """The rows of today, or of a day before."""
        these = Q(pk__in=[])
        for on, zones in self._dates.items():
            these |= Q(date=on - days_before * ONE_DAY, zone__in=zones)
        return Day.objects.of(self.organization).filter(these)

    # --- Counting
    def _counts(self) -> Iterator[tuple[int | None, str, int, int]]:
        """Site, state, people, and how many of them were late."""
        still = self._day_rows(days_before=1).filter(_IS_IN, open_until__gt=self.now)
        came = self._day_rows().filter(_HAS_PUNCHED_IN)
        yield from _by_state(
            self._day_rows().exclude(
                ~_HAS_PUNCHED_IN & Exists(still.filter(employee=OuterRef("employee")))
            )
        )
        yield from _by_state(still.exclude(Exists(came.filter(employee=OuterRef("employee")))))
        yield from self._without_day_row()

    def _without_day_row(self) -> Iterator[tuple[int | None, str, int, int]]:
        """Who is in service and has no row for today."""
        usual = self.now.astimezone(ZoneInfo(self.organization.timezone)).date()
        elsewhere = [
            When(site__in=[pk for pk, _name, zone in self._sites if zone in zones], then=Value(on))
            for on, zones in self._dates.items()
            if on != usual
        ]
        posts = Assignment.objects.of(self.organization).filter(
            employee=OuterRef("pk"), starts_on__lte=usual
        )
        posts = posts.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=usual)).order_by("-starts_on")
        people = Employee.objects.of(self.organization).annotate(
            site=Subquery(posts.values("site")[:1])
        )
        people = people.annotate(today=Case(*elsewhere, default=Value(usual)))
        serving = people.filter(
            Q(left_on__isnull=True) | Q(left_on__gte=F("today")), joined_on__lte=F("today")
        )
        rows = Day.objects.of(self.organization).filter(
            employee=OuterRef("pk"), date=OuterRef("today")
        )
        last_night = self._day_rows(days_before=1).filter(
            _IS_IN, open_until__gt=self.now, employee=OuterRef("pk")
        )
        missing = (
            serving.filter(~Exists(rows), ~Exists(last_night))
            .order_by()
            .values_list("site")
            .annotate(number=Count("pk"))
        )
        for site_id, number in missing:
            yield site_id, NOT_CALCULATED, number, 0


def _by_state(rows: QuerySet[Day]) -> Iterator[tuple[int | None, str, int, int]]:
    state = Case(
        When(_IS_IN, then=Value(IN)),
        When(_HAS_PUNCHED_IN, then=Value(CHECKED_OUT)),
        When(status__startswith=LEAVE_PREFIX, then=Value(ON_LEAVE)),
        When(status="tour", then=Value(ON_TOUR)),
        When(status__in=("holiday", "weekly_off"), then=Value(NOT_EXPECTED)),
        When(status="due", then=Value(EXPECTED)),
        default=Value(ABSENT),
        output_field=CharField(),
    )
    counted = rows.annotate(state=state).order_by().values_list("site", "state")
    yield from counted.annotate(number=Count("pk"), late=Count("pk", filter=Q(late_by__gt=0)))
