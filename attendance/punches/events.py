"""The outbox messages of punches that were just stored, one for each endpoint that wants them.

Called by `record` inside its transaction. `payloads` writes the body of a message; `matching`
builds the events of punches that are matched later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from attendance.models import Verdict
from attendance.punches import payloads
from attendance.punches.context import EndpointConfig
from attendance.punches.judged_claims import JudgedClaim
from webhooks.outbox import OutboxMessage


def build_outbox_messages(
    rows: Sequence[tuple[JudgedClaim, int]],
    endpoints: Sequence[EndpointConfig],
    now: datetime,
) -> list[OutboxMessage]:
    messages = []
    for judged, punch_id in rows:
        verdict = judged.judgement.verdict
        wanted = [
            endpoint
            for endpoint in endpoints
            if verdict == Verdict.ACCEPTED
            or (verdict == Verdict.UNMATCHED and endpoint.include_unmatched)
        ]
        if wanted:
            event = _punch_event(judged, punch_id, now)
            messages += [payloads.build_outbox_message(event, endpoint, now) for endpoint in wanted]
    return messages


def _punch_event(judged: JudgedClaim, punch_id: int, now: datetime) -> payloads.PunchEvent:
    claim, judgement = judged.claim, judged.judgement
    return payloads.PunchEvent(
        punch_id=punch_id,
        channel=claim.channel,
        direction=claim.direction,
        at=claim.at,
        home_zone=claim.home_zone,
        received_at=now,
        received_late=judgement.received_late,
        flags=judgement.flags,
        user_code=claim.user_code or (judgement.employee.code if judgement.employee else ""),
        raw_input_type=claim.raw_input_type,
        terminal=claim.terminal,
        source=claim.source,
        employee=judgement.employee,
        evidence=claim.evidence,
    )
