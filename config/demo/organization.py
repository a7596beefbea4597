"""The demo organization: what a stranger finds after `make run`, made once and left alone
afterwards.

Called by `manage.py demo`, `manage.py up` and the tools that need a demo to talk to. What must
outlive a run (the people's passwords, the programs' keys, the receiver's secrets) is in demo.json
in the data folder, readable by its owner only.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction

from accounts.api_keys import BIOMETRIC_WRITE_SCOPE, HR_CLOCK_SCOPE, HR_WRITE_SCOPE
from accounts.authentication import find_client_key
from accounts.credentials import decrypt
from accounts.errors import InvalidCredentials
from accounts.models import ApiClient, ClientKey, User
from accounts.roles import ADMIN, APPROVER, HR_ADMIN, ensure_roles
from accounts.services import (
    issue_client_key,
    issue_machine_token,
    issue_personal_token,
    save_api_client,
)
from config.demo import single_sign_on as demo_sso
from config.demo.leave import load_demo_leave
from config.demo.phone import load_demo_phone, private_key_to_jwk
from devices.models import Device
from devices.services import issue_token
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
ADMIN_USERNAME: Final = "admin"
JOINED_ON: Final = date(2024, 1, 1)
# A token printed a moment ago goes on working while the next one is tried out.
TOKEN_OVERLAP: Final = timedelta(hours=1)

MANAGER_CODE: Final = "MGR001"
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
# Who else signs in, over REST and, where the role has it, at the console: chair → username,
# employee code, roles
USERS_BY_ROLE: Final = {
    "employee": ("asha", "1001", ()),
    "approver": ("bala", MANAGER_CODE, (APPROVER,)),
    "hr_admin": ("hr", "1011", (HR_ADMIN,)),
}
TOKEN_LIFETIME: Final = timedelta(days=1)
# The programs that report punches: name → scopes. The HR system clocks for the employee with this
# code.
SCANNER: Final = "Demo scanner"
HR_SYSTEM: Final = "Demo HR system"
API_CLIENTS: Final = {
    SCANNER: (BIOMETRIC_WRITE_SCOPE,),
    HR_SYSTEM: (HR_CLOCK_SCOPE, HR_WRITE_SCOPE),
}
HR_CLOCK_EMPLOYEE_CODE: Final = "1008"
# Whose the demo's phone is: the one who signs in as `employee`.
PHONE_EMPLOYEE_CODE: Final = USERS_BY_ROLE["employee"][1]
# path at the receiver, name, format
ENDPOINTS: Final = (
    ("/standard", "Demo receiver, standard", Endpoint.Mode.STANDARD),
    ("/cams", "Demo receiver, Cams", Endpoint.Mode.CAMS),
)


class DemoAddresses(NamedTuple):
    """Where the demo is: Muster itself and the customer's server that it pushes to, both without a
    slash at the end.
    """

    base_url: str
    receiver: str


def demo_state_file() -> Path:
    """Where the demo keeps what it must remember."""
    return Path(settings.DATA_DIR) / "demo.json"


def read_demo_state() -> dict[str, Any]:
    """What an earlier run remembered; empty before the first."""
    try:
        state: dict[str, Any] = json.loads(demo_state_file().read_text())
    except FileNotFoundError:
        return {}
    return state


def demo_addresses(given: str | None = None) -> DemoAddresses:
    """Where the demo is, from an option, the environment, the last run or the settings, in this
    order.
    """
    state, port = read_demo_state(), os.environ.get("PORT")
    base = (
        given or os.environ.get("MUSTER_BASE_URL") or (f"http://127.0.0.1:{port}" if port else None)
    )
    base = (base or state.get("base_url") or settings.BASE_URL).rstrip("/")
    if not port and base == state.get("base_url"):
        return DemoAddresses(base, state["receiver"])
    return DemoAddresses(base, f"http://127.0.0.1:{int(port or urlsplit(base).port or 8000) + 1}")


def not_demo_reason(*, force: bool = False) -> str | None:
    """Why the demo's tools must not touch this installation; None when they may."""
    if settings.DEMO or force:
        return None
    return (
        "This installation is not the demo. Set MUSTER_DEMO=1 if it is meant to be, or say --force."
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
            "admin": {"username": ADMIN_USERNAME, "password": _ensure_administrator(organization)},
            "people": {
                chair: _ensure_user(organization, *facts) for chair, facts in USERS_BY_ROLE.items()
            },
            "phone": load_demo_phone(
                Employee.objects.of(organization).get(code=PHONE_EMPLOYEE_CODE),
                read_demo_state().get("phone", {}),
            ),
            "clients": {
                name: _ensure_api_client(organization, name, scopes)
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
    _write_demo_state(state)
    return state


def user_credentials(state: dict[str, Any], role: str) -> dict[str, Any]:
    """What one of the demo's people signs in with, and a fresh personal access token."""
    user = User.objects.select_related("employee").get(
        username=USERS_BY_ROLE[role][0], organization__slug=DEMO_SLUG
    )
    _row, token = issue_personal_token(user, "demo", lifetime=TOKEN_LIFETIME)
    return {
        **state["people"][role],
        "organization": DEMO_SLUG,
        "employee_id": str(user.employee_id),
        "token": token,
    }


def issue_demo_device_token() -> str:
    """A fresh token for the demo's terminal; the ones before it work on for an hour."""
    return issue_token(
        Device.objects.get(organization__slug=DEMO_SLUG, serial=DEVICE_SERIAL),
        overlap=TOKEN_OVERLAP,
    )


def hr_credentials(state: dict[str, Any]) -> dict[str, Any]:
    """What the demo's HR system speaks with, its token minted now, and the employee it may try it
    on.
    """
    client = ApiClient.objects.get(name=HR_SYSTEM, organization__slug=DEMO_SLUG)
    known = state["clients"][HR_SYSTEM]
    token, _scopes, lasts = issue_machine_token(client.client_id, known["client_secret"])
    employee = Employee.objects.of(client.organization_id).get(code=HR_CLOCK_EMPLOYEE_CODE)
    return {
        "access_token": token,
        "expires_in": lasts,
        "api_key": known["api_key"],
        "fluide_client_id": client.audience,
        "client_id": client.client_id,
        "client_secret": known["client_secret"],
        "employee_id": str(employee.pk),
    }


def phone_credentials(state: dict[str, Any]) -> dict[str, Any]:
    """The demo's phone, its private key in two forms, and a fresh token of its owner."""
    owner, known = user_credentials(state, "employee"), state["phone"]
    pem = known["private_key"]
    return {
        "device_uuid": known["device_uuid"],
        "private_key_pem": pem,
        "private_key_jwk": private_key_to_jwk(pem),
        "token": owner["token"],
    }


def demo_credentials(state: dict[str, Any]) -> dict[str, Any]:
    """Everything a client needs to try each way in, minted now: what `manage.py demo --json`
    prints.
    """
    return {
        "base_url": state["base_url"],
        "admin": state["admin"],
        **{chair: user_credentials(state, chair) for chair in USERS_BY_ROLE},
        "device": {"sn": DEVICE_SERIAL, "auth_token": issue_demo_device_token()},
        "biometric": {"api_key": state["clients"][SCANNER]["api_key"]},
        "hr": hr_credentials(state),
        "phone": phone_credentials(state),
        "sso": demo_sso.demo_sso_summary(state, DEMO_SLUG),
        "receiver": {"url": state["receiver"], "received": f"{state['receiver']}/received"},
    }


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


def _ensure_administrator(organization: Organization) -> str:
    """The administrator's password, the same at every start unless somebody removed demo.json."""
    ensure_roles()
    user = User.objects.filter(username=ADMIN_USERNAME, organization=organization).first()
    user = user or User(username=ADMIN_USERNAME, organization=organization, is_staff=True)
    password: str = read_demo_state().get("admin", {}).get("password") or secrets.token_urlsafe(12)
    if user.pk is None or not user.check_password(password):
        user.set_password(password)
        user.save()
    user.groups.add(Group.objects.get(name=ADMIN))
    return password


def _ensure_user(
    organization: Organization, username: str, code: str, roles: tuple[str, ...]
) -> dict[str, str]:
    """An employee who signs in; the password is the same at every start, as the
    administrator's is.
    """
    known = read_demo_state().get("people", {}).values()
    password = next(
        (one["password"] for one in known if one["username"] == username), ""
    ) or secrets.token_urlsafe(12)
    user = User.objects.filter(username=username, organization=organization).first()
    user = user or User(username=username, organization=organization, is_staff=bool(roles))
    user.employee = Employee.objects.of(organization).get(code=code)
    if user.pk is None or not user.check_password(password):
        user.set_password(password)
    user.save()
    user.groups.add(*Group.objects.filter(name__in=roles))
    return {"username": username, "password": password}


def _ensure_api_client(
    organization: Organization, name: str, scopes: tuple[str, ...]
) -> dict[str, str]:
    """A program's key and secret: the same at every start while they are good, as a program would
    keep them.
    """
    client = ApiClient.objects.of(organization).filter(name=name).first()
    client = client or save_api_client(
        ApiClient(organization=organization, name=name, scopes=list(scopes))
    )
    known = read_demo_state().get("clients", {}).get(name, {})
    secret = known.get("client_secret", "")
    try:
        issue_machine_token(client.client_id, secret)
    except InvalidCredentials:
        secret = issue_client_key(client, ClientKey.Purpose.SECRET, overlap=TOKEN_OVERLAP)
    holder = find_client_key(known.get("api_key", ""))
    fine = holder is not None and holder.client_pk == client.pk
    return {
        "api_key": known["api_key"] if fine else issue_client_key(client, overlap=TOKEN_OVERLAP),
        "client_secret": secret,
    }


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


def _write_demo_state(state: dict[str, Any]) -> None:
    """Replace demo.json in one step, never readable by others."""
    file = demo_state_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(f".{secrets.token_hex(4)}")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(state, indent=2) + "\n")
    scratch.replace(file)
