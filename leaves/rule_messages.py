"""What a refusal says to a clerk: one sentence for each code, with the numbers in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext_lazy as _

from core.errors import RuleViolation
from leaves.eligibility.refusal import LeaveRefusal
from leaves.models import AuthorityChoices, LeaveTypeChoices

REFUSAL_MESSAGES: Final[Mapping[str, Any]] = {
    "NO_POLICY": _("No published leave policy covers %(kind)s on %(start)s."),
    "DATES_REVERSED": _("The last day, %(end)s, is before the first, %(start)s."),
    "TOO_LONG": _("%(days)s days are more than any leave may last (%(limit)s)."),
    "HALF_DAY_ONE_DATE": _(
        "A half day is taken on one date: the first and the last day must be the same."
    ),
    "NOT_EMPLOYED": _("The leave is outside the period of service."),
    "SUSPENDED": _("No leave is granted during the suspension that began on %(since)s."),
    "NOT_ELIGIBLE": _("This employee is not eligible for %(kind)s."),
    "ON_PROBATION": _(
        "%(kind)s is not ordinarily granted on probation, which lasts until %(probation_until)s."
    ),
    "BACKDATED": _("%(kind)s needs sanction beforehand; %(start)s has passed."),
    "HALF_DAY_NOT_ALLOWED": _("%(kind)s cannot be taken for half a day."),
    "RH_NOT_ON_LIST": _(
        "This date is not on the list of restricted holidays of the employee's office: %(dates)s."
    ),
    "NO_CHARGEABLE_DAYS": _(
        "The office is closed on every requested day, so no leave is needed. %(holidays)s"
    ),
    "OVERLAP": _("Another application (%(application)s) already covers these days."),
    "TOUR_CONFLICT": _("A tour (%(tour)s) already covers %(date)s. It must be cut short first."),
    "STUDY_LIMIT": _(
        "Courses may take %(limit)s days in a career; %(used)s are used and %(days)s are requested."
    ),
    "CERTIFICATE_REQUIRED": _("%(kind)s needs a medical certificate."),
    "CCL_CHILD_REQUIRED": _("Give the child for whom the leave is."),
    "CCL_CHILD_NOT_ELDEST_TWO": _(
        "Child care leave is for the eldest %(limit)s surviving children; this is number %(rank)s."
    ),
    "CCL_CHILD_AGE": _(
        "The child is %(age)s on %(birthday)s; the last possible day is %(last_day)s."
    ),
    "CCL_MIN_SPELL": _("A spell lasts at least %(limit)s days; this one has %(days)s."),
    "CCL_SPELL_LIMIT": _("This would be spell %(spells)s of %(year)s; %(limit)s are allowed."),
    "MAX_AT_A_STRETCH": _("%(days)s days at a stretch; at most %(limit)s are allowed."),
    "COMBINATION_NOT_ALLOWED": _(
        "%(first)s and %(then)s cannot be taken together without work between them."
    ),
    "RH_LIMIT": _("At most %(limit)s restricted holidays a year; %(available)s are left."),
    "INSUFFICIENT_BALANCE": _(
        "%(needed)s days of %(account)s are needed; %(available)s are available."
    ),
    "LATE_TOO_LONG": _(
        "A late arrival of up to %(limit)s minutes may be condoned. Give the number of minutes."
        " Given: %(minutes)s."
    ),
    "LATE_REASON_REQUIRED": _(
        "A late arrival is condoned for a justifiable reason. Give the reason."
    ),
    "LATE_LIMIT": _(
        "Late arrivals were condoned %(condoned)s times this month; at most %(limit)s are allowed."
    ),
    "LATE_CASUAL_LEFT": _("Casual leave is available, so the late arrival costs half a day of it."),
    "ON_RECORD": _("Leave or a recorded absence already covers %(dates)s."),
    "BEYOND_AUTHORITY": _(
        "%(kind)s, %(days)s days at a stretch: sanctioned by %(needed)s. Your limit: %(limit)s"
        " days."
    ),
    "RECOMMENDATION_MISSING": _(
        "%(kind)s of %(days)s days needs a recommendation before it is sanctioned. There is none"
        " yet."
    ),
    "NOTHING_TO_WITHHOLD": _(
        "Off days beside %(kind)s are not leave in any case: there is nothing to withhold."
    ),
    "SAME_OFFICER": _("You gave the recommendation. Another officer must decide."),
    "ENCASH_KIND": _("%(kind)s is not encashed on this occasion; only %(kinds)s."),
    "ENCASH_WHOLE_DAYS": _("Leave is encashed in whole days."),
    "ENCASH_NOT_TAKEN": _("%(days)s days cannot be credited back: only %(used)s were encashed."),
    "ENCASH_AT_A_TIME": _(
        "%(days)s days at a time; at most %(limit)s may be encashed with a travel concession."
    ),
    "ENCASH_CAREER": _(
        "%(used)s days were encashed with travel concessions; with %(days)s more it is over"
        " %(limit)s in a career."
    ),
    "ENCASH_REMAINDER": _(
        "%(available)s days are available; %(left)s would be left, and at least %(limit)s must"
        " remain."
    ),
    "ENCASH_NOT_LEAVING": _(
        "Leave is encashed on leaving with effect from the last day of service: %(left_on)s."
    ),
    "ENCASH_FORFEITED": _(
        "An employee who resigned or was removed has no claim to leave. Nothing is encashed."
    ),
    "ENCASH_LEAVING_LIMIT": _(
        "%(used)s days were encashed on leaving; with %(days)s more it is over %(limit)s, earned"
        " and half pay leave together."
    ),
    "CONVERSION_WINDOW": _(
        "Another leave type can be requested until %(until)s, %(limit)s days after rejoining."
    ),
}


def to_rule_violation(refusal: LeaveRefusal) -> RuleViolation:
    """The domain error for a refusal of the rules."""
    message = REFUSAL_MESSAGES[refusal.code] % {
        name: _to_text(value) for name, value in refusal.details.items()
    }
    return RuleViolation(
        message.strip(),
        code=refusal.code,
        rule=refusal.rule,
        field=refusal.field,
        details={name: to_json_value(value) for name, value in refusal.details.items()},
    )


def to_json_value(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [to_json_value(one) for one in value]
    if isinstance(value, Mapping):
        return {name: to_json_value(one) for name, one in value.items()}
    return value


def _to_text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, date):
        return formats.date_format(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(_to_text(one) for one in value)
    if isinstance(value, float):
        return f"{value:g}"
    labels: Mapping[Any, Any] = {**dict(LeaveTypeChoices.choices), **dict(AuthorityChoices.choices)}
    return str(labels.get(value, value)) if isinstance(value, str) else str(value)
