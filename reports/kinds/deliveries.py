"""What was to be pushed to customers' servers on some days, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from reports.base import Chunk, Report, Totals
from reports.columns import Column, ColumnKind, Row
from reports.forms import DateRangeForm, TenantChoiceField
from reports.keyset import day_bounds, keyset_pages, wall_clock_time
from webhooks.models import Delivery, Endpoint

STATE_COLUMN: Final = 5


class DeliveriesForm(DateRangeForm):
    """Accepted on which days, for which endpoint, and how they stand."""

    endpoint = TenantChoiceField(Endpoint, label=_("endpoint"))
    state = forms.ChoiceField(
        label=_("state"),
        required=False,
        choices=[("", _("All")), *Delivery.State.choices],
        widget=UnfoldAdminSelectWidget,
    )


class DeliveriesReport(Report):
    """One row for each delivery."""

    name = "deliveries"
    title = _("Pushes to customers")
    description = _(
        "What was to be pushed on the days asked for, how often it was tried, and what became"
        " of it."
    )
    form_class = DeliveriesForm
    required_permission = "webhooks.view_delivery"

    def build_columns(self) -> Iterable[Column]:
        """What, to whom, and how it went. Times are the organization's."""
        yield Column("accepted", _("Accepted"), ColumnKind.DATETIME, width=20)
        yield Column("endpoint", _("Endpoint"), width=24)
        yield Column("event", _("Event"), width=18)
        yield Column("subject", _("About"), width=18)
        yield Column("message", _("Message"), width=40)
        yield Column("state", _("State"), labels=dict(Delivery.State.choices))
        yield Column("attempts", _("Attempts"), ColumnKind.INTEGER, total=True)
        yield Column("refusals", _("Rejections"), ColumnKind.INTEGER, total=True)
        yield Column("finished", _("Finished"), ColumnKind.DATETIME, width=20)

    def step_count(self) -> int:
        """A step for each delivery."""
        return self._rows().count()

    def chunks(self) -> Iterator[Chunk]:
        """Endpoint by endpoint, as that is how they are found, in the order in which they were
        accepted.
        """
        endpoints = Endpoint.objects.of(self.organization).order_by("name", "pk")
        if self.parameters.get("endpoint"):
            endpoints = endpoints.filter(pk=self.parameters["endpoint"].pk)
        for endpoint in endpoints:
            for page in keyset_pages(
                self._rows().filter(endpoint=endpoint).defer("body"), "created_at"
            ):
                yield Chunk(len(page), [self._row(one, endpoint) for one in page])

    def _rows(self) -> QuerySet[Delivery]:
        since, until = day_bounds(
            self.parameters["from"], self.parameters["to"], self.organization.timezone
        )
        rows = Delivery.objects.of(self.organization).filter(
            created_at__gte=since, created_at__lt=until
        )
        if self.parameters.get("endpoint"):
            rows = rows.filter(endpoint=self.parameters["endpoint"])
        return rows.filter(state=self.parameters["state"]) if self.parameters.get("state") else rows

    def _row(self, one: Delivery, endpoint: Endpoint) -> Row:
        zone = self.organization.timezone
        return (
            wall_clock_time(one.created_at, zone),
            endpoint.name,
            one.event_type,
            one.subject or None,
            one.message_id,
            one.state,
            one.attempts,
            one.refusals,
            wall_clock_time(one.finished_at, zone),
        )

    def zero_totals(self) -> Totals:
        """Sums of the columns, and of deliveries by state."""
        return super().zero_totals() | dict.fromkeys(Delivery.State.values, 0)

    def add_to_totals(self, totals: Totals, row: Row) -> None:
        """One more of its state."""
        super().add_to_totals(totals, row)
        totals[str(row[STATE_COLUMN])] += 1
