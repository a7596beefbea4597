"""The first page: today, of one organization, in few queries."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from config.console import navigation
from config.dashboard import dashboard
from config.punch_chart import ACCEPTED, REJECTED, punch_chart
from tests import people


def test_today_is_counted_by_outcome(
    staff: Client, acme_staff: User, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    now = timezone.now()
    for verdict, employee in (
        ("accepted", ours.employee),
        ("rejected_time", ours.employee),
        ("unmatched", None),
    ):
        people.make_punch(
            ours.organization, "5", verdict=verdict, employee=employee, occurred_at=now
        )
    people.make_punch(theirs.organization, "5", occurred_at=now)
    cards = staff.get(reverse("admin:index")).context["muster"]["punches"]
    assert [card.number for card in cards] == [1, 1, 1, 2]


def test_every_number_leads_to_a_list(staff: Client, ours: SimpleNamespace) -> None:
    muster = staff.get(reverse("admin:index")).context["muster"]
    for card in [*muster["punches"], *muster["devices"], *muster["pushes"]]:
        assert staff.get(card.url).status_code == 200, card.url


def test_the_first_page_costs_few_queries(
    acme_staff: User, ours: SimpleNamespace, django_assert_max_num_queries: Any
) -> None:
    request = RequestFactory().get("/admin/")
    request.user = User.objects.get(pk=acme_staff.pk)
    request.user.has_perm("attendance.view_punch")  # reads the permissions once
    with django_assert_max_num_queries(8):
        dashboard(request, {})


def test_a_role_without_pushes_sees_none(client: Client, ours: SimpleNamespace) -> None:
    client.force_login(people.make_staff(ours.organization, "looker", role="reports"))
    muster = client.get(reverse("admin:index")).context["muster"]
    assert "pushes" not in muster
    assert "punches" in muster


def test_badges_count_our_unmatched_punches_and_our_inbox(
    acme_staff: User, ours: SimpleNamespace, theirs: SimpleNamespace
) -> None:
    request = RequestFactory().get("/admin/")
    request.user = acme_staff
    badges = [
        line["badge"] for group in navigation(request) for line in group["items"] if "badge" in line
    ]
    assert badges == ["1", "2"]


def test_columns_stand_on_each_other_and_stay_within_the_drawing() -> None:
    drawn = punch_chart(Counter({(9, ACCEPTED): 40, (9, REJECTED): 7}), hour_now=9)
    low, high = drawn["bars"]
    assert low.y + low.height == drawn["floor"]
    assert round(high.y + high.height, 1) == low.y
    assert min(bar.y for bar in drawn["bars"]) >= 0
