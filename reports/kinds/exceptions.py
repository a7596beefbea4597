"""Punches that do not count: refused, and those that nobody is known by yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Final
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from attendance.models import Door, Punch, Verdict
from attendance.verdicts import Person
from reports.columns import Column, Kind, Row
from reports.forms import PeopleForm
from reports.frame import Chunk, Report, Totals
from reports.people import DAY, Wish, known
from reports.reading import bounds, pages, wall

VERDICTS: Final = [(value, label) for value, label in Verdict.choices if value != Verdict.ACCEPTED]


class ExceptionsForm(PeopleForm):
    """Which days, whose, and why."""

    verdict = forms.ChoiceField(
        label=_("verdict"),
        required=False,
        choices=[("", _("All")), *VERDICTS],
        widget=UnfoldAdminSelectWidget,
    )


class ExceptionsReport(Report):
    """One row for each punch that does not count."""

    name = "exceptions"
    title = _("Punches that do not count")
    about = _(
        "Refused punches with the reasons, and those of numbers nobody has yet: what somebody"
        " should look into."
    )
    form = ExceptionsForm

    @cached_property
    def wish(self) -> Wish:
        """Whose punches, and when."""
        return Wish.of(self.organization, self.asked, self.asked["from"], self.asked["to"])

    def layout(self) -> Iterable[Column]:
        """When, by which way, whose, and why."""
        yield Column("date", _("Date"), Kind.DATE, width=12)
        yield Column("occurred", _("Happened"), Kind.MOMENT, width=20)
        yield Column("zone", _("Time zone"), width=16)
        yield Column("received", _("Received"), Kind.MOMENT, width=20)
        yield Column("door", _("Door"), words=dict(Door.choices))
        yield Column("device", _("Device"))
        yield Column("user_code", _("Number"))
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("verdict", _("Verdict"), words=dict(Verdict.choices), width=20)
        yield Column("reasons", _("Reasons"), width=48)

    def size(self) -> int:
        """A step for each punch that comes into question."""
        return self._rows().count()

    def chunks(self) -> Iterator[Chunk]:
        """In the order in which they happened."""
        for page in pages(self._rows().select_related("device__site"), "occurred_at"):
            people = known(self.wish, list({one.employee_id for one in page if one.employee_id}))
            yield Chunk(len(page), list(self._told(page, people)))

    def _rows(self) -> QuerySet[Punch]:
        """Punches of the days asked for and of those around them, as dates differ from zone to
        zone.
        """
        since, until = bounds(self.wish.first - DAY, self.wish.last + DAY, "UTC")
        rows = Punch.objects.of(self.organization).filter(
            occurred_at__gte=since, occurred_at__lt=until, match__isnull=True
        )
        rows = rows.exclude(verdict=Verdict.ACCEPTED)
        if self.asked.get("verdict"):
            rows = rows.filter(verdict=self.asked["verdict"])
        return rows.filter(employee=self.wish.employee_id) if self.wish.employee_id else rows

    def _told(self, page: Sequence[Punch], people: dict[UUID, Person]) -> Iterator[Row]:
        for punch in page:
            person = people.get(punch.employee_id) if punch.employee_id else None
            local = self.wish.local(person, punch.occurred_at)
            day = local.date()
            if self.wish.first <= day <= self.wish.last and self._takes(punch, person, day):
                zone = str(local.tzinfo)
                yield (
                    day,
                    wall(punch.occurred_at, zone),
                    zone,
                    wall(punch.received_at, zone),
                    punch.door,
                    punch.device.serial if punch.device else None,
                    punch.user_code or None,
                    person.code if person else None,
                    person.name if person else None,
                    punch.verdict,
                    "; ".join(f"{topic}: {text}" for topic, text in punch.reasons.items()) or None,
                )

    def _takes(self, punch: Punch, person: Person | None, day: Any) -> bool:
        if person is not None:
            return self.wish.takes(person.place(day))
        if self.wish.names_people:
            return False
        return self.wish.site_id is None or (
            punch.device is not None and punch.device.site_id == self.wish.site_id
        )

    def nothing(self) -> Totals:
        """A sum for each verdict."""
        return {value: 0 for value, _label in VERDICTS}

    def add(self, totals: Totals, row: Row) -> None:
        """One more of its verdict."""
        totals[row[9]] += 1  # type: ignore[index]
