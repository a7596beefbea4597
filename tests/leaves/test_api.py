"""Leave over REST, from three chairs: Asha who applies, Bala who decides for her, Chitra of another
organization.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from accounts.services import issue_personal_token
from employees.models import Assignment
from employees.services import save_assignment
from leaves.models import Child, LeaveApplication
from leaves.services.calendar_publishing import (
    add_calendar_days,
    draft_holiday_calendar,
    publish_holiday_calendar,
)
from tests import people
from tests.leaves.conftest import Office, publish_delhi

SEED = {
    "leave_type": "CL",
    "start_date": "2026-05-01",
    "end_date": "2026-05-01",
    "is_half_day": False,
    "reason": "personal",
}
MONDAY = SEED | {"start_date": "2026-07-06", "end_date": "2026-07-06"}


class Chair:
    """Somebody with a token."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.headers = {"HTTP_AUTHORIZATION": f"Bearer {issue_personal_token(user, 'test')[1]}"}

    def get(self, path: str, **query: Any) -> Any:
        return Client().get(f"/api/v1/{path}", query, **self.headers)

    def post(self, path: str, body: Any = None) -> Any:
        return Client().post(
            f"/api/v1/{path}", body or {}, content_type="application/json", **self.headers
        )

    def patch(self, path: str, body: Any) -> Any:
        return Client().patch(
            f"/api/v1/{path}", body, content_type="application/json", **self.headers
        )

    def delete(self, path: str) -> Any:
        return Client().delete(f"/api/v1/{path}", **self.headers)

    def upload(self, to: str = "leaves/certificates", **fields: Any) -> Any:
        return Client().post(f"/api/v1/{to}", fields, **self.headers)


@pytest.fixture
def asha(office: Office) -> Chair:
    return Chair(people.make_user(office.asha, "asha"))


@pytest.fixture
def bala(office: Office) -> Chair:
    return Chair(office.bala)


@pytest.fixture
def chitra(world: people.World, office: Office) -> Chair:
    return Chair(people.make_user(world.chitra, "chitra", "admin"))


@pytest.fixture
def applied(asha: Chair) -> int:
    return int(asha.post("leaves", MONDAY).json()["id"])


def test_the_seeds_own_sample_is_refused_with_code_rule_and_numbers(asha: Chair) -> None:
    reply = asha.post("leaves", SEED)
    body = reply.json()
    assert (reply.status_code, body["code"], body["rule"], list(body["errors"])) == (
        422,
        "NO_CHARGEABLE_DAYS",
        "CL7",
        ["start_date"],
    )
    assert body["details"]["holidays"] == ["Closed on 1 May"]
    assert body["message"] == body["errors"]["start_date"][0]


def test_an_application_comes_back_with_what_it_costs_and_stands_in_the_list(asha: Chair) -> None:
    reply = asha.post("leaves", MONDAY)
    row = reply.json()
    assert reply.status_code == 201
    assert {key: row[key] for key in MONDAY} == MONDAY
    assert (row["status"], row["chargeable_days"], row["decided_by"]) == ("pending", 1.0, None)
    listed = asha.get("leaves").json()
    assert (listed["next"], listed["data"]) == (None, [row])


