"""What a column of leave may hold: weekly-off patterns, and days in halves. Used by the models
of leave; migrations name these validators by `leaves.models`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from leaves.calendars import WeeklyOffs

HALF_DAY = Decimal("0.5")


def validate_weekly_offs(text: str) -> None:
    """Refuse a pattern of weekly offs that cannot be read."""
    try:
        WeeklyOffs.parse(text)
    except ValueError as error:
        raise ValidationError(
            _("“%(part)s” cannot be read. Examples: SAT,SUN for a five-day week; SUN,SAT2,SAT4."),
            params={"part": str(error)},
        ) from error


def validate_half_days(value: Decimal) -> None:
    """Refuse days that are no multiple of a half."""
    if value % HALF_DAY:
        raise ValidationError(_("Give whole days or half days."))


def days_field(label: Any, **more: Any) -> models.DecimalField[Any, Any]:
    """A column of days, whole or half."""
    return models.DecimalField(
        label, max_digits=6, decimal_places=1, validators=[validate_half_days], **more
    )
