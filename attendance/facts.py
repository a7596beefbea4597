"""Read what is needed to judge a request's claims and to tell customers: people and endpoints, in
one statement.

Called by `services` and by matching. One statement because the number of round trips is what a
punch costs. What holds only under the lock on a person's row (`hold`) is read after it: `earlier`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from attendance.claims import Claim
from attendance.pairing import Earlier
from attendance.verdicts import Person, Place
from employees.models import Employee
from employees.rows import moment, read_moment, run


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint, as far as a body is made for it."""

    id: int
    mode: str
    include_location: bool
    include_health: bool
    include_unmatched: bool
    virtual_serial: str
    auth_token_cipher: str


@dataclass(frozen=True, slots=True)
class Known:
    """People by the numbers and by the ids asked for, the organization's zone (IANA name) and its
    endpoints.

    `asked_at` is the instant (UTC) before they were read: what is created after it, be it an
    endpoint or an employee, is later than the punches judged by this.
    """

    people: dict[str, list[Person]]
    targets: list[Target]
    named: dict[UUID, Person]
    zone: str
    asked_at: datetime

    def candidates(self, claim: Claim) -> list[Person]:
        """People whom a claim's number may mean, best fit first; whom it names by id, alone."""
        if claim.employee_id is None:
            return self.people.get(claim.user_code, [])
        return [self.named[claim.employee_id]] if claim.employee_id in self.named else []

    def by_code(self, code: str, day: date) -> Person | None:
        """Whom a number means on `day`."""
        return next((person for person in self.people.get(code, []) if person.employed(day)), None)

    def home_zone(self, person: Person | None, day: date) -> str:
        """The IANA zone in which somebody's `day` is reckoned: their site's on that day, else the
        organization's.
        """
        place = person.place(day) if person else None
        return (place.zone if place else "") or self.zone


# Ranks: the device's own number goes before the employee code, which goes before the worker id. The
# endpoints are joined to the same rows: there are a few of them, and it saves the second round
# trip.
_STATEMENT = """
WITH hit AS ({hits})
SELECT e.id, e.mode, e.include_location, e.include_health, e.include_unmatched, e.virtual_serial,
       e.auth_token_cipher,
       hit.asked, hit.rank, p.id, p.code, p.worker_id, p.name, p.joined_on, p.left_on,
       a.id, s.name, d.name, a.starts_on, a.ends_on, s.timezone, o.timezone,
       a.site_id, a.department_id
FROM employees_organization o
LEFT JOIN webhooks_endpoint e ON e.organization_id = o.id AND e.removed_at IS NULL
LEFT JOIN hit ON hit.organization_id = o.id
LEFT JOIN employees_employee p ON p.id = hit.employee_id
LEFT JOIN employees_assignment a ON a.employee_id = p.id
LEFT JOIN employees_site s ON s.id = a.site_id
LEFT JOIN employees_department d ON d.id = a.department_id
WHERE o.id = %s
ORDER BY e.id, hit.asked, hit.rank, a.starts_on
"""
_CODE = (
    "SELECT organization_id, code AS asked, 1 AS rank, id AS employee_id FROM employees_employee"
)
_WORKER = (
    "SELECT organization_id, worker_id AS asked, 2 AS rank, id AS employee_id FROM"
    " employees_employee"
)
_DEVICE = (
    "SELECT organization_id, user_code AS asked, 0 AS rank, employee_id FROM devices_deviceuser"
)
_NAMED = "SELECT organization_id, '' AS asked, 3 AS rank, id AS employee_id FROM employees_employee"
_BY_ID = 3


def gather(organization_id: int, claims: Iterable[Claim]) -> Known:
    """The people whom `claims` (all of one organization and one terminal) may mean, and the
    endpoints. One query.
    """
    claims = list(claims)
    codes = sorted(
        {claim.user_code for claim in claims if claim.user_code and claim.employee_id is None}
    )
    terminal = next((claim.terminal.id for claim in claims if claim.terminal), None)
    ids = {claim.employee_id for claim in claims if claim.employee_id is not None}
    return read(
        organization_id,
        codes,
        terminal,
        worker_ids_too=any(claim.worker_ids_too for claim in claims),
        ids=ids,
    )


