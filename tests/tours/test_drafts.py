"""Drafts of tours and their papers, from three chairs: Asha who travels, Bala who decides for her,
Chitra of elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import SecurityEvent
from employees.models import Change, HalfDayReservation
from tests import people
from tests.leaves.conftest import Office, make_office
from tests.leaves.test_api import Chair
from tests.tours.test_api import TRIP
from tours.models import Tour, TourDocument, TourEvent

DRAFT = TRIP | {"draft": True}
PDF = b"%PDF-1.4 an order"
DECISION = {"decision": "approve"}


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel("2026-06-29T06:30:00+00:00", tick=False):
        yield


@pytest.fixture
def office(world: people.World) -> Office:
    return make_office(world)


@pytest.fixture
def asha(office: Office) -> Chair:
    return Chair(people.make_user(office.asha, "asha"))


@pytest.fixture
def bala(office: Office) -> Chair:
    return Chair(office.bala)


@pytest.fixture
def hr(office: Office) -> Chair:
    return Chair(office.hr)


@pytest.fixture
def chitra(world: people.World) -> Chair:
    return Chair(people.make_user(world.chitra, "chitra", "admin"))


@pytest.fixture
def draft(asha: Chair) -> int:
    return int(asha.post("tours", DRAFT).json()["id"])


def upload(chair: Chair, content: bytes = PDF, **more: Any) -> Any:
    return chair.upload(
        "tours/papers", file=SimpleUploadedFile("order.html", content, "text/html"), **more
    )


@pytest.fixture
def paper(asha: Chair) -> int:
    return int(upload(asha, kind="ORDER").json()["id"])


def read(chair: Chair, paper: int) -> Any:
    return chair.get(f"tours/papers/{paper}")


# --- Drafts ---------------------------------------------------------------------------------------
def test_a_draft_takes_no_days_and_only_its_traveller_knows_of_it(
    asha: Chair, bala: Chair, hr: Chair, chitra: Chair, draft: int
) -> None:
    (row,) = asha.get("tours", status="draft").json()["data"]
    assert (row["id"], row["status"], row["applied_at"]) == (draft, "draft", None)
    assert not HalfDayReservation.objects.exists()
    assert not TourEvent.objects.exists()
    assert not Change.objects.filter(kind="tour").exists()
    assert (
        bala.get("tours/to-decide").json()["data"] == hr.get("tours/to-decide").json()["data"] == []
    )
    for chair in (bala, hr, chitra):
        assert chair.post(f"tours/{draft}/decide", DECISION).status_code == 404
        assert chair.post(f"tours/{draft}/cancel").status_code == 404


def test_a_draft_sent_in_is_judged_as_an_application_is(
    asha: Chair, bala: Chair, draft: int
) -> None:
    leave = {
        "leave_type": "CL",
        "start_date": "2026-07-07",
        "end_date": "2026-07-07",
        "reason": "personal",
    }
    applied = asha.post("leaves", leave).json()["id"]
    refused = asha.post(f"tours/{draft}/submit").json()
    assert (refused["code"], refused["details"]["leave"]) == ("LEAVE_CONFLICT", applied)
    assert Tour.objects.get().status == "draft"
    asha.post(f"leaves/{applied}/cancel")
    reply = asha.post(f"tours/{draft}/submit")
    assert (reply.status_code, reply.json()["status"], reply.json()["applied_at"]) == (
        200,
        "pending",
        "2026-06-29T06:30:00Z",
    )
    assert HalfDayReservation.objects.count() == 6
    assert [one["id"] for one in bala.get("tours/to-decide").json()["data"]] == [draft]


def test_a_draft_kept_too_long_is_entered_by_hr(asha: Chair, draft: int) -> None:
    with time_machine.travel("2026-07-20T06:30:00+00:00", tick=False):
        assert asha.post(f"tours/{draft}/submit").json()["code"] == "BACKDATED"


def test_a_draft_is_changed_and_what_is_left_out_stays(asha: Chair, draft: int) -> None:
    row = asha.patch(f"tours/{draft}", {"purpose": "Audit of Goa", "places": ["Goa"]}).json()
    assert (row["purpose"], row["places"], row["order_no"]) == ("Audit of Goa", ["Goa"], "12/2026")
    reversed_dates = asha.patch(f"tours/{draft}", {"end_at": "2026-07-01T09:00:00+05:30"})
    assert (reversed_dates.status_code, reversed_dates.json()["code"]) == (422, "DATES_REVERSED")
    assert list(
        asha.patch(f"tours/{draft}", {"start_at": "2026-07-06T09:00:00"}).json()["errors"]
    ) == ["start_at"]
    seized = asha.patch(f"tours/{draft}", {"status": "approved", "decided_by": "me"})
    assert (seized.status_code, set(seized.json()["errors"])) == (422, {"status", "decided_by"})
    assert Tour.objects.get().status == "draft"


def test_two_drafts_may_lie_over_each_other_and_only_one_is_sent_in(
    asha: Chair, draft: int
) -> None:
    other = asha.post("tours", DRAFT).json()["id"]
    assert asha.post(f"tours/{draft}/submit").status_code == 200
    assert asha.post(f"tours/{other}/submit").json()["code"] == "OVERLAP"


def test_what_was_sent_in_is_no_draft_any_more(asha: Chair, draft: int) -> None:
    asha.post(f"tours/{draft}/submit")
    replies = [
        asha.post(f"tours/{draft}/submit"),
        asha.patch(f"tours/{draft}", {"purpose": "x"}),
        asha.delete(f"tours/{draft}"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in replies] == [(409, "SENT_IN")] * 3
    assert Tour.objects.get().purpose == TRIP["purpose"]


def test_a_draft_is_sent_in_or_discarded_and_nothing_else(asha: Chair, draft: int) -> None:
    for verb, body in (("cancel", {}), ("complete", {"report": "Done"})):
        reply = asha.post(f"tours/{draft}/{verb}", body)
        assert (reply.status_code, reply.json()["code"]) == (409, "NOT_SENT_IN")


def test_somebody_elses_draft_is_not_there(
    asha: Chair, bala: Chair, chitra: Chair, draft: int
) -> None:
    address = f"tours/{draft}"
    for chair in (bala, chitra):
        replies = [
            chair.post(f"{address}/submit"),
            chair.patch(address, {"purpose": "x"}),
            chair.delete(address),
        ]
        assert [one.status_code for one in replies] == [404] * 3
    assert Tour.objects.get().status == "draft"


# --- Papers ---------------------------------------------------------------------------------------
def test_a_discarded_draft_is_gone_with_its_papers(
    asha: Chair, draft: int, paper: int, django_capture_on_commit_callbacks: Any
) -> None:
    asha.patch(f"tours/{draft}", {"paper_ids": [paper]})
    file = Path(TourDocument.objects.get().file.path)
    assert file.exists()
    with django_capture_on_commit_callbacks(execute=True):
        assert asha.delete(f"tours/{draft}").status_code == 204
    assert not file.exists()
    assert not TourDocument.objects.exists()
    assert asha.get("tours").json()["data"] == []
    assert asha.delete(f"tours/{draft}").status_code == 404


def test_a_tour_shows_its_papers_to_whoever_decides(asha: Chair, bala: Chair, paper: int) -> None:
    row = asha.post("tours", TRIP | {"paper_ids": [paper]}).json()
    told = {"id": paper, "kind": "ORDER", "content_type": "application/pdf", "size": len(PDF)}
    assert [{key: one[key] for key in told} for one in row["papers"]] == [told]
    assert bala.get("tours/to-decide").json()["data"] == [row]


def test_a_paper_is_read_by_its_owner_and_once_sent_in_by_who_decides_and_by_hr(
    office: Office, asha: Chair, bala: Chair, hr: Chair, chitra: Chair, paper: int
) -> None:
    stranger = Chair(
        people.make_user(people.make_employee(office.organization, "77", "Dev"), "dev", "approver")
    )
    draft = asha.post("tours", DRAFT | {"paper_ids": [paper]}).json()["id"]
    assert [read(one, paper).status_code for one in (asha, bala, hr, stranger, chitra)] == [
        200,
        404,
        404,
        404,
        404,
    ]
    asha.post(f"tours/{draft}/submit")
    assert [read(one, paper).status_code for one in (asha, bala, hr, stranger, chitra)] == [
        200,
        200,
        200,
        404,
        404,
    ]


def test_a_paper_is_given_out_as_an_attachment_and_that_is_written_down(
    asha: Chair, bala: Chair, paper: int
) -> None:
    asha.post("tours", TRIP | {"paper_ids": [paper]})
    reply = read(bala, paper)
    assert b"".join(reply.streaming_content) == PDF
    assert (reply.headers["Content-Type"], reply.headers["Content-Disposition"]) == (
        "application/pdf",
        f'attachment; filename="tour-paper-{paper}"',
    )
    noted = SecurityEvent.objects.get(kind="exported")
    assert (noted.actor, noted.about, noted.details) == (
        bala.user,
        f"tourdocument {paper}",
        {"employee": "1001"},
    )


@pytest.mark.parametrize("content", [b"<html>", b"GIF89a", b"\x00"], ids=["html", "gif", "zero"])
def test_a_paper_is_what_its_first_bytes_say(asha: Chair, content: bytes) -> None:
    reply = upload(asha, content)
    assert (reply.status_code, reply.json()["code"], list(reply.json()["errors"])) == (
        422,
        "PAPER_TYPE",
        ["file"],
    )
    assert not TourDocument.objects.exists()


def test_a_paper_of_a_wrong_kind_or_size_is_refused(asha: Chair) -> None:
    assert list(upload(asha, kind="SECRET").json()["errors"]) == ["kind"]
    assert upload(asha, PDF + b"x" * 2**20).status_code == 413


def test_a_paper_is_ones_own_and_of_one_tour(asha: Chair, bala: Chair, paper: int) -> None:
    own = asha.post("tours", DRAFT | {"paper_ids": [paper]}).json()["id"]
    taken = asha.post("tours", DRAFT | {"paper_ids": [paper]})
    foreign, nobodys = (
        bala.post("tours", DRAFT | {"paper_ids": [one]}) for one in (paper, 987_654_321)
    )
    assert [one.json()["code"] for one in (taken, foreign, nobodys)] == ["NO_SUCH_PAPER"] * 3
    assert foreign.content == nobodys.content
    assert Tour.objects.count() == 1
    assert asha.patch(f"tours/{own}", {"paper_ids": []}).json()["papers"] == []
    assert len(asha.post("tours", DRAFT | {"paper_ids": [paper, paper]}).json()["papers"]) == 1


@pytest.mark.parametrize(
    "ids",
    [["x"], [0], [2**63], "1", list(range(1, 12))],
    ids=["text", "zero", "huge", "no-list", "many"],
)
def test_ids_that_are_none_are_refused_at_the_field(asha: Chair, ids: Any) -> None:
    reply = asha.post("tours", DRAFT | {"paper_ids": ids})
    assert reply.status_code == 422
    assert all(name.startswith("paper_ids") for name in reply.json()["errors"])


def test_a_paper_whose_file_is_lost_says_so(asha: Chair, paper: int) -> None:
    TourDocument.objects.get().file.storage.delete(TourDocument.objects.get().file.name)
    reply = read(asha, paper)
    assert reply.status_code == 410
    assert "missing from storage" in reply.json()["message"]
    assert not SecurityEvent.objects.filter(kind="exported").exists()
