"""Reports made in the background: asked for, taken, made, found again, fetched and thrown away."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.auth.models import Group
from django.db import OperationalError, connections
from django.test import Client
from django.utils import timezone, translation
from xlsxwriter.exceptions import FileCreateError

from accounts.models import SecurityEvent, User
from accounts.roles import ROLE_PERMISSIONS
from accounts.services import issue_personal_token
from core.errors import RuleViolation
from employees.models import Employee, Organization
from reports import scope as walking
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.jobs import (
    deletion,
    errors,
    execution,
    leases,
    notification,
    runner,
    services,
    storage,
)
from reports.kinds.attendance import PunchCountReport
from reports.models import ReportJob
from tests import people
from tests.reports.conftest import JUNE, report_bytes

AT = "/api/v1/admin/reports/jobs"
State = ReportJob.State


@pytest.fixture(autouse=True)
def folder(settings: LazySettings, tmp_path: Path) -> Path:
    settings.REPORT_DIR = tmp_path / "reports"
    return Path(settings.REPORT_DIR)


@pytest.fixture
def clerk(acme: Organization) -> User:
    return people.make_staff(acme, "clerk", role="reports")


@pytest.fixture
def api(clerk: User) -> Client:
    return speaker(clerk)


def speaker(user: User) -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_personal_token(user, 'x')[1]}"})


def ask(user: User, report: str = "attendance", form: str = "csv", **asked: Any) -> ReportJob:
    kind = REPORTS[report]
    return services.request_report(kind, user.organization, JUNE | asked, FORMATS[form], actor=user)


def post(client: Client, **body: Any) -> Any:
    return client.post(
        AT, json.dumps({"report": "attendance"} | JUNE | body), content_type="application/json"
    )


def made(job: ReportJob) -> ReportJob:
    """The job, after a worker had it."""
    taken = leases.lease_next_job()
    assert taken is not None
    assert taken.job_id == job.pk
    execution.run_report_job(taken)
    job.refresh_from_db()
    return job


def body(reply: Any) -> bytes:
    assert reply.status_code == 200, reply.content
    return b"".join(reply.streaming_content)


def events() -> list[tuple[str, str]]:
    rows = SecurityEvent.objects.filter(kind="exported").order_by("id")
    return [(one.about, one.details["step"]) for one in rows if "step" in one.details]


# --- Asking ---------------------------------------------------------------------------------------
def test_a_report_is_asked_for_made_and_fetched(api: Client, asha: Employee, folder: Path) -> None:
    people.make_punch(asha.organization, "1001", employee=asha)
    asked = post(api)
    assert (asked.status_code, asked.json()["state"], asked.json()["file"]) == (202, "queued", None)
    job = made(ReportJob.objects.get())
    told = api.get(asked.headers["Location"]).json()
    assert (told["state"], told["percent"], told["rows"], told["error"]) == ("done", 100, 1, None)
    reply = api.get(told["file"])
    assert (
        reply.headers["Content-Disposition"]
        == 'attachment; filename="attendance-2026-06-01-2026-06-30.csv"'
    )
    assert reply.headers["Cache-Control"] == "private, no-store"
    content = body(reply)
    assert content == report_bytes(asha.organization, "attendance", "csv", **JUNE)
    assert (job.size, job.done) == (len(content), job.total)


@pytest.mark.parametrize("form", ["csv", "xlsx", "json"])
def test_every_format_can_be_made(clerk: User, form: str) -> None:
    job = made(ask(clerk, form=form))
    assert (job.state, job.name) == (State.DONE, f"attendance-2026-06-01-2026-06-30.{form}")


def test_the_file_is_in_the_language_of_whoever_asked(clerk: User, asha: Employee) -> None:
    with translation.override("hi"):
        job = ask(clerk, "exceptions")
    assert job.language == "hi"
    text = storage.open_report_file(made(job).file).read()
    with translation.override("hi"):
        assert text == report_bytes(asha.organization, "exceptions", "csv", **JUNE)
    assert text != report_bytes(asha.organization, "exceptions", "csv", **JUNE)


def test_the_same_question_is_one_job_until_it_is_answered(clerk: User, acme: Organization) -> None:
    first = ask(clerk)
    assert ask(clerk) == first
    assert ask(clerk, form="xlsx") != first
    assert ask(people.make_staff(acme, "other", role="reports")) != first
    made(first)
    assert ask(clerk) != first


def test_somebody_with_too_many_under_way_is_told_so(
    api: Client, clerk: User, settings: LazySettings
) -> None:
    settings.REPORTS_PER_PERSON = 1
    ask(clerk)
    reply = post(api, format="xlsx")
    assert (reply.status_code, reply.json()["code"]) == (422, "too_many_reports")
    assert "cancel one" in reply.json()["message"]
    assert post(api).status_code == 202  # The same once more is no further one.


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"report": "gossip"}, "report"),
        ({"format": "doc"}, "format"),
        ({"to": "2026-05-01"}, "to"),
        ({"from": [1]}, "from"),
        ({"employee": "nobody"}, "employee"),
        ({"site": 10**30}, "site"),
        ({"to": "\0"}, "to"),
    ],
    ids=lambda one: str(one)[:20],
)
def test_what_is_wrong_is_named_and_nothing_is_asked_for(
    api: Client, wrong: dict[str, Any], field: str
) -> None:
    reply = post(api, **wrong)
    assert (reply.status_code, list(reply.json()["errors"])) == (422, [field])
    assert not ReportJob.objects.exists()


def test_a_report_somebody_may_not_read_is_not_made(api: Client) -> None:
    reply = post(api, report="deliveries")
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")


# --- Finding --------------------------------------------------------------------------------------
def test_everybody_finds_their_own_and_administrators_their_organizations(
    acme: Organization, zenith: Organization
) -> None:
    clerk, chief = (
        people.make_staff(acme, "clerk", role="reports"),
        people.make_staff(acme, "chief"),
    )
    other = people.make_staff(acme, "other", role="hr_admin")
    stranger = people.make_staff(zenith, "stranger")
    job = made(ask(clerk))
    listed = {
        user.username: len(speaker(user).get(AT).json()["data"])
        for user in (clerk, chief, other, stranger)
    }
    assert listed == {"clerk": 1, "chief": 1, "other": 0, "stranger": 0}
    for user, status in ((clerk, 200), (chief, 200), (other, 404), (stranger, 404)):
        client = speaker(user)
        assert client.get(f"{AT}/{job.pk}").status_code == status
        assert client.get(f"{AT}/{job.pk}/file").status_code == status
    assert speaker(other).post(f"{AT}/{job.pk}/cancel").status_code == 404


def test_whoever_lost_the_role_gets_no_file(api: Client, clerk: User) -> None:
    job = made(ask(clerk))
    clerk.groups.clear()
    assert api.get(f"{AT}/{job.pk}/file").status_code == 403


def test_whoever_may_no_longer_read_that_report_gets_no_file(acme: Organization) -> None:
    keeper = people.make_staff(acme, "keeper", role="hr_admin")
    job = made(ask(keeper, "deliveries"))
    keeper.groups.set([Group.objects.get(name="reports")])
    reply = speaker(keeper).get(f"{AT}/{job.pk}/file")
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")


def test_what_the_asker_may_no_longer_read_is_not_made(clerk: User) -> None:
    job = ask(clerk)
    clerk.groups.clear()
    assert (made(job).state, job.error, job.file) == (State.FAILED, "not_allowed", "")


def test_asking_and_every_download_are_written_down(api: Client, clerk: User) -> None:
    job = made(ask(clerk))
    for _time in range(2):
        body(api.get(f"{AT}/{job.pk}/file"))
    assert events() == [
        ("report attendance", "asked"),
        ("report attendance", "downloaded"),
        ("report attendance", "downloaded"),
    ]
    assert SecurityEvent.objects.filter(kind="exported").last() is not None
    assert {one.actor for one in SecurityEvent.objects.filter(kind="exported")} == {clerk}


# --- Taking ---------------------------------------------------------------------------------------
def test_a_job_is_taken_once(clerk: User) -> None:
    ask(clerk)
    assert leases.lease_next_job() is not None
    assert leases.lease_next_job() is None


def test_an_organization_with_many_jobs_does_not_keep_others_waiting(
    acme: Organization, zenith: Organization, settings: LazySettings
) -> None:
    busy, other = people.make_staff(acme, "busy"), people.make_staff(zenith, "other")
    mine = [ask(busy, form=form) for form in ("csv", "xlsx", "json")]
    theirs = ask(other)
    taken = [leases.lease_next_job() for _turn in range(3)]
    assert [one and one.job_id for one in taken] == [mine[0].pk, theirs.pk, None]
    settings.REPORTS_PER_ORGANIZATION = 2
    assert leases.lease_next_job() is not None
    assert leases.lease_next_job() is None


def test_whoever_has_waited_longest_comes_first(acme: Organization, zenith: Organization) -> None:
    busy, other = people.make_staff(acme, "busy"), people.make_staff(zenith, "other")
    first, second = ask(busy), ask(busy, form="xlsx")
    made(first)
    theirs = ask(other)
    made(theirs)
    made(second)


def test_a_killed_workers_job_is_taken_over_after_its_lease_and_the_dead_one_changes_nothing(
    clerk: User, folder: Path
) -> None:
    job = ask(clerk)
    with time_machine.travel(timezone.now() - timedelta(minutes=5)):
        dead = leases.lease_next_job()
    heir = leases.lease_next_job()
    assert dead is not None
    assert heir is not None
    assert (heir.job_id, heir.token) == (job.pk, dead.token + 1)
    execution.run_report_job(dead)  # It wakes up late.
    job.refresh_from_db()
    assert job.state == State.RUNNING
    execution.run_report_job(heir)
    job.refresh_from_db()
    assert job.state == State.DONE
    assert [one.name for one in folder.iterdir()] == [job.file]


def test_a_worker_that_lost_its_job_while_it_wrote_throws_its_file_away(
    clerk: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, write = ask(clerk), storage.write_report_file

    def slow(*args: Any) -> int:
        size = write(*args)
        ReportJob.objects.update(token=99)
        return size

    monkeypatch.setattr(storage, "write_report_file", slow)
    execution.run_report_job(leases.lease_next_job())  # type: ignore[arg-type]
    job.refresh_from_db()
    assert (job.state, list(folder.iterdir())) == (State.RUNNING, [])


def test_a_job_that_takes_worker_after_worker_with_it_is_given_up(clerk: User) -> None:
    job = ask(clerk)
    at = timezone.now()
    for attempt in range(leases.MAX_ATTEMPTS):
        assert leases.lease_next_job(at + timedelta(minutes=5 * attempt)) is not None
    assert leases.lease_next_job(at + timedelta(days=1)) is None
    job.refresh_from_db()
    assert (job.state, job.error) == (State.FAILED, "broken")


def test_a_worker_that_is_stopped_puts_its_job_back(
    clerk: User, asha: Employee, folder: Path
) -> None:
    job = ask(clerk)
    execution.run_report_job(leases.lease_next_job(), lambda: True)  # type: ignore[arg-type]
    job.refresh_from_db()
    assert (job.state, job.attempts, job.slot, list(folder.iterdir())) == (
        State.QUEUED,
        0,
        None,
        [],
    )
    assert made(job).state == State.DONE


def test_a_failure_nobody_foresaw_is_tried_again_and_then_told(
    clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(clerk)
    monkeypatch.setattr(PunchCountReport, "step_count", lambda _self: 1 // 0)
    for _attempt in range(leases.MAX_ATTEMPTS):
        assert job.state == State.QUEUED
        made(job)
    assert (job.state, errors.job_error_message(job)) == (
        State.FAILED,
        str(errors.ERROR_MESSAGES["broken"]),
    )


def test_progress_that_cannot_be_told_for_a_moment_ends_nothing(
    clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(_progress: Any, **facts: int) -> None:
        if "done" in facts:
            raise OperationalError("database is locked")

    job = ask(clerk)
    monkeypatch.setattr(execution._Progress, "save", busy)
    assert made(job).state == State.DONE


def test_a_database_that_is_away_is_waited_for_by_the_lease(
    clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_report: Any) -> int:
        raise OperationalError("away")

    job = ask(clerk)
    with monkeypatch.context() as patched:
        patched.setattr(PunchCountReport, "step_count", away)
        assert made(job).state == State.RUNNING
    assert leases.lease_next_job() is None
    heir = leases.lease_next_job(timezone.now() + leases.LEASE_TIME)
    execution.run_report_job(heir)  # type: ignore[arg-type]
    job.refresh_from_db()
    assert job.state == State.DONE


def test_what_was_asked_for_may_be_gone_when_its_turn_comes(
    clerk: User, acme: Organization
) -> None:
    site = people.make_site(acme)
    job = ask(clerk, site=site.pk)
    site.delete()
    assert (made(job).state, job.error) == (State.FAILED, "unknown")


# --- Cancelling -----------------------------------------------------------------------------------
def test_a_job_that_runs_stops_within_a_chunk_when_it_is_cancelled(
    api: Client, clerk: User, acme: Organization, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        people.make_employee(acme, f"9{number}", "x")
    read_: list[int] = []

    def slowly(_self: Any) -> Iterator[Any]:
        for part in walking.iter_employee_chunks(_self.scope, chunk_size=1):
            read_.append(len(part))
            yield from unreadable_chunks(_self, part)
            if len(read_) == 2:
                assert api.post(f"{AT}/{job.pk}/cancel").json()["state"] == "cancelled"

    monkeypatch.setattr(PunchCountReport, "chunks", slowly)
    job = ask(clerk)
    execution.run_report_job(leases.lease_next_job())  # type: ignore[arg-type]
    job.refresh_from_db()
    assert (job.state, job.slot, len(read_), list(folder.iterdir())) == (
        State.CANCELLED,
        None,
        3,
        [],
    )


def unreadable_chunks(_report: Any, part: Any) -> Iterator[Any]:
    from reports.base import Chunk

    yield Chunk(len(part), [])


def test_a_job_that_waits_is_cancelled_and_one_that_is_over_is_not(
    api: Client, clerk: User
) -> None:
    job = ask(clerk)
    for _time in range(2):
        assert api.post(f"{AT}/{job.pk}/cancel").json()["state"] == "cancelled"
    assert leases.lease_next_job() is None
    reply = api.post(f"{AT}/{made(ask(clerk)).pk}/cancel")
    assert (reply.status_code, reply.json()["code"]) == (409, "finished")


def test_progress_is_told_while_it_runs(
    clerk: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "SAVE_PROGRESS_EVERY_S", 0.0)
    monkeypatch.setattr(walking.iter_employee_chunks, "__defaults__", (None, 1))
    seen: list[int] = []
    monkeypatch.setattr(ReportJob.objects.none().__class__, "leased", _spy(seen))
    made(ask(clerk))
    assert seen == sorted(seen)
    assert len(set(seen)) > 2


def _spy(seen: list[int]) -> Callable[..., Any]:
    def held(self: Any, job_id: int, token: int) -> Any:
        seen.append(ReportJob.objects.get(pk=job_id).done)
        return self.filter(pk=job_id, token=token, state=State.RUNNING)

    return held


# --- The file -------------------------------------------------------------------------------------
def test_the_file_is_private(clerk: User, folder: Path) -> None:
    job = made(ask(clerk))
    assert (folder.stat().st_mode & 0o777, (folder / job.file).stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_there_is_no_file_until_it_is_ready(api: Client, clerk: User) -> None:
    job = ask(clerk)
    reply = api.get(f"{AT}/{job.pk}/file")
    assert (reply.status_code, reply.json()["code"]) == (409, "queued")
    services.cancel_report_job(job)
    assert api.get(f"{AT}/{job.pk}/file").json()["code"] == "cancelled"


def test_a_file_expires_and_is_removed(clerk: User, folder: Path) -> None:
    job = made(ask(clerk))
    with time_machine.travel(timezone.now() + timedelta(hours=49)):
        api = speaker(clerk)
        assert api.get(f"{AT}/{job.pk}/file").status_code == 410  # Before anybody tidied up.
        assert deletion.delete_expired_reports() == 1
        reply = api.get(f"{AT}/{job.pk}/file")
        assert (reply.status_code, reply.json()["code"]) == (410, "expired")
        assert (api.get(f"{AT}/{job.pk}").json()["state"], list(folder.iterdir())) == (
            "expired",
            [],
        )
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        deletion.delete_expired_reports()
    assert not ReportJob.objects.exists()


def test_a_file_that_is_lost_is_gone_and_no_failure_of_ours(api: Client, clerk: User) -> None:
    job = made(ask(clerk))
    storage.delete_report_file(job.file)
    reply = api.get(f"{AT}/{job.pk}/file")
    assert (reply.status_code, reply.json()["code"]) == (410, "lost")


def test_a_job_is_thrown_away_with_its_file(clerk: User, folder: Path) -> None:
    job = made(ask(clerk))
    deletion.delete_report_job(job)
    assert (ReportJob.objects.count(), list(folder.iterdir())) == (0, [])


def test_files_no_row_knows_are_swept_after_a_day(clerk: User, folder: Path) -> None:
    job = made(ask(clerk))
    for name in ("1-orphan", "1-dead.part"):
        (folder / name).write_bytes(b"x")
    (folder / "1-young").write_bytes(b"x")
    long_ago = timezone.now().timestamp() - 2 * 24 * 3600
    for name in ("1-orphan", "1-dead.part", job.file):
        os.utime(folder / name, (long_ago, long_ago))
    deletion.delete_orphan_files()
    assert {one.name for one in folder.iterdir()} == {job.file, "1-young"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "full"), "no_room"),
        (OSError(errno.EACCES, "no"), "unwritable"),
        (FileCreateError(OSError(errno.ENOSPC, "full")), "no_room"),
    ],
    ids=["full", "denied", "full_in_xlsx"],
)
def test_a_disk_that_does_not_take_the_file_fails_the_job_with_a_sentence(
    api: Client, clerk: User, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def fails(_handle: int) -> None:
        raise error

    job = ask(clerk)
    monkeypatch.setattr(os, "fsync", fails)
    made(job)
    monkeypatch.undo()
    told = api.get(f"{AT}/{job.pk}").json()
    assert (told["state"], told["error"]) == (
        "failed",
        {"code": code, "message": str(errors.ERROR_MESSAGES[code])},
    )
    reply = api.get(f"{AT}/{job.pk}/file")
    assert (reply.status_code, reply.json()["message"]) == (409, str(errors.ERROR_MESSAGES[code]))


def test_a_folder_that_is_no_folder_fails_the_job(clerk: User, folder: Path) -> None:
    folder.write_text("in the way")
    assert (made(ask(clerk)).state, ReportJob.objects.get().error) == (State.FAILED, "unwritable")
    deletion.delete_orphan_files()


# --- The worker -----------------------------------------------------------------------------------
def test_reports_is_the_only_role_that_needs_them_and_sees_what_it_needs() -> None:
    assert {"reports.reportjob:view", "attendance.day:view"} <= ROLE_PERMISSIONS["reports"]
    assert "reports.reportjob:view" not in ROLE_PERMISSIONS["approver"]


def _settled(check: Callable[[], bool], within_s: float = 20) -> bool:
    pause = threading.Event()
    return any(check() or pause.wait(0.05) for _try in range(int(within_s / 0.05)))


def _alone(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_take_one_job_nor_two_of_an_organization() -> None:
    world = people.make_world()
    staff = [people.make_staff(world.acme, "a"), people.make_staff(world.zenith, "z")]
    for user in staff:
        for form in ("csv", "xlsx", "json"):
            ask(user, form=form)
    with ThreadPoolExecutor(8) as pool:
        taken = [
            one.result()
            for one in [pool.submit(_alone, leases.lease_next_job) for _turn in range(16)]
        ]
    got = [one.job_id for one in taken if one]
    assert len(got) == len(set(got)) == 2 == ReportJob.objects.filter(state=State.RUNNING).count()


@pytest.mark.django_db(transaction=True)
def test_asking_the_same_at_once_is_one_job_and_too_many_at_once_are_refused(
    settings: LazySettings,
) -> None:
    world = people.make_world()
    clerk = people.make_staff(world.acme, "clerk")
    settings.REPORTS_PER_PERSON = 2

    def asking(form: str) -> int | None:
        try:
            return ask(clerk, form=form).pk
        except RuleViolation:
            return None

    forms = ["csv", "csv", "xlsx", "xlsx", "json", "json"]
    with ThreadPoolExecutor(6) as pool:
        found = [
            one.result()
            for one in [pool.submit(_alone, lambda form=form: asking(form)) for form in forms]
        ]
    assert ReportJob.objects.count() == 2
    assert len({one for one in found if one}) == 2


@pytest.mark.django_db(transaction=True)
def test_the_workers_own_thread_makes_what_waits_and_stops(folder: Path) -> None:
    world = people.make_world()
    job, stop = ask(people.make_staff(world.acme, "clerk")), threading.Event()
    thread = threading.Thread(target=lambda: _alone(lambda: runner.run_report_loop(stop)))
    thread.start()
    try:
        assert _settled(lambda: ReportJob.objects.get().state == State.DONE)
        later = ask(job.asked_by, form="xlsx")
        runner.wake_report_loop()
        assert _settled(lambda: ReportJob.objects.get(pk=later.pk).state == State.DONE)
    finally:
        stop.set()
        thread.join()


def test_a_broker_that_hangs_or_fails_keeps_nobody_waiting(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    called, go_on = threading.Event(), threading.Event()

    def hangs() -> None:
        called.set()
        go_on.wait(10)
        raise ConnectionError

    monkeypatch.setattr(notification, "import_string", lambda _name: hangs)
    settings.REPORT_WORKER_NOTIFIER = "the.broker"
    notification.notify_report_workers()
    assert called.wait(10)
    notification.notify_report_workers()  # One at a time: the second is dropped, and nobody waits.
    go_on.set()
    assert _settled(lambda: not notification._notifying.locked())


def test_the_web_process_can_tell_a_broker() -> None:
    from config.celery import send_report_notification

    send_report_notification()