def read(
    organization_id: int,
    codes: Sequence[str],
    terminal_id: int | None,
    *,
    worker_ids_too: bool,
    ids: Collection[UUID] = (),
) -> Known:
    """As `gather`, from plain numbers and ids."""
    marks = ", ".join(["%s"] * len(codes)) or "NULL"
    hits = [f"{_CODE} WHERE organization_id = %s AND code IN ({marks})"]
    params: list[Any] = [organization_id, *codes]
    if worker_ids_too:
        hits.append(f"{_WORKER} WHERE organization_id = %s AND worker_id IN ({marks})")
        params += [organization_id, *codes]
    if terminal_id is not None:
        hits.append(
            f"{_DEVICE} WHERE organization_id = %s AND device_id = %s AND user_code IN ({marks})"
        )
        params += [organization_id, terminal_id, *codes]
    if ids:
        hits.append(
            f"{_NAMED} WHERE organization_id = %s AND id IN ({', '.join(['%s'] * len(ids))})"
        )
        params += [organization_id, *_stored(ids)]
    asked_at = timezone.now()
    return _known(
        run(_STATEMENT.format(hits=" UNION ALL ".join(hits)), *params, organization_id), asked_at
    )


_HOLD = (
    "SELECT id FROM employees_employee WHERE organization_id = %s AND id IN ({marks}) ORDER BY id"
    " FOR NO KEY UPDATE"
)


def hold(organization_id: int, ids: Collection[UUID]) -> None:
    """Lock the rows of these employees until the transaction ends, in sorted order. SQLite's
    transaction is the lock itself.

    NO KEY UPDATE: those who only refer to an employee, as every other door's insert does, need not
    wait.
    """
    if connection.vendor == "postgresql" and ids:
        marks = ", ".join(["%s"] * len(ids))
        run(_HOLD.format(marks=marks), organization_id, *_stored(ids))


# Two halves, so that each finds its own index: punches whose owner was known, and those matched to
# somebody since.
_EARLIER = """
SELECT p.door, p.direction, p.occurred_at, p.id FROM attendance_punch p
WHERE p.organization_id = %s AND p.employee_id = %s AND p.verdict = 'accepted'
 AND p.direction IS NOT NULL AND p.occurred_at <= %s AND p.occurred_at >= %s
UNION ALL
SELECT p.door, p.direction, p.occurred_at, p.id FROM attendance_punchmatch m
JOIN attendance_punch p ON p.id = m.punch_id
WHERE m.organization_id = %s AND m.employee_id = %s
 AND p.direction IS NOT NULL AND p.occurred_at <= %s AND p.occurred_at >= %s
ORDER BY 3 DESC, 4 DESC LIMIT 1
"""


def earlier(
    organization_id: int, employee_id: UUID, until: datetime, since: datetime
) -> Earlier | None:
    """The nearest accepted punch with a direction, of any door, from `since` to `until` (UTC, both
    included). One query.
    """
    (stored,) = _stored([employee_id])
    span = (organization_id, stored, moment(until), moment(since))
    for door, direction, at, _id in run(_EARLIER, *span, *span):
        return Earlier(door, direction, read_moment(at) or until)
    return None


def _stored(ids: Iterable[UUID]) -> list[Any]:
    """Ids as the engine keeps them, sorted."""
    return [Employee._meta.pk.get_db_prep_value(one, connection) for one in sorted(ids)]


def _known(rows: list[tuple[Any, ...]], asked_at: datetime) -> Known:
    targets: dict[int, Target] = {}
    people: dict[str, dict[UUID, Person]] = {}
    named: dict[UUID, Person] = {}
    for row in rows:
        if row[0] is not None and row[0] not in targets:
            targets[row[0]] = Target(
                row[0], row[1], bool(row[2]), bool(row[3]), bool(row[4]), row[5], row[6]
            )
        if row[9] is not None:
            _add_person(named if row[8] == _BY_ID else people.setdefault(row[7], {}), row)
    found = {asked: list(fitting.values()) for asked, fitting in people.items()}
    return Known(found, list(targets.values()), named, rows[0][21] if rows else "UTC", asked_at)


def _add_person(found: dict[UUID, Person], row: tuple[Any, ...]) -> None:
    identity = UUID(str(row[9]))
    person = found.get(identity) or Person(
        identity, row[10], row[11], row[12], _day(row[13]), _maybe_day(row[14])
    )
    places = person.places
    if row[15] is not None and all(place.id != row[15] for place in places):
        days = _day(row[18]), _maybe_day(row[19])
        places = (*places, Place(row[15], row[16], row[17], *days, row[20] or "", row[22], row[23]))
    found[identity] = Person(
        identity,
        person.code,
        person.worker_id,
        person.name,
        person.joined_on,
        person.left_on,
        places,
    )


def _day(value: Any) -> date:
    """A date column read without the ORM: PostgreSQL gives a date, SQLite its text."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def _maybe_day(value: Any) -> date | None:
    return None if value is None else _day(value)
