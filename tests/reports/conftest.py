"""Reports as they are asked for: over the API, and as the bytes of their files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.services import issue_personal_token
from employees.models import Organization
from reports.base import ReportRun
from reports.catalog import REPORTS
from reports.formats import FORMATS
from reports.services import build_report
from tests import people

JUNE = {"from": "2026-06-01", "to": "2026-06-30"}


def report_bytes(organization: Organization, name: str, form: str = "json", **asked: Any) -> bytes:
    """The bytes of a report."""
    report = build_report(REPORTS[name], organization, asked)
    return b"".join(FORMATS[form].render(ReportRun(report)))


def make_api_client(organization: Organization, role: str = "reports") -> Client:
    """A program that speaks with the personal token of somebody with a role."""
    user = people.make_staff(organization, f"{organization.slug}-{role}", role=role)
    return Client(headers={"Authorization": f"Bearer {issue_personal_token(user, 'x')[1]}"})


@pytest.fixture
def get(acme: Organization) -> Callable[..., Any]:
    """Ask for a report over the API, as somebody of acme with the role `reports`."""
    client = make_api_client(acme)
    return lambda name, **asked: client.get(f"/api/v1/admin/reports/{name}", asked)
