"""The worked examples of the leave rules by their numbers, on the arithmetic alone: office in
Delhi, Monday to Friday, 2026.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from leaves.accrual import (
    AbsenceKind,
    AbsencePeriod,
    AccrualTerms,
    ExitManner,
    ServicePeriod,
    due_entries,
)
from leaves.balances import BalanceProjection
from leaves.calendars import CalendarMark, MarkedDate, OfficeCalendar, WeeklyOffs, WorkCalendar
from leaves.day_counting import (
    DayHalf,
    RuleContext,
    Spell,
    calculate_all_day_debits,
    total_half_days,
)
from leaves.eligibility.evaluation import LeaveEligibility, evaluate_leave
from leaves.eligibility.request import ApplicantContext, ChildDetails, LeaveRequest, PersonalStatus
from leaves.policies import LeavePolicyHistory, LeavePolicyVersion, LeaveType
from leaves.policy_parsing import parse_leave_policy

CCS = json.loads((Path(__file__).parents[2] / "leaves" / "ccs_1972.json").read_text())
JANUARY = date(2026, 1, 1)
POLICY = parse_leave_policy(CCS, JANUARY)


def on(text: str) -> date:
    """A date of 2026, as "30 Apr"; or an ISO date."""
    if text[:4].isdigit():
        return date.fromisoformat(text)
    day, month = text.split()
    return date(2026, "JanFebMarAprMayJunJulAugSepOctNovDec".index(month) // 3 + 1, int(day))


CLOSED = (
    "26 Jan, 4 Mar, 21 Mar, 26 Mar, 31 Mar, 3 Apr, 1 May, 27 May, 26 Jun, "
    "15 Aug, 26 Aug, 4 Sep, 2 Oct, 20 Oct, 8 Nov, 24 Nov, 25 Dec"
)
RESTRICTED = "1 Jan, 14 Jan, 16 Jul, 17 Feb, 6 Sep, 14 Sep"
MARKS = {on(one): MarkedDate(CalendarMark.CLOSED, one) for one in CLOSED.split(", ")} | {
    on(one): MarkedDate(CalendarMark.RESTRICTED, one) for one in RESTRICTED.split(", ")
}
ALMANAC = WorkCalendar(
    {(None, 2026): OfficeCalendar(WeeklyOffs.parse("SAT,SUN"), MARKS, 1)},
    WeeklyOffs.parse("SAT,SUN"),
)
GROUND = RuleContext(LeavePolicyHistory((POLICY,)), ALMANAC)
WOMAN = PersonalStatus(JANUARY, female=True)


def spell(
    kind: str, first: str, last: str | None = None, half: str | None = None, **more: Any
) -> Spell:
    return Spell(
        more.pop("id", f"{kind} {first}"),
        LeaveType(kind),
        on(first),
        on(last or first),
        DayHalf(half) if half else None,
        **more,
    )


def book(
    kind: str, days: float, *, held: float = 0, policy: LeavePolicyVersion = POLICY
) -> BalanceProjection:
    """An account with a balance brought forward, and nothing credited by itself afterwards."""
    rules = LeavePolicyHistory((policy,))
    terms = AccrualTerms(
        lambda day: None, ServicePeriod(date(2020, 1, 1)), rules.starts_on or JANUARY
    )
    return BalanceProjection(
        terms, [(JANUARY, int(days * 2))], [(on("1 Jun"), -int(held * 2))] if held else []
    )


def person(
    status: PersonalStatus = WOMAN,
    others: tuple[Spell, ...] = (),
    ground: RuleContext = GROUND,
    **days: float,
) -> ApplicantContext:
    balances = {"CL": 8, "EL": 100, "HPL": 100, "CCL": 730, "RH": 2, "SCL": 0} | days
    books = {LeaveType(kind): book(kind, amount) for kind, amount in balances.items()}
    return ApplicantContext(
        ground, date(2020, 1, 1), None, on("1 Feb"), lambda day: status, books, others
    )


def asked(what: Spell, who: ApplicantContext | None = None, **more: Any) -> LeaveEligibility:
    return evaluate_leave(
        LeaveRequest(what, half_day=what.half is not None, **more), who or person()
    )


def code(what: Spell, who: ApplicantContext | None = None, **more: Any) -> str | None:
    found = asked(what, who, **more).refusals
    return found[0].code if found else None


def days(what: Spell, who: ApplicantContext | None = None, **more: Any) -> float:
    found = asked(what, who, **more)
    assert found.refusals == []
    return total_half_days(found.day_debits) / 2


def test_example_1_a_holiday_alone_costs_nothing_and_is_refused() -> None:
    assert code(spell("CL", "1 May")) == "NO_CHARGEABLE_DAYS"


def test_example_2_casual_leave_leaves_out_off_days() -> None:
    assert days(spell("CL", "30 Apr", "4 May")) == 2


def test_examples_3_and_4_earned_leave_counts_what_it_encloses_only() -> None:
    assert days(spell("EL", "30 Apr", "4 May")) == 5
    assert days(spell("EL", "30 Apr")) == 1


def test_example_5_two_spells_without_return_to_duty_are_one() -> None:
    first = spell("EL", "30 Apr")
    assert days(spell("EL", "4 May"), person(others=(first,))) == 4
    apart = replace(POLICY, bridge_off_days=False)
    assert (
        days(
            spell("EL", "4 May"),
            person(others=(first,), ground=RuleContext(LeavePolicyHistory((apart,)), ALMANAC)),
        )
        == 1
    )


def test_examples_7_and_8_half_days() -> None:
    assert days(spell("CL", "6 Jul", half="FN")) == 0.5
    forenoon = spell("CL", "6 Jul", half="FN", id=1)
    assert days(spell("CL", "6 Jul", half="AN"), person(others=(forenoon,))) == 0.5
    assert code(spell("CL", "6 Jul", half="FN", id=2), person(others=(forenoon,))) == "OVERLAP"


def test_example_9_where_no_half_day_is() -> None:
    assert code(spell("CL", "4 Jul", half="FN")) == "NO_CHARGEABLE_DAYS"
    assert code(spell("EL", "6 Jul", half="FN")) == "HALF_DAY_NOT_ALLOWED"


def test_example_10_five_at_a_stretch_unless_waived() -> None:
    long = spell("CL", "6 Jul", "13 Jul")
    refusal = asked(long).refusals[0]
    assert (refusal.code, refusal.details["days"], refusal.details["limit"]) == (
        "MAX_AT_A_STRETCH",
        6,
        5,
    )
    assert days(long, waived_rules=frozenset({"CL3"})) == 6


def test_the_stretch_is_counted_over_applications_and_weekends() -> None:
    before = spell("CL", "8 Jul", "10 Jul")
    assert code(spell("CL", "13 Jul", "15 Jul"), person(others=(before,))) == "MAX_AT_A_STRETCH"
    assert code(spell("CL", "14 Jul", "16 Jul"), person(others=(before,))) is None


def test_example_11_what_is_pending_is_held() -> None:
    held = replace(person(), projections={LeaveType.CL: book("CL", 1.5, held=1)})
    refusal = asked(spell("CL", "6 Jul"), held).refusals[0]
    assert (refusal.code, refusal.details["needed"], refusal.details["available"]) == (
        "INSUFFICIENT_BALANCE",
        1,
        0.5,
    )


def test_example_16_casual_leave_meets_no_regular_leave_even_across_a_weekend() -> None:
    friday, thursday = spell("CL", "3 Jul"), spell("CL", "9 Jul")
    week = asked(spell("EL", "6 Jul", "10 Jul"), person(others=(friday,))).refusals[0]
    assert (week.code, week.rule) == ("COMBINATION_NOT_ALLOWED", "CL13")
    day = asked(spell("EL", "10 Jul"), person(others=(thursday,))).refusals[0]
    assert (day.code, day.rule) == ("COMBINATION_NOT_ALLOWED", "CL8")
    softer = RuleContext(LeavePolicyHistory((replace(POLICY, casual_off_regular=True),)), ALMANAC)
    assert code(spell("EL", "6 Jul", "10 Jul"), person(others=(friday,), ground=softer)) is None
    assert (
        code(spell("EL", "10 Jul"), person(others=(thursday,), ground=softer))
        == "COMBINATION_NOT_ALLOWED"
    )


def test_example_17_the_last_half_day_may_run_into_sick_leave() -> None:
    half = spell("CL", "6 Jul", half="AN")
    sick = spell("COMMUTED", "7 Jul", "8 Jul")
    spent = person(others=(half,), CL=0)
    assert code(sick, spent, has_certificate=True) == "COMBINATION_NOT_ALLOWED"
    assert days(sick, spent, has_certificate=True, waived_rules=frozenset({"CL9"})) == 4
    some_left = person(others=(half,), CL=1)
    assert (
        code(sick, some_left, has_certificate=True, waived_rules=frozenset({"CL9"}))
        == "COMBINATION_NOT_ALLOWED"
    )


def test_half_a_day_before_lunch_is_a_return_to_duty() -> None:
    assert code(spell("EL", "7 Jul"), person(others=(spell("CL", "6 Jul", half="FN"),))) is None
    assert (
        code(spell("EL", "7 Jul"), person(others=(spell("CL", "6 Jul", half="AN"),)))
        == "COMBINATION_NOT_ALLOWED"
    )


def credited(
    kind: str,
    service: ServicePeriod,
    until: str,
    absences: tuple[AbsencePeriod, ...] = (),
    policy: LeavePolicyVersion = POLICY,
) -> list[Any]:
    rules = LeavePolicyHistory((policy,))
    terms = AccrualTerms(
        lambda day: rules.rule_for(LeaveType(kind), day),
        service,
        policy.effective_from,
        absences=absences,
    )
    return due_entries(terms, [], on(until))


def sums(found: list[Any], period: str) -> float:
    return sum(one.half_days for one in found if one.period == period) / 2


@pytest.mark.parametrize(
    ("joined", "earned", "half_pay"),
    [("12 Feb", 10, 7), ("1 Feb", 13, 8), ("30 Jun", 0, 0), ("1 Jan", 15, 10)],
)
def test_example_18_who_joins_within_a_half_year_gets_whole_months(
    joined: str, earned: float, half_pay: float
) -> None:
    service = ServicePeriod(on(joined))
    assert sums(credited("EL", service, "30 Jun"), "2026H1") == earned
    assert sums(credited("HPL", service, "30 Jun"), "2026H1") == half_pay


def test_example_13_casual_leave_of_who_joins_late_is_full_or_in_proportion() -> None:
    service = ServicePeriod(on("1 Oct"))
    assert sums(credited("CL", service, "31 Dec"), "2026") == 8
    part = parse_leave_policy(
        {**CCS, "kinds": {**CCS["kinds"], "CL": {**CCS["kinds"]["CL"], "joiner": "PRORATA"}}},
        JANUARY,
    )
    assert sums(credited("CL", service, "31 Dec", policy=part), "2026") == 2


def test_example_19_extraordinary_leave_cuts_earned_leave_only() -> None:
    away = (AbsencePeriod(AbsenceKind.EOL, on("10 Jan"), on("1 Feb")),)
    earned = credited("EL", ServicePeriod(date(2020, 1, 1)), "1 Jul", away)
    assert sums(earned, "2026H2") == 13
    assert {one.type: one.half_days / 2 for one in earned if one.period == "2026H2"} == {
        "CREDIT": 15,
        "REDUCTION": -2,
    }
    assert sums(credited("HPL", ServicePeriod(date(2020, 1, 1)), "1 Jul", away), "2026H2") == 10


def test_example_20_dies_non_cuts_both() -> None:
    away = (AbsencePeriod(AbsenceKind.DIES_NON, on("10 Jan"), on("24 Jan")),)
    assert sums(credited("EL", ServicePeriod(date(2020, 1, 1)), "1 Jul", away), "2026H2") == 14
    assert sums(credited("HPL", ServicePeriod(date(2020, 1, 1)), "1 Jul", away), "2026H2") == 9


@pytest.mark.parametrize(
    ("opening", "taken", "closing", "lapsed"),
    [(290, 6, 299, 0), (290, 0, 300, 5), (300, 20, 295, 0), (300, 0, 300, 15)],
)
def test_examples_22_and_23_the_ceiling_holds_at_the_close(
    opening: int, taken: int, closing: int, lapsed: int
) -> None:
    rules = LeavePolicyHistory((POLICY,))
    terms = AccrualTerms(
        lambda day: rules.rule_for(LeaveType.EL, day),
        ServicePeriod(date(2020, 1, 1)),
        JANUARY,
        opened_on=date(2025, 12, 31),
    )
    account = BalanceProjection(
        terms, [(date(2025, 12, 31), opening * 2), (on("30 Jun"), -taken * 2)]
    )
    assert account.balance_on(on("30 Jun")) / 2 == closing
    assert (
        -sum(one.half_days for one in account.rule_entries(on("1 Jul")) if one.type == "LAPSE") / 2
        == lapsed
    )


@pytest.mark.parametrize(
    ("how", "given"), [(ExitManner.NORMAL, 10), (ExitManner.REMOVED, 8), (ExitManner.DEATH, 10)]
)
def test_who_leaves_keeps_the_credit_of_whole_months(how: ExitManner, given: int) -> None:
    leaver = ServicePeriod(date(2020, 1, 1), on("30 Apr"), how)
    assert sums(credited("EL", leaver, "31 Dec"), "2026H1") == given
    assert sums(credited("EL", leaver, "31 Dec"), "2026H2") == 0


def test_example_26_earned_leave_of_180_days() -> None:
    who = person(EL=300)
    assert code(spell("EL", "2 Mar", "28 Aug"), who) is None
    refusal = asked(spell("EL", "2 Mar", "31 Aug"), who).refusals[0]
    assert (refusal.code, refusal.details["limit"]) == ("MAX_AT_A_STRETCH", 180)


def test_example_27_commuted_leave_takes_twice_its_days() -> None:
    twelve = spell("COMMUTED", "6 Jul", "17 Jul")
    assert days(twelve, person(HPL=40), has_certificate=True) == 24
    refusal = asked(
        spell("COMMUTED", "6 Jul", "13 Jul"), person(HPL=15), has_certificate=True
    ).refusals[0]
    assert (refusal.code, refusal.details["max_days"]) == ("INSUFFICIENT_BALANCE", 7)


def test_example_28_commuted_leave_needs_a_certificate_or_a_course() -> None:
    short = spell("COMMUTED", "6 Jul", "8 Jul")
    assert code(short) == "CERTIFICATE_REQUIRED"
    assert code(short, is_study=True) is None
    assert code(short, is_study=True, study_days_used=88) == "STUDY_LIMIT"


def test_example_30_a_restricted_holiday_stands_at_an_end_only() -> None:
    before, holiday = spell("EL", "13 Jul", "15 Jul"), spell("RH", "16 Jul")
    refusal = asked(spell("EL", "17 Jul"), person(others=(before, holiday))).refusals[0]
    assert (refusal.code, refusal.rule) == ("COMBINATION_NOT_ALLOWED", "R4")
    assert refusal.details["offer"] == {
        "leave_type": "EL",
        "start_date": on("13 Jul"),
        "end_date": on("17 Jul"),
        "days": 5,
    }
    casual = (spell("CL", "15 Jul"), holiday)
    assert days(spell("CL", "17 Jul"), person(others=casual)) == 1
    mixed = asked(spell("EL", "17 Jul"), person(others=casual)).refusals[0]
    assert (mixed.code, mixed.rule) == ("COMBINATION_NOT_ALLOWED", "R5")
    assert (
        code(spell("RH", "16 Jul"), person(others=(before, spell("EL", "17 Jul"))))
        == "COMBINATION_NOT_ALLOWED"
    )


def test_example_31_restricted_holidays() -> None:
    assert code(spell("RH", "16 Jul"), person(RH=0)) == "RH_LIMIT"
    assert code(spell("RH", "15 Jul")) == "RH_NOT_ON_LIST"
    assert code(spell("RH", "16 Jul", half="FN")) == "HALF_DAY_NOT_ALLOWED"
    assert code(spell("RH", "6 Sep")) == "NO_CHARGEABLE_DAYS"


CHILD = ChildDetails(date(2015, 1, 1), False, 1)


def test_example_32_child_care_leave_is_five_days_at_least_and_counts_weekends() -> None:
    assert code(spell("CCL", "6 Jul", "9 Jul"), child=CHILD) == "CCL_MIN_SPELL"
    assert days(spell("CCL", "6 Jul", "13 Jul"), child=CHILD) == 8


THREE = (
    spell("CCL", "2 Feb", "6 Feb"),
    spell("CCL", "9 Mar", "13 Mar"),
    spell("CCL", "6 Apr", "10 Apr"),
)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (PersonalStatus(JANUARY, female=True), "CCL_SPELL_LIMIT"),
        (PersonalStatus(JANUARY, female=True, single=True), None),
        (PersonalStatus(JANUARY, single=True), "CCL_SPELL_LIMIT"),
    ],
)
def test_example_33_spells_of_child_care_leave(
    status: PersonalStatus, expected: str | None
) -> None:
    fourth = spell("CCL", "6 Jul", "10 Jul")
    assert code(fourth, person(status, THREE), child=CHILD) == expected
    assert code(fourth, person(status, THREE), child=CHILD, waived_rules=frozenset({"C5"})) is None


def test_example_36_the_child_is_under_18() -> None:
    child = ChildDetails(date(2008, 6, 10), False, 1)
    assert code(spell("CCL", "5 Jun", "14 Jun"), child=child) == "CCL_CHILD_AGE"
    assert days(spell("CCL", "5 Jun", "9 Jun"), child=child) == 5
    assert code(spell("CCL", "5 Jun", "14 Jun"), child=replace(child, disabled=True)) is None


def test_example_37_who_may_take_child_care_leave_and_for_whom() -> None:
    assert (
        code(spell("CCL", "6 Jul", "10 Jul"), person(PersonalStatus(JANUARY)), child=CHILD)
        == "NOT_ELIGIBLE"
    )
    assert (
        code(spell("CCL", "6 Jul", "10 Jul"), child=replace(CHILD, rank=3))
        == "CCL_CHILD_NOT_ELDEST_TWO"
    )
    assert code(spell("CCL", "6 Jul", "10 Jul")) == "CCL_CHILD_REQUIRED"


def test_a_certificate_decides_about_the_holidays_at_the_ends() -> None:
    sick = spell("COMMUTED", "6 Jul", "10 Jul", sick_on=on("5 Jul"), fit_on=on("12 Jul"))
    found = asked(sick, has_certificate=True).day_debits
    assert [(one.day, one.part) for one in found if one.part not in {"INSIDE"}] == [
        (on("5 Jul"), "BEFORE"),
        (on("11 Jul"), "AFTER"),
    ]
    assert total_half_days(found) / 2 == 14


def test_off_days_asked_for_at_the_ends_are_prefixed_and_suffixed_free() -> None:
    assert days(spell("EL", "1 May", "10 May")) == 5


def test_a_spell_put_before_another_pays_for_the_weekend_it_encloses() -> None:
    later = spell("EL", "6 Jul", "8 Jul")
    every = calculate_all_day_debits([spell("EL", "3 Jul"), later], GROUND)
    assert {key: total_half_days(one) / 2 for key, one in every.items()} == {
        "EL 3 Jul": 1,
        "EL 6 Jul": 5,
    }
    poor = replace(person(others=(later,)), projections={LeaveType.EL: book("EL", 0.5 * 4)})
    assert code(spell("EL", "3 Jul"), poor) == "INSUFFICIENT_BALANCE"


def test_another_employers_rules_are_data() -> None:
    other = parse_leave_policy(
        {
            "kinds": {
                "CL": {
                    "nature": "CASUAL",
                    "cycle": "YEARLY",
                    "amount": 5,
                    "closes": "YEARLY",
                    "half_days": True,
                    "rounding": 0.5,
                },
                "EL": {
                    "nature": "REGULAR",
                    "cycle": "MONTHLY",
                    "amount": 1,
                    "closes": "YEARLY",
                    "ceiling": 30,
                    "joiner": "PRORATA",
                },
            },
            "combinations": {"CL": ["CL", "EL"], "EL": ["EL", "CL"]},
            "switches": {"weekly_offs": "SUN,SAT2,SAT4", "bridge_off_days": False},
        },
        date(2024, 1, 1),
    )
    rules = LeavePolicyHistory((other,))
    terms = AccrualTerms(
        lambda day: rules.rule_for(LeaveType.EL, day),
        ServicePeriod(date(2024, 1, 15)),
        date(2024, 1, 1),
    )
    account = BalanceProjection(terms)
    assert account.balance_on(date(2024, 12, 30)) / 2 == 11
    assert account.balance_on(date(2026, 12, 31)) / 2 == 30
    assert account.balance_on(date(2027, 1, 1)) / 2 == 31
    almanac = WorkCalendar({}, WeeklyOffs.parse(other.weekly_offs))
    assert [almanac.is_off(on(f"{day} Jul")) for day in (4, 5, 11, 18, 25)] == [
        False,
        True,
        True,
        False,
        True,
    ]
    who = person(ground=RuleContext(rules, almanac), CL=5, EL=12)
    assert days(spell("EL", "10 Jul", "13 Jul"), who) == 2
    assert code(spell("CL", "14 Jul"), replace(who, other_spells=(spell("EL", "13 Jul"),))) is None


def test_a_policy_that_contradicts_itself_is_told_so() -> None:
    with pytest.raises(ValueError, match="account HPL"):
        parse_leave_policy(
            {"kinds": {"COMMUTED": {"nature": "REGULAR", "account": "HPL"}}, "combinations": {}},
            JANUARY,
        )
    with pytest.raises(ValueError, match="half-days"):
        parse_leave_policy(
            {"kinds": {"CL": {"nature": "CASUAL", "amount": 0.3}}, "combinations": {}}, JANUARY
        )


@pytest.mark.parametrize("text", ["XYZ", "SAT6", "SAT0", "SATURDAY"])
def test_a_weekly_off_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        WeeklyOffs.parse(text)
