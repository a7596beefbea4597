"""What days do not show: numbers nobody has, clocks that are wrong, devices that fell silent. A
thread of the scheduler looks.

Nothing here is on a punch's way in, and nothing that goes wrong here holds up days. What came last
is looked at within seconds, by a place in the table that is kept in memory only; everything of late
is looked at again now and then, so what was missed meanwhile is made up for. Looking twice, or two
workers at once, changes nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Count, Max, Min, Model, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from attendance import habits, inbox
from attendance.models import DayException, DayPolicy, DeviceHabit, Punch, Verdict
from attendance.sightings import (
    CLOCK,
    SILENT,
    UNMATCHED,
    Sighting,
    Waiting,
    code_subject,
    of_code,
    of_refusals,
    of_silence,
    of_skew,
)
from attendance.times import local
from devices.models import Device
from employees.loops import look_for_ever
from employees.models import Organization
from leaves.almanacs import closings
from leaves.calendars import DayClass, Post, days_between

_M = TypeVar("_M", bound=Model)

EVERY_S: Final = 2.0
AT_ONCE: Final = 500
# Ids are given before a transaction is committed: so many of the last are looked at once more.
OVERLAP: Final = 200
_READ: Final = (
    "organization_id",
    "door",
    "device_id",
    "user_code",
    "verdict",
    "occurred_at",
    "received_at",
)
# Numbers of one look at everything: nobody goes through more of them.
MOST: Final = 10_000
# What came longer ago is not asked about by itself.
LATELY: Final = timedelta(days=35)
DEVICES_EVERY: Final = timedelta(seconds=60)
EVERYTHING_EVERY: Final = timedelta(hours=1)
# A device is not missed sooner than this, however often it usually speaks.
PATIENCE_S: Final = 600
HEARTBEATS: Final = 3


class Code(NamedTuple):
    """A number at a door and a device."""

    door: str
    device_id: int | None
    text: str

    @property
    def subject(self) -> str:
        """What it is called in the inbox."""
        return code_subject(self.door, self.device_id, self.text)


# --- What came last -------------------------------------------------------------------------------
def look_at_new(after: int, now: datetime) -> int:
    """Look at punches with an id above `after`, as many as go at once; returns the highest of these
    ids.
    """
    rows = list(Punch.objects.filter(pk__gt=after - OVERLAP).order_by("pk").only(*_READ)[:AT_ONCE])
    if not rows or rows[-1].pk <= after:
        return after
    by_tenant: dict[int, list[Punch]] = defaultdict(list)
    for punch in rows:
        by_tenant[punch.organization_id].append(punch)
    for organization_id, punches in sorted(by_tenant.items()):
        with transaction.atomic():
            look_at_codes(
                organization_id,
                {_code(one) for one in punches if one.verdict == Verdict.UNMATCHED},
                now,
            )
            refused = {
                one.device_id
                for one in punches
                if one.verdict == Verdict.REJECTED_TIME and one.device_id
            }
            look_at_refusals(organization_id, refused, now)
            _look_at_clocks(organization_id, punches, now)
    return rows[-1].pk


def last_id() -> int:
    """Where to begin to look: a little before the end."""
    return max((Punch.objects.aggregate(last=Max("pk"))["last"] or 0) - OVERLAP, 0)


def _code(punch: Punch) -> Code:
    return Code(punch.door, punch.device_id, punch.user_code)


# --- Numbers nobody has ---------------------------------------------------------------------------
def look_at_codes(organization_id: int, codes: Collection[Code], now: datetime) -> int:
    """Ask about numbers for which punches wait, and close what is known by now. Within a
    transaction.
    """
    if not codes:
        return 0
    rows = DayException.objects.of(organization_id).filter(
        kind=UNMATCHED, state=inbox.OPEN, subject__in=[one.subject for one in codes]
    )
    return inbox.keep(
        organization_id, rows, [of_code(one) for one in _waiting(organization_id, codes)], now
    )


def _waiting(organization_id: int, codes: Collection[Code]) -> Iterator[Waiting]:
    unmatched = (
        Punch.objects.of(organization_id)
        .unmatched()
        .filter(user_code__in={one.text for one in codes})
    )
    groups = (
        unmatched.order_by()
        .values("door", "device_id", "user_code")
        .annotate(
            count=Count("pk"),
            first=Min("occurred_at"),
            last=Max("occurred_at"),
            received=Max("received_at"),
            latest=Max("pk"),
        )
    )
    mine = [one for one in groups if Code(one["door"], one["device_id"], one["user_code"]) in codes]
    latest = (
        Punch.objects.of(organization_id)
        .select_related("device__site")
        .in_bulk([one["latest"] for one in mine])
    )
    for one in mine:
        punch = latest[one["latest"]]
        yield Waiting(
            one["door"],
            one["device_id"],
            one["user_code"],
            one["count"],
            one["first"],
            one["last"],
            one["received"],
            punch.pk,
            punch.reasons.get("employee", "unknown"),
            punch.zone,
            local(one["last"], punch.zone).date(),
            punch.device.site_id if punch.device else None,
        )


def look_at_all_codes(organization: Organization, now: datetime) -> int:
    """As `look_at_codes`, for all numbers of late and for all that are open; in parts."""
    lately = (
        Punch.objects.of(organization).unmatched().filter(received_at__gte=now - LATELY).order_by()
    )
    groups = lately.values_list("door", "device_id", "user_code").distinct()[:MOST]
    codes = [Code(*one) for one in groups]
    changed = 0
    for start in range(0, len(codes), AT_ONCE):
        part = codes[start : start + AT_ONCE]
        with transaction.atomic():
            changed += look_at_codes(organization.pk, part, now)
    return changed + look_at_open_codes(organization.pk, now)


def look_at_open_codes(organization_id: int, now: datetime) -> int:
    """Close what is known by now among the numbers that are asked about."""
    changed = 0
    for part in _pages(
        DayException.objects.of(organization_id).filter(kind=UNMATCHED, state=inbox.OPEN)
    ):
        codes = {Code(row.details["door"], row.device_id, row.details["code"]) for row in part}
        with transaction.atomic():
            changed += look_at_codes(organization_id, codes, now)
    return changed


# --- Clocks ---------------------------------------------------------------------------------------
def look_at_refusals(organization_id: int, devices: Collection[int], now: datetime) -> int:
    """Ask about punches of late that were refused for an impossible time, one question for each
    device and date.
    """
    if not devices:
        return 0
    zone = Organization.objects.values_list("timezone", flat=True).get(pk=organization_id)
    refused = Punch.objects.of(organization_id).filter(
        device__in=list(devices), verdict=Verdict.REJECTED_TIME, received_at__gte=now - LATELY
    )
    days = (
        refused.order_by()
        .annotate(on=TruncDate("received_at", tzinfo=ZoneInfo(zone)))
        .values("device_id", "device__site_id", "on")
        .annotate(count=Count("pk"), latest=Max("pk"))
    )
    found = [
        of_refusals(
            one["device_id"], one["on"], one["count"], one["latest"], one["device__site_id"]
        )
        for one in days
    ]
    standing = _open_of(organization_id, CLOCK, devices).filter(
        subject__in=[one.subject for one in found]
    )
    return inbox.keep(organization_id, standing, found, now)


def _look_at_clocks(organization_id: int, punches: Iterable[Punch], now: datetime) -> int:
    """Learn from punches that were taken how the clocks of their devices run, and ask about those
    that are wrong.
    """
    said: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for one in punches:
        if one.device_id is not None and one.verdict != Verdict.REJECTED_TIME:
            said[one.device_id].append((one.occurred_at, one.received_at))
    devices = (
        Device.objects.of(organization_id)
        .filter(pk__in=list(said))
        .select_related("site", "organization")
    )
    known = _habits(organization_id, list(said))
    learned: list[DeviceHabit] = []
    found: list[Sighting] = []
    for device in devices:
        habit = known.get(device.pk) or DeviceHabit(organization_id=organization_id, device=device)
        clock = habits.read_clock(habit.clock, said[device.pk])
        if clock != habit.clock:
            habit.clock = clock
            learned.append(habit)
        if (seconds := habits.skew_s(clock)) is not None:
            found.append(
                of_skew(device.pk, seconds, local(now, device.zone).date(), device.site_id)
            )
    _store(learned, ("clock",))
    standing = _open_of(organization_id, CLOCK, list(said)).filter(
        subject__in=[f"device:{one}" for one in said]
    )
    return inbox.keep(organization_id, standing, found, now)


def _open_of(organization_id: int, kind: str, devices: Collection[int]) -> Any:
    return DayException.objects.of(organization_id).filter(
        kind=kind, state=inbox.OPEN, device__in=list(devices)
    )


# --- Silence --------------------------------------------------------------------------------------
def look_at_devices(organization: Organization, now: datetime) -> int:
    """Learn when devices speak, and ask about those that are quiet for much longer than they
    usually are; in parts.
    """
    rules = DayPolicy.objects.of(organization).first() or DayPolicy()
    rows = (
        Device.objects.of(organization)
        .filter(last_seen_at__isnull=False)
        .select_related("site", "organization")
    )
    changed = 0
    for part in _pages(rows):
        with transaction.atomic():
            known = _learn(part)
            found = _silent(organization.pk, part, known, rules.silent_factor, now)
            changed += inbox.keep(
                organization.pk,
                _open_of(organization.pk, SILENT, [one.pk for one in part]),
                found,
                now,
            )
    return changed


def _learn(devices: Sequence[Device]) -> Mapping[int, DeviceHabit]:
    organization_id = devices[0].organization_id
    known = _habits(organization_id, [one.pk for one in devices])
    learned = []
    for device in devices:
        habit = known.setdefault(
            device.pk, DeviceHabit(organization_id=organization_id, device=device)
        )
        if device.last_seen_at is not None and (
            habit.seen_at is None or device.last_seen_at > habit.seen_at
        ):
            habit.days = habits.spoke(habit.days, habit.seen_at, device.last_seen_at, device.zone)
            habit.seen_at = device.last_seen_at
            learned.append(habit)
    _store(learned, ("days", "seen_at"))
    return known


def _silent(
    organization_id: int,
    devices: Iterable[Device],
    known: Mapping[int, DeviceHabit],
    factor: int,
    now: datetime,
) -> list[Sighting]:
    # Blocked ones and those without a subscription are expected to say nothing of use.
    judged = [one for one in devices if not one.blocked and one.subscribed(now)]
    limits = {one.pk: _limit(one, known[one.pk], factor) for one in judged}
    late = [one for one in judged if _quiet(one, known[one.pk], now) > limits[one.pk]]
    closed = _closed(organization_id, late, now)
    return [
        of_silence(
            one.pk,
            one.last_seen_at,
            habits.usual_gap(known[one.pk].days, _fell_silent(one)) or 0,
            _fell_silent(one),
            one.zone,
            one.site_id,
        )
        for one in late
        if one.last_seen_at is not None
        and _quiet(one, known[one.pk], now, closed[one.pk]) > limits[one.pk]
    ]


def _limit(device: Device, habit: DeviceHabit, factor: int) -> float:
    """Seconds of working time after which a device is missed; without end while nobody knows what
    is usual for it.
    """
    usual = habits.usual_gap(habit.days, _fell_silent(device))
    return (
        float("inf")
        if usual is None
        else max(factor * usual, HEARTBEATS * device.heartbeat_s, PATIENCE_S)
    )


def _quiet(device: Device, habit: DeviceHabit, now: datetime, closed: Collection[date] = ()) -> int:
    return (
        habits.silent_s(habit.days, device.last_seen_at, now, device.zone, closed)
        if device.last_seen_at
        else 0
    )


def _fell_silent(device: Device) -> date:
    """The date, where it stands, on which a device spoke last."""
    return local(device.last_seen_at or timezone.now(), device.zone).date()


def _closed(organization_id: int, devices: Sequence[Device], now: datetime) -> dict[int, set[date]]:
    """The dates of late on which the places of these devices were closed, by device."""
    if not devices:
        return {}
    first, last = (now - habits.FURTHEST).date(), (now + timedelta(days=1)).date()
    posts = {one.pk: [Post(one.site_id, first, None)] if one.site_id else [] for one in devices}
    found = closings(organization_id, posts, range(first.year, last.year + 1))
    # Weekly offs are no concern here: the device itself shows on which weekdays it is at work.
    return {
        pk: {on for on in days_between(first, last) if one.day(on).day_class is DayClass.HOLIDAY}
        for pk, one in found.items()
    }


# --- Habits ---------------------------------------------------------------------------------------
def _habits(organization_id: int, devices: Sequence[int]) -> dict[int, DeviceHabit]:
    """What is known of some devices; held until the transaction ends, so that nothing learned
    meanwhile is lost.
    """
    rows = DeviceHabit.objects.of(organization_id).filter(device__in=devices).order_by("device")
    if connection.vendor == "postgresql":
        rows = rows.select_for_update()
    return {one.device_id: one for one in rows}


def _store(learned: Sequence[DeviceHabit], fields: tuple[str, ...]) -> None:
    DeviceHabit.objects.bulk_create(
        [one for one in learned if one.pk is None], ignore_conflicts=True
    )
    DeviceHabit.objects.bulk_update(
        [one for one in learned if one.pk is not None], fields, batch_size=AT_ONCE
    )


# --- The loop -------------------------------------------------------------------------------------
def look_at_everything(now: datetime) -> None:
    """What was missed: numbers and refusals of late, of all organizations."""
    for organization in Organization.objects.order_by("pk"):
        look_at_all_codes(organization, now)
        for part in _pages(Device.objects.of(organization)):
            with transaction.atomic():
                look_at_refusals(organization.pk, [one.pk for one in part], now)


def watch_for_ever(stop: threading.Event) -> None:
    """Look again and again until `stop`."""
    place: int | None = None
    devices_at = everything_at = datetime.min.replace(tzinfo=UTC)

    def look() -> float:
        nonlocal place, devices_at, everything_at
        now = timezone.now()
        seen = last_id() if place is None else place
        place = look_at_new(seen, now)
        if place - seen >= AT_ONCE - OVERLAP:
            return 0
        if now - devices_at > DEVICES_EVERY:
            devices_at = now
            for organization in Organization.objects.order_by("pk"):
                look_at_devices(organization, now)
                look_at_open_codes(organization.pk, now)
        if now - everything_at > EVERYTHING_EVERY:
            everything_at = now
            look_at_everything(now)
        return EVERY_S

    look_for_ever(look, stop)


def _pages(rows: QuerySet[_M]) -> Iterator[list[_M]]:
    """Rows by their ids, a page at a time: nothing is kept open between two of them."""
    after = 0
    while page := list(rows.filter(pk__gt=after).order_by("pk")[:AT_ONCE]):
        yield page
        after = page[-1].pk