@pytest.mark.parametrize(("asked", "session"), [({}, "FN"), ({"half_day_session": "AN"}, "AN")])
def test_half_a_day_is_the_forenoon_unless_said(
    asha: Chair, asked: dict[str, str], session: str
) -> None:
    row = asha.post("leaves", MONDAY | {"is_half_day": True} | asked).json()
    assert (row["is_half_day"], row["half_day_session"], row["chargeable_days"]) == (
        True,
        session,
        0.5,
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"leave_type": "SCL"}, "leave_type"),
        ({"leave_type": 5}, "leave_type"),
        ({"start_date": "0001-01-01"}, "start_date"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"end_date": "9999-12-31"}, "end_date"),
        ({"reason": ""}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"reason": "\ud800"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": ["x"]}, "reason"),
        ({"child_id": 2**70}, "child_id"),
        ({"child_id": True, "leave_type": "CCL"}, "child_id"),
        ({"certificate_id": 7}, "certificate_id"),
        ({"end_date": "2026-07-05"}, "end_date"),
        ({"is_half_day": True, "end_date": "2026-07-07"}, "end_date"),
        ({"half_day_session": "XX"}, "half_day_session"),
        ({"half_day_session": "FN"}, "half_day_session"),
        ({"is_half_day": "perhaps"}, "is_half_day"),
        ({"start_date": None}, "start_date"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(
    asha: Chair, change: dict[str, Any], field: str
) -> None:
    reply = asha.post("leaves", MONDAY | change)
    assert reply.status_code == 422
    assert field in reply.json()["errors"]
    assert not LeaveApplication.objects.exists()


@pytest.mark.parametrize("body", ["[]", '"x"', "5", "null", '{"leave_type": {"a": []}}'])
def test_a_body_of_another_shape_is_refused(asha: Chair, body: str) -> None:
    reply = Client().post("/api/v1/leaves", body, content_type="application/json", **asha.headers)
    assert reply.status_code == 422
    assert reply.json()["errors"]


def test_a_preview_says_what_it_costs_and_every_reason_against_it(asha: Chair) -> None:
    good = asha.post(
        "leaves/preview", MONDAY | {"start_date": "2026-04-30", "end_date": "2026-05-04"}
    ).json()
    assert (
        good["allowed"],
        good["chargeable_days"],
        good["available_before"],
        good["available_after"],
    ) == (True, 2, 8, 6)
    assert [day["day_class"] for day in good["days"]] == [
        "WORKING",
        "HOLIDAY",
        "WEEKLY_OFF",
        "WEEKLY_OFF",
        "WORKING",
    ]
    bad = asha.post(
        "leaves/preview", MONDAY | {"leave_type": "COMMUTED", "end_date": "2026-08-31"}
    ).json()
    assert (bad["allowed"], [one["code"] for one in bad["refusals"]]) == (
        False,
        ["CERTIFICATE_REQUIRED", "INSUFFICIENT_BALANCE"],
    )
    assert not LeaveApplication.objects.exists()


def test_balances_are_six_kinds_in_days(asha: Chair, applied: int) -> None:
    body = asha.get("leaves/balances", year=2026).json()
    assert (body["year"], body["as_of"]) == (2026, "2026-02-02")
    assert [one["leave_type"] for one in body["data"]] == [
        "CL",
        "EL",
        "HPL",
        "COMMUTED",
        "CCL",
        "RH",
    ]
    assert body["data"][0] == {
        "leave_type": "CL",
        "opening": 0,
        "credited": 8,
        "debited": 0,
        "lapsed": 0,
        "held": 1,
        "available": 7,
    }
    assert asha.get("leaves/balances", year="x").status_code == 422
    assert asha.get("leaves/balances", year=99999).status_code == 422
    assert asha.get("leaves/balances").json()["year"] == 2026


def test_an_approver_decides_once_and_a_second_time_is_a_conflict(
    asha: Chair, bala: Chair, applied: int
) -> None:
    assert [one["id"] for one in bala.get("leaves/to-decide").json()["data"]] == [applied]
    reply = bala.post(f"leaves/{applied}/approve", {"decision": "approve", "remarks": "Fine"})
    assert (reply.status_code, reply.json()["status"], reply.json()["decided_by"]) == (
        200,
        "approved",
        "Bala",
    )
    assert bala.post(f"leaves/{applied}/approve", {"decision": "reject"}).status_code == 409
    assert asha.get("leaves").json()["data"][0]["remarks"] == "Fine"
    assert bala.post(f"leaves/{applied}/approve", {"decision": "as EL"}).status_code == 422


def test_who_may_not_decide_is_told_so_and_strangers_find_nothing(
    world: people.World, asha: Chair, bala: Chair, chitra: Chair, applied: int
) -> None:
    decision = {"decision": "approve"}
    refused = asha.post(f"leaves/{applied}/approve", decision)
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Forbidden: 'leave-approver' requires one of: admin, hr_admin, approver",
    )
    assert chitra.post(f"leaves/{applied}/approve", decision).status_code == 404
    other = Chair(
        people.make_user(people.make_employee(world.acme, "7", "Other"), "other", "approver")
    )
    assert other.post(f"leaves/{applied}/approve", decision).status_code == 403
    assert other.get("leaves/to-decide").json()["data"] == []
    own = bala.post("leaves", MONDAY).json()["id"]
    assert bala.post(f"leaves/{own}/approve", decision).status_code == 403
    assert Client().get("/api/v1/leaves").json() == {"message": "Unauthenticated."}
    assert bala.post(f"leaves/{2**70}/approve", decision).status_code == 404


def test_only_ones_own_applications_are_listed_and_filters_narrow_them(
    asha: Chair, bala: Chair, chitra: Chair, applied: int
) -> None:
    assert bala.get("leaves").json()["data"] == chitra.get("leaves").json()["data"] == []
    assert len(asha.get("leaves", status="pending", leave_type="CL", year=2026).json()["data"]) == 1
    assert (
        asha.get("leaves", year=2025).json()["data"]
        == asha.get("leaves", status="approved").json()["data"]
        == []
    )
    assert [
        asha.get("leaves", **query).status_code
        for query in ({"status": "x"}, {"year": "x"}, {"year": "1e400"})
    ] == [422] * 3


def test_leave_is_cancelled_cut_short_extended_and_converted(
    office: Office, asha: Chair, bala: Chair
) -> None:
    office.opening("EL", 50)
    office.opening("HPL", 50)
    body = MONDAY | {"leave_type": "EL", "end_date": "2026-07-17"}
    number = asha.post("leaves", body).json()["id"]
    bala.post(f"leaves/{number}/approve", {"decision": "approve"})
    assert asha.post(f"leaves/{number}/curtail", {"end_date": "2026-07-10"}).status_code == 403
    assert (
        bala.post(f"leaves/{number}/curtail", {"end_date": "2026-07-10"}).json()["chargeable_days"]
        == 5
    )
    more = asha.post(f"leaves/{number}/extend", {"end_date": "2026-07-14", "reason": "Ill"})
    assert (more.status_code, more.json()["extends_id"], more.json()["chargeable_days"]) == (
        201,
        number,
        4,
    )
    assert asha.post(f"leaves/{more.json()['id']}/cancel").json()["status"] == "cancelled"
    assert (
        bala.post(f"leaves/{number}/convert", {"leave_type": "HPL"}).json()["leave_type"] == "HPL"
    )
    assert (
        bala.post(f"leaves/{number}/convert", {"leave_type": "COMMUTED"}).json()["code"]
        == "CERTIFICATE_REQUIRED"
    )


def test_a_certificate_is_kept_privately_and_used_by_its_owner_only(
    office: Office, asha: Chair, bala: Chair
) -> None:
    office.opening("HPL", 50)
    paper = SimpleUploadedFile("x.pdf", b"%PDF-1.4 ill", content_type="application/pdf")
    reply = asha.upload(file=paper, sick_on="2026-07-06")
    assert reply.status_code == 201
    body = MONDAY | {
        "leave_type": "COMMUTED",
        "end_date": "2026-07-08",
        "certificate_id": reply.json()["id"],
    }
    assert bala.post("leaves", body).json()["errors"] == {
        "certificate_id": ["There is no such certificate."]
    }
    assert asha.post("leaves", body).status_code == 201


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"<script>", 422), (b"", 422), (b"%PDF-" + b"x" * 1024 * 1024, 413)],
    ids=["html", "empty", "large"],
)
def test_a_file_that_is_no_certificate_is_refused(asha: Chair, content: bytes, status: int) -> None:
    assert asha.upload(file=SimpleUploadedFile("x.pdf", content)).status_code == status
    assert asha.upload().status_code == 422
    assert asha.post("leaves/certificates", {"file": "x"}).status_code == 415


