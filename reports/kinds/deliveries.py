"""What was to be pushed to customers' servers on some days, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from reports.columns import Column, Kind, Row
from reports.forms import RowField, SpanForm
from reports.frame import Chunk, Report, Totals
from reports.reading import bounds, pages, wall
from webhooks.models import Delivery, Endpoint

STATE: Final = 5


class DeliveriesForm(SpanForm):
    """Accepted on which days, for which endpoint, and how they stand."""

    endpoint = RowField(Endpoint, label=_("endpoint"))
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
    about = _(
        "What was to be pushed on the days asked for, how often it was tried, and what became"
        " of it."
    )
    form = DeliveriesForm
    permission = "webhooks.view_delivery"

    def layout(self) -> Iterable[Column]:
        """What, to whom, and how it went. Times are the organization's."""
        yield Column("accepted", _("Accepted"), Kind.MOMENT, width=20)
        yield Column("endpoint", _("Endpoint"), width=24)
        yield Column("event", _("Event"), width=18)
        yield Column("subject", _("About"), width=18)
        yield Column("message", _("Message"), width=40)
        yield Column("state", _("State"), words=dict(Delivery.State.choices))
        yield Column("attempts", _("Attempts"), Kind.WHOLE, total=True)
        yield Column("refusals", _("Refusals"), Kind.WHOLE, total=True)
        yield Column("finished", _("Finished"), Kind.MOMENT, width=20)

    def size(self) -> int:
        """A step for each delivery."""
        return self._rows().count()

    def chunks(self) -> Iterator[Chunk]:
        """Endpoint by endpoint, as that is how they are found, in the order in which they were
        accepted.
        """
        endpoints = Endpoint.objects.of(self.organization).order_by("name", "pk")
        if self.asked.get("endpoint"):
            endpoints = endpoints.filter(pk=self.asked["endpoint"].pk)
        for endpoint in endpoints:
            for page in pages(self._rows().filter(endpoint=endpoint).defer("body"), "created_at"):
                yield Chunk(len(page), [self._row(one, endpoint) for one in page])

    def _rows(self) -> QuerySet[Delivery]:
        since, until = bounds(self.asked["from"], self.asked["to"], self.organization.timezone)
        rows = Delivery.objects.of(self.organization).filter(
            created_at__gte=since, created_at__lt=until
        )
        if self.asked.get("endpoint"):
            rows = rows.filter(endpoint=self.asked["endpoint"])
        return rows.filter(state=self.asked["state"]) if self.asked.get("state") else rows

    def _row(self, one: Delivery, endpoint: Endpoint) -> Row:
        zone = self.organization.timezone
        return (
            wall(one.created_at, zone),
            endpoint.name,
            one.event_type,
            one.subject or None,
            one.message_id,
            one.state,
            one.attempts,
            one.refusals,
            wall(one.finished_at, zone),
        )

    def nothing(self) -> Totals:
        """Sums of the columns, and of deliveries by state."""
        return super().nothing() | dict.fromkeys(Delivery.State.values, 0)

    def add(self, totals: Totals, row: Row) -> None:
        """One more of its state."""
        super().add(totals, row)
        totals[str(row[STATE])] += 1
