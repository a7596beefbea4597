"""What each device did: its state now, and how many punches it brought on the days asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from attendance.models import Punch, Verdict
from devices.models import Device
from devices.presence import DEVICE_STATES, device_state
from employees.models import Site
from reports.base import Chunk, Report
from reports.columns import Column, ColumnKind, Row
from reports.forms import DateRangeForm, TenantChoiceField
from reports.keyset import day_bounds, keyset_pages, wall_clock_time

_IS_ACCEPTED = Q(verdict=Verdict.ACCEPTED) | Q(match__isnull=False)
_IS_UNMATCHED = Q(verdict=Verdict.UNMATCHED, match__isnull=True)


class DevicesForm(DateRangeForm):
    """Which days, and where."""

    site = TenantChoiceField(Site, label=_("site"))


class DevicesReport(Report):
    """One row for each device."""

    name = "devices"
    title = _("Device activity")
    description = _(
        "What each device brought on the days asked for, when it was last seen, and whether it is"
        " silent."
    )
    form_class = DevicesForm
    required_permission = "devices.view_device"

    def build_columns(self) -> Iterable[Column]:
        """Which device, how it is now, and what it brought."""
        yield Column("serial", _("Serial number"))
        yield Column("name", _("Name"), width=24)
        yield Column("site", _("Site"), width=24)
        yield Column("state", _("State now"), labels=DEVICE_STATES)
        yield Column("last_seen", _("Last seen"), ColumnKind.DATETIME, width=20)
        yield Column("firmware", _("Firmware"))
        yield Column("punches", _("Punches"), ColumnKind.INTEGER, total=True)
        yield Column("accepted", _("Accepted"), ColumnKind.INTEGER, total=True)
        yield Column("refused", _("Rejected"), ColumnKind.INTEGER, total=True)
        yield Column("unmatched", _("Unmatched"), ColumnKind.INTEGER, total=True)
        yield Column("first", _("First punch"), ColumnKind.DATETIME, width=20)
        yield Column("last", _("Last punch"), ColumnKind.DATETIME, width=20)
        yield Column("zone", _("Time zone"), width=16)
        yield Column("turned_away", _("Requests rejected, all time"), ColumnKind.INTEGER)

    def step_count(self) -> int:
        """A step for each device."""
        return self._rows().count()

    def chunks(self) -> Iterator[Chunk]:
        """In the order of their serials."""
        for page in keyset_pages(self._rows().select_related("site", "organization"), "serial"):
            now, brought = timezone.now(), self._punch_counts(page)
            yield Chunk(len(page), [_row(one, now, brought.get(one.pk, {})) for one in page])

    def _rows(self) -> QuerySet[Device]:
        rows = Device.objects.of(self.organization)
        return rows.filter(site=self.parameters["site"]) if self.parameters.get("site") else rows

    def _punch_counts(self, page: Sequence[Device]) -> dict[int, Mapping[str, Any]]:
        """What they brought, each on the days of its own clock. One query for each zone."""
        by_zone: defaultdict[str, list[int]] = defaultdict(list)
        for one in page:
            by_zone[one.zone].append(one.pk)
        found: dict[int, Mapping[str, Any]] = {}
        for zone, ids in by_zone.items():
            since, until = day_bounds(self.parameters["from"], self.parameters["to"], zone)
            rows = Punch.objects.of(self.organization).filter(
                device__in=ids, occurred_at__gte=since, occurred_at__lt=until
            )
            counted = (
                rows.order_by()
                .values("device_id")
                .annotate(
                    punches=Count("id"),
                    accepted=Count("id", filter=_IS_ACCEPTED),
                    unmatched=Count("id", filter=_IS_UNMATCHED),
                    first=Min("occurred_at"),
                    last=Max("occurred_at"),
                )
            )
            found |= {one["device_id"]: one for one in counted}
        return found


def _row(device: Device, now: datetime, brought: Mapping[str, Any]) -> Row:
    punches, accepted, unmatched = (
        brought.get(name, 0) for name in ("punches", "accepted", "unmatched")
    )
    zone = device.zone
    return (
        device.serial,
        device.name or None,
        device.site.name if device.site else None,
        device_state(device, now),
        wall_clock_time(device.last_seen_at, zone),
        device.firmware or None,
        punches,
        accepted,
        punches - accepted - unmatched,
        unmatched,
        wall_clock_time(brought.get("first"), zone),
        wall_clock_time(brought.get("last"), zone),
        zone,
        device.rejected_count,
    )