def test_child_care_leave_names_ones_own_child(
    world: people.World, office: Office, asha: Chair
) -> None:
    from leaves.models import LeaveProfile

    LeaveProfile.objects.create(
        organization=world.acme, employee=office.asha, starts_on=date(2020, 1, 1), sex="F"
    )
    kid = Child.objects.create(
        organization=world.acme, employee=office.asha, name="Kid", born_on=date(2015, 1, 1)
    )
    other = Child.objects.create(
        organization=world.acme, employee=world.bala, name="Other", born_on=date(2015, 1, 1)
    )
    assert [one["id"] for one in asha.get("leaves/children").json()["data"]] == [kid.pk]
    body = MONDAY | {"leave_type": "CCL", "end_date": "2026-07-10"}
    assert asha.post("leaves", body).json()["code"] == "CCL_CHILD_REQUIRED"
    assert "child_id" in asha.post("leaves", body | {"child_id": other.pk}).json()["errors"]
    assert asha.post("leaves", body | {"child_id": kid.pk}).status_code == 201


def test_the_holidays_of_ones_office(world: people.World, asha: Chair, chitra: Chair) -> None:
    body = asha.get("holidays", year=2026).json()
    assert (body["year"], body["office"], len(body["data"])) == (2026, None, 23)
    assert {"date": "2026-05-01", "name": "Closed on 1 May", "class": "CLOSED"} in body["data"]
    assert chitra.get("holidays", year=2026).json()["data"] == []
    assert asha.get("holidays", year=1).status_code == 422
    publish_delhi(world.zenith)
    assert len(chitra.get("holidays").json()["data"]) == 23


