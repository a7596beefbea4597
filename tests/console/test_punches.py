"""Punches are evidence: nobody adds, changes or deletes them; a clerk says whose an unmatched one
is, once.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from attendance.models import Punch, PunchEvidence, PunchMatch
from employees.models import Employee, Organization
from tests import people
from tests.attendance.channels.clients import HrSystem, PhoneApp, Scanner, event
from webhooks.models import Delivery

EVIDENCE = [
    ("attendance", "punch"),
    ("attendance", "punchmatch"),
    ("attendance", "ingestionlogentry"),
    ("webhooks", "delivery"),
    ("webhooks", "attempt"),
    ("employees", "change"),
]


def page(app: str, name: str, kind: str, *args: Any) -> str:
    return reverse(f"admin:{app}_{name}_{kind}", args=args)


@pytest.mark.parametrize("who", ["staff", "root"])
@pytest.mark.parametrize(("app", "name"), EVIDENCE)
def test_evidence_is_not_added_changed_or_deleted(
    request: pytest.FixtureRequest, ours: SimpleNamespace, who: str, app: str, name: str
) -> None:
    browser: Client = request.getfixturevalue(who)
    pk = getattr(ours, name).pk
    assert browser.get(page(app, name, "add")).status_code == 403
    assert browser.post(page(app, name, "change", pk), {"user_code": "x"}).status_code == 403
    assert browser.post(page(app, name, "delete", pk), {"post": "yes"}).status_code == 403
    form = {"action": "delete_selected", "_selected_action": pk, "post": "yes"}
    browser.post(page(app, name, "changelist"), form)
    assert type(getattr(ours, name)).objects.filter(pk=pk).exists()


def test_the_list_of_unmatched_punches_is_one_link_away(
    staff: Client, ours: SimpleNamespace
) -> None:
    response = staff.get(page("attendance", "punch", "changelist"), {"match_state": "unknown"})
    assert [punch.pk for punch in response.context["cl"].result_list] == [ours.punch.pk]
    matched = staff.get(page("attendance", "punch", "changelist"), {"match_state": "matched"})
    assert [punch.pk for punch in matched.context["cl"].result_list] == [ours.punchmatch.punch_id]


def test_a_clerk_says_whose_a_punch_is_and_it_is_pushed(
    staff: Client, ours: SimpleNamespace
) -> None:
    address = page("attendance", "punch", "match", ours.punch.pk)
    assert ours.punch.user_code in staff.get(address).content.decode()
    assert staff.post(address, {"employee": ours.employee.pk}).status_code == 302
    match = PunchMatch.objects.get(punch=ours.punch)
    assert (match.employee, match.matched_by.username) == (ours.employee, "acme-hr")
    delivery = Delivery.objects.get(subject=f"punch:{ours.punch.pk}")
    detail = staff.get(page("attendance", "punch", "change", ours.punch.pk)).content.decode()
    assert page("webhooks", "delivery", "change", delivery.pk) in detail


def test_a_second_match_is_refused_in_words(
    staff: Client, ours: SimpleNamespace, bala: Employee
) -> None:
    address = page("attendance", "punch", "match", ours.punch.pk)
    staff.post(address, {"employee": ours.employee.pk})
    response = staff.post(address, {"employee": bala.pk})
    assert "This punch is already matched to an employee." in response.content.decode()
    assert PunchMatch.objects.get(punch=ours.punch).employee == ours.employee


def test_a_punch_is_not_matched_to_somebody_of_another_organization(
    staff: Client, root: Client, ours: SimpleNamespace, chitra: Employee
) -> None:
    for browser in (staff, root):
        response = browser.post(
            page("attendance", "punch", "match", ours.punch.pk), {"employee": chitra.pk}
        )
        assert "Select a valid choice" in response.content.decode()
        assert "Chitra" not in response.content.decode()
    assert not PunchMatch.objects.filter(punch=ours.punch).exists()


def test_an_accepted_punch_is_not_matched(staff: Client, ours: SimpleNamespace) -> None:
    assert staff.get(page("attendance", "punch", "match", ours.accepted.pk)).status_code == 404
    assert (
        b"Match to employee"
        not in staff.get(page("attendance", "punch", "change", ours.accepted.pk)).content
    )
    assert (
        b"Match to employee"
        in staff.get(page("attendance", "punch", "change", ours.punch.pk)).content
    )


def test_evidence_is_for_those_who_may_see_it(
    client: Client, acme: Organization, ours: SimpleNamespace
) -> None:
    user = people.make_staff(acme, "looker", role="approver")
    client.force_login(user)
    address = page("attendance", "punch", "change", ours.punch.pk)
    assert "acmemark evidence" not in client.get(address).content.decode()
    user.user_permissions.add(Permission.objects.get(codename="view_punchevidence"))
    assert "acmemark evidence" in client.get(address).content.decode()


def test_what_a_device_sent_is_text_and_not_markup(staff: Client, acme: Organization) -> None:
    punch = people.make_punch(
        acme, "<script>alert(1)</script>", reasons={"<b>": "<i>x</i>"}, flags=["<u>"]
    )
    for address in (
        page("attendance", "punch", "changelist"),
        page("attendance", "punch", "change", punch.pk),
    ):
        html = staff.get(address).content.decode()
        assert "<script>alert(1)" not in html
        assert "<i>x</i>" not in html


def test_a_person_is_found_by_code_and_by_name(staff: Client, ours: SimpleNamespace) -> None:
    for term in ("1001", "Asha"):
        response = staff.get(page("attendance", "punch", "changelist"), {"q": term})
        assert ours.accepted.pk in {punch.pk for punch in response.context["cl"].result_list}


def test_nonsense_in_the_address_is_answered_calmly(staff: Client, ours: SimpleNamespace) -> None:
    for query in (
        "occurred_at__year=99999999999999999999",
        "occurred_at__year=abc",
        "occurred_at__day=31&occurred_at__month=2&occurred_at__year=2026",
        "p=-1",
        "p=99999",
        "o=99",
        "verdict__in=nothing",
        "verdict=,",
    ):
        assert staff.get(f"{page('attendance', 'punch', 'changelist')}?{query}").status_code in {
            200,
            302,
            400,
        }
    assert staff.get(page("attendance", "punch", "change", "1' OR '1'='1")).status_code == 302


def test_the_list_costs_the_same_number_of_queries_whatever_its_length(
    staff: Client, ours: SimpleNamespace, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        people.make_punch(
            ours.organization, "1001", employee=ours.employee, device=ours.device, key=str(number)
        )
    with django_assert_max_num_queries(20):
        assert staff.get(page("attendance", "punch", "changelist")).status_code == 200
    assert Punch.objects.count() > 30


@pytest.mark.parametrize("zone", ["+05:30", "-03:00", "+00:00", "Asia/Kolkata"])
def test_a_punch_read_with_an_offset_is_listed_on_that_clock(
    staff: Client, acme: Organization, zone: str
) -> None:
    people.make_punch(acme, "1001", zone=zone)
    assert staff.get(reverse("admin:attendance_punch_changelist")).status_code == 200


def test_an_error_page_is_for_people(staff: Client) -> None:
    reply = staff.get("/admin/nothing/here/")
    assert (reply.status_code, b"This page does not exist" in reply.content) == (404, True)


def test_what_came_with_a_punch_is_shown_in_words(
    staff: Client, acme: Organization, asha: Employee
) -> None:
    scanner, hr = Scanner(acme), HrSystem(acme)
    scanner.batch(event(employeeId="1001", temperature=47.5), device_id="DEV001")
    hr.clock(
        asha,
        note="Came by bus <b>",
        deviceAttestation="opaque",
        biometricVendor="passkey",
        latitude=28.6,
        longitude=77.2,
    )
    hr.clock(asha, key="again")
    scan, clocked, refused = Punch.objects.filter(employee=asha).order_by("id")
    texts = {
        punch: staff.get(page("attendance", "punch", "change", punch.pk)).content.decode()
        for punch in (scan, clocked, refused)
    }
    for text in ("47.5", "DEV001", "implausible temperature", "confidence", "95.5"):
        assert text in texts[scan]
    for text in ("Came by bus &lt;b&gt;", "passkey", "recorded and not verified", "28.6, 77.2"):
        assert text in texts[clocked]
    assert "clocked in already" in texts[refused]


@pytest.mark.parametrize("body", ["", "not json", "[1]", '{"health": {}}', '{"raw": "{"}'])
def test_evidence_of_any_form_is_shown(staff: Client, acme: Organization, body: str) -> None:
    punch = people.make_punch(acme, "9")
    PunchEvidence.objects.create(organization=acme, punch=punch, body=body)
    assert staff.get(page("attendance", "punch", "change", punch.pk)).status_code == 200


def test_exceptions_are_one_link_away(
    staff: Client, acme: Organization, ours: SimpleNamespace
) -> None:
    refused = people.make_punch(acme, "1", verdict="rejected_sequence")
    remarked = people.make_punch(acme, "2", flags=["leap_second"])
    for value, punch in (("refused", refused), ("remarked", remarked)):
        found = (
            staff.get(page("attendance", "punch", "changelist"), {"review": value})
            .context["cl"]
            .result_list
        )
        assert [one.pk for one in found] == [punch.pk]


def test_what_a_phone_said_is_told_in_words(staff: Client, asha: Employee) -> None:
    fence = people.make_geofence(asha.organization)
    app = PhoneApp(asha)
    for changes in (
        {"lat": 28.61842, "ssid_seen": "Cafe", "accuracy_m": 30},
        {"spoof": {"rooted": True, "emulator": True}},
    ):
        app.punch(**changes)
    near, held = Punch.objects.order_by("id")
    html = staff.get(page("attendance", "punch", "change", near.pk)).content.decode()
    assert all(
        text in html
        for text in (
            "28.61842, 77.2085 ± 30.0 m",
            "Cafe",
            "within the tolerance of the geofence",
            "m outside",
        )
    )
    assert page("geofences", "geofence", "change", fence.pk) in html
    assert str(app.phone.device_uuid) in html
    html = staff.get(page("attendance", "punch", "change", held.pk)).content.decode()
    assert "rooted phone, emulator" in html
    listed = staff.get(page("attendance", "punch", "changelist")).content.decode()
    assert listed.count("rooted phone, emulator") == 1
    assert "rooted, emulator, rooted phone" not in listed
    only = staff.get(
        page("attendance", "punch", "changelist"),
        {"channel__exact": "phone", "verdict__exact": "rejected_integrity"},
    )
    assert [punch.pk for punch in only.context["cl"].result_list] == [held.pk]


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_clock_at_the_end_of_the_calendar_does_not_close_the_list(
    staff: Client, acme: Organization, at: str
) -> None:
    device, token = people.make_device(acme, "GATE-9")
    headers = {"sn": device.serial, "auth-token": token}
    body = {"user_id": "1001", "att_time": at}
    reply = Client(headers=headers).post(
        "/api/attendance/v1/punch", body, content_type="application/json"
    )
    assert reply.json() == {"ok": True}
    assert staff.get(page("attendance", "punch", "changelist")).status_code == 200
    punch = Punch.objects.get(pk=reply.headers["Muster-Punch-Id"])
    assert staff.get(page("attendance", "punch", "change", punch.pk)).status_code == 200
    # That year alone ends beyond the calendar: back to the whole list.
    year = {"occurred_at__year": punch.occurred_at.year}
    assert (
        staff.get(page("attendance", "punch", "changelist"), year, follow=True).status_code == 200
    )
