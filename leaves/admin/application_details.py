"""What the console shows of a leave application: status, sanctioning authority, days, ledger
entries and history. Mixed into the page in `leaves.admin.applications`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin_html import badge_html, table_html
from leaves import charts as leave_charts
from leaves.eligibility.evaluation import LeaveEligibility
from leaves.models import AuthorityChoices, LeaveApplication
from leaves.rule_messages import to_rule_violation
from leaves.services.decisions import DecisionPreview
from leaves.services.evaluation import evaluate_application

LEAVE_STATUS_COLOURS: Final = {
    "pending": "warning",
    "approved": "success",
    "rejected": "danger",
    "cancelled": "info",
}


DAY_CLASS_LABELS: Final = {
    "WORKING": _("Working day"),
    "WEEKLY_OFF": _("Weekly off"),
    "HOLIDAY": _("Closed"),
    "RESTRICTED": _("Restricted holiday"),
}


def _withholding_rows(preview: DecisionPreview) -> Iterator[tuple[Any, str]]:
    """What withholding comes to, each with the difference."""
    names = {
        "none": _("none"),
        "prefix": _("before"),
        "suffix": _("after"),
        "both": _("before and after"),
    }
    for name, days in preview.days_debited.items():
        more = days - preview.days_debited["none"]
        yield names[name], f"{days:g} (+{more:g})" if more else f"{days:g}"


def _sanction_text(eligibility: LeaveEligibility) -> str:
    """By whose authority leave is sanctioned, in a sentence."""
    if eligibility.sanction is None:
        return gettext("Any officer who may decide for this employee.")
    found = gettext("%(days)s days at a stretch: %(authority)s, or higher.") % {
        "days": f"{eligibility.days_at_a_stretch:g}",
        "authority": AuthorityChoices(eligibility.sanction.authority).label,
    }
    return (
        f"{found} {gettext('After a recommendation by another officer.')}"
        if eligibility.sanction.recommendation
        else found
    )


class LeaveApplicationDetailsMixin:
    """Read-only fields of a leave application, and what an officer sees who decides on it."""

    def decision_details(
        self,
        application: LeaveApplication,
        preview: DecisionPreview | None,
        *,
        withholding: bool = False,
    ) -> SafeString:
        """What an officer looks at before they decide: the days, by whose authority, why not theirs
        if it is not, and what it costs when off days are withheld.
        """
        days: SafeString = self.days_table(application)
        if preview is None:
            return days
        why_not = to_rule_violation(preview.refusal).text if preview.refusal else ""
        costs = (
            table_html((_("Off days withheld"), _("Debited")), _withholding_rows(preview), "")
            if withholding
            else ""
        )
        return format_html(
            '<p>{}</p><p class="muster-error">{}</p>{}{}',
            _sanction_text(preview.eligibility),
            why_not,
            days,
            costs,
        )

    @display(description=_("status"))
    def badge(self, application: LeaveApplication) -> Any:
        return badge_html(
            application.get_status_display(), LEAVE_STATUS_COLOURS[application.status]
        )

    @display(description=_("waived rules"))
    def waived_rules(self, application: LeaveApplication) -> str:
        return "; ".join(f"{rule}: {reason}" for rule, reason in application.waived.items()) or "–"

    @display(description=_("sanctioning authority"))
    def who_decides(self, application: LeaveApplication) -> str:
        return (
            _sanction_text(evaluate_application(application))
            if application.status == LeaveApplication.Status.PENDING
            else "–"
        )

    @display(description=_("day classes and debits"))
    def days_table(self, application: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(day.date),
                day.half or "–",
                DAY_CLASS_LABELS[day.day_class],
                f"{day.half_days / 2:g} {day.account}",
                badge_html(_("insufficient balance"), "danger") if day.insufficient_balance else "",
            )
            for day in application.days.all()
        )
        return table_html((_("Date"), _("Half"), _("Day"), _("Debited"), ""), rows, _("No days."))

    @display(description=_("ledger entries"))
    def entries_table(self, application: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(e.effective_on),
                e.get_type_display(),
                leave_charts.signed_days(e.half_days),
                e.account.kind,
            )
            for e in application.entries.select_related("account").order_by("id")
        )
        return table_html(
            (_("Effective"), _("Type"), _("Days"), _("Account")),
            rows,
            _("Nothing is debited before approval."),
        )

    @display(description=_("what was done"))
    def events_table(self, application: LeaveApplication) -> SafeString:
        rows = (
            (
                formats.date_format(timezone.localtime(e.at), "DATETIME_FORMAT"),
                e.get_action_display(),
                str(e.actor or "–"),
                e.remarks,
            )
            for e in application.events.select_related("actor")
        )
        return table_html((_("At"), _("What"), _("By"), _("Remarks")), rows, _("Nothing yet."))
