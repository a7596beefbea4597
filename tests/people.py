"""The people of the tests: plain functions that make rows, each callable from any test.

Two organizations live in every access test, acme and zenith, with the *same* codes and serials:
what separates them is never a lucky difference of names. Asha works at acme, Bala approves for her,
Chitra works at zenith.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import ApiClient, User
from accounts.roles import ensure_roles
from accounts.services import save_api_client
from attendance.models import Channel, Punch, Verdict
from devices.models import Device, Phone
from devices.phones import PhoneRegistration, register_phone
from devices.public_keys import read_public_key
from devices.services import issue_token
from employees.models import Department, Employee, Organization, Site
from employees.services import save_employee
from geofences.models import Geofence
from geofences.services import save_geofence
from webhooks.models import Endpoint
from webhooks.services import create_endpoint

NOON = datetime(2026, 6, 21, 6, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"


def make_organization(slug: str, **facts: Any) -> Organization:
    """An organization on Indian time."""
    return Organization.objects.create(
        **({"slug": slug, "name": slug.title(), "timezone": "Asia/Kolkata"} | facts)
    )


def make_site(organization: Organization, name: str = "Head office", **facts: Any) -> Site:
    """A place of work."""
    return Site.objects.create(organization=organization, name=name, **facts)


def make_department(organization: Organization, name: str = "Stores", **facts: Any) -> Department:
    """A department."""
    return Department.objects.create(organization=organization, name=name, **facts)


def make_employee(organization: Organization, code: str, name: str, **facts: Any) -> Employee:
    """An employee, in service since 2020."""
    return save_employee(
        Employee(
            organization=organization,
            code=code,
            name=name,
            **({"joined_on": date(2020, 1, 1)} | facts),
        )
    )


def make_device(organization: Organization, serial: str, **facts: Any) -> tuple[Device, str]:
    """A terminal and the token it speaks with."""
    device = Device.objects.create(organization=organization, serial=serial, **facts)
    return device, issue_token(device)


def make_key(number: int | None = None) -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A phone's key, and its public half as the phone would register it. The same number gives the
    same key.
    """
    private = (
        ec.generate_private_key(ec.SECP256R1())
        if number is None
        else ec.derive_private_key(number, ec.SECP256R1())
    )
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return private, base64.b64encode(spki).decode()


def make_phone(employee: Employee, **facts: Any) -> tuple[Phone, ec.EllipticCurvePrivateKey]:
    """A registered phone and the key it signs with."""
    private, public = make_key()
    wanted = {
        "device_uuid": uuid.uuid4(),
        "platform": "android",
        "model": "Pixel 9",
        "key": read_public_key(public),
    }
    phone, _created = register_phone(employee, PhoneRegistration(**(wanted | facts)))
    return phone, private


def make_geofence(
    organization: Organization, lat: float = 28.6175, lng: float = 77.2085, **facts: Any
) -> Geofence:
    """A fence: a circle of 100 m, unless a GeoJSON is given."""
    shape = (
        {}
        if "geojson" in facts
        else {"kind": "circle", "latitude": lat, "longitude": lng, "radius_m": 100}
    )
    return save_geofence(
        Geofence(organization=organization, **({"name": "Office"} | shape | facts))
    )


def make_endpoint(
    organization: Organization, url: str, mode: str = "standard", **facts: Any
) -> Endpoint:
    """A customer's server. Its secret is `accounts.credentials.decrypt(endpoint.secret_cipher)`."""
    endpoint = Endpoint(
        organization=organization,
        url=url,
        mode=mode,
        **({"name": f"Payroll of {organization.name}"} | facts),
    )
    create_endpoint(endpoint)
    return endpoint


def make_staff(
    organization: Organization, username: str, *, role: str = "admin", **facts: Any
) -> User:
    """Staff of an organization with one of the roles: admin, hr_admin, approver, reports."""
    ensure_roles()
    user = User.objects.create_user(
        username, password=PASSWORD, organization=organization, is_staff=True, **facts
    )
    user.groups.add(Group.objects.get(name=role))
    return user


def make_user(employee: Employee, username: str, *roles: str, **facts: Any) -> User:
    """An employee who signs in, with roles or with none."""
    ensure_roles()
    user = User.objects.create_user(
        username, password=PASSWORD, organization=employee.organization, employee=employee, **facts
    )
    user.groups.add(*Group.objects.filter(name__in=roles))
    return user


def make_client(organization: Organization, scopes: list[str], **facts: Any) -> ApiClient:
    """An API client; `accounts.services.issue_key(client)` gives its key."""
    return save_api_client(
        ApiClient(organization=organization, scopes=scopes, **({"name": "HR program"} | facts))
    )


def make_operator(username: str = "operator") -> User:
    """An operator of the whole installation: a superuser without an organization."""
    return User.objects.create_superuser(username, password=PASSWORD)


def make_punch(organization: Organization, user_code: str, **facts: Any) -> Punch:
    """A punch as it stands in the table: unmatched, unless an employee is given. Not the way in:
    that is record_punch.
    """
    verdict = Verdict.ACCEPTED if facts.get("employee") else Verdict.UNMATCHED
    return Punch.objects.create(
        organization=organization,
        user_code=user_code,
        **(
            {
                "channel": Channel.DEVICE,
                "source": "device:0",
                "key": uuid.uuid4().hex,
                "fingerprint": hashlib.sha256(user_code.encode()).hexdigest(),
                "occurred_at": NOON,
                "zone": "Asia/Kolkata",
                "received_at": timezone.now(),
                "direction": "in",
                "verdict": verdict,
                "commitment": "0" * 64,
            }
            | facts
        ),
    )


class World(NamedTuple):
    """The three chairs, and the two organizations they stand in."""

    acme: Organization
    zenith: Organization
    asha: Employee
    bala: Employee
    chitra: Employee


def make_world() -> World:
    """Asha and Bala of acme, Chitra of zenith; Chitra has Asha's code."""
    acme, zenith = make_organization("acme"), make_organization("zenith")
    bala = make_employee(acme, "1002", "Bala")
    asha = make_employee(acme, "1001", "Asha", manager=bala)
    chitra = make_employee(zenith, "1001", "Chitra")
    return World(acme, zenith, asha, bala, chitra)
