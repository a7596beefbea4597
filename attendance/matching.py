"""The later answer to whose an unmatched punch is: by itself when the number is entered, or by a
clerk.

Called by the drain of changes and by the console. From then on the punch counts, and it is pushed
like the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from attendance import facts, payloads, stale, watching
from attendance.claims import Claim, Terminal
from attendance.models import Door, Punch, PunchEvidence, PunchMatch, Verdict
from attendance.services import in_rounds
from attendance.times import local
from attendance.verdicts import Facts, judge
from employees.models import Employee
from employees.rows import insert_rows
from webhooks import outbox

AT_ONCE = 1000


def match_punch(punch: Punch, employee: Employee, by: User | None) -> PunchMatch:
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
    if punch.verdict != Verdict.UNMATCHED or not match_punches([(punch, employee.pk)], by):
        raise ValidationError({"punch": _("This punch has an employee already.")})
    return PunchMatch.objects.of(punch.organization_id).get(punch=punch)


def match_number(number: watching.Code, employee: Employee, by: User | None) -> int:
    """Say whose the waiting punches of a number at a door and a device are, as far as they fall
    into the time of service.

    Returns how many were matched. Raises ValidationError when there is none.
    """
    waiting = (
        Punch.objects.of(employee.organization_id)
        .unmatched()
        .select_related("device", "organization")
        .order_by("pk")
    )
    waiting = waiting.filter(door=number.door, device=number.device_id, user_code=number.text)
    done, after = 0, 0
    while page := list(waiting.filter(pk__gt=after)[:AT_ONCE]):
        after = page[-1].pk
        done += match_punches(
            [(one, employee.pk) for one in page if _in_service(one, employee)], by
        )
    if not done:
        raise ValidationError(
            {"employee": _("None of these punches falls into this employee's time of service.")}
        )
    return done


def _in_service(punch: Punch, employee: Employee) -> bool:
    on = local(punch.occurred_at, punch.zone).date()
    return employee.joined_on <= on and (employee.left_on is None or on <= employee.left_on)


def match_punches(pairs: Sequence[tuple[Punch, UUID]], by: User | None) -> int:
    """Match punches of one organization to employees by id, each at most once for ever; returns how
    many were matched now.
    """
    if not pairs:
        return 0
    organization_id = pairs[0][0].organization_id
    return in_rounds(lambda: _match(organization_id, pairs, by, timezone.now()))


def _match(
    organization_id: int, pairs: Sequence[tuple[Punch, UUID]], by: User | None, now: datetime
) -> int:
    rows = [
        {
            "organization_id": organization_id,
            "punch_id": punch.pk,
            "employee_id": employee_id,
            "matched_at": now,
            "matched_by_id": by.pk if by else None,
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
    known = facts.read(organization_id, [], None, worker_ids_too=False, ids=matched)
    evidence = PunchEvidence.objects.of(organization_id).in_bulk(list(new))
    messages = []
    for punch, employee_id in sorted(pairs, key=lambda pair: (pair[0].occurred_at, pair[0].pk)):
        if punch.pk in new:
            told = _told_again(punch, known, employee_id, evidence.get(punch.pk))
            messages += [payloads.message(told, target, now) for target in known.targets]
    outbox.publish(organization_id, messages, now)
    seen = [(employee_id, punch.occurred_at) for punch, employee_id in pairs if punch.pk in new]
    stale.note_punches(organization_id, seen)
    codes = {
        watching.Code(punch.door, punch.device_id, punch.user_code)
        for punch, _person in pairs
        if punch.pk in new
    }
    watching.look_at_codes(organization_id, codes, now)
    return len(new)


def _told_again(
    punch: Punch, known: facts.Known, employee_id: UUID, evidence: PunchEvidence | None
) -> payloads.Told:
    device, person = punch.device, known.named[employee_id]
    site = device.site if device else None
    terminal = (
        Terminal(device.pk, device.serial, device.name, site.name if site else None)
        if device
        else None
    )
    home_zone = (
        device.zone
        if device
        else known.home_zone(person, local(punch.occurred_at, known.zone).date())
    )
    return payloads.Told(
        punch_id=punch.pk,
        door=punch.door,
        direction=punch.direction,
        at=punch.occurred_at,
        home_zone=home_zone,
        received_at=punch.received_at,
        late=punch.late,
        flags=(*punch.flags, "matched"),
        user_code=punch.user_code,
        raw_input_type=punch.raw_input_type,
        terminal=terminal,
        source=punch.source,
        person=person,
        evidence=json.loads(evidence.body) if evidence and evidence.body else {},
    )


def match_waiting(
    organization_id: int, *, received_since: datetime | None = None, codes: Sequence[str] = ()
) -> int:
    """Match the unmatched punches of an organization whose number somebody has by now; returns how
    many.

    `codes` or `received_since` keep the look short; who is employed on the day of the punch is
    judged as at the door.
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
    for punch in waiting.order_by("-id")[:AT_ONCE]:
        groups.setdefault((punch.device_id, punch.door), []).append(punch)
    for (device_id, door), punches in groups.items():
        numbers = sorted({punch.user_code for punch in punches})
        biometric = door == Door.BIOMETRIC
        # The device of a biometric punch is where it was, not whose numbers it speaks.
        known = facts.read(
            organization_id, numbers, None if biometric else device_id, worker_ids_too=biometric
        )
        for punch in punches:
            zone = punch.device.zone if punch.device else punch.organization.timezone
            claim = _claim_again(punch, zone)
            judgement = judge(claim, Facts(punch.received_at, known.candidates(claim)))
            if judgement.person is not None:
                pairs.append((punch, judgement.person.id))
    return match_punches(pairs, None)


def _claim_again(punch: Punch, zone: str) -> Claim:
    return Claim(
        door=punch.door,
        source=punch.source,
        key=punch.key,
        user_code=punch.user_code,
        at=punch.occurred_at,
        at_text=punch.occurred_text,
        zone=punch.zone,
        home_zone=zone,
    )
