"""Store a medical certificate, privately. Called by the API."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from core import attachments
from core.errors import RuleViolation
from employees.models import Employee
from leaves.models import Certificate


def store_certificate(
    employee: Employee, content: bytes, *, sick_on: date | None = None, fit_on: date | None = None
) -> Certificate:
    """Store a medical certificate privately. Raises RuleViolation when it is neither PDF, JPEG nor
    PNG by its own first bytes.
    """
    if sick_on and fit_on and fit_on < sick_on:
        raise RuleViolation(
            _("The fitness date is before the date of illness."),
            code="CERTIFICATE_DATES",
            rule="G6",
            field="fit_on",
        )
    row = Certificate(
        organization_id=employee.organization_id, employee=employee, sick_on=sick_on, fit_on=fit_on
    )
    return attachments.store_attachment(
        row,
        content,
        code="CERTIFICATE_TYPE",
        rule="K5",
        message=_("A certificate is a PDF, JPEG or PNG file."),
    )
