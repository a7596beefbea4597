"""Verbs on the papers of tours: orders, invitations. Handed in first, named by a tour, and shown to
whoever decides on it.

How they are stored and handed out is `employees.papers`, as for certificates of leave. Called by
the API and the console.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.abilities import APPROVE_LEAVE, decides_for, has, today
from accounts.models import User
from employees import papers
from employees.models import Employee
from employees.refusals import Refused
from employees.tenancy import TenantQuerySet
from tours.models import Tour, TourPaper

MOST: Final = 10


def keep(employee: Employee, content: bytes, kind: str = TourPaper.Kind.OTHER) -> TourPaper:
    """Store a paper of somebody privately. Raises Refused when it is neither PDF, JPEG nor PNG by
    its own first bytes.
    """
    row = TourPaper(organization_id=employee.organization_id, employee=employee, kind=kind)
    return papers.stored(
        row, content, code="PAPER_TYPE", rule="T6", message=_("A paper is a PDF, JPEG or PNG file.")
    )


def attach(tour: Tour, ids: Collection[int]) -> None:
    """Let a tour have exactly these papers, which are its traveller's own and no other tour's.
    Within a transaction.

    Raises Refused for any other id, without saying whether there is such a paper.
    """
    wanted = set(ids)
    if len(wanted) > MOST:
        raise Refused(
            _("A tour has %(limit)d papers at most.") % {"limit": MOST},
            code="TOO_MANY_PAPERS",
            rule="FORM",
            field="paper_ids",
            details={"limit": MOST},
        )
    own = TourPaper.objects.of(tour.organization_id).filter(employee=tour.employee_id)
    own.filter(tour=tour).exclude(pk__in=wanted).update(tour=None)
    # In order of their ids, as everybody locks them. Who names the same paper at the same moment
    # waits, and finds it taken.
    list(own.filter(pk__in=wanted).order_by("pk").select_for_update().values_list("pk"))
    if own.filter(Q(tour__isnull=True) | Q(tour=tour), pk__in=wanted).update(tour=tour) != len(
        wanted
    ):
        raise Refused(
            _("There is no such paper, or another tour has it."),
            code="NO_SUCH_PAPER",
            rule="FORM",
            field="paper_ids",
        )


def remove(rows: TenantQuerySet[TourPaper]) -> None:
    """Take papers away, rows and files. Within a transaction: the files go once it is committed."""
    files = [one.file for one in rows]
    rows.delete()
    for file in files:
        transaction.on_commit(lambda name=file.name, storage=file.storage: storage.delete(name))  # type: ignore[misc]


def readable(user: User) -> TenantQuerySet[TourPaper]:
    """The papers that somebody may read: their own, and those of tours sent in by people they
    decide for.
    """
    rows = TourPaper.objects.of(user.organization_id).select_related("employee", "tour")
    readers = Q(employee=user.employee_id) if user.employee_id else Q(pk__in=[])
    if has(user, APPROVE_LEAVE):
        sent_in = Tour.objects.of(user.organization_id).sent_in()
        readers |= Q(tour__in=sent_in, employee__in=_people(user))
    return rows.filter(readers)


def _people(user: User) -> TenantQuerySet[Employee]:
    day = today(user.employee) if user.employee else date.today()  # noqa: DTZ011
    return Employee.objects.of(user.organization_id).filter(decides_for(user, day))
