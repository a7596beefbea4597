"""The demo organization: what a stranger finds after `make run`, made once and left alone
afterwards.

`load_demo` is called by `manage.py demo` and `manage.py up`.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final

from cryptography.fernet import InvalidToken
from django.db import transaction

from accounts.credentials import decrypt
from config.demo import single_sign_on as demo_sso
from config.demo.accounts import (
    ADMIN_USERNAME,
    API_CLIENTS,
    MANAGER_CODE,
    USERS_BY_ROLE,
    ensure_administrator,
    ensure_api_client,
    ensure_user,
)
from config.demo.leave import load_demo_leave
from config.demo.phone import load_demo_phone
from config.demo.state import DemoAddresses, read_demo_state, write_demo_state
from devices.models import Device
from employees.models import Assignment, Department, Employee, Organization, Site
from employees.services import save_assignment, save_employee
from geofences.models import AllowedNetwork, Geofence
from geofences.services import save_allowed_network, save_geofence
from webhooks.models import Endpoint
from webhooks.services import create_endpoint, endpoint_auth_token, rotate_secret, save_endpoint

DEMO_SLUG: Final = "demo"
DEVICE_SERIAL: Final = "SN7A2300583"
# Where the samples of the phone channel punch from, and the Wi-Fi they see.
FENCE_EXTERNAL_ID: Final = "HQ-1"
OFFICE_POSITION: Final = (28.6175, 77.2085)
SSID: Final = "RSS-Wifi-Internal"
JOINED_ON: Final = date(2024, 1, 1)

# code, worker id, name, department
EMPLOYEES: Final = (
    (MANAGER_CODE, "", "Bala Iyer", "Operations"),
    ("1001", "", "Asha Verma", "Operations"),
    ("EMP001", "W001", "John Doe", "Operations"),
    ("1002", "", "Farhan Khan", "Stores"),
    ("1003", "", "Meera Nair", "Stores"),
    ("1004", "", "Gurpreet Singh", "Stores"),
    ("1005", "", "Lakshmi Reddy", "Accounts"),
    ("1006", "", "Arjun Das", "Accounts"),
    ("1007", "", "Sunita Patil", "Accounts"),
    ("1008", "", "Imran Sheikh", "Operations"),
    ("1009", "", "Kavya Menon", "Operations"),
    ("1010", "", "Thomas Mathew", "Stores"),
    ("1011", "", "Ritu Sharma", "Accounts"),
)
# Whose the demo's phone is: the one who signs in as `employee`.
PHONE_EMPLOYEE_CODE: Final = USERS_BY_ROLE["employee"][1]
# path at the receiver, name, format
ENDPOINTS: Final = (
    ("/standard", "Demo receiver, standard", Endpoint.Mode.STANDARD),
    ("/cams", "Demo receiver, Cams", Endpoint.Mode.CAMS),
)


def load_demo(addresses: DemoAddresses) -> dict[str, Any]:
    """Make the demo organization where it is missing, and return what demo.json remembers of it.

    What exists is left as somebody may have edited it, except what the demo needs to work: the
    administrator's password and the receiver's address. Raises ValidationError when this
    installation does not allow what the demo asks for.
    """
    with transaction.atomic():
        organization, _made = Organization.objects.get_or_create(
            slug=DEMO_SLUG, defaults={"name": "Sanchalan Demo", "timezone": "Asia/Kolkata"}
        )
        site, _made = Site.objects.get_or_create(organization=organization, name="Head Office")
        _ensure_employees(organization, site)
        _ensure_geofence(organization, site)
        Device.objects.get_or_create(
            organization=organization,
            serial=DEVICE_SERIAL,
            defaults={"name": "Main Gate", "site": site, "state_map": Device.StateMap.IN1},
        )
        state = {
            **addresses._asdict(),
            "admin": {"username": ADMIN_USERNAME, "password": ensure_administrator(organization)},
            "people": {
                chair: ensure_user(organization, *facts) for chair, facts in USERS_BY_ROLE.items()
            },
            "phone": load_demo_phone(
                Employee.objects.of(organization).get(code=PHONE_EMPLOYEE_CODE),
                read_demo_state().get("phone", {}),
            ),
            "clients": {
                name: ensure_api_client(organization, name, scopes)
                for name, scopes in API_CLIENTS.items()
            },
            "endpoints": {
                path: _ensure_endpoint(organization, name, mode, addresses.receiver + path)
                for path, name, mode in ENDPOINTS
            },
            "sso": demo_sso.configure_demo_sso(
                organization,
                demo_sso.provider_issuer(addresses.receiver),
                read_demo_state().get("sso", {}),
            ),
        }
        load_demo_leave(organization)
    write_demo_state(state)
    return state


def ensure_employee(
    organization: Organization, site: Site, department: Department, **facts: Any
) -> Employee:
    """The employee with this code, taken on and assigned when there is none."""
    employee = Employee.objects.of(organization).filter(code=facts["code"]).first()
    if employee is None:
        employee = save_employee(Employee(organization=organization, joined_on=JOINED_ON, **facts))
    if not Assignment.objects.of(organization).filter(employee=employee).exists():
        save_assignment(
            Assignment(
                organization=organization,
                employee=employee,
                site=site,
                department=department,
                starts_on=JOINED_ON,
            )
        )
    return employee


def _ensure_employees(organization: Organization, site: Site) -> None:
    manager: Employee | None = None
    for code, worker_id, name, unit in EMPLOYEES:
        department, _made = Department.objects.get_or_create(organization=organization, name=unit)
        person = ensure_employee(
            organization,
            site,
            department,
            code=code,
            worker_id=worker_id,
            name=name,
            manager=manager,
        )
        manager = manager or person


def _ensure_geofence(organization: Organization, site: Site) -> None:
    """The block around the head office, and its Wi-Fi."""
    if not Geofence.objects.of(organization).filter(external_id=FENCE_EXTERNAL_ID).exists():
        lat, lng = OFFICE_POSITION
        west, south, east, north = lng - 0.0012, lat - 0.001, lng + 0.0012, lat + 0.001
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        shape = json.dumps({"type": "Polygon", "coordinates": [ring]})
        save_geofence(
            Geofence(
                organization=organization,
                site=site,
                name="Head Office",
                external_id=FENCE_EXTERNAL_ID,
                geojson=shape,
            )
        )
    if not AllowedNetwork.objects.of(organization).filter(ssid=SSID).exists():
        save_allowed_network(AllowedNetwork(organization=organization, site=site, ssid=SSID))


def _ensure_endpoint(organization: Organization, name: str, mode: str, url: str) -> dict[str, str]:
    """What the receiver must know to check one endpoint's pushes; the endpoint is made, or led to
    its new address.
    """
    endpoint = Endpoint.objects.of(organization).not_removed().filter(name=name).first()
    if endpoint is None:
        serial = "MUSTER-DEMO" if mode == Endpoint.Mode.CAMS else ""
        endpoint = Endpoint(
            organization=organization, name=name, mode=mode, url=url, virtual_serial=serial
        )
        create_endpoint(endpoint)
    elif endpoint.url != url:
        endpoint.url = url
        save_endpoint(endpoint)
    try:
        secret = decrypt(endpoint.secret_cipher)
    except InvalidToken:  # The data folder, and the key in it, is younger than the database.
        secret = rotate_secret(endpoint)
    return {
        "secret": secret,
        "auth_token": endpoint_auth_token(endpoint) if mode == Endpoint.Mode.CAMS else "",
    }
