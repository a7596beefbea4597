"""Claims that name a person: settled one after the other under the lock on that person's row."""

from __future__ import annotations

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from attendance.models import IngestionLogEntry, Punch
from attendance.punches.claims import Claim, Finding, SigningPhone
from attendance.punches.matching import match_punches
from attendance.punches.record import UnknownEmployee, record_punch
from devices.models import Phone
from devices.phones import revoke_phone
from employees.models import Assignment, Site
from employees.services import save_assignment
from tests import people
from tests.attendance.channels.test_device import Terminal

HOURS = timedelta(hours=16)
EIGHT = datetime(2026, 6, 21, 2, 30, tzinfo=UTC)


def claim_of(employee: Any, direction: str = "in", **changes: Any) -> Claim:
    at = changes.get("at", EIGHT)
    facts = {
        "channel": "hr",
        "source": "client:1",
        "key": uuid.uuid4().hex,
        "at": at,
        "at_text": at.isoformat(),
        "zone": "+00:00",
        "home_zone": "Asia/Kolkata",
        "direction": direction,
        "employee_id": employee.pk,
        "sequence_window": HOURS,
    }
    return Claim(**(facts | changes))


def record(claim: Claim, organization: Any) -> Any:
    return record_punch(organization.pk, claim)


def test_a_named_person_is_stored_with_the_code_others_know_them_by(world: people.World) -> None:
    outcome = record(claim_of(world.asha), world.acme)
    punch = Punch.objects.get()
    assert (outcome.verdict, outcome.employee.id, outcome.punch_id) == (
        "accepted",
        world.asha.pk,
        punch.pk,
    )
    assert (punch.employee, punch.user_code) == (world.asha, "1001")


@pytest.mark.parametrize("stranger", ["chitra", None])
def test_a_person_of_nowhere_and_of_elsewhere_are_equally_unknown(
    world: people.World, stranger: str | None
) -> None:
    claim = claim_of(
        world.asha, employee_id=getattr(world, stranger).pk if stranger else uuid.uuid4()
    )
    with pytest.raises(UnknownEmployee):
        record(claim, world.acme)
    assert not Punch.objects.exists()
    assert not IngestionLogEntry.objects.exists()


def test_a_named_person_outside_their_service_is_refused_and_never_unmatched(
    world: people.World,
) -> None:
    eva = people.make_employee(world.acme, "55", "Eva", joined_on=date(2026, 6, 22))
    outcome = record(claim_of(eva), world.acme)
    assert (outcome.verdict, outcome.reasons, outcome.employee.id) == (
        "rejected_time",
        {"employee": "not_employed"},
        eva.pk,
    )


def test_the_zone_of_a_person_is_their_sites_on_that_day(world: people.World) -> None:
    from attendance.punches.record import load_punch_context

    site = Site.objects.create(organization=world.acme, name="Dubai", timezone="Asia/Dubai")
    save_assignment(
        Assignment(
            organization=world.acme, employee=world.asha, site=site, starts_on=date(2026, 6, 1)
        )
    )
    known = load_punch_context(world.acme.pk, ids=[world.asha.pk], codes=["1002"])
    asha, bala = (
        known.employees_by_id[world.asha.pk],
        known.employee_by_code("1002", date(2026, 6, 2)),
    )
    assert known.home_zone(asha, date(2026, 6, 2)) == "Asia/Dubai"
    assert {known.home_zone(asha, date(2026, 5, 31)), known.home_zone(bala, date(2026, 6, 2))} == {
        "Asia/Kolkata"
    }


def test_turns_are_taken_within_the_time_that_counts(world: people.World) -> None:
    steps = [
        ("out", 0, "not_in"),
        ("in", 1, ""),
        ("in", 2, "already_in"),
        ("out", 3, ""),
        ("out", 4, "already_out"),
        ("in", 5, ""),
        # The forgotten clock-out of hour 5 blocks nothing on the next day.
        ("in", 5 + 17, ""),
        ("out", 5 + 17 + 16, ""),
    ]
    for direction, hour, reason in steps:
        outcome = record(
            claim_of(world.asha, direction, at=EIGHT + timedelta(hours=hour)), world.acme
        )
        verdict = "rejected_sequence" if reason else "accepted"
        assert (hour, outcome.verdict, outcome.reasons.get("sequence", "")) == (
            hour,
            verdict,
            reason,
        )


def test_other_channels_count_as_turns_but_make_none_wrong(world: people.World) -> None:
    terminal = Terminal(*people.make_device(world.acme, "GATE-9"))
    terminal.punch(att_time="2026-06-21 08:00:00", att_state=1)
    assert record(claim_of(world.asha, "in", at=EIGHT + timedelta(hours=1)), world.acme).is_accepted
    terminal.punch(att_time="2026-06-21 13:00:00", att_state=2)
    assert record(
        claim_of(world.asha, "out", at=EIGHT + timedelta(hours=6)), world.acme
    ).is_accepted


