"""Who signs in to the demo: its administrator, its people, and the programs that report punches.

Made by config/demo/organization.py where they are missing; their passwords and keys are the same at
every start.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import Group

from accounts.api_keys import BIOMETRIC_WRITE_SCOPE, HR_CLOCK_SCOPE, HR_WRITE_SCOPE
from accounts.authentication import find_client_key
from accounts.errors import InvalidCredentials
from accounts.models import ApiClient, ClientKey, User
from accounts.roles import ADMIN, APPROVER, HR_ADMIN, ensure_roles
from accounts.services import issue_client_key, issue_machine_token, save_api_client
from config.demo.state import read_demo_state
from employees.models import Employee, Organization

ADMIN_USERNAME: Final = "admin"
MANAGER_CODE: Final = "MGR001"
# Who else signs in, over REST and, where the role has it, at the console: chair → username,
# employee code, roles
USERS_BY_ROLE: Final = {
    "employee": ("asha", "1001", ()),
    "approver": ("bala", MANAGER_CODE, (APPROVER,)),
    "hr_admin": ("hr", "1011", (HR_ADMIN,)),
}
# A token printed a moment ago goes on working while the next one is tried out.
TOKEN_OVERLAP: Final = timedelta(hours=1)
# The programs that report punches: name → scopes.
SCANNER: Final = "Demo scanner"
HR_SYSTEM: Final = "Demo HR system"
API_CLIENTS: Final = {
    SCANNER: (BIOMETRIC_WRITE_SCOPE,),
    HR_SYSTEM: (HR_CLOCK_SCOPE, HR_WRITE_SCOPE),
}


def ensure_administrator(organization: Organization) -> str:
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


def ensure_user(
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


def ensure_api_client(
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
