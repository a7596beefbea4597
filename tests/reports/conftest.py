"""Reports as they are asked for: over the API, and as the bytes of their files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.services import issue_personal
from employees.models import Organization
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.frame import Run
from reports.services import ask
from tests import people

JUNE = {"from": "2026-06-01", "to": "2026-06-30"}


def read(organization: Organization, name: str, form: str = "json", **asked: Any) -> bytes:
    """The bytes of a report."""
    report = ask(REPORTS[name], organization, asked)
    return b"".join(FORMATS[form].pieces(Run(report)))


def speaker(organization: Organization, role: str = "reports") -> Client:
    """A program that speaks with the personal token of somebody with a role."""
    user = people.make_staff(organization, f"{organization.slug}-{role}", role=role)
    return Client(headers={"Authorization": f"Bearer {issue_personal(user, 'x')[1]}"})


@pytest.fixture
def get(acme: Organization) -> Callable[..., Any]:
    """Ask for a report over the API, as somebody of acme with the role `reports`."""
    client = speaker(acme)
    return lambda name, **asked: client.get(f"/api/v1/admin/reports/{name}", asked)
