"""Verbs on the papers of tours: orders, invitations. Handed in first, named by a tour, and shown to
whoever decides on it.

How they are stored and handed out is `core.attachments`, as for certificates of leave. Called by
the API and the console.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.permissions import APPROVE_LEAVE, decidable_employees, has_ability, local_today
from core import attachments
from core.errors import RuleViolation
from core.tenancy import TenantQuerySet
from employees.models import Employee
from tours.models import Tour, TourDocument

MAX_TOUR_DOCUMENTS: Final = 10


def store_tour_document(
    employee: Employee, content: bytes, kind: str = TourDocument.Kind.OTHER
) -> TourDocument:
    """Store a paper of somebody privately. Raises RuleViolation when it is neither PDF, JPEG nor
    PNG by its own first bytes.
    """
    row = TourDocument(organization_id=employee.organization_id, employee=employee, kind=kind)
    return attachments.store_attachment(
        row,
        content,
        code="PAPER_TYPE",
        rule="T6",
        message=_("A document must be a PDF, JPEG or PNG file."),
    )


def attach_tour_documents(tour: Tour, document_ids: Collection[int]) -> None:
    """Let a tour have exactly these papers, which are its traveller's own and no other tour's.
    Within a transaction.

    Raises RuleViolation for any other id, without saying whether there is such a paper.
    """
    wanted = set(document_ids)
    if len(wanted) > MAX_TOUR_DOCUMENTS:
        raise RuleViolation(
            _("A tour can have at most %(limit)d documents.") % {"limit": MAX_TOUR_DOCUMENTS},
            code="TOO_MANY_PAPERS",
            rule="FORM",
            field="paper_ids",
            details={"limit": MAX_TOUR_DOCUMENTS},
        )
    own = TourDocument.objects.of(tour.organization_id).filter(employee=tour.employee_id)
    own.filter(tour=tour).exclude(pk__in=wanted).update(tour=None)
    # In order of their ids, as everybody locks them. Who names the same paper at the same moment
    # waits, and finds it taken.
    list(own.filter(pk__in=wanted).order_by("pk").select_for_update().values_list("pk"))
    if own.filter(Q(tour__isnull=True) | Q(tour=tour), pk__in=wanted).update(tour=tour) != len(
        wanted
    ):
        raise RuleViolation(
            _("This document does not exist, or it belongs to another tour."),
            code="NO_SUCH_PAPER",
            rule="FORM",
            field="paper_ids",
        )


def delete_tour_documents(rows: TenantQuerySet[TourDocument]) -> None:
    """Take papers away, rows and files. Within a transaction: the files go once it is committed."""
    files = [one.file for one in rows]
    rows.delete()
    for file in files:
        transaction.on_commit(lambda name=file.name, storage=file.storage: storage.delete(name))  # type: ignore[misc]


def readable_tour_documents(user: User) -> TenantQuerySet[TourDocument]:
    """The papers that somebody may read: their own, and those of tours sent in by people they
    decide for.
    """
    rows = TourDocument.objects.of(user.organization_id).select_related("employee", "tour")
    readers = Q(employee=user.employee_id) if user.employee_id else Q(pk__in=[])
    if has_ability(user, APPROVE_LEAVE):
        sent_in = Tour.objects.of(user.organization_id).submitted()
        readers |= Q(tour__in=sent_in, employee__in=_decidable_employees(user))
    return rows.filter(readers)


def _decidable_employees(user: User) -> TenantQuerySet[Employee]:
    day = local_today(user.employee) if user.employee else date.today()  # noqa: DTZ011
    return Employee.objects.of(user.organization_id).filter(decidable_employees(user, day))
