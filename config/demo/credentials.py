"""Fresh credentials of the demo, minted at each call: what a client needs to try each channel.

Called by `manage.py demo` and `manage.py up`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from accounts.models import ApiClient, User
from accounts.services import (
    issue_machine_token,
    issue_personal_token,
)
from config.demo import single_sign_on as demo_sso
from config.demo.accounts import HR_SYSTEM, SCANNER, TOKEN_OVERLAP, USERS_BY_ROLE
from config.demo.organization import DEMO_SLUG, DEVICE_SERIAL
from config.demo.phone import private_key_to_jwk
from devices.models import Device
from devices.services import issue_token
from employees.models import Employee

TOKEN_LIFETIME: Final = timedelta(days=1)
# Whom the demo's HR system clocks in and out.
HR_CLOCK_EMPLOYEE_CODE: Final = "1008"


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
