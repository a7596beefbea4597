"""Late coming waits for HR: half a day is taken or it is condoned, one by one or many at once."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from attendance.models import LateDay
from leaves.models import LateMark
from tests import people

LIST = "admin:attendance_lateday_changelist"


def page(row: Any, name: str) -> str:
    return reverse(f"admin:attendance_lateday_{name}", args=(row.pk,))


def text(response: Any) -> str:
    return response.content.decode()


def late(ours: SimpleNamespace, on: date, minutes: int, early: int = 0) -> LateDay:
    return LateDay.objects.create(
        organization=ours.organization,
        employee=ours.employee,
        date=on,
        zone="Asia/Kolkata",
        status="present",
        first_half="present",
        second_half="present",
        late_by=minutes,
        early_by=early,
    )


@pytest.fixture
def hr(client: Client, ours: SimpleNamespace) -> Client:
    client.force_login(people.make_staff(ours.organization, "keeper", role="hr_admin"))
    return client


def test_what_waits_is_listed_and_says_what_it_would_cost(
    hr: Client, ours: SimpleNamespace
) -> None:
    assert "½ day of casual leave" in text(hr.get(reverse(LIST)))
    shown = text(hr.get(page(ours.lateday, "change")))
    assert "Half a day of casual leave; 6.5 days are left on that date." in shown
    assert page(ours.lateday, "condone") in shown


def test_half_a_day_is_taken_once_and_the_day_waits_no_more(
    hr: Client, ours: SimpleNamespace
) -> None:
    reply = hr.post(page(ours.lateday, "debit"), {"reason": ""})
    assert (reply.status_code, reply.url) == (302, reverse(LIST))
    mark = LateMark.objects.get(employee=ours.employee, date=ours.lateday.date)
    assert (mark.outcome, mark.minutes, mark.decided_by.username) == ("debited", 20, "keeper")
    assert f"/{ours.lateday.pk}/change/" not in text(hr.get(reverse(LIST)))
    assert hr.post(page(ours.lateday, "debit"), {"reason": ""}).status_code == 404


def test_condoning_needs_a_reason_and_stands_by_the_rules(
    hr: Client, ours: SimpleNamespace
) -> None:
    assert "This field is required" in text(hr.post(page(ours.lateday, "condone"), {"reason": ""}))
    long = late(ours, date(2026, 6, 23), 50, early=20)
    assert "up to 60 minutes" in text(hr.post(page(long, "condone"), {"reason": "Train"}))
    assert hr.post(page(ours.lateday, "condone"), {"reason": "Train"}).status_code == 302
    assert (
        LateMark.objects.get(employee=ours.employee, date=ours.lateday.date).outcome == "condoned"
    )


def test_many_are_condoned_at_once_as_far_as_the_rules_allow(
    hr: Client, ours: SimpleNamespace
) -> None:
    rows = [ours.lateday, late(ours, date(2026, 6, 23), 10), late(ours, date(2026, 6, 24), 10)]
    form = {"action": "condone_many", "_selected_action": [row.pk for row in rows]}
    assert "All are condoned for the same reason, as far as the rules allow it." in text(
        hr.post(reverse(LIST), form)
    )
    done = hr.post(reverse(LIST), form | {"confirmed": "1", "reason": "Metro strike"}).context[
        "results"
    ]
    assert [(row.date.day, ok) for row, ok, _text in done] == [(22, True), (23, True), (24, False)]
    assert LateMark.objects.filter(outcome="condoned", reason="Metro strike").count() == 2


def test_what_somebody_decided_meanwhile_is_said(hr: Client, ours: SimpleNamespace) -> None:
    other = late(ours, date(2026, 6, 23), 10)
    hr.post(page(other, "debit"), {"reason": ""})
    form = {
        "action": "debit_many",
        "_selected_action": [ours.lateday.pk, other.pk],
        "confirmed": "1",
        "reason": "",
    }
    reply = hr.post(reverse(LIST), form)
    assert (len(reply.context["results"]), reply.context["missing"]) == (1, 1)


def test_nobody_decides_on_their_own(client: Client, ours: SimpleNamespace) -> None:
    ours.secondfactor.delete()
    client.force_login(ours.user)
    form = {
        "action": "debit_many",
        "_selected_action": [ours.lateday.pk],
        "confirmed": "1",
        "reason": "",
    }
    ((_row, ok, why),) = client.post(reverse(LIST), form).context["results"]
    assert (ok, why) == (False, "You cannot decide on your own late arrival.")
    assert client.post(page(ours.lateday, "debit"), {"reason": ""}).status_code == 403


@pytest.mark.parametrize("role", ["approver", "reports"])
def test_the_page_is_for_hr(client: Client, ours: SimpleNamespace, role: str) -> None:
    client.force_login(people.make_staff(ours.organization, "other", role=role))
    assert client.get(reverse(LIST)).status_code == 403
    assert client.post(page(ours.lateday, "debit"), {"reason": ""}).status_code == 403


def test_another_organizations_day_is_not_there(
    hr: Client, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    assert hr.post(page(theirs.lateday, "debit"), {"reason": ""}).status_code == 404
    form = {
        "action": "debit_many",
        "_selected_action": [theirs.lateday.pk],
        "confirmed": "1",
        "reason": "",
    }
    assert hr.post(reverse(LIST), form).context["results"] == []
    assert not LateMark.objects.filter(employee=theirs.employee, date=theirs.lateday.date).exists()


def test_a_page_without_late_days_says_when_they_come(hr: Client, ours: SimpleNamespace) -> None:
    LateDay.objects.filter(pk=ours.lateday.pk).delete()
    assert "No late arrivals to decide" in text(hr.get(reverse(LIST)))
