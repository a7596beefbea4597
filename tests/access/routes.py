"""Every operation of the OpenAPI file, and what its parameters are filled with. What a new route
needs is asked for by name.

PATHS    how to fill a route's `{…}` with a row of an organization PLAIN    what fills it where it
names no row, such as a month BODIES   a good body (or query) of a route, for an organization NAMES
fields of bodies and queries that name a row: how to name one NO_NAMES fields that look as if they
named a row and do not, each with the reason
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.http import HttpResponse
from django.test import Client

from config.openapi.document import openapi_document
from tests import people
from tests.access.actors import TenantActor

UNKNOWN_ID: Final = 987_654_321  # An id that no row has.
UNKNOWN_UUID: Final = "00000000-0000-4000-8000-000000000000"
_FILE: Final = json.loads(openapi_document())
# A field of such a name leads to a row, as far as anybody can tell from outside.
_LOOKS_LIKE_REFERENCE: Final = re.compile(
    r"(?i)(?:^|[._])(?:id|uuid|organi[sz]ation|office|site|department|employee|approver|manager|device|endpoint|delivery|user|client"
    r"|child|certificate|tour|leave|fence|geofence|key)(?:_?(?:id|uuid|code))?$|[a-z]Id$|_ids?$|_uuid$"
)


@dataclass(frozen=True)
class Operation:
    """A method of a route, as the file describes it."""

    method: str
    path: str
    spec: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def requirements(self) -> list[dict[str, Any]]:
        """The sets of security schemes that open it, any one of them; none for what is open
        to all.
        """
        return [one for one in self.spec.get("security", []) if one]

    @property
    def schemes(self) -> set[str]:
        """The names of all of them."""
        return {name for one in self.requirements for name in one}

    @property
    def variables(self) -> list[str]:
        """The names in its path."""
        return re.findall(r"\{(\w+)\}", self.path)

    @cached_property
    def fields(self) -> set[str]:
        """The names of all fields of its query and its body, nested ones with dots."""
        query = {one["name"] for one in self.spec.get("parameters", []) if one["in"] == "query"}
        content = self.spec.get("requestBody", {}).get("content", {})
        return query | {
            name for media in content.values() for name in _field_names(media["schema"])
        }

    def send(
        self,
        headers: dict[str, str],
        *,
        path: dict[str, Any] | None = None,
        fields: dict[str, Any] | None = None,
    ) -> Any:
        """Send it: `fields` are the body, or the query where there is no body. The answer is whole,
        a file too.
        """
        reply = self._send(headers, path or {}, fields)
        if not reply.streaming:
            return reply
        return HttpResponse(
            b"".join(reply.streaming_content), status=reply.status_code, headers=dict(reply.headers)
        )

    def _send(
        self, headers: dict[str, str], path: dict[str, Any], fields: dict[str, Any] | None
    ) -> Any:
        given = dict.fromkeys(self.variables, PATH_VALUES.get(self.path)) | path
        address = re.sub(r"\{(\w+)\}", lambda found: str(given[found[1]]), self.path)
        client = Client(headers=headers)
        if "requestBody" not in self.spec:
            return client.generic(self.method.upper(), address, QUERY_STRING=_query(fields or {}))
        if "application/json" in self.spec["requestBody"]["content"]:
            return client.generic(
                self.method.upper(),
                address,
                json.dumps(fields or {}),
                content_type="application/json",
            )
        return getattr(client, self.method)(address, fields or {})


def _query(fields: dict[str, Any]) -> str:
    from urllib.parse import urlencode

    return urlencode(fields, doseq=True)


def _field_names(
    schema: dict[str, Any], prefix: str = "", seen: tuple[str, ...] = ()
) -> Iterator[str]:
    if (name := schema.get("$ref")) is not None:
        if name not in seen:
            yield from _field_names(
                _FILE["components"]["schemas"][name.rpartition("/")[2]], prefix, (*seen, name)
            )
        return
    for key in ("allOf", "oneOf", "anyOf"):
        for one in schema.get(key, ()):
            yield from _field_names(one, prefix, seen)
    if "items" in schema:
        yield from _field_names(schema["items"], prefix, seen)
    for name, inner in schema.get("properties", {}).items():
        yield f"{prefix}{name}"
        yield from _field_names(inner, f"{prefix}{name}.", seen)


OPERATIONS: Final = [
    Operation(method, path, spec)
    for path, methods in _FILE["paths"].items()
    for method, spec in methods.items()
]

# path → the row that its variable is filled with
PATH_ROWS: Final[dict[str, Callable[[TenantActor], models.Model]]] = {
    "/api/v1/devices/{id}/deactivate": lambda chair: chair.rows.phone,
    **dict.fromkeys(
        (
            f"/api/v1/leaves/{{id}}/{verb}"
            for verb in (
                "approve",
                "cancel",
                "convert",
                "curtail",
                "decision",
                "extend",
                "recommend",
            )
        ),
        lambda chair: chair.rows.leaveapplication,
    ),
    **dict.fromkeys(
        (
            f"/api/v1/tours/{{id}}/{verb}"
            for verb in ("cancel", "complete", "curtail", "decide", "extend")
        ),
        lambda chair: chair.rows.tour,
    ),
    **dict.fromkeys(
        ("/api/v1/tours/{id}", "/api/v1/tours/{id}/submit"), lambda chair: chair.rows.tourdraft
    ),
    "/api/v1/tours/papers/{id}": lambda chair: chair.rows.tourdocument,
    "/api/v1/admin/exceptions/{id}/resolve": lambda chair: chair.rows.attendanceexception,
    **dict.fromkeys(
        (f"/api/v1/regularizations/{{id}}/{verb}" for verb in ("decide", "withdraw")),
        lambda chair: chair.rows.regularization,
    ),
    "/api/v1/me/tokens/{id}/revoke": lambda chair: chair.rows.personaltoken,
    **dict.fromkeys(
        (f"/api/v1/admin/reports/jobs/{{id}}{verb}" for verb in ("", "/cancel", "/file")),
        lambda chair: chair.rows.reportjob,
    ),
}

# path → what fills its variable, where that names no row that anybody could own
PATH_VALUES: Final[dict[str, str]] = {
    "/api/v1/punches/month/{month}": "2026-06",
    "/api/v1/days/{date}/explain": "2026-06-20",
}

_LEAVE: Final = {
    "leave_type": "CL",
    "start_date": "2026-09-07",
    "end_date": "2026-09-07",
    "reason": "personal",
}
_TOUR: Final = {
    "purpose": "audit",
    "start_at": "2026-09-07T03:30:00Z",
    "end_at": "2026-09-08T12:30:00Z",
}
_PDF: Final = b"%PDF-1.4 a certificate"
_SPAN: Final = {"from": "2026-06-01", "to": "2026-06-30"}
# reports about days, and those about people among them
_OF_DAYS: Final = (
    "attendance",
    "deliveries",
    "devices",
    "exceptions",
    "late",
    "overtime",
    "presence",
)
_OF_PEOPLE: Final = (
    "attendance",
    "exceptions",
    "late",
    "leave-balances",
    "muster-roll",
    "overtime",
    "presence",
)

# operation → a good body, or a good query where one is needed
VALID_BODIES: Final[dict[str, Callable[[TenantActor], dict[str, Any]]]] = {
    "POST /api/attendance/v1/heartbeat": lambda _: {"firmware": "1.0"},
    "POST /api/attendance/v1/punch": lambda _: {
        "user_id": "1001",
        "att_time": "2026-06-21 09:30:00",
    },
    "GET /api/v1/days": lambda _: {"from": "2026-06-01", "to": "2026-06-30"},
    "GET /api/auth/mode": lambda chair: {"organization": chair.organization.slug},
    "POST /api/auth/token": lambda chair: {
        "organization": chair.organization.slug,
        "username": chair.user.username,
        "password": chair.secrets["password"],
    },
    "POST /api/auth/token/refresh": lambda chair: {"refresh": chair.secrets["refresh"]},
    "POST /api/auth/token/revoke": lambda chair: {"token": chair.secrets["refresh"]},
    "POST /api/biometric/attendance": lambda _: {
        "device_info": {"device_id": "SCANNER"},
        "events": [
            {
                "scanId": "s1",
                "employeeId": "1001",
                "eventType": "check_in",
                "timestamp": "2026-06-21T09:30:00Z",
            }
        ],
    },
    **dict.fromkeys((f"GET /api/v1/admin/reports/{name}" for name in _OF_DAYS), lambda _: _SPAN),
    "GET /api/v1/admin/reports/leave-balances": lambda _: {"year": 2026},
    "POST /api/v1/admin/exceptions/{id}/resolve": lambda _: {"remarks": "Seen"},
    "GET /api/v1/admin/reports/muster-roll": lambda _: {"month": "2026-06"},
    "POST /api/v1/admin/reports/jobs": lambda _: {
        "report": "attendance",
        "format": "xlsx",
        **_SPAN,
    },
    "POST /api/v1/devices/register": lambda _: {
        "device_uuid": UNKNOWN_UUID,
        "platform": "android",
        "model": "Pixel 9",
        "public_key": people.make_key()[1],
    },
    "POST /api/v1/events/replay": lambda _: {"since": "2020-01-01T00:00:00Z"},
    "POST /api/v1/hr/attendance/clock": lambda chair: {
        "hrEmployeeId": str(chair.rows.employee.pk),
        "kind": "CLOCK_IN",
        "clientRequestId": "c1",
        "occurredAt": "2026-06-21T09:30:00Z",
        "skipPairValidation": True,
    },
    "POST /api/v1/leaves": lambda _: _LEAVE,
    "POST /api/v1/leaves/preview": lambda _: _LEAVE,
    "POST /api/v1/leaves/certificates": lambda _: {
        "file": SimpleUploadedFile("c.pdf", _PDF, "application/pdf")
    },
    "POST /api/v1/leaves/{id}/approve": lambda _: {"decision": "reject"},
    "POST /api/v1/leaves/{id}/cancel": lambda _: {"remarks": "no"},
    "POST /api/v1/leaves/{id}/convert": lambda _: {"leave_type": "EL"},
    "POST /api/v1/leaves/{id}/curtail": lambda _: {"end_date": "2026-07-06"},
    "POST /api/v1/leaves/{id}/extend": lambda _: {"end_date": "2026-07-08", "reason": "more"},
    "POST /api/v1/leaves/{id}/recommend": lambda _: {"recommendation": "recommended"},
    "POST /api/v1/regularizations": lambda _: {
        "date": "2026-06-19",
        "in_at": "2026-06-19T09:00",
        "out_at": "2026-06-19T17:30",
        "reason": "forgot the card",
    },
    "POST /api/v1/regularizations/{id}/decide": lambda _: {"decision": "reject"},
    "POST /api/v1/tours": lambda _: _TOUR,
    "POST /api/v1/tours/papers": lambda _: {
        "file": SimpleUploadedFile("o.pdf", _PDF, "application/pdf")
    },
    "PATCH /api/v1/tours/{id}": lambda _: {"purpose": "another audit"},
    "POST /api/v1/tours/{id}/cancel": lambda _: {"remarks": "no"},
    "POST /api/v1/tours/{id}/complete": lambda _: {"report": "done"},
    "POST /api/v1/tours/{id}/curtail": lambda _: {"end_at": "2026-09-07T12:30:00Z"},
    "POST /api/v1/tours/{id}/decide": lambda _: {"decision": "reject"},
    "POST /api/v1/tours/{id}/extend": lambda _: {"end_at": "2099-09-09T12:30:00Z"},
    "GET /api/auth/sso/redirect": lambda chair: {"organization": chair.organization.slug},
    "POST /api/auth/sso/mobile/redirect": lambda chair: {
        "organization": chair.organization.slug,
        "redirect_uri": "app://in",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    },
    "POST /api/auth/sso/mobile/exchange": lambda _: {
        "code": "c",
        "state": "s",
        "code_verifier": "v" * 43,
    },
    "POST /api/v1/me/tokens": lambda _: {"name": "telephone"},
    "POST /api/v1/punch": lambda chair: {
        "device_uuid": str(chair.rows.phone.device_uuid),
        "punch_type": "IN",
        "punched_at": "2026-06-21T09:30:00Z",
        "lat": 28.6,
        "lng": 77.2,
        "accuracy_m": 12,
        "nonce": "0" * 32,
        "signature": "",
        "anti_spoof": dict.fromkeys(("mock_location", "rooted", "emulator", "vpn"), False),
    },
    "POST /api/v1/oauth/token": lambda chair: {
        "grant_type": "client_credentials",
        "client_id": chair.client.client_id,
        "client_secret": chair.secrets["secret"],
    },
}

_SCOPE_FILTERS: Final[dict[str, Callable[[TenantActor], Any]]] = {
    "department": lambda chair: chair.rows.department.pk,
    "employee": lambda chair: str(chair.rows.employee.pk),
    "site": lambda chair: chair.rows.site.pk,
}
_LEAVE_ATTACHMENTS: Final[dict[str, Callable[[TenantActor], Any]]] = {
    "child_id": lambda chair: chair.rows.child.pk,
    "certificate_id": lambda chair: chair.rows.certificate.pk,
}
_TOUR_ATTACHMENTS: Final[dict[str, Callable[[TenantActor], Any]]] = {
    "paper_ids": lambda chair: [chair.rows.tourdocument.pk]
}

# operation → field → how a row of an organization is named in it
ROW_REFERENCES: Final[dict[str, dict[str, Callable[[TenantActor], Any]]]] = {
    "POST /api/biometric/attendance": {
        "events.employeeId": lambda chair: chair.rows.delegation.approver.code,
        "device_info.device_id": lambda chair: chair.device.serial,
    },
    "GET /api/v1/days": {"employee": lambda chair: str(chair.rows.employee.pk)},
    "GET /api/v1/days/{date}/explain": {"employee": lambda chair: str(chair.rows.employee.pk)},
    "GET /api/v1/admin/exceptions": {"employee": lambda chair: str(chair.rows.employee.pk)},
    "GET /api/v1/admin/geo-fences": _SCOPE_FILTERS,
    **{f"GET /api/v1/admin/reports/{name}": _SCOPE_FILTERS for name in _OF_PEOPLE},
    "POST /api/v1/admin/reports/jobs": _SCOPE_FILTERS,
    "GET /api/v1/admin/reports/deliveries": {"endpoint": lambda chair: chair.rows.endpoint.pk},
    "GET /api/v1/admin/reports/devices": {"site": lambda chair: chair.rows.site.pk},
    "GET /api/v1/admin/holidays": {"office": lambda chair: chair.rows.site.name},
    "POST /api/v1/leaves": _LEAVE_ATTACHMENTS,
    "POST /api/v1/leaves/preview": _LEAVE_ATTACHMENTS,
    "POST /api/v1/leaves/{id}/convert": {"certificate_id": lambda chair: chair.rows.certificate.pk},
    "POST /api/v1/tours": _TOUR_ATTACHMENTS,
    "PATCH /api/v1/tours/{id}": _TOUR_ATTACHMENTS,
    "POST /api/v1/hr/attendance/clock": {"hrEmployeeId": lambda chair: str(chair.rows.employee.pk)},
    "POST /api/v1/events/replay": {"id": lambda chair: chair.rows.delivery.message_id},
}

# operation → field → why it names no row that anybody could own
NOT_REFERENCES: Final[dict[str, dict[str, str]]] = {
    "POST /api/biometric/attendance": {
        "employeeId": "a lone event is read like those of a batch",
        "scanId": "the scanner's own, unique within the organization",
        "events.scanId": "the scanner's own, unique within the organization",
    },
    "POST /api/v1/hr/attendance/clock": {
        "clientRequestId": "the client's own, unique within the client",
        "deviceId": "evidence",
        "geofenceId": "kept as the text it is",
    },
    "GET /api/v1/admin/geo-fences": {"external_id": "the organization's own text for its fences"},
    "POST /api/v1/admin/reports/jobs": {
        "endpoint": "asked by the report on deliveries, as at its own address"
    },
    "GET /api/auth/mode": {"organization": "the caller names the organization to sign in to"},
    "GET /api/auth/sso/redirect": {
        "organization": "the caller names the organization to sign in to"
    },
    "POST /api/auth/sso/mobile/redirect": {
        "organization": "the caller names the organization to sign in to"
    },
    "POST /api/auth/token": {"organization": "the caller names the organization to sign in to"},
    "POST /api/attendance/v1/punch": {
        "user_id": (
            "a number as the terminal has it: unknown ones are kept, and matched within the"
            " organization"
        ),
        "request_id": "the terminal's own, unique within the terminal",
    },
    "POST /api/v1/devices/register": {
        "device_uuid": "the phone's own, in the caller's account; shared ones are a row each",
        "public_key": "no row",
    },
    "POST /api/v1/oauth/token": {"client_id": "half of a credential"},
    "POST /api/v1/punch": {"device_uuid": "the phone's own, looked up among the caller's"},
}


def valid_body(operation: Operation, chair: TenantActor) -> dict[str, Any]:
    """A good body or query."""
    needed = "requestBody" in operation.spec or any(
        one["in"] == "query" and one.get("required") for one in operation.spec.get("parameters", [])
    )
    build = VALID_BODIES.get(str(operation))
    assert build or not needed, (
        f'give "{operation}" a good body (or query) in BODIES of tests/access/routes.py'
    )
    return build(chair) if build else {}


def path_row(operation: Operation, chair: TenantActor) -> models.Model | None:
    """The row that the path names; None where it names none."""
    if not operation.variables or operation.path in PATH_VALUES:
        return None
    assert operation.path in PATH_ROWS, (
        "say in PATHS of tests/access/routes.py which row of an organization fills"
        f' "{operation.path}"'
    )
    assert len(operation.variables) == 1, (
        f"{operation.path} has several variables: let `filled` know how to fill them"
    )
    return PATH_ROWS[operation.path](chair)


def fill_path(operation: Operation, pk: Any) -> dict[str, Any]:
    """The path's variable, filled with a row's id."""
    return dict.fromkeys(operation.variables, pk)


def unknown_id(pk: Any) -> Any:
    """An id of the same kind that no row has; of several, as many."""
    if isinstance(pk, list):
        return [unknown_id(one) for one in pk]
    return (
        UNKNOWN_ID
        if isinstance(pk, int)
        else UNKNOWN_UUID
        if len(str(pk)) == len(UNKNOWN_UUID)
        else "nothing-of-this-name"
    )


def unclassified_fields() -> list[str]:
    """Fields that look as if they named a row, and nobody said whether they do."""
    found = []
    for operation in OPERATIONS:
        known = {**ROW_REFERENCES.get(str(operation), {}), **NOT_REFERENCES.get(str(operation), {})}
        found += [
            f"{operation}: {name}"
            for name in sorted(operation.fields)
            if _LOOKS_LIKE_REFERENCE.search(name) and name not in known
        ]
    return found


def stale_entries() -> list[str]:
    """What is said here of routes and fields that are no more."""
    known = {str(operation): operation for operation in OPERATIONS}
    found = [one for one in (*VALID_BODIES, *ROW_REFERENCES, *NOT_REFERENCES) if one not in known]
    found += [path for path in (*PATH_ROWS, *PATH_VALUES) if path not in _FILE["paths"]]
    for table in (ROW_REFERENCES, NOT_REFERENCES):
        found += [
            f"{one}: {name}"
            for one, names in table.items()
            for name in names
            if one in known and name not in known[one].fields
        ]
    return found
