"""The rows of a request, inserted by raw SQL: punches, their evidence, and the entry of the
ingestion log.

Called by `record` inside its transaction. The database decides which key is free
(`ON CONFLICT … RETURNING`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from attendance.models import IngestionLogEntry, Punch, PunchEvidence, Verdict
from attendance.punches.judged_claims import JudgedClaim
from attendance.punches.results import RecordResult
from core.raw_sql import insert_rows


def evidence_commitment(salt: str, body: str) -> str:
    return hashlib.sha256(f"{salt}.{body}".encode()).hexdigest()


def insert_punches(
    organization_id: int, now: datetime, rows: Sequence[tuple[JudgedClaim, str]]
) -> dict[str, int]:
    """Insert the punches whose key is free; key → id of those. A parallel repeat waits here until
    the first has committed.
    """
    values = []
    for judged, commitment in sorted(rows, key=lambda row: row[0].key):
        claim, judgement = judged.claim, judged.judgement
        person = judgement.employee
        values.append(
            {
                "organization_id": organization_id,
                "channel": claim.channel,
                "source": claim.source,
                "key": judged.key,
                "fingerprint": claim.fingerprint,
                "employee_id": person.id if person else None,
                "device_id": claim.terminal.id if claim.terminal else None,
                "user_code": claim.user_code or (person.code if person else ""),
                "occurred_at": claim.at,
                "occurred_text": claim.at_text,
                "zone": claim.zone,
                "received_at": now,
                "direction": claim.direction,
                "raw_state": claim.raw_state,
                "raw_input_type": claim.raw_input_type,
                "verdict": judgement.verdict,
                "reasons": judgement.reasons,
                "flags": list(judgement.flags),
                "received_late": judgement.received_late,
                "commitment": commitment,
            }
        )
    if not values:
        return {}
    found = insert_rows(
        Punch,
        values,
        suffix="ON CONFLICT (organization_id, source, key) DO NOTHING RETURNING key, id",
    )
    return dict(found)


def insert_evidence(organization_id: int, rows: Sequence[tuple[int, str, str]]) -> None:
    """Insert the evidence of new punches: punch id, salt and body of each."""
    insert_rows(
        PunchEvidence,
        [
            {
                "organization_id": organization_id,
                "punch_id": punch_id,
                "salt": salt,
                "body": body,
                "recalculation_queued": False,
            }
            for punch_id, salt, body in rows
        ],
    )


def log_ingestion(
    organization_id: int, channel: str, outcomes: Sequence[RecordResult], now: datetime
) -> None:
    kinds = Counter(_ingestion_category(outcome) for outcome in outcomes)
    numbers = {
        kind: kinds[kind] for kind in ("accepted", "refused", "duplicate", "conflict", "unmatched")
    }
    row = {
        "organization_id": organization_id,
        "channel": channel,
        "at": now,
        "received": len(outcomes),
    }
    insert_rows(IngestionLogEntry, [row | numbers])


def _ingestion_category(outcome: RecordResult) -> str:
    if outcome.is_conflict:
        return "conflict"
    if outcome.is_duplicate:
        return "duplicate"
    return (
        outcome.verdict if outcome.verdict in (Verdict.ACCEPTED, Verdict.UNMATCHED) else "refused"
    )
