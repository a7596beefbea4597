"""Two organizations with the same codes, serials and names of things, and a browser for
each chair.
"""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from accounts.models import (
    ApiClient,
    Delegation,
    SecondFactor,
    SecurityEvent,
    SignInSettings,
    SsoIdentity,
    TokenFamily,
    User,
)
from accounts.services import (
    issue_client_key,
    issue_personal_token,
    save_api_client,
    save_delegation,
)
from attendance import recalculation_queue
from attendance.background import recalculation
from attendance.corrections import services as correction_services
from attendance.corrections.inputs import CorrectionOrigin, TimeEntry
from attendance.days import locking
from attendance.models import (
    AttendanceException,
    AttendancePolicy,
    Day,
    DayAdjustment,
    IngestionLogEntry,
    LateDay,
    ManualImport,
    PeriodLock,
    PunchEvidence,
    PunchMatch,
    Regularization,
    StaleDayRange,
)
from devices.models import DeviceUser, PhonePolicy
from employees.models import Assignment, Change, Employee, Organization
from geofences.models import AllowedNetwork, GeofencePolicy
from leaves.due_postings import settle_employee
from leaves.models import (
    Absence,
    Child,
    LeaveAccount,
    LeaveAdjustment,
    LeaveLedgerEntry,
    LeaveProfile,
    Suspension,
)
from leaves.services.absences import save_absence
from leaves.services.adjustments import propose_adjustment
from leaves.services.application_data import LeaveApplicationData
from leaves.services.applications import apply_for_leave
from leaves.services.calendar_publishing import add_calendar_days, draft_holiday_calendar
from leaves.services.certificates import store_certificate
from leaves.services.late_marks import record_late_mark
from leaves.services.policy_publishing import (
    ccs_1972_rules,
    draft_leave_policy,
    publish_leave_policy,
)
from leaves.services.profiles import save_leave_profile
from leaves.services.suspensions import save_suspension
from reports.formats import FORMATS
from reports.jobs.services import request_report
from reports.kinds.attendance import PunchCountReport
from reports.models import Screen
from shifts.models import PatternSlot, Roster, ShiftPattern, ShiftSettings, ShiftType
from tests import people
from tours.attachments import store_tour_document as keep_tour_paper
from tours.drafts import save_tour_draft as keep_draft
from tours.models import Tour
from tours.services.applications import apply_for_tour
from webhooks.models import Attempt, Delivery
from webhooks.services import send_test_event

PHONE = uuid.UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")  # The same at both.


@pytest.fixture(autouse=True)
def _allow_local_push(settings: LazySettings) -> None:
    settings.PUSH_ALLOW_HTTP = True
    settings.PUSH_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def make_tenant_rows(organization: Organization, mark: str, employee: Employee) -> SimpleNamespace:
    """One row of every kind. All that has a name of its own is marked, so that a leak is a word in
    the page.
    """
    site, department = (
        people.make_site(organization, f"{mark} site"),
        people.make_department(organization, f"{mark} department"),
    )
    device, token = people.make_device(organization, "GATE-1", name=f"{mark} gate", site=site)
    endpoint = people.make_endpoint(
        organization, f"http://127.0.0.1:9001/{mark}", name=f"{mark} endpoint"
    )
    delivery = send_test_event(endpoint)
    rows: dict[str, Any] = {
        "organization": organization,
        "site": site,
        "department": department,
        "employee": employee,
        "device": device,
        "endpoint": endpoint,
        "delivery": delivery,
        "user": people.make_staff(
            organization, f"{mark}-clerk", first_name=f"{mark}", employee=employee
        ),
        "assignment": Assignment.objects.create(
            organization=organization,
            employee=employee,
            site=site,
            department=department,
            starts_on="2024-01-01",
        ),
        "change": Change.objects.of(organization).first(),
        "device_user": DeviceUser.objects.create(
            organization=organization, device=device, user_code="29", employee=employee
        ),
        "phone": people.make_phone(employee, device_uuid=PHONE, name=f"{mark} phone")[0],
        "phonepolicy": PhonePolicy.objects.create(organization=organization),
        "attempt": Attempt.objects.create(
            organization=organization,
            delivery=delivery,
            number=1,
            started_at=timezone.now(),
            duration_ms=9,
            status=500,
            verdict="endpoint",
            reply=f"{mark} reply",
        ),
        "punch": people.make_punch(organization, f"{mark}-77", device=device),
        "accepted": people.make_punch(organization, "1001", employee=employee, device=device),
        "ingestionlogentry": IngestionLogEntry.objects.create(
            organization=organization,
            channel="device",
            at=timezone.now(),
            received=1,
            accepted=1,
            refused=0,
            duplicate=0,
            conflict=0,
            unmatched=0,
        ),
    }
    rows |= {
        "geofence": people.make_geofence(
            organization, name=f"{mark} fence", external_id="HQ", site=site
        ),
        "allowednetwork": AllowedNetwork.objects.create(
            organization=organization, ssid=f"{mark} wifi", employee=employee
        ),
        "geofencepolicy": GeofencePolicy.objects.create(organization=organization),
    }
    matched = people.make_punch(organization, f"{mark}-88", device=device)
    rows["punchmatch"] = PunchMatch.objects.create(
        organization=organization, punch=matched, employee=employee, matched_at=timezone.now()
    )
    PunchEvidence.objects.create(
        organization=organization, punch=rows["punch"], body=f'{{"note": "{mark} evidence"}}'
    )
    rows["signinsettings"] = SignInSettings.objects.create(
        organization=organization, name=f"{mark} login"
    )
    rows["ssoidentity"] = SsoIdentity.objects.create(
        organization=organization,
        user=rows["user"],
        issuer="https://login.example",
        subject=mark,
        email=f"{mark}@x.example",
    )
    rows["secondfactor"] = SecondFactor.objects.create(
        organization=organization, user=rows["user"], secret_cipher="-", set_up_at=timezone.now()
    )
    Delivery.objects.filter(pk=delivery.pk).update(finished_at=timezone.now(), state="delivered")
    rows |= make_credential_rows(organization, mark, rows["user"], employee)
    rows |= make_leave_rows(organization, mark, employee) | make_tour_rows(employee, mark)
    rows |= make_day_rows(organization, mark, employee)
    rows["screen"] = Screen.objects.create(
        organization=organization, name=f"{mark} lobby", site=rows["site"]
    )
    asked = {"from": "2026-06-01", "to": "2026-06-30"}
    rows["reportjob"] = request_report(
        PunchCountReport, organization, asked, FORMATS["csv"], actor=rows["user"]
    )
    return SimpleNamespace(token=token, **rows)


