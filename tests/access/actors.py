"""Somebody of an organization with a live credential of every kind, and what they send by each
security scheme of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from accounts.api_keys import SCOPES
from accounts.models import ApiClient, ClientKey, User
from accounts.services import (
    issue_client_key,
    issue_machine_token,
    issue_personal_token,
    revoke_all_tokens,
    revoke_client_keys,
    sign_in_with_password,
)
from devices.models import Device
from devices.services import revoke_tokens
from employees.models import Employee, Organization
from tests import people
from tests.console.conftest import make_tenant_rows
from webhooks.services import issue_feed_key, revoke_feed_keys


@dataclass(frozen=True, slots=True)
class TenantActor:
    """An organization with one row of every kind (`rows`), and everything its people and machines
    speak with.
    """

    organization: Organization
    rows: SimpleNamespace
    user: User
    client: ApiClient
    device: Device
    secrets: dict[str, str]

    def headers(self, schemes: dict[str, Any]) -> dict[str, str]:
        """What to send for a security requirement of the file, as `{"deviceSerial": [],
        "deviceToken": []}`.
        """
        found: dict[str, str] = {}
        for scheme in schemes:
            assert scheme in SCHEME_HEADERS, (
                f"say in tests/access/actors.py how the security scheme {scheme!r} is spoken (SENT)"
            )
            found |= SCHEME_HEADERS[scheme](self.secrets)
        return found

    def revoke(self) -> None:
        """Take back every credential, by the verbs that staff call."""
        revoke_all_tokens(self.user)
        revoke_client_keys(self.client)
        revoke_tokens(self.device)
        revoke_feed_keys(self.rows.endpoint)


# security scheme → the headers it is spoken in
SCHEME_HEADERS: Final[dict[str, Callable[[dict[str, str]], dict[str, str]]]] = {
    "person": lambda secrets: {"Authorization": f"Bearer {secrets['personal']}"},
    "apiKeyHeader": lambda secrets: {"X-API-Key": secrets["key"]},
    "apiKeyQuery": lambda secrets: {"X-API-Key": secrets["key"]},
    "machineToken": lambda secrets: {"Authorization": f"Bearer {secrets['machine']}"},
    "machineKey": lambda secrets: {"X-Fluide-Api-Key": secrets["key"]},
    "machineClient": lambda secrets: {"X-Fluide-Client-Id": "fluide-developer"},
    "deviceSerial": lambda secrets: {"sn": secrets["serial"]},
    "deviceToken": lambda secrets: {"auth-token": secrets["device"]},
    "endpoint": lambda secrets: {"Authorization": f"Bearer {secrets['feed']}"},
}


def make_tenant_actor(organization: Organization, mark: str, employee: Employee) -> TenantActor:
    """An administrator who is an employee, an API client with every scope, a terminal and an
    endpoint, all with live keys.

    Every name has `mark` in it.
    """
    rows = make_tenant_rows(organization, mark, employee)
    user: User = rows.user
    client = people.make_client(organization, list(SCOPES), name=f"{mark} program")
    secret, pair = (
        issue_client_key(client, ClientKey.Purpose.SECRET),
        sign_in_with_password(organization, user.username, people.PASSWORD),
    )
    token, key = issue_personal_token(user, f"{mark} telephone"), issue_client_key(client)
    # A serial of its own: the one in `rows` is that of the other organization's terminal too.
    device, device_token = people.make_device(organization, f"{mark}-GATE")
    secrets = {
        "personal": token[1],
        "access": pair.access,
        "refresh": pair.refresh,
        "key": key,
        "secret": secret,
        "machine": issue_machine_token(client.client_id, secret)[0],
        "device": device_token,
        "serial": device.serial,
        "password": people.PASSWORD,
        "feed": issue_feed_key(rows.endpoint),
    }
    return TenantActor(organization, rows, user, client, device, secrets)
