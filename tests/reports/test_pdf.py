"""The muster roll on paper. What it looks like was looked at; here is what can be counted."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.utils import translation

from employees.models import Employee, Organization
from reports import pdf
from tests import people
from tests.reports.conftest import make_api_client, report_bytes
from tests.reports.test_days import MONTH, day

READER = shutil.which("pdftotext")


@pytest.fixture(autouse=True)
def _july() -> Any:
    """June is over."""
    with time_machine.travel("2026-07-10T06:00:00+00:00", tick=False):
        yield


def roll(organization: Organization, **asked: Any) -> bytes:
    return report_bytes(organization, "muster-roll", "pdf", **(MONTH | asked))


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", content))


def crowd(organization: Organization, number: int) -> None:
    for one in range(number):
        people.make_employee(
            organization,
            f"E{one:03}",
            "क्षमा त्रिपाठी" if one % 2 else "Élodie Iyer-Krishnamoorthy " * 3,
        )


def test_a_roll_is_a_pdf_with_as_many_pages_as_its_people_need(acme: Organization) -> None:
    assert roll(acme).startswith(b"%PDF-")
    assert pages(roll(acme)) == 1
    crowd(acme, 60)
    assert pages(roll(acme)) == 3


def test_a_roll_of_nobody_is_a_whole_file(acme: Organization, asha: Employee) -> None:
    assert pages(roll(acme, employee="1001", month="2019-01")) == 1


def test_more_people_than_paper_is_for_are_refused_with_what_to_do(
    acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "MAX_EMPLOYEES", 1)
    with pytest.raises(ValidationError):
        roll(acme)
    reply = make_api_client(acme).get(
        "/api/v1/admin/reports/muster-roll", MONTH | {"format": "pdf"}
    )
    assert (reply.status_code, list(reply.json()["errors"])) == (422, ["format"])


def test_a_roll_goes_out_over_the_api_as_a_file(acme: Organization) -> None:
    reply = make_api_client(acme).get(
        "/api/v1/admin/reports/muster-roll", MONTH | {"format": "pdf"}
    )
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "application/pdf")
    assert reply.headers["Content-Disposition"] == 'attachment; filename="muster-roll-2026-06.pdf"'


def test_only_the_roll_is_for_paper(acme: Organization) -> None:
    reply = make_api_client(acme).get(
        "/api/v1/admin/reports/presence",
        {"from": "2026-06-01", "to": "2026-06-01", "format": "pdf"},
    )
    assert reply.status_code == 422


@pytest.mark.skipif(READER is None, reason="pdftotext (poppler-utils) is not installed")
def test_every_page_has_the_head_of_the_register_and_its_number(
    acme: Organization, asha: Employee, tmp_path: Path
) -> None:
    day(asha, date(2026, 6, 1), "half_day")
    crowd(acme, 40)
    file = tmp_path / "roll.pdf"
    file.write_bytes(roll(acme))
    text = subprocess.run(
        [str(READER), "-layout", file, "-"], capture_output=True, check=True, text=True
    ).stdout
    found = text.rstrip("\f").split("\f")
    assert len(found) == 2
    for number, page in enumerate(found, 1):
        assert f"Page {number} of 2" in page
        assert all(
            word in page for word in ("Muster roll · June 2026", "Acme", "Name", "WO Weekly off")
        )
    assert " HD " in found[0]
    assert "Total of 42 people" in found[1]


def test_a_roll_is_written_in_hindi_too(acme: Organization) -> None:
    with translation.override("hi"):
        assert roll(acme).startswith(b"%PDF-")
