"""What a correction consists of: the times to enter, the punches that are not to count, the reason,
and who made it. Built by the console's forms, by imports and by approved correction requests.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from attendance.models import ManualImport, Regularization
from employees.models import Employee


@dataclass(frozen=True, slots=True)
class TimeEntry:
    """A time that is to count: `at` in UTC; `direction` None where turns decide. `field` is where a
    caller said it.
    """

    at: datetime
    direction: str | None = None
    field: str = "at"


@dataclass(frozen=True, slots=True)
class CorrectionInput:
    """What is to be put right for somebody: times to enter, and stamps that are not to count (as
    `days.inputs` numbers them).
    """

    employee: Employee
    reason: str
    enter: Sequence[TimeEntry] = ()
    void: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class CorrectionOrigin:
    """Who puts it right, and what it comes from."""

    actor: User | None = None
    regularization: Regularization | None = None
    manual_import: ManualImport | None = None
