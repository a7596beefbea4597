"""What a person reads on a form of the console when a service or the database refuses.
`core.admin_forms` and `core.tenant_admin` show these.
"""

from __future__ import annotations

import logging

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DatabaseError, models
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

log = logging.getLogger(__name__)


def move_unique_errors_to_fields(
    model: type[models.Model], error: ValidationError
) -> ValidationError:
    """The same refusal, with a broken uniqueness rule said at the field that is to be changed."""
    found: dict[str, list[ValidationError]] = {}
    told = (
        error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    )
    for field, errors in told.items():
        for one in errors:
            home = _field_of_constraint(model, one) if field == NON_FIELD_ERRORS else None
            if home is None:
                found.setdefault(field, []).append(one)
            else:
                message = _("%(thing)s with this %(field)s already exists.") % {
                    "thing": capfirst(model._meta.verbose_name),
                    "field": getattr(model._meta.get_field(home), "verbose_name", home),
                }
                found.setdefault(home, []).append(ValidationError(message, code="unique"))
    return ValidationError(found)


def _field_of_constraint(model: type[models.Model], error: ValidationError) -> str | None:
    """The last field of the uniqueness rule that was broken: the part that tells this row from its
    neighbours.
    """
    for rule in model._meta.constraints:
        if isinstance(rule, models.UniqueConstraint):
            names = [
                *rule.fields,
                *(
                    str(one.deconstruct()[1][0])
                    for one in rule.expressions
                    if isinstance(one, models.F)
                ),
            ]
            broken = error.message == rule.get_violation_error_message() or (
                error.code == "unique_together"
                and tuple((error.params or {}).get("unique_check", ())) == tuple(names)
            )
            if broken and names:
                return names[-1]
    return None


def to_validation_error(error: ValidationError | DatabaseError) -> ValidationError:
    """What to tell a person of what a verb or the database refused."""
    if isinstance(error, ValidationError):
        return error
    log.warning("the database refused what the console asked for: %s", error)
    return ValidationError(
        _(
            "Nothing was saved: the database rejected the change. Another user may have changed the"
            " same record. Try again."
        )
    )
