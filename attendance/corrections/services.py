"""The one way in which people correct times: rows beside the punches, which stay as they came.

Called by the console's form of a day, by the import of files, and when a correction request is
approved. The days concerned are recalculated soon after; in a locked month that makes an
adjustment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from attendance import recalculation_queue
from attendance.corrections.employee_zones import EmployeeZones
from attendance.corrections.inputs import CorrectionInput, CorrectionOrigin, TimeEntry
from attendance.corrections.validation import correction_error, is_self_correction
from attendance.days import inputs as day_inputs
from attendance.models import Correction, Punch, Verdict
from core.errors import Conflict, RuleViolation
from employees.models import Employee

BATCH_SIZE: Final = 1000
CorrectionKind = Correction.Kind


def lock_for_correction(organization_id: int, employees: Iterable[UUID]) -> None:
    """Hold the rows of some people until the end of the transaction: what is put right for them is
    put right in turn.
    """
    rows = Employee.objects.of(organization_id).filter(pk__in=list(employees)).order_by("pk")
    list(rows.select_for_update(no_key=True).values("pk"))


def correct_times(
    employee: Employee,
    *,
    reason: str,
    enter: Sequence[TimeEntry] = (),
    void: Collection[int] = (),
    origin: CorrectionOrigin | None = None,
) -> list[Correction]:
    """Enter times, void punches or times entered before, for one reason; the days around them are
    worked out again.

    Raises RuleViolation naming the field, Conflict when a time was entered or voided before,
    PermissionDenied for one's own times.
    """
    return bulk_correct_times(
        employee.organization_id,
        [CorrectionInput(employee, reason, enter, void)],
        origin or CorrectionOrigin(),
    )


def bulk_correct_times(
    organization_id: int, requests: Sequence[CorrectionInput], origin: CorrectionOrigin
) -> list[Correction]:
    """Put many things right at once, for people of one organization: all of them or none. Errors as
    `correct_times`.
    """
    now = timezone.now()
    people = {request.employee.pk for request in requests}
    if is_self_correction(origin.actor, people):
        raise PermissionDenied(
            _(
                "You cannot correct your own attendance. Request a correction; another person"
                " decides."
            )
        )
    with transaction.atomic():
        lock_for_correction(organization_id, people)
        zones = EmployeeZones(organization_id, people)
        for request in requests:
            wrong = correction_error(request, zones, now)
            if wrong is not None:
                raise wrong
        rows = [
            *_build_additions(organization_id, requests),
            *_build_voids(organization_id, requests),
        ]
        for row in rows:
            row.organization_id, row.made_at, row.made_by = organization_id, now, origin.actor
            row.regularization, row.manual_import = origin.regularization, origin.manual_import
        Correction.objects.bulk_create(rows, batch_size=BATCH_SIZE)
        recalculation_queue.mark_punch_days_stale(
            organization_id, [(row.employee_id, row.at) for row in rows]
        )
    return rows


def find_entered_times(
    organization_id: int, people: Collection[UUID], times: Collection[datetime]
) -> set[tuple[UUID, datetime, str]]:
    """Times (employee, instant, direction or empty) that were entered before and count, within the
    span of `core.times`.
    """
    if not times:
        return set()
    rows = Correction.objects.of(organization_id).filter(
        employee__in=people,
        kind=CorrectionKind.ADD,
        voided__isnull=True,
        at__range=(min(times), max(times)),
    )
    return {
        (one, at, way or "")
        for one, at, way in rows.order_by().values_list("employee_id", "at", "direction")
    }


def _build_additions(organization_id: int, requests: Sequence[CorrectionInput]) -> list[Correction]:
    pairs = [(request, entry) for request in requests for entry in request.enter]
    people = {request.employee.pk for request, _entry in pairs}
    known = find_entered_times(organization_id, people, [entry.at for _request, entry in pairs])
    rows = []
    for request, entry in pairs:
        key = (request.employee.pk, entry.at, entry.direction or "")
        if key in known:
            raise Conflict(
                _("This time is already entered."),
                code="ENTERED_BEFORE",
                rule="TIME",
                field=entry.field,
            )
        known.add(key)
        rows.append(
            Correction(
                employee=request.employee,
                kind=CorrectionKind.ADD,
                at=entry.at,
                direction=entry.direction,
                reason=request.reason.strip(),
            )
        )
    return rows


def _build_voids(organization_id: int, requests: Sequence[CorrectionInput]) -> list[Correction]:
    wanted = {number for request in requests for number in request.void}
    if not wanted:
        return []
    counting = Punch.objects.of(organization_id).filter(
        verdict__in=(Verdict.ACCEPTED, Verdict.UNMATCHED)
    )
    punches = counting.select_related("match").in_bulk([number for number in wanted if number > 0])
    numbers = [number * day_inputs.CORRECTION_SIGN for number in wanted if number < 0]
    times = Correction.objects.of(organization_id).filter(kind=CorrectionKind.ADD).in_bulk(numbers)
    gone = Correction.objects.of(organization_id)
    voided = set(gone.filter(voids_punch__in=punches).values_list("voids_punch", flat=True))
    voided |= {
        pk * day_inputs.CORRECTION_SIGN
        for pk in gone.filter(voids__in=times).values_list("voids", flat=True)
        if pk is not None
    }
    rows = []
    for request in requests:
        for number in request.void:
            punch, time = punches.get(number), times.get(number * day_inputs.CORRECTION_SIGN)
            at = _voided_time(punch, time, request.employee)
            if number in voided:
                raise Conflict(
                    _("This time is already excluded."),
                    code="VOIDED_BEFORE",
                    rule="TIME",
                    field="void",
                )
            voided.add(number)
            rows.append(
                Correction(
                    employee=request.employee,
                    kind=CorrectionKind.VOID,
                    at=at,
                    voids_punch=punch,
                    voids=time,
                    reason=request.reason.strip(),
                )
            )
    return rows


def _voided_time(punch: Punch | None, time: Correction | None, employee: Employee) -> datetime:
    """When that was which is not to count. Raises RuleViolation when it is nothing of this
    employee's.
    """
    if time is not None and time.employee_id == employee.pk:
        return time.at
    if punch is not None:
        whose = punch.match.employee_id if hasattr(punch, "match") else punch.employee_id
        if whose == employee.pk:
            return punch.occurred_at
    raise RuleViolation(
        _("This is not a counted time of this employee."),
        code="NOT_THEIRS",
        rule="TIME",
        field="void",
    )
