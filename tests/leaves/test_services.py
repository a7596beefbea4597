"""Applications from the first word to the last entry: what the examples of the rules come to in the
ledger.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models import Sum

from accounts.models import Delegation
from core.errors import Conflict, RuleViolation
from employees.models import Assignment, Change, Employee, HalfDayReservation
from leaves.approved_days import approved_leave_days
from leaves.due_postings import settle_employee
from leaves.models import (
    Absence,
    CalendarDay,
    Child,
    HolidayCalendar,
    LateMark,
    LeaveAccount,
    LeaveAdjustment,
    LeaveApplication,
    LeaveDay,
    LeaveEvent,
    LeaveLedgerEntry,
    LeavePolicy,
    LeaveProfile,
)
from leaves.services import policy_publishing
from leaves.services.absences import revoke_absence, save_absence
from leaves.services.adjustments import decide_adjustment, propose_adjustment
from leaves.services.amendments import (
    cancel_leave,
    convert_leave,
    curtail_leave,
    extend_leave,
    record_rejoining,
)
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave, preview_leave
from leaves.services.calendar_publishing import (
    add_calendar_days,
    draft_holiday_calendar,
    holiday_calendar_impact,
    publish_holiday_calendar,
    save_calendar_day,
    save_holiday_calendar,
)
from leaves.services.certificates import store_certificate
from leaves.services.decisions import decide_leave
from leaves.services.late_marks import LateDecision, propose_owed_debit, record_late_mark
from leaves.services.overstays import record_overstay
from leaves.services.policy_publishing import (
    ccs_1972_rules,
    draft_leave_policy,
    draft_next_leave_policy,
    leave_policy_impact,
    save_leave_policy,
    save_leave_type_rule,
)
from leaves.services.profiles import save_leave_profile
from tests import people
from tests.leaves.conftest import Office, publish_leave_policy
from tests.leaves.test_rules import on

PAPER = b"%PDF-1.4 a certificate"


def entries(application: LeaveApplication) -> list[tuple[str, int]]:
    return list(
        LeaveLedgerEntry.objects.filter(application=application)
        .order_by("id")
        .values_list("type", "half_days")
    )


def test_example_1_the_sample_of_the_seed_is_a_holiday(office: Office) -> None:
    assert office.violation_code(office.apply, "CL", "1 May") == "NO_CHARGEABLE_DAYS"
    assert not LeaveApplication.objects.exists()
    assert not HalfDayReservation.objects.exists()


def test_an_application_holds_and_an_approval_debits_each_day_with_effect_from_itself(
    office: Office,
) -> None:
    application = office.apply("CL", "30 Apr", "4 May")
    assert (
        office.statement_row("CL").held,
        office.statement_row("CL").debited,
        office.available("CL"),
    ) == (4, 0, 6)
    decide_leave(application, actor=office.bala, approve=True)
    assert (
        office.statement_row("CL").held,
        office.statement_row("CL").debited,
        office.available("CL"),
    ) == (0, 4, 6)
    days = LeaveLedgerEntry.objects.filter(application=application).values_list(
        "effective_on", "half_days"
    )
    assert list(days) == [(on("30 Apr"), -2), (on("4 May"), -2)]


def test_a_rejection_gives_everything_back(office: Office) -> None:
    application = decide_leave(
        office.apply("CL", "6 Jul"), actor=office.bala, approve=False, remarks="Audit week"
    )
    assert (application.status, application.decided_by, application.remarks) == (
        "rejected",
        office.bala,
        "Audit week",
    )
    assert office.available("CL") == 8
    assert not HalfDayReservation.objects.exists()
    office.apply("CL", "6 Jul")


def test_example_5_the_second_spell_pays_for_the_days_between(office: Office) -> None:
    office.opening("EL", 50)
    first = office.grant("EL", "30 Apr")
    second = office.grant("EL", "4 May")
    assert (office.statement_row("EL").debited) == 10
    cancel_leave(first, actor=office.bala)
    assert [half for _type, half in entries(second)] == [-2, -2, -2, -2, 2, 2, 2]
    assert office.statement_row("EL").debited == 2


def test_example_7_and_8_half_days_in_the_database(office: Office) -> None:
    office.grant("CL", "6 Jul", half="FN")
    assert office.available("CL") == 7.5
    assert office.violation_code(office.apply, "CL", "6 Jul", half="FN") == "OVERLAP"
    office.grant("CL", "6 Jul", half="AN")
    assert office.available("CL") == 7


def test_example_10_the_head_of_office_may_waive_five_at_a_stretch(office: Office) -> None:
    assert office.violation_code(office.apply, "CL", "6 Jul", "13 Jul") == "MAX_AT_A_STRETCH"
    waived = office.apply(
        "CL",
        "6 Jul",
        "13 Jul",
        self_service=False,
        waived_rules={"CL3": "Wedding; approved by the Head of Office"},
    )
    assert waived.waived == {"CL3": "Wedding; approved by the Head of Office"}
    with pytest.raises(PermissionDenied):
        office.apply("CL", "20 Jul", "28 Jul", waived_rules={"CL3": "I say so"})


def test_example_13_who_joins_late_gets_all_or_a_part(world: people.World, office: Office) -> None:
    late = people.make_employee(world.acme, "2001", "Late", joined_on=date(2026, 10, 1))
    assert (
        office.statement_row("CL", employee=late).credited,
        office.available("CL", 2026, late),
    ) == (0, 0)
    assert office.violation_code(office.apply, "CL", "30 Sep", employee=late) == "NOT_EMPLOYED"
    office.apply("CL", "1 Oct", employee=late)


def test_example_15_late_coming_without_casual_leave_is_owed_and_two_are_a_day(
    office: Office,
) -> None:
    office.opening("EL", 20)
    for number in range(7):
        office.grant("CL", f"{2 + number * 7} Mar" if number < 5 else f"{6 + (number - 5) * 7} Jul")
    outcomes = [
        record_late_mark(office.asha, on(day)).outcome
        for day in ("3 Feb", "4 Feb", "5 Feb", "6 Feb")
    ]
    assert outcomes == ["debited", "debited", "owed", "owed"]
    assert record_late_mark(office.asha, on("5 Feb")).outcome == "owed"
    excused = LateDecision(30, condone=True, reason="Train")
    assert (
        record_late_mark(office.asha, on("9 Feb"), excused, actor=office.bala).outcome == "condoned"
    )
    order = propose_owed_debit(office.asha, actor=office.hr, effective_on=on("28 Feb"))
    assert order is not None
    assert office.statement_row("EL").debited == 0
    decide_adjustment(order, actor=office.chief)
    assert office.statement_row("EL").debited == 2
    assert set(LateMark.objects.filter(outcome="settled").values_list("date", flat=True)) == {
        on("5 Feb"),
        on("6 Feb"),
    }
    assert propose_owed_debit(office.asha, actor=office.hr, effective_on=on("28 Feb")) is None


def test_late_coming_is_condoned_twice_a_month_up_to_an_hour_and_for_a_reason(
    office: Office,
) -> None:
    def late(day: str, minutes: int | None = 60, reason: str = "Train") -> str:
        return record_late_mark(
            office.asha, on(day), LateDecision(minutes, True, reason), actor=office.bala
        ).outcome

    assert office.violation_code(late, "3 Feb", 61) == "LATE_TOO_LONG"
    assert office.violation_code(late, "3 Feb", None) == "LATE_TOO_LONG"
    assert office.violation_code(late, "3 Feb", 20, " ") == "LATE_REASON_REQUIRED"
    assert [late("3 Feb"), late("27 Feb", 1)] == ["condoned", "condoned"]
    assert office.violation_code(late, "17 Feb") == "LATE_LIMIT"
    assert late("2 Mar") == "condoned"
    assert office.available("CL") == 8


def test_where_condoning_is_for_those_without_casual_leave_the_others_pay(
    world: people.World, office: Office
) -> None:
    data = ccs_1972_rules()
    data["switches"]["late_spent_only"] = True
    publish_leave_policy(office.organization, data, date(2026, 3, 1))
    excused = LateDecision(30, condone=True, reason="Train")
    assert (
        office.violation_code(
            record_late_mark, office.asha, on("2 Mar"), excused, actor=office.bala
        )
        == "LATE_CASUAL_LEFT"
    )


def test_nobody_condones_their_own_late_coming(office: Office) -> None:
    assert office.bala.employee is not None
    with pytest.raises(PermissionDenied):
        record_late_mark(office.bala.employee, on("2 Feb"), actor=office.bala)


def test_a_day_is_not_booked_as_overstay_when_leave_or_an_absence_is_on_record(
    office: Office,
) -> None:
    office.grant("CL", "8 Jul")
    book = record_overstay
    assert (
        office.violation_code(book, office.asha, on("7 Jul"), on("9 Jul"), actor=office.hr)
        == "ON_RECORD"
    )
    book(office.asha, on("13 Jul"), on("14 Jul"), actor=office.hr)
    assert (
        office.violation_code(book, office.asha, on("14 Jul"), on("15 Jul"), actor=office.hr)
        == "ON_RECORD"
    )
    assert (
        office.violation_code(book, office.asha, on("9 Jul"), on("8 Jul"), actor=office.hr)
        == "DATES_REVERSED"
    )
    assert (
        office.violation_code(book, office.asha, date(1, 1, 1), date(9999, 12, 31), actor=office.hr)
        == "TOO_LONG"
    )


def test_example_18_joining_within_a_half_year(world: people.World, office: Office) -> None:
    one = people.make_employee(world.acme, "2001", "One", joined_on=date(2026, 2, 12))
    two = people.make_employee(world.acme, "2002", "Two", joined_on=date(2026, 2, 1))
    assert [office.statement_row(kind, employee=two).credited / 2 for kind in ("EL", "HPL")] == [
        13,
        8,
    ]
    assert office.statement_row("EL", employee=one).credited == 0  # Not joined yet, on 2 February.


def test_examples_19_and_20_absences_cut_the_next_credit_and_a_correction_posts_the_difference(
    office: Office,
) -> None:
    away = Absence(
        organization=office.organization,
        employee=office.asha,
        kind="EOL",
        starts_on=on("3 Jan"),
        ends_on=on("25 Jan"),
        reason="Private",
    )
    settle_employee(office.asha, on("1 Jul"))
    save_absence(away)
    settle_employee(office.asha, on("1 Jul"))
    settle_employee(office.asha, on("1 Jul"))
    of_july = LeaveLedgerEntry.objects.filter(account__kind="EL", period="2026H2").values_list(
        "type", "half_days"
    )
    assert list(of_july) == [("CREDIT", 30), ("REDUCTION", -4)]
    assert (
        LeaveLedgerEntry.objects.filter(account__kind="HPL", period="2026H2").aggregate(
            sum=Sum("half_days")
        )["sum"]
        == 20
    )
    revoke_absence(away)
    settle_employee(office.asha, on("1 Jul"))
    assert (
        LeaveLedgerEntry.objects.filter(account__kind="EL", period="2026H2").aggregate(
            sum=Sum("half_days")
        )["sum"]
        == 30
    )


def test_example_27_commuted_leave_debits_half_pay_leave_twice(office: Office) -> None:
    office.opening("HPL", 30)
    paper = store_certificate(office.asha, PAPER)
    application = office.grant("COMMUTED", "6 Jul", "17 Jul", certificate=paper)
    assert office.statement_row("HPL").debited == 48
    assert office.statement_row("COMMUTED").debited == 24
    assert (
        LeaveDay.objects.filter(application=application).aggregate(sum=Sum("counted"))["sum"] == 24
    )
    assert (
        office.violation_code(office.apply, "COMMUTED", "3 Aug", "17 Aug", certificate=paper)
        == "INSUFFICIENT_BALANCE"
    )


def test_example_31_the_third_restricted_holiday(office: Office) -> None:
    office.grant("RH", "17 Feb")
    office.grant("RH", "16 Jul")
    assert office.violation_code(office.apply, "RH", "14 Sep") == "RH_LIMIT"


def mother(office: Office, **facts: Any) -> Child:
    save_leave_profile(
        LeaveProfile(
            organization=office.organization,
            employee=office.asha,
            starts_on=date(2020, 1, 1),
            **({"sex": "F"} | facts),
        )
    )
    return Child.objects.create(
        organization=office.organization,
        employee=office.asha,
        name="Kid",
        born_on=facts.pop("born", date(2015, 5, 1)),
    )


def test_examples_32_and_33_child_care_leave(office: Office) -> None:
    child = mother(office)
    for first, last in (("9 Feb", "13 Feb"), ("9 Mar", "13 Mar"), ("6 Apr", "10 Apr")):
        office.grant("CCL", first, last, child=child)
    assert office.statement_row("CCL").debited == 30
    assert (
        office.violation_code(office.apply, "CCL", "6 Jul", "13 Jul", child=child)
        == "CCL_SPELL_LIMIT"
    )
    sick = office.apply(
        "CCL",
        "6 Jul",
        "13 Jul",
        child=child,
        self_service=False,
        waived_rules={"C5": "In-patient at AIIMS"},
    )
    assert LeaveDay.objects.filter(application=sick).aggregate(sum=Sum("half_days"))["sum"] == 16


def test_child_care_leave_is_asked_for_beforehand_and_a_man_has_none(office: Office) -> None:
    child = mother(office)
    assert office.violation_code(office.apply, "CCL", "5 Jan", "9 Jan", child=child) == "BACKDATED"
    LeaveProfile.objects.all().delete()
    assert office.statement_row("CCL").available == 0
    assert (
        office.violation_code(office.apply, "CCL", "6 Jul", "10 Jul", child=child) == "NOT_ELIGIBLE"
    )


def test_the_second_year_of_child_care_leave_pays_four_fifths(office: Office) -> None:
    child = mother(office)
    application = office.grant("CCL", "9 Feb", "2027-02-10", child=child)
    days = approved_leave_days(office.organization.pk, on("1 Jan"), date(2027, 12, 31))
    assert {day.pay_percent for day in days} == {100, 80}
    assert sum(day.pay_percent == 100 for day in days) == 365
    assert days[-1].application_id == application.pk


def test_example_38_an_overstay_takes_half_pay_leave_and_then_extraordinary_leave(
    office: Office,
) -> None:
    office.opening("HPL", 0.5)
    LeaveLedgerEntry.objects.filter(account__kind="HPL").count()
    result = record_overstay(office.asha, on("10 Jul"), on("14 Jul"), actor=office.hr)
    assert (result.half_pay_days, result.extraordinary_days) == (
        [on("10 Jul"), on("13 Jul"), on("14 Jul")],
        [],
    )
    record_overstay(office.asha, on("7 Dec"), on("31 Dec"), actor=office.hr)
    assert Absence.objects.filter(kind="EOL").count() == 1
    assert office.statement_row("HPL").available == 1


def test_example_39_another_kind_is_asked_for_within_thirty_days_of_rejoining(
    office: Office,
) -> None:
    office.opening("EL", 30)
    office.opening("HPL", 30)
    application = office.grant("EL", "18 May", "29 May")
    record_rejoining(application, on=on("1 Jun"), actor=office.bala)
    paper = store_certificate(office.asha, PAPER)
    convert = convert_leave
    assert office.violation_code(
        convert,
        application,
        kind="COMMUTED",
        actor=office.bala,
        asked_on=on("5 Jul"),
        certificate=paper,
    ) == ("CONVERSION_WINDOW")
    convert(
        application, kind="COMMUTED", actor=office.bala, asked_on=on("20 Jun"), certificate=paper
    )
    assert (office.statement_row("EL").debited, office.statement_row("HPL").debited) == (0, 48)
    assert list(
        LeaveEvent.objects.filter(application=application).values_list("action", flat=True)
    ) == [
        "applied",
        "approved",
        "rejoined",
        "converted",
    ]


def test_a_cancellation_restores_exactly_and_frees_the_days(office: Office) -> None:
    before = office.statement_row("CL")
    application = office.grant("CL", "6 Jul", "10 Jul")
    cancel_leave(application, actor=office.bala, remarks="Not needed")
    assert office.statement_row("CL") == before
    assert sum(half for _type, half in entries(application)) == 0
    assert not HalfDayReservation.objects.exists()
    reversals = LeaveLedgerEntry.objects.filter(application=application, type="REVERSAL")
    assert all(one.reverses and one.reverses.half_days == -one.half_days for one in reversals)
    with pytest.raises(Conflict):
        cancel_leave(application, actor=office.bala)


def test_an_early_return_gives_back_the_days_after_it(office: Office) -> None:
    office.opening("EL", 30)
    application = office.grant("EL", "6 Jul", "17 Jul")
    curtail_leave(application, ends_on=on("10 Jul"), actor=office.bala, remarks="Recalled")
    assert office.statement_row("EL").debited == 10
    assert (
        office.violation_code(curtail_leave, application, ends_on=on("30 Jul"), actor=office.bala)
        == "NOT_WITHIN"
    )
    office.apply("CL", "14 Jul")


def test_an_extension_is_an_application_of_its_own_and_one_spell_with_the_first(
    office: Office,
) -> None:
    office.opening("EL", 30)
    application = office.grant("EL", "6 Jul", "10 Jul")
    more = extend_leave(application, ends_on=on("14 Jul"), actor=office.bala, reason="Not well")
    decide_leave(more, actor=office.bala, approve=True)
    assert (more.extends, office.statement_row("EL").debited) == (application, 18)
    assert (
        office.violation_code(extend_leave, application, ends_on=on("8 Jul"), actor=None, reason="")
        == "NOT_AFTER"
    )


def test_what_was_decided_is_not_decided_again(office: Office) -> None:
    application = office.grant("CL", "6 Jul")
    with pytest.raises(Conflict):
        decide_leave(application, actor=office.hr, approve=False)
    application.refresh_from_db()
    assert application.status == "approved"


def test_nobody_decides_for_themselves_nor_for_strangers(
    world: people.World, office: Office
) -> None:
    boss_leave = office.apply("CL", "6 Jul", employee=world.bala)
    with pytest.raises(PermissionDenied):
        decide_leave(boss_leave, actor=office.bala, approve=True)
    stranger = people.make_staff(
        world.acme, "stranger", role="approver", employee=people.make_employee(world.acme, "9", "S")
    )
    foreigner = people.make_staff(world.zenith, "chitra", role="admin", employee=world.chitra)
    application = office.apply("CL", "6 Jul")
    for actor in (stranger, foreigner):
        with pytest.raises(PermissionDenied):
            decide_leave(application, actor=actor, approve=True)
    Delegation.objects.create(
        organization=world.acme,
        approver=world.bala,
        delegate=stranger.employee,
        starts_on=on("1 Feb"),
        ends_on=on("3 Feb"),
    )
    decide_leave(application, actor=people.User.objects.get(pk=stranger.pk), approve=True)


def test_an_approval_that_facts_have_overtaken_is_refused(office: Office) -> None:
    office.opening("EL", 1)
    application = office.apply("EL", "6 Jul", "10 Jul")
    order = LeaveAdjustment(
        organization=office.organization,
        employee=office.asha,
        kind="EL",
        type="MANUAL",
        days=-17,
        effective_on=on("1 Mar"),
        reason="Audit",
    )
    code = office.violation_code(
        decide_adjustment,
        propose_adjustment(order, actor=office.hr),
        actor=office.chief,
    )
    assert code == "INSUFFICIENT_BALANCE"
    Employee.objects.filter(pk=office.asha.pk).update(left_on=on("30 Jun"))
    assert office.violation_code(
        decide_leave,
        LeaveApplication.objects.get(pk=application.pk),
        actor=office.bala,
        approve=True,
    ) == ("NOT_EMPLOYED")


def test_every_decision_is_noted_for_the_floors_above(office: Office) -> None:
    Change.objects.all().delete()
    application = office.apply("CL", "6 Jul", "8 Jul")
    assert not Change.objects.exists()
    decide_leave(application, actor=office.bala, approve=True)
    note = Change.objects.get()
    assert (note.kind, note.employee, note.starts_on, note.ends_on) == (
        "leave",
        office.asha,
        on("6 Jul"),
        on("8 Jul"),
    )
    cancel_leave(application, actor=office.bala)
    assert Change.objects.count() == 2


def test_the_days_that_are_covered_are_those_of_approved_leave_without_free_ones(
    office: Office,
) -> None:
    office.grant("CL", "30 Apr", "4 May")
    office.apply("CL", "6 Jul")
    days = approved_leave_days(office.organization.pk, on("1 Jan"), on("31 Dec"), [office.asha.pk])
    assert [(day.date, day.kind, day.half, day.pay_percent) for day in days] == [
        (on("30 Apr"), "CL", "", 100),
        (on("4 May"), "CL", "", 100),
    ]


def test_casual_leave_over_the_turn_of_the_year_is_debited_to_each_year(office: Office) -> None:
    publish_holiday_calendar(draft_holiday_calendar(office.organization, None, 2027), actor=None)
    office.grant("CL", "30 Dec", "2027-01-04")
    assert (office.statement_row("CL").debited, office.statement_row("CL", 2027).debited) == (4, 4)


def test_the_balance_of_december_cannot_be_spent_twice(office: Office) -> None:
    office.grant("CL", "14 Dec", "18 Dec")
    office.apply("CL", "6 Jul", "8 Jul")
    assert office.violation_code(office.apply, "CL", "13 Jul") == "INSUFFICIENT_BALANCE"


def test_a_calendar_that_changes_reworks_leave_and_shows_the_difference_first(
    office: Office,
) -> None:
    application = office.grant("CL", "25 Aug", "27 Aug")
    pending = office.apply("CL", "1 Sep")
    draft = draft_holiday_calendar(office.organization, None, 2026)
    CalendarDay.objects.filter(calendar=draft, date=on("26 Aug")).delete()
    add_calendar_days(
        draft, [(on("25 Aug"), "CLOSED", "Id-e-Milad, moved"), (on("1 Sep"), "LOCAL", "Poll day")]
    )
    assert [
        (one.application.pk, one.half_days_before, one.half_days_after)
        for one in holiday_calendar_impact(draft)
    ] == [(application.pk, 4, 4)] or [
        (one.application.pk, one.half_days_before, one.half_days_after)
        for one in holiday_calendar_impact(draft)
    ] == [(pending.pk, 2, 0)]
    publish_holiday_calendar(draft, actor=office.hr)
    live = LeaveLedgerEntry.objects.filter(
        application=application, type="DEBIT", reversed_by__isnull=True
    )
    assert sorted(live.values_list("effective_on", flat=True)) == [on("26 Aug"), on("27 Aug")]
    assert office.statement_row("CL").held == 0
    assert (
        office.violation_code(decide_leave, pending, actor=office.bala, approve=True)
        == "NO_CHARGEABLE_DAYS"
    )
    with pytest.raises(Conflict):
        publish_holiday_calendar(draft, actor=office.hr)


def test_a_holiday_taken_away_never_overdraws_but_is_marked_for_hr(office: Office) -> None:
    for first, last in (("9 Feb", "13 Feb"), ("6 Jul", "7 Jul")):
        office.grant("CL", first, last)
    application = office.grant("CL", "25 Aug", "26 Aug")
    assert office.available("CL") == 0
    draft = draft_holiday_calendar(office.organization, None, 2026)
    CalendarDay.objects.filter(calendar=draft, date=on("26 Aug")).delete()
    publish_holiday_calendar(draft, actor=office.hr)
    assert office.available("CL") == 0
    assert [
        (day.date, day.insufficient_balance)
        for day in LeaveDay.objects.filter(application=application)
    ] == [
        (on("25 Aug"), False),
        (on("26 Aug"), True),
    ]
    cancel_leave(LeaveApplication.objects.get(starts_on=on("6 Jul")), actor=office.bala)
    restored = draft_holiday_calendar(office.organization, None, 2026)
    publish_holiday_calendar(restored, actor=office.hr)
    assert not LeaveDay.objects.filter(application=application, insufficient_balance=True).exists()


def test_each_office_has_its_own_calendar_and_the_common_one_otherwise(
    world: people.World, office: Office
) -> None:
    site = people.make_site(world.acme, "Mumbai")
    Assignment.objects.create(
        organization=world.acme, employee=office.asha, site=site, starts_on=on("1 Jan")
    )
    draft = draft_holiday_calendar(world.acme, site, 2026)
    draft.weekly_offs = "SUN,SAT2,SAT4"
    save_holiday_calendar(draft)
    publish_holiday_calendar(draft, actor=None)
    office.grant("CL", "4 Jul", half="FN")
    assert office.violation_code(office.apply, "CL", "11 Jul") == "NO_CHARGEABLE_DAYS"
    assert (
        office.violation_code(office.apply, "CL", "4 Jul", employee=world.bala)
        == "NO_CHARGEABLE_DAYS"
    )


def test_rules_change_from_a_day_on_and_leave_is_judged_by_those_of_its_first_day(
    office: Office,
) -> None:
    data = ccs_1972_rules()
    data["kinds"]["CL"] |= {"amount": 12, "stretch_days": 8}
    publish_leave_policy(office.organization, data, date(2027, 1, 1))
    publish_holiday_calendar(draft_holiday_calendar(office.organization, None, 2027), actor=None)
    assert office.violation_code(office.apply, "CL", "14 Dec", "21 Dec") == "MAX_AT_A_STRETCH"
    office.grant("CL", "2027-03-01", "2027-03-08")
    assert office.available("CL", 2027) == 6


def test_published_rules_and_calendars_are_fixed(office: Office) -> None:
    policy, calendar = LeavePolicy.objects.get(), HolidayCalendar.objects.get()
    assert office.violation_code(save_leave_policy, policy) == "PUBLISHED"
    assert office.violation_code(save_leave_type_rule, policy.rules.first()) == "PUBLISHED"
    assert office.violation_code(save_holiday_calendar, calendar) == "PUBLISHED"
    assert office.violation_code(save_calendar_day, calendar.days.first()) == "PUBLISHED"
    assert (
        office.violation_code(policy_publishing.publish_leave_policy, policy, actor=None)
        == "PUBLISHED"
    )
    copy = draft_next_leave_policy(policy, date(2027, 1, 1))
    assert (copy.rules.count(), copy.published_at) == (7, None)


def test_an_order_is_posted_by_a_second_person_and_never_for_oneself(
    world: people.World, office: Office
) -> None:
    order = LeaveAdjustment(
        organization=world.acme,
        employee=office.asha,
        kind="EL",
        type="OPENING",
        days=100,
        effective_on=date(2025, 12, 31),
        reason="Service book",
    )
    propose_adjustment(order, actor=office.hr)
    assert office.violation_code(decide_adjustment, order, actor=office.hr) == "TWO_PERSONS"
    own = people.make_staff(world.acme, "asha", role="hr_admin", employee=office.asha)
    assert office.violation_code(decide_adjustment, order, actor=own) == "TWO_PERSONS"
    decide_adjustment(order, actor=office.chief)
    with pytest.raises(Conflict):
        decide_adjustment(order, actor=office.chief)
    assert office.statement_row("EL").opening == 200


@pytest.mark.parametrize("content", [b"MZ\x90 a program", b"", b"<html>", b"GIF89a"])
def test_a_certificate_is_what_its_first_bytes_say(office: Office, content: bytes) -> None:
    assert office.violation_code(store_certificate, office.asha, content) == "CERTIFICATE_TYPE"


def test_a_preview_says_what_it_would_cost_and_why_not_and_changes_nothing(office: Office) -> None:
    wish = LeaveApplicationData("EL", on("30 Apr"), on("4 May"), reason="x")
    seen = preview_leave(office.asha, wish)
    assert (
        sum(one.half_days for one in seen.eligibility.day_debits),
        seen.refusals,
        seen.available_before,
        seen.available_after,
    ) == (10, [], 30, 20)
    poor = preview_leave(
        office.asha,
        LeaveApplicationData("COMMUTED", on("6 Jul"), on("31 Aug"), reason="x"),
    )
    assert [one.code for one in poor.refusals] == ["CERTIFICATE_REQUIRED", "INSUFFICIENT_BALANCE"]
    assert not LeaveApplication.objects.exists()


def test_an_organization_without_rules_grants_nothing(world: people.World) -> None:
    wish = LeaveApplicationData("CL", on("6 Jul"), on("6 Jul"), reason="x")
    with pytest.raises(RuleViolation) as caught:
        apply_for_leave(world.chitra, wish, actor=None)
    assert caught.value.code == "NO_POLICY"


def test_nothing_of_one_organization_reaches_another(world: people.World, office: Office) -> None:
    office.grant("CL", "6 Jul")
    assert approved_leave_days(world.zenith.pk, on("1 Jan"), on("31 Dec")) == []
    assert not LeaveAccount.objects.of(world.zenith).exists()


def test_dates_beyond_reason_are_refused_before_anything_is_read(office: Office) -> None:
    wish = LeaveApplicationData("CL", date(1, 1, 1), date(9999, 12, 31))
    assert office.violation_code(apply_for_leave, office.asha, wish, actor=None) == "TOO_LONG"
    back = LeaveApplicationData("CL", on("6 Jul"), on("6 Jul") - timedelta(days=1))
    assert office.violation_code(preview_leave, office.asha, back) == "DATES_REVERSED"


# --- Rules with a past date -----------------------------------------------------------------------
def without_off_days(office: Office, effective_from: date, **switches: Any) -> LeavePolicy:
    """A draft by which off days within earned leave do not count."""
    data = ccs_1972_rules()
    data["kinds"]["EL"]["counts_off_days"] = False
    data["switches"] |= switches
    return draft_leave_policy(office.organization, data, effective_from)


def test_rules_with_a_past_date_show_the_difference_first_and_are_worked_in(office: Office) -> None:
    office.opening("EL", 50)
    before, after = (
        office.grant("EL", "8 Jan", "13 Jan", self_service=False),
        office.grant("EL", "5 Feb", "10 Feb"),
    )
    pending = office.apply("EL", "2 Jul", "7 Jul")
    draft = without_off_days(office, date(2026, 2, 1))
    told = [
        (one.application.pk, one.half_days_before, one.half_days_after)
        for one in leave_policy_impact(draft)
    ]
    assert told == [(after.pk, 12, 8), (pending.pk, 12, 8)]
    assert office.statement_row("EL").debited == 24
    Change.objects.all().delete()
    policy_publishing.publish_leave_policy(draft, actor=office.hr)
    assert (office.statement_row("EL").debited, office.statement_row("EL").held) == (20, 8)
    assert [kind for kind, _amount in entries(after)] == ["DEBIT"] * 6 + ["REVERSAL"] * 2
    assert [kind for kind, _amount in entries(before)] == ["DEBIT"] * 6
    noted = Change.objects.values_list("employee", "starts_on", "ends_on").order_by("id")
    assert list(noted) == [
        (office.asha.pk, on("5 Feb"), on("10 Feb")),
        (None, on("1 Feb"), on("2 Feb")),
    ]
    assert leave_policy_impact(draft) == []


def test_weekly_offs_without_a_calendar_are_those_of_the_rules_of_the_day(office: Office) -> None:
    HolidayCalendar.objects.filter(published_at__isnull=False).update(published_at=None)
    office.opening("EL", 50)
    early, late = (
        office.grant("CL", "9 Jan", "13 Jan", self_service=False),
        office.grant("CL", "6 Mar", "10 Mar"),
    )
    draft = without_off_days(office, date(2026, 2, 1), weekly_offs="SUN")
    assert [
        (one.application.pk, one.half_days_before, one.half_days_after)
        for one in leave_policy_impact(draft)
    ] == [(late.pk, 6, 8)]
    policy_publishing.publish_leave_policy(draft, actor=None)
    assert [sum(amount for _kind, amount in entries(one)) for one in (early, late)] == [-6, -8]


def test_rules_of_the_future_and_of_other_staff_change_no_leave_of_now(office: Office) -> None:
    office.opening("EL", 50)
    office.grant("EL", "5 Feb", "10 Feb")
    assert leave_policy_impact(without_off_days(office, date(2026, 9, 1))) == []
    data = ccs_1972_rules()
    data["kinds"]["EL"]["counts_off_days"] = False
    shifts = draft_leave_policy(office.organization, data, date(2026, 2, 1), scheme="shift")
    assert leave_policy_impact(shifts) == []


def test_a_day_that_comes_to_cost_more_by_new_rules_than_there_is_stays_for_hr(
    office: Office,
) -> None:
    application = office.grant("CL", "2 Jul", "6 Jul")
    office.grant("CL", "9 Mar", "13 Mar")
    assert office.available("CL") == 0
    data = ccs_1972_rules()
    data["kinds"]["CL"]["counts_off_days"] = True
    policy_publishing.publish_leave_policy(
        draft_leave_policy(office.organization, data, date(2026, 2, 1)), actor=None
    )
    assert office.available("CL") == 0
    short = LeaveDay.objects.filter(application=application, insufficient_balance=True).values_list(
        "date", flat=True
    )
    assert list(short) == [on("4 Jul"), on("5 Jul")]
