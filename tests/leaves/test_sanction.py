"""Who may sanction leave of which kind and length, by the rows of the rules; and what goes before a
decision.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.models import Delegation, User
from core.errors import Conflict, RuleViolation
from employees.models import Assignment
from leaves.models import LeaveApplication, LeaveEvent, LeavePolicy, SanctionRule
from leaves.policies import Authority, LeaveType
from leaves.policy_parsing import parse_leave_policy
from leaves.services import policy_publishing
from leaves.services.amendments import convert_leave
from leaves.services.decisions import decide_leave, preview_decision, recommend_leave
from leaves.services.policy_publishing import (
    ccs_1972_rules,
    delete_sanction_rule,
    draft_leave_policy,
    draft_next_leave_policy,
    save_sanction_rule,
)
from tests import people
from tests.leaves.conftest import Office, publish_leave_policy
from tests.leaves.test_api import Chair
from tests.leaves.test_rules import CCS, JANUARY, on

ROWS: list[dict[str, Any]] = [
    {"kind": "", "authority": "MANAGER"},
    {"kind": "EL", "authority": "MANAGER", "up_to_days": 5},
    {"kind": "EL", "authority": "HEAD", "up_to_days": 30},
    {"kind": "EL", "authority": "HR", "recommendation": True},
    {"kind": "CCL", "authority": "ADMIN"},
]


@pytest.fixture
def chain(office: Office) -> Office:
    """The same office with authority by kind and length, from February on."""
    office.opening("EL", 200)
    publish_leave_policy(
        office.organization, ccs_1972_rules() | {"sanctions": ROWS}, date(2026, 2, 1)
    )
    return office


@pytest.fixture
def head(chain: Office) -> User:
    """The head of Asha's department."""
    boss = people.make_employee(chain.organization, "3001", "Head")
    stores = people.make_department(chain.organization, head=boss)
    site = people.make_site(chain.organization)
    Assignment.objects.create(
        organization=chain.organization,
        employee=chain.asha,
        site=site,
        department=stores,
        starts_on=JANUARY,
    )
    return people.make_staff(chain.organization, "head", role="approver", employee=boss)


def refusal(call: Any, *values: Any, **more: Any) -> RuleViolation:
    with pytest.raises(ValidationError) as caught:
        call(*values, **more)
    assert isinstance(caught.value, RuleViolation)
    return caught.value


def test_without_rows_whoever_may_decide_decides_any_length(office: Office) -> None:
    office.opening("EL", 200)
    application = office.apply("EL", "1 Jun", "31 Jul")
    assert preview_decision(application, office.bala).eligibility.sanction is None
    assert decide_leave(application, actor=office.bala, approve=True).status == "approved"


def test_beyond_the_authority_is_refused_with_the_numbers(chain: Office, head: User) -> None:
    application = chain.apply("EL", "6 Jul", "17 Jul")
    found = refusal(decide_leave, application, actor=chain.bala, approve=True)
    assert (found.code, found.rule, found.status) == ("BEYOND_AUTHORITY", "G11", 422)
    assert found.details == {
        "kind": "EL",
        "days": 12.0,
        "needed": "HEAD",
        "own": "MANAGER",
        "limit": 5,
    }
    assert "head of department" in str(found.text)
    assert (
        refusal(decide_leave, application, actor=chain.bala, approve=False).code
        == "BEYOND_AUTHORITY"
    )
    assert decide_leave(application, actor=head, approve=True).status == "approved"


def test_the_days_of_one_absence_count_together(chain: Office) -> None:
    chain.grant("EL", "6 Jul", "10 Jul")
    more = chain.apply("EL", "13 Jul", "14 Jul")
    assert refusal(decide_leave, more, actor=chain.bala, approve=True).details["days"] == 9


def test_a_kind_without_rows_of_its_own_has_the_common_ones(chain: Office) -> None:
    assert chain.grant("CL", "6 Jul").status == "approved"


