"""Does what went out agree with what came in? Per endpoint and day: accepted, queued, delivered,
waiting, given up, missing.

Read-only, and from both ends: what is owed is counted from punches and matches, what was queued
from deliveries. `missing` is always 0, because both are written in one transaction; if it is not,
somebody must look. Called by the console and by `manage.py reconcile`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.raw_sql import run_sql, to_db_datetime
from employees.models import Organization
from webhooks.models import Endpoint


@dataclass(frozen=True, slots=True)
class EndpointReconciliation:
    """One endpoint on one day (of the organization's zone, by when Muster accepted the punch)."""

    endpoint: Endpoint
    day: date
    accepted: int
    missing: int
    delivered: int
    waiting: int
    dead: int

    @property
    def is_balanced(self) -> bool:
        """Whether every accepted punch is delivered, waiting or given up, and none is unaccounted
        for.
        """
        return self.missing == 0 and self.accepted == self.delivered + self.waiting + self.dead


# What an endpoint is owed: punches accepted, and punches matched, while it was there. `kind` tells
# the two apart in the body of the delivery's subject only by time, so a punch counts once for each.
_EXPECTED_PUNCHES = """
SELECT p.id FROM attendance_punch p WHERE p.organization_id = %s AND p.verdict = 'accepted'
 AND p.received_at >= %s AND p.received_at < %s
UNION ALL
SELECT m.punch_id FROM attendance_punchmatch m
WHERE m.organization_id = %s AND m.matched_at >= %s AND m.matched_at < %s
"""
_RECONCILIATION_QUERY = f"""
WITH owed AS ({_EXPECTED_PUNCHES}),
sent AS (
 SELECT d.subject, MAX(CASE d.state WHEN 'dead' THEN 3 WHEN 'delivered' THEN 1 ELSE 2 END) AS state
 FROM webhooks_delivery d
WHERE d.endpoint_id = %s AND d.created_at >= %s AND d.created_at < %s GROUP BY d.subject
)
SELECT COUNT(*), SUM(CASE WHEN sent.state IS NULL THEN 1 ELSE 0 END),
       SUM(CASE WHEN sent.state = 1 THEN 1 ELSE 0 END),
 SUM(CASE WHEN sent.state = 2 THEN 1 ELSE 0 END), SUM(CASE WHEN sent.state = 3 THEN 1 ELSE 0 END)
FROM owed LEFT JOIN sent ON sent.subject = 'punch:' || CAST(owed.id AS text)
"""  # noqa: S608


def reconcile_endpoint(endpoint: Endpoint, day: date) -> EndpointReconciliation:
    """The balance of one endpoint on one day. One query."""
    start, end = _day_bounds(endpoint, day)
    organization = endpoint.organization_id
    span = (to_db_datetime(start), to_db_datetime(end))
    ((accepted, *rest),) = run_sql(
        _RECONCILIATION_QUERY, organization, *span, organization, *span, endpoint.pk, *span
    )
    missing, delivered, waiting, dead = (int(number or 0) for number in rest)
    return EndpointReconciliation(endpoint, day, accepted, missing, delivered, waiting, dead)


def reconcile_organization(organization: Organization, day: date) -> list[EndpointReconciliation]:
    """The balances of all endpoints of an organization that are in service."""
    return [
        reconcile_endpoint(endpoint, day)
        for endpoint in Endpoint.objects.of(organization)
        .not_removed()
        .select_related("organization")
    ]


def _day_bounds(endpoint: Endpoint, day: date) -> tuple[datetime, datetime]:
    zone = ZoneInfo(endpoint.organization.timezone)
    start = max(datetime.combine(day, time(), zone), endpoint.created_at)
    end = datetime.combine(day + timedelta(days=1), time(), zone)
    if endpoint.removed_at is not None:
        end = min(end, endpoint.removed_at)
    return start, max(start, end)
