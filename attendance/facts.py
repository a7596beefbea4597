"""Read, in one statement, what is needed to judge a request's claims and to tell customers: people and endpoints.

Called by `services.record_punches` and by matching. One statement because the number of round trips is what a punch costs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from attendance.claims import Claim
from attendance.verdicts import Person, Place


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
    """People by the numbers asked for, and the organization's endpoints."""

    people: dict[str, list[Person]]
    targets: list[Target]

    def candidates(self, claim: Claim) -> list[Person]:
        """People whom a claim's number may mean, best fit first."""
        return self.people.get(claim.user_code, [])


# Ranks: the device's own number goes before the employee code, which goes before the worker id. The endpoints are joined to
# the same rows: there are a few of them, and it saves the second round trip.
_STATEMENT = """
WITH hit AS ({hits})
SELECT e.id, e.mode, e.include_location, e.include_health, e.include_unmatched, e.virtual_serial, e.auth_token_cipher,
       hit.asked, hit.rank, p.id, p.code, p.worker_id, p.name, p.joined_on, p.left_on,
       a.id, s.name, d.name, a.starts_on, a.ends_on
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
_CODE = "SELECT organization_id, code AS asked, 1 AS rank, id AS employee_id FROM employees_employee"
_WORKER = "SELECT organization_id, worker_id AS asked, 2 AS rank, id AS employee_id FROM employees_employee"
_DEVICE = "SELECT organization_id, user_code AS asked, 0 AS rank, employee_id FROM devices_deviceuser"


def gather(organization_id: int, claims: Iterable[Claim]) -> Known:
    """The people whom `claims` (all of one organization and one terminal) may mean, and the endpoints. One query."""
    claims = list(claims)
    codes = sorted({claim.user_code for claim in claims if claim.user_code})
    terminal = next((claim.terminal.id for claim in claims if claim.terminal), None)
    return read(organization_id, codes, terminal, worker_ids_too=any(claim.worker_ids_too for claim in claims))


def read(organization_id: int, codes: list[str], terminal_id: int | None, *, worker_ids_too: bool) -> Known:
    """As `gather`, from plain numbers."""
    marks = ", ".join(["%s"] * len(codes)) or "NULL"
    hits = [f"{_CODE} WHERE organization_id = %s AND code IN ({marks})"]
    params: list[Any] = [organization_id, *codes]
    if worker_ids_too:
        hits.append(f"{_WORKER} WHERE organization_id = %s AND worker_id IN ({marks})")
        params += [organization_id, *codes]
    if terminal_id is not None:
        hits.append(f"{_DEVICE} WHERE organization_id = %s AND device_id = %s AND user_code IN ({marks})")
        params += [organization_id, terminal_id, *codes]
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT.format(hits=" UNION ALL ".join(hits)), [*params, organization_id])
        return _known(cursor.fetchall())


def _known(rows: list[tuple[Any, ...]]) -> Known:
    targets: dict[int, Target] = {}
    people: dict[str, dict[UUID, Person]] = {}
    for row in rows:
        if row[0] is not None and row[0] not in targets:
            targets[row[0]] = Target(row[0], row[1], bool(row[2]), bool(row[3]), bool(row[4]), row[5], row[6])
        if row[9] is not None:
            _add_person(people.setdefault(row[7], {}), row)
    return Known({asked: list(found.values()) for asked, found in people.items()}, list(targets.values()))


def _add_person(found: dict[UUID, Person], row: tuple[Any, ...]) -> None:
    identity = UUID(str(row[9]))
    person = found.get(identity) or Person(identity, row[10], row[11], row[12], _day(row[13]), _maybe_day(row[14]))
    places = person.places
    if row[15] is not None and all(place.id != row[15] for place in places):
        places = (*places, Place(row[15], row[16], row[17], _day(row[18]), _maybe_day(row[19])))
    found[identity] = Person(identity, person.code, person.worker_id, person.name, person.joined_on, person.left_on, places)


def _day(value: Any) -> date:
    """A date column read without the ORM: PostgreSQL gives a date, SQLite its text."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def _maybe_day(value: Any) -> date | None:
    return None if value is None else _day(value)
