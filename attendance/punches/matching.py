"""The later answer to whose an unmatched punch is: by itself when the number is entered, or by a
clerk.

Called by the drain of changes and by the console. From then on the punch counts, and it is pushed
like the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from attendance import recalculation_queue
from attendance.models import Channel, Punch, PunchEvidence, PunchMatch, Verdict
from attendance.punches import context as punch_context
from attendance.punches import payloads
from attendance.punches.claims import Claim, Terminal
from attendance.punches.record import retry_on_sequence_conflict
from attendance.punches.verdicts import ClaimFacts, judge_claim
from core.raw_sql import durable_transaction, insert_rows
from core.times import to_local_time
from employees.models import Employee
from webhooks import outbox

MATCH_BATCH_SIZE = 1000


class UserCodeKey(NamedTuple):
    """A number at a channel and a device."""

    channel: str
    device_id: int | None
    user_code: str


def match_punch(punch: Punch, employee: Employee, actor: User | None) -> PunchMatch:
    """Say whose an unmatched punch is; from then on it counts, and it is pushed like the others.

    Raises ValidationError when it is not unmatched, has been matched meanwhile, or the employee is
    not of its organization.
    """
    if employee.organization_id != punch.organization_id:
        raise ValidationError(
            {
                "employee": _(
                    "Select a valid choice. That choice is not one of the available choices."
                )
            }
        )
    if punch.verdict != Verdict.UNMATCHED or not match_punches([(punch, employee.pk)], actor):
        raise ValidationError({"punch": _("This punch is already matched to an employee.")})
    return PunchMatch.objects.of(punch.organization_id).get(punch=punch)


def match_user_code(code: UserCodeKey, employee: Employee, actor: User | None) -> int:
    """Say whose the waiting punches of a number at a channel and a device are, as far as they fall
    into the time of service.

    Returns how many were matched. Raises ValidationError when there is none.
    """
    waiting = (
        Punch.objects.of(employee.organization_id)
        .unmatched()
        .select_related("device", "organization")
        .order_by("pk")
    )
    waiting = waiting.filter(channel=code.channel, device=code.device_id, user_code=code.user_code)
    done, after = 0, 0
    while page := list(waiting.filter(pk__gt=after)[:MATCH_BATCH_SIZE]):
        after = page[-1].pk
        done += match_punches(
            [(one, employee.pk) for one in page if _is_within_service(one, employee)], actor
        )
    if not done:
        raise ValidationError(
            {"employee": _("None of these punches is within this employee's service dates.")}
        )
    return done


def _is_within_service(punch: Punch, employee: Employee) -> bool:
    on = to_local_time(punch.occurred_at, punch.zone).date()
    return employee.joined_on <= on and (employee.left_on is None or on <= employee.left_on)


def match_punches(pairs: Sequence[tuple[Punch, UUID]], actor: User | None) -> int:
    """Match punches of one organization to employees by id, each at most once for ever; returns how
    many were matched now.

    The commit waits for the disk, also in the scheduler: the event may be sent right after it, and
    a match that a power cut took back would send another event with the same number.
    """
    if not pairs:
        return 0
    organization_id = pairs[0][0].organization_id
    return retry_on_sequence_conflict(
        lambda: _store_matches(organization_id, pairs, actor, timezone.now()),
        durable_transaction,
    )


def _store_matches(
    organization_id: int, pairs: Sequence[tuple[Punch, UUID]], actor: User | None, now: datetime
) -> int:
    rows = [
        {
            "organization_id": organization_id,
            "punch_id": punch.pk,
            "employee_id": employee_id,
            "matched_at": now,
            "matched_by_id": actor.pk if actor else None,
        }
        for punch, employee_id in sorted(pairs, key=lambda pair: pair[0].pk)
    ]
    new = {
        punch_id
        for (punch_id,) in insert_rows(
            PunchMatch, rows, suffix="ON CONFLICT (punch_id) DO NOTHING RETURNING punch_id"
        )
    }
    matched = {employee_id for punch, employee_id in pairs if punch.pk in new}
    known = punch_context.query_punch_context(
        organization_id, [], None, include_worker_ids=False, ids=matched
    )
    evidence = PunchEvidence.objects.of(organization_id).in_bulk(list(new))
    messages = []
    for punch, employee_id in sorted(pairs, key=lambda pair: (pair[0].occurred_at, pair[0].pk)):
        if punch.pk in new:
            told = _matched_punch_event(punch, known, employee_id, evidence.get(punch.pk))
            messages += [
                payloads.build_outbox_message(told, target, now) for target in known.endpoints
            ]
    outbox.publish(organization_id, messages, now)
    seen = [(employee_id, punch.occurred_at) for punch, employee_id in pairs if punch.pk in new]
    recalculation_queue.mark_punch_days_stale(organization_id, seen)
    return len(new)


def _matched_punch_event(
    punch: Punch,
    context: punch_context.PunchContext,
    employee_id: UUID,
    evidence: PunchEvidence | None,
) -> payloads.PunchEvent:
    device, person = punch.device, context.employees_by_id[employee_id]
    site = device.site if device else None
    terminal = (
        Terminal(device.pk, device.serial, device.name, site.name if site else None)
        if device
        else None
    )
    home_zone = (
        device.zone
        if device
        else context.home_zone(person, to_local_time(punch.occurred_at, context.zone).date())
    )
    return payloads.PunchEvent(
        punch_id=punch.pk,
        channel=punch.channel,
        direction=punch.direction,
        at=punch.occurred_at,
        home_zone=home_zone,
        received_at=punch.received_at,
        received_late=punch.received_late,
        flags=(*punch.flags, "matched"),
        user_code=punch.user_code,
        raw_input_type=punch.raw_input_type,
        terminal=terminal,
        source=punch.source,
        employee=person,
        evidence=json.loads(evidence.body) if evidence and evidence.body else {},
    )


def match_unmatched_punches(
    organization_id: int, *, received_since: datetime | None = None, codes: Sequence[str] = ()
) -> int:
    """Match the unmatched punches of an organization whose number somebody has by now; returns how
    many.

    `codes` or `received_since` keep the look short; who is employed on the day of the punch is
    judged as at the channel.
    """
    waiting = (
        Punch.objects.of(organization_id)
        .unmatched()
        .select_related("device__site", "device__organization", "organization")
    )
    if codes:
        waiting = waiting.filter(user_code__in=codes)
    if received_since is not None:
        waiting = waiting.filter(received_at__gte=received_since)
    pairs: list[tuple[Punch, UUID]] = []
    groups: dict[tuple[int | None, str], list[Punch]] = {}
    # The newest first: numbers that nobody will ever have must not stand in the way.
    for punch in waiting.order_by("-id")[:MATCH_BATCH_SIZE]:
        groups.setdefault((punch.device_id, punch.channel), []).append(punch)
    for (device_id, channel), punches in groups.items():
        numbers = sorted({punch.user_code for punch in punches})
        biometric = channel == Channel.BIOMETRIC
        # The device of a biometric punch is where it was, not whose numbers it speaks.
        known = punch_context.query_punch_context(
            organization_id, numbers, None if biometric else device_id, include_worker_ids=biometric
        )
        for punch in punches:
            zone = punch.device.zone if punch.device else punch.organization.timezone
            claim = _claim_of_stored_punch(punch, zone)
            judgement = judge_claim(claim, ClaimFacts(punch.received_at, known.candidates(claim)))
            if judgement.employee is not None:
                pairs.append((punch, judgement.employee.id))
    return match_punches(pairs, None)


def _claim_of_stored_punch(punch: Punch, zone: str) -> Claim:
    return Claim(
        channel=punch.channel,
        source=punch.source,
        key=punch.key,
        user_code=punch.user_code,
        at=punch.occurred_at,
        at_text=punch.occurred_text,
        zone=punch.zone,
        home_zone=zone,
    )