def test_whoever_stands_in_has_the_place_they_stand_in_for(chain: Office, head: User) -> None:
    other = people.make_employee(chain.organization, "3002", "Other")
    user = people.make_user(other, "other")
    application = chain.apply("EL", "6 Jul", "17 Jul")
    with pytest.raises(PermissionDenied):
        decide_leave(application, actor=user, approve=True)
    Delegation.objects.create(
        organization=chain.organization,
        approver=head.employee,
        delegate=other,
        starts_on=on("1 Feb"),
        ends_on=on("3 Feb"),
    )
    decide_leave(application, actor=User.objects.get(pk=user.pk), approve=True)


def test_where_a_recommendation_is_asked_for_another_officer_decides_after_it(
    chain: Office,
) -> None:
    application = chain.apply("EL", "1 Jun", "31 Jul")
    assert (
        refusal(decide_leave, application, actor=chain.hr, approve=True).code
        == "RECOMMENDATION_MISSING"
    )
    recommend_leave(application, actor=chain.hr, recommended=False, remarks="Audit")
    assert refusal(decide_leave, application, actor=chain.hr, approve=True).code == "SAME_OFFICER"
    with pytest.raises(Conflict):
        recommend_leave(application, actor=chain.bala, recommended=True)
    decide_leave(application, actor=chain.chief, approve=True)
    assert list(
        LeaveEvent.objects.filter(application=application).values_list("action", "actor", "remarks")
    ) == [
        ("applied", None, "personal"),
        ("not_recommended", chain.hr.pk, "Audit"),
        ("approved", chain.chief.pk, ""),
    ]
    with pytest.raises(Conflict):
        recommend_leave(LeaveApplication.objects.get(), actor=chain.bala, recommended=True)


def test_the_authority_may_reject_without_a_recommendation(chain: Office) -> None:
    application = chain.apply("EL", "1 Jun", "31 Jul")
    assert decide_leave(application, actor=chain.hr, approve=False).status == "rejected"


def test_nobody_recommends_their_own_leave_nor_a_strangers(
    world: people.World, chain: Office
) -> None:
    own = people.make_user(chain.asha, "asha", "hr_admin")
    foreign = people.make_staff(world.zenith, "chitra", employee=world.chitra)
    application = chain.apply("EL", "1 Jun", "31 Jul")
    for actor in (own, foreign):
        with pytest.raises(PermissionDenied):
            recommend_leave(application, actor=actor, recommended=True)
    assert LeaveApplication.objects.get().recommendation == ""


def test_another_kind_is_given_by_the_authority_of_that_kind(chain: Office) -> None:
    application = chain.grant("HPL", "6 Jul", "15 Jul")
    asked = {"kind": "EL", "asked_on": on("16 Jul")}
    assert refusal(convert_leave, application, actor=chain.bala, **asked).code == "BEYOND_AUTHORITY"
    assert convert_leave(application, actor=chain.hr, **asked).kind == "EL"


def test_rules_that_nobody_could_sanction_are_not_published(office: Office) -> None:
    rows = [{"kind": "EL", "authority": "HEAD", "up_to_days": 30}]
    draft = draft_leave_policy(
        office.organization, ccs_1972_rules() | {"sanctions": rows}, date(2026, 3, 1)
    )
    found = refusal(policy_publishing.publish_leave_policy, draft, actor=None)
    assert (found.code, str(found.text)) == (
        "CONTRADICTION",
        "EL: nobody may sanction more than 30 days",
    )


def test_rows_go_into_the_next_version_and_are_fixed_in_a_published_one(chain: Office) -> None:
    policy = LeavePolicy.objects.get(effective_from="2026-02-01")
    copy = draft_next_leave_policy(policy, date(2027, 1, 1))
    assert [one.as_data() for one in copy.sanctions.all()] == [
        one.as_data() for one in policy.sanctions.all()
    ]
    row = policy.sanctions.first()
    assert row is not None
    assert (
        refusal(save_sanction_rule, row).code
        == refusal(delete_sanction_rule, row).code
        == "PUBLISHED"
    )
    delete_sanction_rule(copy.sanctions.first())  # type: ignore[arg-type]
    assert SanctionRule.objects.filter(policy=copy).count() == len(ROWS) - 1


