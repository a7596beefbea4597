"""Domain errors that say more than a text: a code for machines, the rule they come from, and the
numbers that were used.

Raised by the verbs of leaves and tours; rendered by config/errors.py in the common envelope, and by
the console as any ValidationError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError


class RuleViolation(ValidationError):
    """A rule stands against it. Answered 422 with `code`, `rule` and `details`, the message at
    `field`.
    """

    status = 422

    def __init__(
        self,
        message: Any,
        *,
        code: str,
        rule: str | None = None,
        field: str = NON_FIELD_ERRORS,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({field: [message]})
        self.code, self.rule, self.details = code, rule, dict(details or {})
        self.text = message


class Conflict(RuleViolation):
    """It is not as the caller believes: somebody else was first, or it was decided before. Answered
    409.
    """

    status = 409