def make_leave_rows(organization: Organization, mark: str, employee: Employee) -> dict[str, Any]:
    """One row of every kind of `leaves`."""
    policy = draft_leave_policy(
        organization, ccs_1972_rules() | {"name": f"{mark} rules"}, date(2026, 1, 1)
    )
    publish_leave_policy(policy, actor=None)
    calendar = draft_holiday_calendar(organization, None, 2026)
    add_calendar_days(calendar, [(date(2026, 5, 1), "CLOSED", f"{mark} day")])
    of_employee = {"organization": organization, "employee": employee}
    absence = save_absence(
        Absence(
            kind="EOL",
            starts_on=date(2026, 3, 2),
            ends_on=date(2026, 3, 3),
            reason=f"{mark} reason",
            **of_employee,
        )
    )
    settle_employee(employee, date(2026, 7, 1))
    wish = LeaveApplicationData("CL", date(2026, 7, 6), date(2026, 7, 6), reason=f"{mark} wish")
    order = LeaveAdjustment(
        kind="EL",
        type="OPENING",
        days=9,
        effective_on=date(2025, 12, 31),
        reason=f"{mark} order",
        **of_employee,
    )
    return {
        "leavepolicy": policy,
        "leavetyperule": policy.rules.first(),
        "holidaycalendar": calendar,
        "absence": absence,
        "leaveapplication": apply_for_leave(employee, wish, actor=None, self_service=False),
        "leaveaccount": LeaveAccount.objects.of(organization).get(employee=employee, kind="EL"),
        "leaveledgerentry": LeaveLedgerEntry.objects.of(organization)
        .filter(account__kind="EL")
        .latest("pk"),
        "latemark": record_late_mark(employee, date(2026, 7, 8)),
        "leaveadjustment": propose_adjustment(
            order, actor=people.make_staff(organization, f"{mark}-keeper")
        ),
        "leaveprofile": save_leave_profile(LeaveProfile(starts_on=date(2026, 1, 1), **of_employee)),
        "child": Child.objects.create(
            name=f"{mark} child", born_on=date(2020, 1, 1), **of_employee
        ),
        "certificate": store_certificate(employee, b"%PDF-1.4"),
        "suspension": save_suspension(
            Suspension(
                starts_on=date(2025, 3, 2),
                ends_on=date(2025, 3, 3),
                reason=f"{mark} order",
                **of_employee,
            )
        ),
    }


