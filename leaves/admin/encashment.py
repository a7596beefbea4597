"""The table of limits that the console shows beside an encashment, on the pages of leave
balances and of leave adjustments.
"""

from __future__ import annotations

from datetime import date

from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin_html import table_html
from employees.models import Employee
from leaves.encashment import EncashmentOccasion
from leaves.models import LeaveAdjustment
from leaves.services.encashment_limits import EncashmentLimit, encashment_limits


def encashment_table(employee: Employee, kind: str, on: date) -> SafeString:
    """The numbers an encashment is judged by, for each occasion."""
    rows = [
        (
            LeaveAdjustment.Occasion(one.occasion).label,
            f"{one.position.available / 2:g}",
            f"{one.position.used_before / 2:g}",
            _limits_text(one),
            f"{one.max_half_days / 2:g}",
        )
        for one in encashment_limits(employee, kind, on)
    ]
    head = (_("Occasion"), _("Available"), _("Encashed so far"), _("Limits"), _("At most now"))
    return table_html(head, rows, _("No leave policy is published for that day."))


def _limits_text(limit: EncashmentLimit) -> str:
    rules = limit.policy
    if limit.occasion is EncashmentOccasion.LEAVING:
        return gettext("%(days)d days, earned and half pay leave together") % {
            "days": rules.encash_leaving
        }
    return gettext("%(once)d at a time, %(career)d in a career, %(remain)d must remain") % {
        "once": rules.encash_at_a_time,
        "career": rules.encash_career,
        "remain": rules.encash_remain,
    }
