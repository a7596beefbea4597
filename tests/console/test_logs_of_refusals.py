"""What a user or a stranger sends wrongly is answered; it is not a failure of ours in the log."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse


@pytest.mark.parametrize(
    "query",
    [
        "employee=7",
        "employee__user__password__startswith=a",
        "organization__slug=zenith",
        "_to_field=name",
        "verdict__in=%00",
        "o=x&p=-1",
    ],
)
@pytest.mark.parametrize("page", ["attendance_punch", "employees_employee", "accounts_user"])
def test_a_bad_filter_of_a_signed_in_user_is_answered_without_a_line_in_the_log(
    staff: Client, caplog: pytest.LogCaptureFixture, page: str, query: str
) -> None:
    caplog.clear()
    reply = staff.get(f"{reverse(f'admin:{page}_changelist')}?{query}")
    assert reply.status_code in {200, 302, 400}
    assert [record for record in caplog.records if record.levelname in {"ERROR", "WARNING"}] == []


def test_the_filter_of_the_report_is_answered_400_as_a_page(staff: Client) -> None:
    reply = staff.get(f"{reverse('admin:attendance_punch_changelist')}?employee__name=Asha")
    assert reply.status_code == 400
    assert "text/html" in reply["Content-Type"]


def test_a_form_with_too_many_fields_or_files_is_answered_without_a_line_in_the_log(
    staff: Client, caplog: pytest.LogCaptureFixture
) -> None:
    address = reverse("admin:login")
    caplog.clear()
    files = {f"f{n}": SimpleUploadedFile("a", b"a") for n in range(101)}
    replies = [
        staff.post(address, {f"a{n}": "" for n in range(1001)}),
        staff.post(address, files),
        staff.post(address, {"a": "a" * (1024 * 1024 + 1)}),
        Client(headers={"Host": "not..ours"}).get(address),
    ]
    assert [reply.status_code for reply in replies] == [400] * 4
    assert caplog.records == []
