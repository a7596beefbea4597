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

from attendance.models import Channel, Punch, Verdict
from attendance.punches.verdicts import EmployeeSnapshot
from reports.base import Chunk, Report, Totals
from reports.columns import Column, ColumnKind, Row
from reports.forms import EmployeeScopeForm
from reports.keyset import day_bounds, keyset_pages, wall_clock_time
from reports.scope import ONE_DAY, ReportScope, employees_by_id

UNCOUNTED_VERDICTS: Final = [
    (value, label) for value, label in Verdict.choices if value != Verdict.ACCEPTED
]


class UncountedPunchesForm(EmployeeScopeForm):
    """Which days, whose, and why."""

    verdict = forms.ChoiceField(
        label=_("verdict"),
        required=False,
        choices=[("", _("All")), *UNCOUNTED_VERDICTS],
        widget=UnfoldAdminSelectWidget,
    )


class UncountedPunchesReport(Report):
    """One row for each punch that does not count."""

    name = "exceptions"
    title = _("Punches that do not count")
    description = _(
        "Refused punches with the reasons, and those of numbers nobody has yet: what somebody"
        " should look into."
    )
    form_class = UncountedPunchesForm

    @cached_property
    def scope(self) -> ReportScope:
        """Whose punches, and when."""
        return ReportScope.from_form(
            self.organization, self.parameters, self.parameters["from"], self.parameters["to"]
        )

    def build_columns(self) -> Iterable[Column]:
        """When, by which way, whose, and why."""
        yield Column("date", _("Date"), ColumnKind.DATE, width=12)
        yield Column("occurred", _("Punch time"), ColumnKind.DATETIME, width=20)
        yield Column("zone", _("Time zone"), width=16)
        yield Column("received", _("Received"), ColumnKind.DATETIME, width=20)
        yield Column("channel", _("Channel"), labels=dict(Channel.choices))
        yield Column("device", _("Device"))
        yield Column("user_code", _("User code"))
        yield Column("employee", _("Employee code"))
        yield Column("name", _("Name"), width=28)
        yield Column("verdict", _("Verdict"), labels=dict(Verdict.choices), width=20)
        yield Column("reasons", _("Reasons"), width=48)

    def step_count(self) -> int:
        """A step for each punch that comes into question."""
        return self._rows().count()

    def chunks(self) -> Iterator[Chunk]:
        """In the order in which they happened."""
        for page in keyset_pages(self._rows().select_related("device__site"), "occurred_at"):
            people = employees_by_id(
                self.scope, list({one.employee_id for one in page if one.employee_id})
            )
            yield Chunk(len(page), list(self._punch_rows(page, people)))

    def _rows(self) -> QuerySet[Punch]:
        """Punches of the days asked for and of those around them, as dates differ from zone to
        zone.
        """
        since, until = day_bounds(self.scope.first - ONE_DAY, self.scope.last + ONE_DAY, "UTC")
        rows = Punch.objects.of(self.organization).filter(
            occurred_at__gte=since, occurred_at__lt=until, match__isnull=True
        )
        rows = rows.exclude(verdict=Verdict.ACCEPTED)
        if self.parameters.get("verdict"):
            rows = rows.filter(verdict=self.parameters["verdict"])
        return rows.filter(employee=self.scope.employee_id) if self.scope.employee_id else rows

    def _punch_rows(
        self, page: Sequence[Punch], people: dict[UUID, EmployeeSnapshot]
    ) -> Iterator[Row]:
        for punch in page:
            person = people.get(punch.employee_id) if punch.employee_id else None
            local = self.scope.to_local_time(person, punch.occurred_at)
            day = local.date()
            if self.scope.first <= day <= self.scope.last and self._includes(punch, person, day):
                zone = str(local.tzinfo)
                yield (
                    day,
                    wall_clock_time(punch.occurred_at, zone),
                    zone,
                    wall_clock_time(punch.received_at, zone),
                    punch.channel,
                    punch.device.serial if punch.device else None,
                    punch.user_code or None,
                    person.code if person else None,
                    person.name if person else None,
                    punch.verdict,
                    "; ".join(f"{topic}: {text}" for topic, text in punch.reasons.items()) or None,
                )

    def _includes(self, punch: Punch, person: EmployeeSnapshot | None, day: Any) -> bool:
        if person is not None:
            return self.scope.includes(person.assignment_on(day))
        if self.scope.excludes_unmatched:
            return False
        return self.scope.site_id is None or (
            punch.device is not None and punch.device.site_id == self.scope.site_id
        )

    def zero_totals(self) -> Totals:
        """A sum for each verdict."""
        return {value: 0 for value, _label in UNCOUNTED_VERDICTS}

    def add_to_totals(self, totals: Totals, row: Row) -> None:
        """One more of its verdict."""
        totals[row[9]] += 1  # type: ignore[index]
