"""Read what is needed to judge a request's claims and to tell customers: people and endpoints, in
one statement.

Called by `punches.record` and by matching. One statement because the number of round trips is what
a punch costs. What holds only under the lock on a person's row (`lock_employees`) is read after it:
`previous_punch`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from attendance.punches.claims import Claim
from attendance.punches.sequence import PreviousPunch
from attendance.punches.verdicts import EmployeeSnapshot, WorkAssignment
from core.raw_sql import from_db_datetime, run_sql, to_db_datetime
from employees.models import Employee


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """An endpoint, as far as a body is made for it."""

    id: int
    mode: str
    include_location: bool
    include_health: bool
    include_unmatched: bool
    virtual_serial: str
    auth_token_cipher: str


@dataclass(frozen=True, slots=True)
class PunchContext:
    """People by the numbers and by the ids asked for, the organization's zone (IANA name) and its
    endpoints.

    `asked_at` is the instant (UTC) before they were read: what is created after it, be it an
    endpoint or an employee, is later than the punches judged by this.
    """

    employees_by_code: dict[str, list[EmployeeSnapshot]]
    endpoints: list[EndpointConfig]
    employees_by_id: dict[UUID, EmployeeSnapshot]
    zone: str
    read_at: datetime

    def candidates(self, claim: Claim) -> list[EmployeeSnapshot]:
        """People whom a claim's number may mean, best fit first; whom it names by id, alone."""
        if claim.employee_id is None:
            return self.employees_by_code.get(claim.user_code, [])
        return (
            [self.employees_by_id[claim.employee_id]]
            if claim.employee_id in self.employees_by_id
            else []
        )

    def employee_by_code(self, code: str, day: date) -> EmployeeSnapshot | None:
        """Whom a number means on `day`."""
        return next(
            (
                person
                for person in self.employees_by_code.get(code, [])
                if person.is_employed_on(day)
            ),
            None,
        )

    def home_zone(self, employee: EmployeeSnapshot | None, day: date) -> str:
        """The IANA zone in which somebody's `day` is reckoned: their site's on that day, else the
        organization's.
        """
        place = employee.assignment_on(day) if employee else None
        return (place.zone if place else "") or self.zone


# Ranks: the device's own number goes before the employee code, which goes before the worker id. The
# endpoints are joined to the same rows: there are a few of them, and it saves the second round
# trip.
_CONTEXT_QUERY = """
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
_MATCH_CODE = (
    "SELECT organization_id, code AS asked, 1 AS rank, id AS employee_id FROM employees_employee"
)
_MATCH_WORKER_ID = (
    "SELECT organization_id, worker_id AS asked, 2 AS rank, id AS employee_id FROM"
    " employees_employee"
)
_MATCH_DEVICE_USER = (
    "SELECT organization_id, user_code AS asked, 0 AS rank, employee_id FROM devices_deviceuser"
)
_MATCH_EMPLOYEE_ID = (
    "SELECT organization_id, '' AS asked, 3 AS rank, id AS employee_id FROM employees_employee"
)
_RANK_BY_ID = 3


def query_context_for_claims(organization_id: int, claims: Iterable[Claim]) -> PunchContext:
    """The people whom `punches.claims` (all of one organization and one terminal) may mean, and the
    endpoints. One query.
    """
    claims = list(claims)
    codes = sorted(
        {claim.user_code for claim in claims if claim.user_code and claim.employee_id is None}
    )
    terminal = next((claim.terminal.id for claim in claims if claim.terminal), None)
    ids = {claim.employee_id for claim in claims if claim.employee_id is not None}
    return query_punch_context(
        organization_id,
        codes,
        terminal,
        include_worker_ids=any(claim.include_worker_ids for claim in claims),
        ids=ids,
    )


def query_punch_context(
    organization_id: int,
    codes: Sequence[str],
    terminal_id: int | None,
    *,
    include_worker_ids: bool,
    ids: Collection[UUID] = (),
) -> PunchContext:
    """As `query_context_for_claims`, from plain numbers and ids."""
    marks = ", ".join(["%s"] * len(codes)) or "NULL"
    hits = [f"{_MATCH_CODE} WHERE organization_id = %s AND code IN ({marks})"]
    params: list[Any] = [organization_id, *codes]
    if include_worker_ids:
        hits.append(f"{_MATCH_WORKER_ID} WHERE organization_id = %s AND worker_id IN ({marks})")
        params += [organization_id, *codes]
    if terminal_id is not None:
        hits.append(
            f"{_MATCH_DEVICE_USER} WHERE organization_id = %s AND device_id = %s AND user_code IN"
            f" ({marks})"
        )
        params += [organization_id, terminal_id, *codes]
    if ids:
        hits.append(
            f"{_MATCH_EMPLOYEE_ID} WHERE organization_id = %s AND id IN"
            f" ({', '.join(['%s'] * len(ids))})"
        )
        params += [organization_id, *_to_db_ids(ids)]
    asked_at = timezone.now()
    return _build_context(
        run_sql(_CONTEXT_QUERY.format(hits=" UNION ALL ".join(hits)), *params, organization_id),
        asked_at,
    )


_LOCK_EMPLOYEES = (
    "SELECT id FROM employees_employee WHERE organization_id = %s AND id IN ({marks}) ORDER BY id"
    " FOR NO KEY UPDATE"
)


def lock_employees(organization_id: int, ids: Collection[UUID]) -> None:
    """Lock the rows of these employees until the transaction ends, in sorted order. SQLite's
    transaction is the lock itself.

    NO KEY UPDATE: those who only refer to an employee, as every other channel's insert does, need
    not wait.
    """
    if connection.vendor == "postgresql" and ids:
        marks = ", ".join(["%s"] * len(ids))
        run_sql(_LOCK_EMPLOYEES.format(marks=marks), organization_id, *_to_db_ids(ids))


# Two halves, so that each finds its own index: punches whose owner was known, and those matched to
# somebody since.
_PREVIOUS_PUNCH_QUERY = """
SELECT p.channel, p.direction, p.occurred_at, p.id FROM attendance_punch p
WHERE p.organization_id = %s AND p.employee_id = %s AND p.verdict = 'accepted'
 AND p.direction IS NOT NULL AND p.occurred_at <= %s AND p.occurred_at >= %s