@pytest.mark.parametrize(
    ("kind", "days", "expected"),
    [
        ("EL", 0.5, "MANAGER"),
        ("EL", 5, "MANAGER"),
        ("EL", 5.5, "HEAD"),
        ("EL", 30, "HEAD"),
        ("EL", 31, "HR"),
        ("CL", 400, "MANAGER"),
        ("CCL", 5, "ADMIN"),
    ],
)
def test_the_nearest_authority_that_covers_the_length_is_named(
    kind: str, days: float, expected: str
) -> None:
    found = parse_leave_policy(CCS | {"sanctions": ROWS}, JANUARY).sanction_for(
        LeaveType(kind), days
    )
    assert found is not None
    assert found.authority is Authority(expected)


# --- Over REST ------------------------------------------------------------------------------------
def test_a_preview_says_who_will_decide(chain: Office) -> None:
    asha = Chair(people.make_user(chain.asha, "asha"))
    body = {
        "leave_type": "EL",
        "start_date": "2026-06-01",
        "end_date": "2026-07-31",
        "reason": "home",
    }
    assert asha.post("leaves/preview", body).json()["who_decides"] == {
        "authority": "HR",
        "days_at_a_stretch": 61,
        "recommendation_needed": True,
    }
    assert asha.post(
        "leaves/preview", body | {"start_date": "2026-01-05", "end_date": "2026-01-06"}
    ).json()["who_decides"] == {
        "authority": None,
        "days_at_a_stretch": 2,
        "recommendation_needed": False,
    }


def test_an_officer_is_told_why_not_then_recommends_and_another_decides(chain: Office) -> None:
    bala, hr = Chair(chain.bala), Chair(chain.hr)
    number = chain.apply("EL", "1 Jun", "31 Jul").pk
    told = bala.get(f"leaves/{number}/decision").json()
    assert (told["refusal"]["code"], told["recommendation"]) == ("BEYOND_AUTHORITY", None)
    refused = bala.post(f"leaves/{number}/approve", {"decision": "approve"})
    assert (refused.status_code, refused.json()["code"], refused.json()["rule"]) == (
        422,
        "BEYOND_AUTHORITY",
        "G11",
    )
    row = bala.post(
        f"leaves/{number}/recommend", {"recommendation": "recommended", "remarks": "Fine"}
    ).json()
    assert (row["status"], row["recommendation"], row["recommended_by"]) == (
        "pending",
        "recommended",
        "Bala",
    )
    again = bala.post(f"leaves/{number}/recommend", {"recommendation": "not_recommended"})
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_RECOMMENDED")
    assert hr.get(f"leaves/{number}/decision").json()["refusal"] is None
    assert (
        hr.post(f"leaves/{number}/approve", {"decision": "approve"}).json()["status"] == "approved"
    )


def test_asha_neither_recommends_nor_looks_at_the_decision(
    world: people.World, chain: Office
) -> None:
    asha, chitra = (
        Chair(people.make_user(chain.asha, "asha")),
        Chair(people.make_user(world.chitra, "chitra", "admin")),
    )
    number = chain.apply("EL", "1 Jun", "31 Jul").pk
    for chair, status in ((asha, 403), (chitra, 404)):
        assert chair.get(f"leaves/{number}/decision").status_code == status
        assert (
            chair.post(f"leaves/{number}/recommend", {"recommendation": "recommended"}).status_code
            == status
        )


def test_the_decision_is_shown_to_those_who_decide_for_the_person_and_nobody_else(
    world: people.World, chain: Office
) -> None:
    other_team = Chair(
        people.make_user(people.make_employee(world.acme, "M2", "Meera"), "meera", "approver")
    )
    number = chain.apply("EL", "1 Jun", "31 Jul").pk
    statuses = {
        chair.user.username: chair.get(f"leaves/{number}/decision").status_code
        for chair in (Chair(chain.bala), Chair(chain.hr), Chair(chain.chief), other_team)
    }
    assert statuses == {
        chain.bala.username: 200,
        chain.hr.username: 200,
        chain.chief.username: 200,
        "meera": 404,
    }
    # A verb says itself whose it is not.
    decided = other_team.post(f"leaves/{number}/approve", {"decision": "approve"})
    assert decided.status_code == 403
