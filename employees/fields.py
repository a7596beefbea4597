"""Fields and validators that several apps share: time zones by their IANA name."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def validate_zone(value: str) -> None:
    """Refuse anything that is not the name of an IANA time zone, such as Asia/Kolkata."""
    if value not in _zones():
        raise ValidationError(
            _("“%(value)s” is not a time zone. Example: Asia/Kolkata."), params={"value": value}
        )


class ZoneField(models.CharField[str, str]):
    """The IANA name of a time zone."""

    default_validators = [validate_zone]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 64)
        super().__init__(*args, **kwargs)