def test_a_punch_matched_since_counts_as_a_turn(world: people.World, acme_staff: Any) -> None:
    punch = people.make_punch(world.acme, "77", occurred_at=EIGHT)
    match_punches([(punch, world.asha.pk)], acme_staff)
    assert record(
        claim_of(world.asha, "out", at=EIGHT + timedelta(hours=1)), world.acme
    ).is_accepted


def test_later_punches_and_other_people_are_not_consulted(world: people.World) -> None:
    record(claim_of(world.bala, "in"), world.acme)
    record(claim_of(world.asha, "in", at=EIGHT + timedelta(hours=2)), world.acme)
    assert record(claim_of(world.asha, "in", at=EIGHT + timedelta(hours=1)), world.acme).is_accepted


def test_a_repeat_is_answered_before_anything_is_judged_anew(world: people.World) -> None:
    claim = claim_of(world.asha, "in")
    first, again = record(claim, world.acme), record(claim, world.acme)
    assert (again.is_duplicate, again.verdict, again.punch_id) == (True, "accepted", first.punch_id)
    assert again.employee == first.employee
    conflict = record(replace(claim, direction="out"), world.acme)
    assert (conflict.is_conflict, conflict.punch_id) == (True, first.punch_id)
    assert Punch.objects.count() == 1


def test_without_a_time_it_is_now_and_a_repeat_hours_later_is_one(world: people.World) -> None:
    now = timezone.now()
    claim = claim_of(world.asha, at=now, at_text="")
    assert record(claim, world.acme).at == now
    assert record(replace(claim, at=now + timedelta(hours=3)), world.acme).is_duplicate


def test_a_now_that_waited_for_the_lock_comes_after_what_was_stored_meanwhile(
    world: people.World,
) -> None:
    first = record(claim_of(world.asha, "in", at=timezone.now(), at_text=""), world.acme)
    waited = first.at - timedelta(seconds=3)
    assert (
        record(claim_of(world.asha, "in", at=waited, at_text=""), world.acme).verdict
        == "rejected_sequence"
    )
    out = record(claim_of(world.asha, "out", at=waited, at_text=""), world.acme)
    assert (out.verdict, out.at) == ("accepted", first.at)
    assert record(claim_of(world.asha, "out", at=waited), world.acme).reasons == {
        "sequence": "not_in"
    }


def test_all_findings_are_kept_and_the_first_in_order_names_the_verdict(
    world: people.World,
) -> None:
    findings = (
        Finding("geofence", "outside", "rejected_geofence"),
        Finding("signature", "bad", "rejected_signature"),
        Finding("wifi", "not seen"),
    )
    outcome = record(
        claim_of(world.asha, at=datetime(2099, 1, 1, tzinfo=UTC), findings=findings), world.acme
    )
    assert outcome.verdict == "rejected_signature"
    assert outcome.reasons == {
        "signature": "bad",
        "time": "ahead_of_server",
        "geofence": "outside",
        "wifi": "not seen",
    }


def test_a_remark_stands_in_the_reasons_of_an_accepted_punch(world: people.World) -> None:
    outcome = record(
        claim_of(world.asha, findings=(Finding("geofence", "waived: tour 17"),)), world.acme
    )
    assert (outcome.verdict, outcome.reasons) == ("accepted", {"geofence": "waived: tour 17"})


def test_an_old_punch_is_refused_where_a_channel_says_how_old_is_too_old(
    world: people.World,
) -> None:
    claim = claim_of(
        world.asha, at=timezone.now() - timedelta(hours=73), max_age=timedelta(hours=72)
    )
    outcome = record(claim, world.acme)
    assert (outcome.verdict, outcome.reasons, outcome.received_late) == (
        "rejected_time",
        {"time": "too_old"},
        True,
    )


def nonce_claim(employee: Any, text: str, **changes: Any) -> Claim:
    """As the phone channel builds it: the key of an accepted row is the nonce, that of a refused
    one the signed text.
    """
    keys = {
        "key": "n:nonce",
        "other_keys": (f"t:{text}",),
        "rejected_key": f"t:{text}",
        "unauthenticated_key": f"x:{uuid.uuid4().hex}",
        "content_digest": hashlib.sha256(text.encode()).hexdigest(),
        "sequence_window": None,
    }
    return claim_of(employee, channel="phone", source=f"employee:{employee.pk}", **(keys | changes))


FENCE = (Finding("geofence", "outside", "rejected_geofence"),)
SIGNATURE = (Finding("signature", "bad", "rejected_signature"),)


def test_a_text_refused_after_its_signature_is_never_accepted_later(world: people.World) -> None:
    first = record(nonce_claim(world.asha, "one", findings=FENCE), world.acme)
    again = record(nonce_claim(world.asha, "one"), world.acme)
    assert (again.is_duplicate, again.verdict, again.punch_id) == (
        True,
        "rejected_geofence",
        first.punch_id,
    )
    assert record(nonce_claim(world.asha, "two"), world.acme).is_accepted
    assert record(nonce_claim(world.asha, "three"), world.acme).is_duplicate
    assert record(nonce_claim(world.asha, "one"), world.acme).verdict == "rejected_geofence"