def test_staff_see_what_is_in_force_and_drafts_by_filter(
    world: people.World, office: Office, asha: Chair, chitra: Chair
) -> None:
    chief = Chair(office.chief)
    draft = draft_holiday_calendar(world.acme, None, 2026)
    every: Callable[..., Any] = lambda **query: chief.get("admin/holidays", **query).json()["data"]  # noqa: E731
    assert {one["version"] for one in every(published="true")} == {1}
    assert {one["version"] for one in every(published="false")} == {2}
    publish_holiday_calendar(draft, actor=None)
    assert {one["version"] for one in every()} == {2}
    assert {one["class"] for one in every(**{"class": "RESTRICTED"})} == {"RESTRICTED"}
    assert every(year=2025) == every(office="Nowhere") == []
    assert chief.get("admin/holidays", **{"class": "x"}).status_code == 422
    assert asha.get("admin/holidays").status_code == 403
    assert chitra.get("admin/holidays").json()["data"] == []


def test_an_offices_holidays_are_found_by_its_name_as_its_people_read_them(
    world: people.World, office: Office, asha: Chair
) -> None:
    chief = Chair(office.chief)
    site, other = people.make_site(world.acme), people.make_site(world.acme, "Pune")
    foreign = people.make_site(world.zenith, "Elsewhere")
    save_assignment(
        Assignment(
            organization=world.acme, employee=office.asha, site=site, starts_on=date(2026, 1, 1)
        )
    )
    local = draft_holiday_calendar(world.acme, other, 2026)
    add_calendar_days(local, [(date(2026, 3, 19), "CLOSED", "Gudi Padwa")])

    def listed(**query: Any) -> list[str]:
        return sorted(one["date"] for one in chief.get("admin/holidays", **query).json()["data"])

    own = asha.get("holidays", year=2026).json()
    common = sorted(one["date"] for one in own["data"])
    assert (own["office"], len(common)) == (site.name, 23)
    for named in (site.name, site.pk, ""):
        assert listed(year=2026, office=named) == common
    # A draft is no list in force: both are shown until it is published.
    assert listed(office="Pune") == sorted([*common, "2026-03-19"])
    assert listed(office="Pune", published="false") == ["2026-03-19"]
    publish_holiday_calendar(local, actor=None)
    assert listed(office="Pune") == listed(office=other.pk) == ["2026-03-19"]
    assert len(listed()) == 24
    for unknown in (foreign.name, foreign.pk, "9" * 40, 987_654_321, "²"):
        assert listed(office=unknown) == []


@pytest.mark.parametrize("word", ["yes", "true", "", 1, 0, [], {}])
def test_half_a_day_is_true_or_false_and_no_word(asha: Chair, word: object) -> None:
    for field in ("is_half_day", "for_study"):
        reply = asha.post("leaves", MONDAY | {field: word})
        assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])
    assert not LeaveApplication.objects.exists()


def test_what_a_leave_application_cannot_mean_is_refused_and_named(asha: Chair) -> None:
    for path in ("leaves", "leaves/preview"):
        reply = asha.post(path, MONDAY | {"hours": 4, "employee": "E2"})
        assert (reply.status_code, reply.json()["errors"]) == (
            422,
            {"hours": ["There is no such field."], "employee": ["There is no such field."]},
        )
    assert not LeaveApplication.objects.exists()
    certificate = SimpleUploadedFile("c.pdf", b"%PDF-1.4", "application/pdf")
    upload = asha.upload(file=certificate, employee="E2")
    assert (upload.status_code, list(upload.json()["errors"])) == (422, ["employee"])


def test_a_body_of_nothing_but_unknown_fields_is_not_said_back_whole(asha: Chair) -> None:
    reply = asha.post("leaves", {f"field{number}": 1 for number in range(5000)})
    assert (reply.status_code, len(reply.json()["errors"])) == (422, 20)
