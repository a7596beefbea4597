"""The programs that speak to the biometric, the HR and the phone channel, with their credentials;
and many of them at once.
"""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.db import connections
from django.test import Client
from django.utils import timezone

from accounts.models import ClientKey, User
from accounts.services import issue_client_key, issue_machine_token, issue_personal_token
from employees.models import Employee, Organization
from tests import people
from tests.samples import sample

BIOMETRIC = "/api/biometric/attendance"
CLOCK = "/api/v1/hr/attendance/clock"
PUNCH = "/api/v1/punch"
PAYLOADS = Path(__file__).parent / "payloads"


def payload(name: str) -> Any:
    """A request or a reply as it is documented."""
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def at_once(calls: list[Any]) -> list[Any]:
    """Call them all in threads of their own; the results in order."""

    def closing(call: Any) -> Any:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(closing, calls))


class Scanner:
    """A biometric system with its API key."""

    def __init__(self, organization: Organization, *scopes: str, **facts: Any) -> None:
        self.row = people.make_client(
            organization, [*(scopes or ("biometric:write",))], **({"name": "Scanner"} | facts)
        )
        self.key = issue_client_key(self.row)
        self.client = Client()

    def call(
        self, body: Any = None, *, method: str = "POST", query: Any = None, **headers: str
    ) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = headers or {"X-API-Key": self.key}
        path = f"{BIOMETRIC}?{urlencode(query)}" if query else BIOMETRIC
        return self.client.generic(
            method, path, data, content_type="application/json", headers=sent
        )

    def send(self, **changes: Any) -> Any:
        return self.call(event(**changes))

    def batch(self, *events: Any, **info: Any) -> Any:
        return self.call(
            {"device_info": info, "events": list(events)} if info else {"events": list(events)}
        )


def event(**changes: Any) -> dict[str, Any]:
    """The seed's single event."""
    return {
        name: value
        for name, value in (payload("biometric_single_request") | changes).items()
        if value is not ...
    }


class HrSystem:
    """An HR system with its three credentials."""

    def __init__(
        self,
        organization: Organization,
        *scopes: str,
        audience: str = "fluide-developer",
        **facts: Any,
    ) -> None:
        scopes = scopes or ("hr:attendance:clock", "hr:attendance:write")
        self.row = people.make_client(
            organization, [*scopes], audience=audience, **({"name": "HR system"} | facts)
        )
        self.key = issue_client_key(self.row)
        self.secret = issue_client_key(self.row, ClientKey.Purpose.SECRET)
        self.token, _scopes, _lasts = issue_machine_token(self.row.client_id, self.secret)
        self.client = Client()

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "X-Fluide-Api-Key": self.key,
            "X-Fluide-Client-Id": self.row.audience,
        }

    def call(self, body: Any = None, *, method: str = "POST", **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(
            method,
            CLOCK,
            data,
            content_type="application/json",
            headers={name: value for name, value in sent.items() if value is not ...},
        )

    def clock(
        self,
        employee: Any,
        kind: str = "CLOCK_IN",
        *,
        key: str = "k1",
        language: str = "",
        **changes: Any,
    ) -> Any:
        body = {"hrEmployeeId": str(getattr(employee, "pk", employee)), "kind": kind} | changes
        headers = {"Idempotency_Key": key} if key else {}
        return self.call(body, **headers, **({"Accept_Language": language} if language else {}))


class PhoneApp:
    """An employee's app: a registered phone, its key, and the employee's token."""

    def __init__(self, employee: Employee, user: User | None = None, **facts: Any) -> None:
        organization = employee.organization
        user = user or User.objects.filter(employee=employee).first()
        self.user = user or User.objects.create(
            username=f"{employee.name.lower()}-app", organization=organization, employee=employee
        )
        self.phone, self.key = people.make_phone(employee, **facts)
        self.client = Client(
            headers={"Authorization": f"Bearer {issue_personal_token(self.user, 'app')[1]}"}
        )

    def text(self, **changes: Any) -> str:
        """A fresh punch at the seed's place, as the JSON that is sent. A field that is `...` is
        left out after signing.
        """
        spoof = changes.pop("spoof", {})
        punch = {
            "device_uuid": str(self.phone.device_uuid),
            "punch_type": "IN",
            "punched_at": clock(),
            "lat": 28.6175,
            "lng": 77.2085,
            "accuracy_m": 12,
            "ssid_seen": None,
            "nonce": secrets.token_hex(16),
            "anti_spoof": dict.fromkeys(sample().FLAGS, False) | spoof,
        }
        after = {
            name: changes.pop(name)
            for name in [*changes]
            if name == "signature" or changes[name] is ...
        }
        signed = sample().sign(self.key, punch | changes) | after
        return json.dumps({name: value for name, value in signed.items() if value is not ...})

    def send(self, text: str | bytes, **headers: str) -> Any:
        """What the server says to this body."""
        return self.client.post(PUNCH, text, content_type="application/json", headers=headers)

    def punch(self, **changes: Any) -> Any:
        return self.send(self.text(**changes))

    def today(self) -> Any:
        return self.client.get("/api/v1/punches/today")

    def month(self, month: str) -> Any:
        return self.client.get(f"/api/v1/punches/month/{month}")


def clock(**back: float) -> str:
    """The time now as a phone writes it, or so long ago: `hours=3`."""
    at: datetime = timezone.now() - timedelta(**back)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