DEVICE = (Finding("device", "unknown", "rejected_device"),)


@pytest.mark.parametrize("findings", [SIGNATURE, DEVICE, (*FENCE, *SIGNATURE)])
def test_what_is_refused_before_or_at_the_signature_burns_nothing(
    world: people.World, findings: Any
) -> None:
    for _attempt in range(2):
        outcome = record(nonce_claim(world.asha, "one", findings=findings), world.acme)
        assert (outcome.verdict, outcome.is_duplicate) == (findings[-1].verdict, False)
    assert record(nonce_claim(world.asha, "one"), world.acme).is_accepted
    assert Punch.objects.count() == 3


def test_an_accepted_text_is_a_repeat_whatever_is_found_later(world: people.World) -> None:
    first = record(nonce_claim(world.asha, "one"), world.acme)
    for findings in (DEVICE, SIGNATURE, FENCE):
        again = record(nonce_claim(world.asha, "one", findings=findings), world.acme)
        assert (again.is_duplicate, again.verdict, again.punch_id) == (
            True,
            "accepted",
            first.punch_id,
        )
    assert Punch.objects.count() == 1


def test_another_text_with_a_nonce_that_is_used_up_is_a_repeat_once_it_is_signed(
    world: people.World,
) -> None:
    first = record(nonce_claim(world.asha, "one"), world.acme)
    for findings, verdict in ((SIGNATURE, "rejected_signature"), (DEVICE, "rejected_device")):
        other = record(nonce_claim(world.asha, "two", findings=findings), world.acme)
        assert (other.verdict, other.is_duplicate) == (verdict, False)
    for findings in ((), FENCE):
        again = record(
            nonce_claim(world.asha, "two", direction="out", findings=findings), world.acme
        )
        assert (again.is_duplicate, again.is_conflict, again.verdict, again.punch_id) == (
            True,
            False,
            "accepted",
            first.punch_id,
        )
    counts = IngestionLogEntry.objects.order_by("id").values_list(
        "accepted", "refused", "duplicate", "conflict"
    )
    assert list(counts) == [(1, 0, 0, 0), (0, 1, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 1, 0)]


def handset_of(phone: Phone) -> SigningPhone:
    return SigningPhone(phone.pk, phone.keys.get().pk)


def test_a_revocation_holds_for_a_punch_that_is_under_way(
    world: people.World, acme_staff: Any
) -> None:
    phone, _private = people.make_phone(world.asha)
    claim = nonce_claim(world.asha, "one", signing_phone=handset_of(phone), findings=FENCE)
    revoke_phone(phone, actor=acme_staff)
    outcome = record(claim, world.acme)
    assert outcome.verdict == "rejected_device"
    assert outcome.reasons == {"device": "deactivated", "geofence": "outside"}
    assert Punch.objects.get().key.startswith("x:")


def test_a_repeat_is_answered_before_anybody_asks_for_the_phone(
    world: people.World, acme_staff: Any
) -> None:
    phone, _private = people.make_phone(world.asha)
    claim = nonce_claim(world.asha, "one", signing_phone=handset_of(phone))
    first = record(claim, world.acme)
    revoke_phone(phone, actor=acme_staff)
    assert (record(claim, world.acme).punch_id, record(claim, world.acme).is_duplicate) == (
        first.punch_id,
        True,
    )


def test_an_accepted_punch_is_the_last_of_its_phone_and_a_refused_one_is_not(
    world: people.World,
) -> None:
    phone, _private = people.make_phone(world.asha)
    record(
        nonce_claim(world.asha, "one", signing_phone=handset_of(phone), findings=FENCE), world.acme
    )
    phone.refresh_from_db()
    assert phone.last_punch_at is None
    record(nonce_claim(world.asha, "two", signing_phone=handset_of(phone)), world.acme)
    phone.refresh_from_db()
    assert phone.last_punch_at == EIGHT


def _parallel(calls: list[Any]) -> list[Any]:
    def closing(call: Any) -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(closing, calls))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("text", ["", EIGHT.isoformat()])
def test_of_many_that_clock_in_at_once_one_is_accepted(text: str) -> None:
    world = people.make_world()
    people.make_endpoint(world.acme, "https://hooks.example.com/in")
    claims = [
        claim_of(world.asha, "in", at=timezone.now() if not text else EIGHT, at_text=text)
        for _ in range(20)
    ]
    verdicts = sorted(
        outcome.verdict
        for outcome in _parallel([lambda one=one: record(one, world.acme) for one in claims])
    )
    assert verdicts == ["accepted"] + ["rejected_sequence"] * 19


@pytest.mark.django_db(transaction=True)
def test_one_text_accepted_and_refused_at_once_is_one_row() -> None:
    world = people.make_world()
    claims = [nonce_claim(world.asha, "one", findings=FENCE if odd else ()) for odd in (0, 1)] * 8
    outcomes = _parallel([lambda one=one: record(one, world.acme) for one in claims])
    assert {outcome.punch_id for outcome in outcomes} == {Punch.objects.get().pk}
    assert sum(not outcome.is_duplicate for outcome in outcomes) == 1