UNION ALL
SELECT p.channel, p.direction, p.occurred_at, p.id FROM attendance_punchmatch m
JOIN attendance_punch p ON p.id = m.punch_id
WHERE m.organization_id = %s AND m.employee_id = %s
 AND p.direction IS NOT NULL AND p.occurred_at <= %s AND p.occurred_at >= %s
ORDER BY 3 DESC, 4 DESC LIMIT 1
"""


def previous_punch(
    organization_id: int, employee_id: UUID, until: datetime, since: datetime
) -> PreviousPunch | None:
    """The nearest accepted punch with a direction, of any channel, from `since` to `until` (UTC,
    both included). One query.
    """
    (stored,) = _to_db_ids([employee_id])
    span = (organization_id, stored, to_db_datetime(until), to_db_datetime(since))
    for channel, direction, at, _id in run_sql(_PREVIOUS_PUNCH_QUERY, *span, *span):
        return PreviousPunch(channel, direction, from_db_datetime(at) or until)
    return None


def _to_db_ids(ids: Iterable[UUID]) -> list[Any]:
    """Ids as the engine keeps them, sorted."""
    return [Employee._meta.pk.get_db_prep_value(one, connection) for one in sorted(ids)]


def _build_context(rows: list[tuple[Any, ...]], read_at: datetime) -> PunchContext:
    targets: dict[int, EndpointConfig] = {}
    people: dict[str, dict[UUID, EmployeeSnapshot]] = {}
    named: dict[UUID, EmployeeSnapshot] = {}
    for row in rows:
        if row[0] is not None and row[0] not in targets:
            targets[row[0]] = EndpointConfig(
                row[0], row[1], bool(row[2]), bool(row[3]), bool(row[4]), row[5], row[6]
            )
        if row[9] is not None:
            _add_employee(named if row[8] == _RANK_BY_ID else people.setdefault(row[7], {}), row)
    found = {asked: list(fitting.values()) for asked, fitting in people.items()}
    return PunchContext(
        found, list(targets.values()), named, rows[0][21] if rows else "UTC", read_at
    )


def _add_employee(found: dict[UUID, EmployeeSnapshot], row: tuple[Any, ...]) -> None:
    identity = UUID(str(row[9]))
    person = found.get(identity) or EmployeeSnapshot(
        identity, row[10], row[11], row[12], _to_date(row[13]), _to_date_or_none(row[14])
    )
    places = person.assignments
    if row[15] is not None and all(place.id != row[15] for place in places):
        days = _to_date(row[18]), _to_date_or_none(row[19])
        places = (
            *places,
            WorkAssignment(row[15], row[16], row[17], *days, row[20] or "", row[22], row[23]),
        )
    found[identity] = EmployeeSnapshot(
        identity,
        person.code,
        person.worker_id,
        person.name,
        person.joined_on,
        person.left_on,
        places,
    )


def _to_date(value: Any) -> date:
    """A date column read without the ORM: PostgreSQL gives a date, SQLite its text."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def _to_date_or_none(value: Any) -> date | None:
    return None if value is None else _to_date(value)
