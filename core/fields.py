"""Fields and validators that several apps share: time zones by their IANA name."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


@cache
def _time_zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def validate_time_zone(value: str) -> None:
    """Refuse anything that is not the name of an IANA time zone, such as Asia/Kolkata."""
    if value not in _time_zone_names():
        raise ValidationError(
            _("“%(value)s” is not a time zone. Example: Asia/Kolkata."), params={"value": value}
        )


class TimeZoneField(models.CharField[str, str]):
    """The IANA name of a time zone."""

    default_validators = [validate_time_zone]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 64)
        super().__init__(*args, **kwargs)
