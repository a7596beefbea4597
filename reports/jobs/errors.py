"""Why a background report could not be made, or cannot be downloaded any more: the codes that a
row stores, and the sentences people read.

Used by the verbs of this package, by its API and by the console.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from core.errors import RuleViolation
from reports.models import ReportJob

# The code that a row stores → the sentence for people.
ERROR_MESSAGES: Final[dict[str, Any]] = {
    "no_room": _(
        "The report storage is full. Tell your system administrator, then request the report again."
    ),
    "unwritable": _(
        "The report storage cannot be written. Tell your system administrator, then request the"
        " report again."
    ),
    "not_allowed": _("The user who requested this report no longer has permission to read it."),
    "unknown": _(
        "A site, an employee or the report itself no longer exists. Request the report again."
    ),
    "broken": _(
        "The report failed several times because of a server error. Request it again. If it fails"
        " again, choose fewer days."
    ),
}


class ReportGone(RuleViolation):
    """The report or its file existed, and does not any more. Answered 410."""

    status = 410


def job_error_message(job: ReportJob) -> str:
    """Why a job failed, for people; empty when it did not."""
    return (
        str(ERROR_MESSAGES.get(job.error, ERROR_MESSAGES["broken"]))
        if job.state == ReportJob.State.FAILED
        else ""
    )
