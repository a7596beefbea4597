"""Reports in the console: the questions of each, and “My reports”."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from accounts import middleware
from accounts.models import SecurityEvent, User
from employees.models import Employee, Organization
from reports import views
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.jobs import errors, execution, leases, services
from reports.models import ReportJob
from tests import people
from tests.reports.conftest import JUNE, report_bytes

LIST = "/admin/reports/reportjob/"
PAGE = "/admin/report/attendance/"


@pytest.fixture(autouse=True)
def _folder(settings: LazySettings, tmp_path: Path) -> None:
    settings.REPORT_DIR = tmp_path


@pytest.fixture
def clerk(acme: Organization) -> User:
    return people.make_staff(acme, "clerk", role="reports")


@pytest.fixture
def desk(client: Client, clerk: User) -> Client:
    client.force_login(clerk)
    return client


def ask(user: User, form: str = "csv", **asked: Any) -> ReportJob:
    return services.request_report(
        REPORTS["attendance"], user.organization, JUNE | asked, FORMATS[form], actor=user
    )


def made(job: ReportJob) -> ReportJob:
    execution.run_report_job(leases.lease_next_job())  # type: ignore[arg-type]
    job.refresh_from_db()
    return job


def text(reply: Any) -> str:
    return reply.content.decode()


# --- The questions --------------------------------------------------------------------------------
def test_the_list_names_the_reports_somebody_may_read(desk: Client) -> None:
    page = text(desk.get("/admin/report/"))
    assert PAGE in page
    assert str(escape(REPORTS["attendance"].description)) in page
    assert "/admin/report/deliveries/" not in page
    assert desk.get("/admin/report/deliveries/").status_code == 404
    assert desk.get("/admin/report/nothing/").status_code == 404


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_has_a_page(client: Client, acme_staff: User, name: str) -> None:
    client.force_login(acme_staff)
    page = text(client.get(f"/admin/report/{name}/"))
    assert str(REPORTS[name].title) in page
    assert str(escape(REPORTS[name].description)) in page
    assert "Run in the background" in page


def test_a_small_report_is_downloaded_at_once(desk: Client, asha: Employee) -> None:
    people.make_punch(asha.organization, "1001", employee=asha)
    reply = desk.post(PAGE, JUNE | {"format": "csv", "how": views.DOWNLOAD_NOW})
    assert reply.content == report_bytes(asha.organization, "attendance", "csv", **JUNE)
    assert reply.headers["Content-Disposition"].startswith("attachment")
    assert not ReportJob.objects.exists()


def test_a_report_is_made_in_the_background_when_somebody_says_so(
    desk: Client, clerk: User
) -> None:
    reply = desk.post(PAGE, JUNE | {"format": "xlsx", "how": views.IN_BACKGROUND}, follow=True)
    assert reply.redirect_chain == [(LIST, 302)]
    job = ReportJob.objects.get()
    assert (job.asked_by, job.format, job.parameter_values) == (clerk, "xlsx", JUNE)
    assert "The report is running in the background." in text(reply)


def test_a_large_report_goes_to_the_background_by_itself(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "BACKGROUND_ROW_THRESHOLD", 10)
    assert "This report is large" in text(
        desk.post(PAGE, JUNE | {"format": "csv", "how": views.DOWNLOAD_NOW}, follow=True)
    )
    assert ReportJob.objects.count() == 1


def test_a_wrong_answer_is_said_at_its_field(desk: Client) -> None:
    reply = desk.post(PAGE, {"from": "2026-06-30", "to": "2026-06-01", "format": "rubbish"})
    assert (reply.status_code, "This is before the first day." in text(reply)) == (422, True)


def test_too_many_at_once_is_said_on_the_page(
    desk: Client, clerk: User, settings: LazySettings
) -> None:
    settings.REPORTS_PER_PERSON = 1
    ask(clerk, "json")
    reply = desk.post(PAGE, JUNE | {"format": "csv", "how": views.IN_BACKGROUND})
    assert (reply.status_code, "cancel one" in text(reply)) == (422, True)


def test_their_site_is_no_choice(desk: Client, zenith: Organization) -> None:
    site = people.make_site(zenith, "zenithmark site")
    assert "zenithmark" not in text(desk.get(PAGE))
    assert desk.post(PAGE, JUNE | {"site": site.pk, "how": views.IN_BACKGROUND}).status_code == 422
    assert not ReportJob.objects.exists()


def test_an_approver_and_an_employee_have_no_reports(
    client: Client, acme: Organization, asha: Employee
) -> None:
    client.force_login(people.make_staff(acme, "approver", role="approver"))
    for address in ("/admin/report/", PAGE, LIST):
        assert client.get(address).status_code == 403
    client.force_login(people.make_user(asha, "asha"))
    assert client.get(PAGE).status_code == 302


def test_an_operator_is_told_to_sign_in_as_staff(root: Client, clerk: User) -> None:
    assert "A report belongs to one organization: sign in as a member of its staff." in text(
        root.get(PAGE)
    )
    job = made(ask(clerk))
    assert "clerk" in text(root.get(LIST))
    assert root.get(f"{LIST}{job.pk}/file/").status_code == 403
    assert root.post(f"{LIST}{job.pk}/repeat/").status_code == 403


# --- My reports -----------------------------------------------------------------------------------
def test_an_empty_list_says_what_to_do(desk: Client) -> None:
    assert "Run in the background" in text(desk.get(LIST))


def test_a_list_shows_ones_own_and_to_administrators_all(
    desk: Client, client: Client, acme_staff: User, clerk: User
) -> None:
    ask(people.make_staff(acme_staff.organization, "other", role="reports"), "xlsx")
    job = ask(clerk)
    assert text(desk.get(LIST)).count("data-report-job=") == 1
    client.force_login(acme_staff)
    page = text(client.get(LIST))
    assert (page.count("data-report-job="), "other" in page, f"{LIST}{job.pk}/change/" in page) == (
        2,
        True,
        True,
    )


def test_a_page_with_something_open_refreshes_itself(desk: Client, clerk: User) -> None:
    job = ask(clerk)
    page = text(desk.get(LIST))
    assert "muster/report_jobs.js" in page
    assert f'data-report-job="{job.pk}" data-report-open' in page
    leases.lease_next_job()
    ReportJob.objects.update(done=30, total=120)
    told = desk.get(f"{LIST}progress/", {"ids": f"{job.pk},999,x"}).json()
    assert list(told) == [str(job.pk)]
    assert told[str(job.pk)]["open"]
    assert 'value="25"' in told[str(job.pk)]["html"]
    services.cancel_report_job(job)
    assert not desk.get(f"{LIST}progress/", {"ids": job.pk}).json()[str(job.pk)]["open"]


def test_a_page_that_asks_by_itself_keeps_no_session_alive(desk: Client, clerk: User) -> None:
    job = ask(clerk)
    seen = int(timezone.now().timestamp()) - 600
    session = desk.session
    session[middleware.SESSION_LAST_SEEN_AT] = seen
    session.save()
    desk.get(f"{LIST}progress/", {"ids": job.pk})
    assert desk.session[middleware.SESSION_LAST_SEEN_AT] == seen
    desk.get(LIST)
    assert desk.session[middleware.SESSION_LAST_SEEN_AT] > seen


def test_the_progress_of_others_is_nobodys_business(
    desk: Client, acme_staff: User, zenith: Organization
) -> None:
    others = [ask(acme_staff), ask(people.make_staff(zenith, "z"))]
    assert (
        desk.get(f"{LIST}progress/", {"ids": ",".join(str(one.pk) for one in others)}).json() == {}
    )


def test_a_finished_report_is_downloaded_and_that_is_written_down(
    desk: Client, clerk: User, asha: Employee
) -> None:
    job = made(ask(clerk))
    address = f"{LIST}{job.pk}/file/"
    assert address in text(desk.get(LIST))
    assert address in text(desk.get(f"{LIST}{job.pk}/change/"))
    reply = desk.get(address)
    assert b"".join(reply.streaming_content) == report_bytes(
        asha.organization, "attendance", "csv", **JUNE
    )
    event = SecurityEvent.objects.filter(kind="exported").latest("id")
    assert (event.actor, event.about, event.details["step"]) == (
        clerk,
        "report attendance",
        "downloaded",
    )


def test_whoever_lost_the_role_finds_nothing(desk: Client, clerk: User) -> None:
    job = made(ask(clerk))
    clerk.groups.clear()
    assert desk.get(f"{LIST}{job.pk}/file/").status_code in {403, 404}


def test_an_expired_report_says_so_and_is_asked_for_again(desk: Client, clerk: User) -> None:
    job = made(ask(clerk))
    ReportJob.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    page = text(desk.get(LIST))
    assert "Expired" in page
    assert f"{LIST}{job.pk}/repeat/" in page
    assert f"{LIST}{job.pk}/file/" not in page
    gone = desk.get(f"{LIST}{job.pk}/file/")
    assert (gone.status_code, "and has been deleted. Request the report again." in text(gone)) == (
        410,
        True,
    )
    assert desk.get(f"{LIST}{job.pk}/repeat/").status_code == 200
    desk.post(f"{LIST}{job.pk}/repeat/")
    assert ReportJob.objects.filter(state="queued").get().parameter_values == job.parameter_values


def test_a_report_is_cancelled_by_post_only(desk: Client, clerk: User) -> None:
    job = ask(clerk)
    assert f"{LIST}{job.pk}/cancel/" in text(desk.get(LIST))
    desk.get(f"{LIST}{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.is_unfinished
    desk.post(f"{LIST}{job.pk}/cancel/")
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert "The report is already finished:" not in text(desk.get(LIST))


def test_a_failed_report_says_why(desk: Client, clerk: User) -> None:
    ask(clerk)
    ReportJob.objects.update(state="failed", error="no_room")
    assert str(errors.ERROR_MESSAGES["no_room"]) in text(desk.get(LIST))


def test_a_report_is_thrown_away_with_its_file(desk: Client, clerk: User, tmp_path: Path) -> None:
    job = made(ask(clerk))
    desk.post(f"{LIST}{job.pk}/discard/")
    assert (ReportJob.objects.count(), list(tmp_path.iterdir())) == (0, [])


def test_the_sidebar_leads_to_both(desk: Client) -> None:
    page = text(desk.get(reverse("admin:index")))
    assert 'href="/admin/report/"' in page
    assert f'href="{LIST}"' in page


def test_times_stand_on_the_clock_of_the_organization(desk: Client, clerk: User) -> None:
    with time_machine.travel("2026-06-20T20:00:00Z"):
        made(ask(clerk))
    with time_machine.travel("2026-06-21T01:00:00Z"):
        client = Client()
        client.force_login(clerk)
        assert "June 23, 2026, 1:30 a.m." in text(client.get(LIST)).replace(
            "23 June 2026", "June 23, 2026"
        )