def make_day_rows(organization: Organization, mark: str, employee: Employee) -> dict[str, Any]:
    """One row of every kind that has to do with days; the twentieth of June was a Saturday."""
    of_organization = {"organization": organization}
    shift = ShiftType.objects.create(
        name=f"{mark} shift", starts=time(9), ends=time(17), **of_organization
    )
    pattern = ShiftPattern.objects.create(
        name=f"{mark} pattern", begins_on=date(2026, 6, 1), **of_organization
    )
    PatternSlot.objects.create(pattern=pattern, position=1, shift=shift, **of_organization)
    roster = Roster.objects.create(
        pattern=pattern, employee=employee, starts_on=date(2026, 6, 20), **of_organization
    )
    on = date(2026, 6, 20)
    recalculation_queue.mark_days_stale(organization.pk, [employee.pk], on, on, background=False)
    while recalculation.recalculate_next_batch():
        pass
    lock = PeriodLock.objects.create(
        month=date(2026, 4, 1), reason=f"{mark} lock", **of_organization
    )
    entry = TimeEntry(datetime(2026, 6, 17, 4, tzinfo=UTC), "in")
    file = ManualImport.objects.create(
        name=f"{mark}.csv", sha256="0" * 64, rows=1, imported_at=timezone.now(), **of_organization
    )
    (correction,) = correction_services.correct_times(
        employee,
        reason=f"{mark} reason",
        enter=[entry],
        origin=CorrectionOrigin(manual_import=file),
    )
    StaleDayRange.objects.of(organization).delete()
    return {
        "manualimport": file,
        "correction": correction,
        "regularization": Regularization.objects.create(
            employee=employee,
            date=date(2026, 6, 18),
            in_at=datetime(2026, 6, 18, 4, tzinfo=UTC),
            reason=f"{mark} asks",
            **of_organization,
        ),
        "shifttype": shift,
        "shiftpattern": pattern,
        "roster": roster,
        "periodlock": lock,
        "attendancepolicy": AttendancePolicy.objects.create(**of_organization),
        "shiftsettings": ShiftSettings.objects.create(default_shift=shift, **of_organization),
        "day": Day.objects.of(organization).get(employee=employee, date=on),
        "attendanceexception": AttendanceException.objects.create(
            kind="odd",
            subject=f"day:{employee.pk}:{on}",
            fingerprint="x",
            employee=employee,
            date=on,
            details={
                "zone": "Asia/Kolkata",
                "marks": ["missing_out"],
                "times": ["2026-06-20T03:30:00Z"],
            },
            **of_organization,
        ),
        "lateday": LateDay.objects.create(
            employee=employee,
            date=date(2026, 6, 22),
            zone="Asia/Kolkata",
            status="present",
            first_half="present",
            second_half="present",
            late_by=20,
            **of_organization,
        ),
        "recalculation": recalculation_queue.request_recalculation(
            organization.pk, date(2026, 1, 1), date(2026, 1, 1)
        ),
        "dayadjustment": DayAdjustment.objects.create(
            employee=employee,
            date=date(2026, 4, 2),
            lock=lock,
            posted_to=date(2026, 6, 1),
            posted_at=timezone.now(),
            before=locking.ZERO_VALUES,
            after=locking.ZERO_VALUES | {"status": "present"},
            **of_organization,
        ),
    }


def make_tour_rows(employee: Employee, mark: str) -> dict[str, Any]:
    """A tour with a paper that waits for a decision, and a draft."""
    start = datetime(2026, 7, 20, 4, tzinfo=UTC)
    tour, draft = (
        Tour(
            organization=employee.organization,
            employee=employee,
            purpose=f"{mark} purpose",
            start_at=start + timedelta(days=day),
            end_at=start + timedelta(days=day, hours=8),
        )
        for day in (0, 1)
    )
    paper = keep_tour_paper(employee, b"%PDF-1.4")
    apply_for_tour(tour, actor=None, self_service=False, document_ids=[paper.pk])
    paper.refresh_from_db()
    return {"tour": tour, "tourdraft": keep_draft(draft), "tourdocument": paper}


def make_credential_rows(
    organization: Organization, mark: str, user: User, employee: Employee
) -> dict[str, Any]:
    """One row of every kind of `accounts`."""
    client = save_api_client(
        ApiClient(organization=organization, name=f"{mark} client", scopes=["biometric:write"])
    )
    issue_client_key(client)
    other = people.make_employee(organization, f"{mark}-9", f"{mark} approver")
    return {
        "apiclient": client,
        "clientkey": client.keys.get(),
        "personaltoken": issue_personal_token(user, f"{mark} token")[0],
        "tokenfamily": TokenFamily.objects.create(
            organization=organization, user=user, expires_at=timezone.now() + timedelta(days=1)
        ),
        "delegation": save_delegation(
            Delegation(
                organization=organization,
                approver=other,
                delegate=employee,
                starts_on="2026-01-01",
                ends_on="2026-01-02",
            )
        ),
        "securityevent": SecurityEvent.objects.of(organization).first(),
    }


@pytest.fixture
def ours(world: people.World) -> SimpleNamespace:
    """Acme's rows."""
    return make_tenant_rows(world.acme, "acmemark", world.asha)


@pytest.fixture
def theirs(world: people.World) -> SimpleNamespace:
    """Zenith's rows: the same serial and code; every name has the word zenithmark in it."""
    world.chitra.name = "zenithmark Chitra"
    world.chitra.save()
    Organization.objects.filter(pk=world.zenith.pk).update(name="zenithmark org")
    world.zenith.refresh_from_db()
    return make_tenant_rows(world.zenith, "zenithmark", world.chitra)


@pytest.fixture
def staff(client: Client, acme_staff: User) -> Client:
    """A browser in which acme's administrator is signed in, with every permission Django can give:
    the wall stands alone.
    """
    acme_staff.user_permissions.set(Permission.objects.all())
    client.force_login(acme_staff)
    return client


@pytest.fixture
def root(operator: User) -> Client:
    """A browser in which an operator is signed in."""
    browser = Client()
    browser.force_login(operator)
    return browser
