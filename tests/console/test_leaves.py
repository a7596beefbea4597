"""Leave and tours in the console: decided, published and posted by the verbs, with pictures."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace

from django.test import Client
from django.urls import reverse

from accounts.models import SecurityEvent
from leaves.models import (
    CalendarDay,
    HolidayCalendar,
    LateMark,
    LeaveAdjustment,
    LeaveApplication,
    LeaveLedgerEntry,
    LeavePolicy,
    Suspension,
)
from leaves.services.adjustments import decide_adjustment, propose_adjustment
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave
from leaves.services.decisions import decide_leave
from leaves.services.policy_publishing import draft_next_leave_policy, publish_leave_policy
from tests import people
from tests.people import World
from tours.models import Tour


def page(model: str, action: str, pk: int) -> str:
    app = "tours" if model == "tour" else "leaves"
    return reverse(f"admin:{app}_{model}_change", args=(pk,)).replace("/change/", f"/{action}/")


def test_hr_approves_leave_with_its_days_in_sight(client: Client, ours: SimpleNamespace) -> None:
    client.force_login(people.make_staff(ours.organization, "keeper", role="hr_admin"))
    address = page("leaveapplication", "approve", ours.leaveapplication.pk)
    assert "Working day" in client.get(address).content.decode()
    assert client.post(address, {"remarks": "Fine"}).status_code == 302
    assert LeaveApplication.objects.get(pk=ours.leaveapplication.pk).status == "approved"
    again = client.post(address, {}).content.decode()
    assert "already approved" in again
    assert LeaveLedgerEntry.objects.filter(application=ours.leaveapplication).count() == 1


def test_nobody_approves_their_own_leave_in_the_console(
    client: Client, world: World, ours: SimpleNamespace
) -> None:
    wish = LeaveApplicationData("CL", date(2026, 7, 6), date(2026, 7, 6), reason="Mine")
    own = apply_for_leave(world.bala, wish, actor=None, self_service=False)
    client.force_login(people.make_staff(world.acme, "bala", role="hr_admin", employee=world.bala))
    assert client.post(page("leaveapplication", "approve", own.pk), {}).status_code == 403
    assert LeaveApplication.objects.get(pk=own.pk).status == "pending"


def test_an_approver_sees_and_decides_the_people_they_decide_for(
    client: Client, world: World, ours: SimpleNamespace
) -> None:
    bala = people.make_staff(world.acme, "bala", role="approver", employee=world.bala)
    other = people.make_staff(
        world.acme,
        "other",
        role="approver",
        employee=people.make_employee(world.acme, "55", "Other"),
    )
    lists = [
        reverse("admin:leaves_leaveapplication_changelist"),
        reverse("admin:tours_tour_changelist"),
    ]
    client.force_login(other)
    assert all(
        f"/{row.pk}/change/" not in client.get(one).content.decode()
        for one, row in zip(lists, (ours.leaveapplication, ours.tour), strict=True)
    )
    client.force_login(bala)
    assert all(
        f"/{row.pk}/change/" in client.get(one).content.decode()
        for one, row in zip(lists, (ours.leaveapplication, ours.tour), strict=True)
    )
    assert client.post(page("tour", "approve", ours.tour.pk), {}).status_code == 302
    assert Tour.objects.get(pk=ours.tour.pk).status == "approved"
    assert client.get(reverse("admin:leaves_leaveaccount_changelist")).status_code == 403


def test_hr_enters_leave_for_somebody_and_sets_a_rule_aside_only_with_a_reason(
    staff: Client, ours: SimpleNamespace
) -> None:
    body = {
        "employee": ours.employee.pk,
        "kind": "CL",
        "starts_on": "2026-08-03",
        "ends_on": "2026-08-10",
        "reason": "Wedding",
        "waive": ["CL3"],
    }
    add = reverse("admin:leaves_leaveapplication_add")
    assert "Give who waived the rule, and the reason." in staff.post(add, body).content.decode()
    plain = {key: value for key, value in body.items() if key != "waive"}
    assert "at a stretch" in staff.post(add, plain).content.decode()
    assert staff.post(add, plain | {"waive_reason": "x" * 401}).context["errors"]
    assert staff.post(add, body | {"waive_reason": "Head of Office"}).status_code == 302
    assert LeaveApplication.objects.get(starts_on="2026-08-03").waived == {"CL3": "Head of Office"}


def test_a_calendar_is_drawn_and_publishing_shows_whose_leave_changes(
    staff: Client, ours: SimpleNamespace
) -> None:
    day = CalendarDay.objects.create(
        organization=ours.organization,
        calendar=ours.holidaycalendar,
        date="2026-07-06",
        mark="LOCAL",
        name="Flood day",
    )
    shown = staff.get(
        reverse("admin:leaves_holidaycalendar_change", args=(ours.holidaycalendar.pk,))
    ).content.decode()
    assert 'class="muster-day is-holiday" title="Flood day"' in shown
    address = page("holidaycalendar", "publish", ours.holidaycalendar.pk)
    assert str(ours.leaveapplication) in staff.get(address).content.decode()
    assert staff.post(address, {}).status_code == 302
    assert HolidayCalendar.objects.get(pk=ours.holidaycalendar.pk).published_at is not None
    assert (
        staff.post(page("holidaycalendar", "new-version", ours.holidaycalendar.pk)).status_code
        == 302
    )
    draft = HolidayCalendar.objects.of(ours.organization).get(published_at__isnull=True)
    assert draft.days.filter(name=day.name).exists()


def test_hr_confirms_late_days_and_two_owed_become_an_order(
    staff: Client, ours: SimpleNamespace
) -> None:
    add, person = reverse("admin:leaves_latemark_add"), ours.employee.pk
    form = {
        "employee": person,
        "date": "2026-08-04",
        "minutes": "90",
        "condone": "on",
        "reason": "Train",
    }
    assert "up to 60 minutes" in staff.post(add, form).content.decode()
    assert staff.post(add, form | {"minutes": "30"}).status_code == 302
    assert LateMark.objects.get(date="2026-08-04").outcome == "condoned"
    LateMark.objects.filter(pk=ours.latemark.pk).update(outcome="owed")
    address = page("latemark", "settle-owed", ours.latemark.pk)
    assert "Fewer than two" in staff.post(address, {"effective_on": "2026-09-01"}).content.decode()
    LateMark.objects.filter(date="2026-08-04").update(outcome="owed")
    assert staff.post(address, {"effective_on": "2026-09-01"}).status_code == 302
    assert LeaveAdjustment.objects.get(employee=person, type="LATE_DEBIT").state == "proposed"


def test_leave_is_converted_on_request_and_an_overstay_is_booked_by_hr(
    client: Client, ours: SimpleNamespace
) -> None:
    hr = people.make_staff(ours.organization, "keeper", role="hr_admin")
    one = decide_leave(ours.leaveapplication, actor=hr, approve=True)
    client.force_login(hr)
    assert (
        client.post(
            page("leaveapplication", "rejoin", one.pk), {"rejoined_on": "2026-07-07"}
        ).status_code
        == 302
    )
    convert = page("leaveapplication", "convert", one.pk)
    late = client.post(convert, {"kind": "HPL", "asked_on": "2026-09-01"}).content.decode()
    assert "Another leave type can be requested until" in late
    assert (
        client.post(
            convert, {"kind": "HPL", "asked_on": "2026-07-10", "remarks": "Letter"}
        ).status_code
        == 302
    )
    assert LeaveApplication.objects.get(pk=one.pk).kind == "HPL"
    overstay = page("leaveapplication", "overstay", one.pk)
    assert (
        client.post(overstay, {"starts_on": "2026-07-14", "ends_on": "2026-07-14"}).status_code
        == 302
    )
    assert (
        LeaveLedgerEntry.objects.filter(type="OVERSTAY", account__employee=one.employee).count()
        == 1
    )
    client.force_login(people.make_staff(ours.organization, "approver2", role="approver"))
    assert client.post(
        overstay, {"starts_on": "2026-07-15", "ends_on": "2026-07-15"}
    ).status_code in (403, 404)


def test_a_draft_is_pre_filled_with_a_notice_and_a_published_calendar_offers_it_no_more(
    staff: Client, ours: SimpleNamespace
) -> None:
    address = page("holidaycalendar", "prefill", ours.holidaycalendar.pk)
    assert "An officer must compare every date" in staff.get(address).content.decode()
    assert (
        "not one of the available choices" in staff.post(address, {"state": "XX"}).content.decode()
    )
    assert staff.post(address, {"state": "DL"}).status_code == 302
    assert CalendarDay.objects.filter(calendar=ours.holidaycalendar, mark="CLOSED").count() >= 18
    staff.post(page("holidaycalendar", "publish", ours.holidaycalendar.pk), {})
    assert (
        address
        not in staff.get(
            reverse("admin:leaves_holidaycalendar_change", args=(ours.holidaycalendar.pk,))
        ).content.decode()
    )
    assert "cannot be changed" in staff.post(address, {"state": "KL"}).content.decode()


def test_an_account_shows_its_line_and_a_running_balance(
    staff: Client, ours: SimpleNamespace
) -> None:
    shown = staff.get(
        reverse("admin:leaves_leaveaccount_change", args=(ours.leaveaccount.pk,))
    ).content.decode()
    assert "muster-line" in shown
    assert "<td>Credit</td><td>+15</td><td>15</td>" in shown


def test_an_order_needs_a_second_person(
    client: Client, staff: Client, ours: SimpleNamespace
) -> None:
    keeper = people.make_staff(ours.organization, "second", role="hr_admin")
    body = {
        "employee": ours.employee.pk,
        "kind": "HPL",
        "type": "MANUAL",
        "days": "2.5",
        "effective_on": "2026-03-01",
        "reason": "Audit",
    }
    client.force_login(keeper)
    assert client.post(reverse("admin:leaves_leaveadjustment_add"), body).status_code == 302
    order = LeaveAdjustment.objects.get(kind="HPL", organization=ours.organization)
    confirm = page("leaveadjustment", "confirm", order.pk)
    assert "Another person" in client.post(confirm, {}).content.decode()
    client.force_login(people.make_staff(ours.organization, "third"))
    assert client.post(confirm, {}).status_code == 302
    assert LeaveLedgerEntry.objects.get(slot=f"order:{order.pk}").half_days == 5


def test_a_version_of_rules_starts_from_the_central_governments_and_is_fixed_once_published(
    staff: Client, ours: SimpleNamespace
) -> None:
    body = {
        "name": "Ours",
        "scheme": "shift",
        "effective_from": "2027-01-01",
        "weekly_offs": "SUN",
        "conversion_days": 30,
        "late_minutes": 60,
        "late_times": 2,
        "encash_at_a_time": 10,
        "encash_career": 60,
        "encash_remain": 30,
        "encash_leaving": 300,
    }
    assert staff.post(reverse("admin:leaves_leavepolicy_add"), body).status_code == 302
    policy = LeavePolicy.objects.get(scheme="shift")
    assert policy.rules.count() == 7
    assert staff.post(page("leavepolicy", "publish", policy.pk), {}).status_code == 302
    assert (
        staff.post(reverse("admin:leaves_leavepolicy_change", args=(policy.pk,)), body).status_code
        == 403
    )
    rule = policy.rules.get(kind="CL")
    assert (
        staff.post(
            reverse("admin:leaves_leavetyperule_change", args=(rule.pk,)), {"amount": "99"}
        ).status_code
        == 403
    )


def test_a_certificate_is_given_out_as_an_attachment(staff: Client, ours: SimpleNamespace) -> None:
    reply = staff.get(page("certificate", "download", ours.certificate.pk))
    assert reply.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(reply.streaming_content) == b"%PDF-1.4"  # type: ignore[attr-defined]
    assert (
        SecurityEvent.objects.filter(
            kind="exported", about=f"certificate {ours.certificate.pk}"
        ).count()
        == 1
    )


def test_a_certificate_whose_file_is_lost_says_so_in_words(
    staff: Client, ours: SimpleNamespace
) -> None:
    ours.certificate.file.storage.delete(ours.certificate.file.name)
    reply = staff.get(page("certificate", "download", ours.certificate.pk))
    assert reply.status_code == 404
    assert "missing from storage" in reply.content.decode()
    assert not SecurityEvent.objects.filter(
        kind="exported", about__startswith="certificate"
    ).exists()
    assert "muster-box" in reply.content.decode()


def test_who_decides_is_told_and_an_officer_recommends(
    client: Client, world: World, ours: SimpleNamespace
) -> None:
    draft = draft_next_leave_policy(ours.leavepolicy, date(2026, 7, 1))
    rows = reverse("admin:leaves_leavepolicy_change", args=(draft.pk,))
    client.force_login(people.make_staff(ours.organization, "keeper", role="hr_admin"))
    kept = (
        "name",
        "scheme",
        "effective_from",
        "weekly_offs",
        "total_days",
        "conversion_days",
        "late_minutes",
        "late_times",
        "encash_at_a_time",
        "encash_career",
        "encash_remain",
        "encash_leaving",
    )
    form = {name: getattr(draft, name) for name in kept} | {
        "combinations": json.dumps(draft.combinations),
        "sanctions-TOTAL_FORMS": "1",
        "sanctions-INITIAL_FORMS": "0",
        "sanctions-0-authority": "HR",
        "sanctions-0-recommendation": "on",
    }
    assert client.post(rows, form).status_code == 302
    publish_leave_policy(draft, actor=None)
    client.force_login(people.make_staff(world.acme, "bala", role="approver", employee=world.bala))
    approve = page("leaveapplication", "approve", ours.leaveapplication.pk)
    assert "sanctioned by HR" in client.get(approve).content.decode()
    assert "Your limit: 0 days" in client.post(approve, {}).content.decode()
    recommend = page("leaveapplication", "recommend", ours.leaveapplication.pk)
    assert (
        client.post(recommend, {"recommendation": "recommended", "remarks": "Fine"}).status_code
        == 302
    )
    shown = client.get(
        reverse("admin:leaves_leaveapplication_change", args=(ours.leaveapplication.pk,))
    ).content.decode()
    assert "1 days at a stretch: HR, or higher. After a recommendation by another officer." in shown


def test_withholding_off_days_shows_the_difference_before_it_is_charged(
    client: Client, ours: SimpleNamespace
) -> None:
    wish = LeaveApplicationData("EL", date(2026, 7, 10), date(2026, 7, 10), reason="Home")
    one = apply_for_leave(ours.employee, wish, actor=None, self_service=False)
    client.force_login(people.make_staff(ours.organization, "keeper", role="hr_admin"))
    address = page("leaveapplication", "approve", one.pk)
    assert "<td>after</td><td>3 (+2)</td>" in client.get(address).content.decode()
    assert (
        "withhold_suffix"
        not in client.get(
            page("leaveapplication", "approve", ours.leaveapplication.pk)
        ).content.decode()
    )
    assert client.post(address, {"withhold_suffix": "on"}).status_code == 302
    assert LeaveLedgerEntry.objects.filter(application=one).count() == 3


def test_hr_suspends_ends_and_takes_back_and_sees_leave_on_those_days(
    client: Client, ours: SimpleNamespace
) -> None:
    client.force_login(people.make_staff(ours.organization, "keeper", role="hr_admin"))
    body = {
        "employee": ours.employee.pk,
        "starts_on": "2026-07-01",
        "ends_on": "",
        "reason": "Order 7",
    }
    assert client.post(reverse("admin:leaves_suspension_add"), body).status_code == 302
    row = Suspension.objects.get(starts_on="2026-07-01")
    shown = client.get(reverse("admin:leaves_suspension_change", args=(row.pk,))).content.decode()
    assert str(ours.leaveapplication) in shown
    approve = page("leaveapplication", "approve", ours.leaveapplication.pk)
    assert "during the suspension" in client.post(approve, {}).content.decode()
    assert (
        "before the first"
        in client.post(
            page("suspension", "end", row.pk), {"ends_on": "2026-06-01"}
        ).content.decode()
    )
    assert (
        client.post(page("suspension", "end", row.pk), {"ends_on": "2026-07-03"}).status_code == 302
    )
    assert client.post(page("suspension", "revoke", row.pk), {}).status_code == 302
    assert client.post(approve, {}).status_code == 302


def test_publishing_rules_shows_which_leave_changes_its_cost(
    staff: Client, ours: SimpleNamespace
) -> None:
    draft = draft_next_leave_policy(ours.leavepolicy, date(2026, 7, 1))
    draft.rules.filter(kind="CL").update(nature="REGULAR", factor=2)
    address = page("leavepolicy", "publish", draft.pk)
    shown = staff.get(address).content.decode()
    assert f"{ours.leaveapplication}</a></td><td>1</td><td>2</td>" in shown
    draft.rules.filter(kind="CL").update(factor=0)
    assert "the factor is at least 1" in staff.get(address).content.decode()


def test_hr_encashes_with_the_numbers_in_sight_and_another_person_confirms(
    client: Client, ours: SimpleNamespace
) -> None:
    client.force_login(people.make_staff(ours.organization, "keeper", role="hr_admin"))
    address = page("leaveaccount", "encash", ours.leaveaccount.pk)
    assert "10 at a time, 60 in a career, 30 must remain" in client.get(address).content.decode()
    form = {"occasion": "TRAVEL", "days": "5", "effective_on": "2026-07-06", "reason": "LTC 7"}
    assert "at least 30 must remain" in client.post(address, form).content.decode()
    opening = LeaveAdjustment(
        organization=ours.organization,
        employee=ours.employee,
        kind="EL",
        type="OPENING",
        days=60,
        effective_on=date(2025, 12, 31),
        reason="Book",
    )
    keeper, second = (people.make_staff(ours.organization, name) for name in ("third", "fourth"))
    decide_adjustment(propose_adjustment(opening, actor=keeper), actor=second)
    assert client.post(address, form).status_code == 302
    order = LeaveAdjustment.objects.get(type="ENCASH")
    client.force_login(keeper)
    confirm = page("leaveadjustment", "confirm", order.pk)
    assert "60 in a career" in client.get(confirm).content.decode()
    assert client.post(confirm, {}).status_code == 302
    assert LeaveLedgerEntry.objects.get(type="ENCASH").half_days == -10
    client.force_login(people.make_staff(ours.organization, "approver2", role="approver"))
    assert client.get(address).status_code in (403, 404)


def test_a_tour_shows_its_papers_and_drafts_are_not_in_the_console(
    client: Client, world: World, ours: SimpleNamespace
) -> None:
    bala = people.make_staff(world.acme, "bala", role="approver", employee=world.bala)
    other = people.make_staff(
        world.acme,
        "other",
        role="approver",
        employee=people.make_employee(world.acme, "55", "Other"),
    )
    paper = reverse("admin:tours_tourdocument_change", args=(ours.tourdocument.pk,))
    download = paper.replace("/change/", "/download/")
    client.force_login(bala)
    shown = client.get(reverse("admin:tours_tour_change", args=(ours.tour.pk,))).content.decode()
    assert paper in shown
    assert (
        client.get(reverse("admin:tours_tour_change", args=(ours.tourdraft.pk,))).status_code == 302
    )
    assert (
        f"/{ours.tourdraft.pk}/change/"
        not in client.get(reverse("admin:tours_tour_changelist")).content.decode()
    )
    assert b"".join(client.get(download).streaming_content) == b"%PDF-1.4"  # type: ignore[attr-defined]
    assert (
        SecurityEvent.objects.filter(
            kind="exported", about=f"tourdocument {ours.tourdocument.pk}"
        ).count()
        == 1
    )
    client.force_login(other)
    assert client.get(download).status_code == 404
    Tour.objects.filter(pk=ours.tour.pk).update(status="draft")
    client.force_login(bala)
    assert client.get(download).status_code == 404
