"""May late coming be condoned (L1 to L4)? Pure. Called by `leaves.services.late_marks`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from leaves.eligibility.refusal import LeaveRefusal
from leaves.policies import LeavePolicyVersion


@dataclass(frozen=True, slots=True)
class LateArrival:
    """A day of late coming that an authority would condone. `condoned_in_month`: days of the same
    month that were; `spent`: no casual leave is left.
    """

    date: date
    minutes: int | None
    reason: str
    condoned_in_month: int
    casual_leave_spent: bool


def condonation_refusal(
    late_arrival: LateArrival, policy: LeavePolicyVersion
) -> LeaveRefusal | None:
    """Why late coming cannot be condoned: too late, too often in a month, or without a reason. None
    when it can.
    """
    about = {
        "date": late_arrival.date,
        "minutes": late_arrival.minutes,
        "limit": policy.late_minutes,
    }
    if late_arrival.minutes is None or late_arrival.minutes > policy.late_minutes:
        return LeaveRefusal("LATE_TOO_LONG", "L1", "minutes", about)
    if not late_arrival.reason.strip():
        return LeaveRefusal("LATE_REASON_REQUIRED", "L1", "reason", {"date": late_arrival.date})
    if late_arrival.condoned_in_month >= policy.late_times:
        return LeaveRefusal(
            "LATE_LIMIT",
            "L1",
            "date",
            {
                "date": late_arrival.date,
                "condoned": late_arrival.condoned_in_month,
                "limit": policy.late_times,
            },
        )
    if policy.late_spent_only and not late_arrival.casual_leave_spent:
        return LeaveRefusal("LATE_CASUAL_LEFT", "L4", "date", {"date": late_arrival.date})
    return None
