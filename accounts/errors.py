"""What sign-in refuses with: raised by `accounts.services`, answered by the API and the console."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import PermissionDenied

from core.errors import RuleViolation


class InvalidCredentials(Exception):
    """The credentials are wrong, or not good any more: one refusal for everything."""


class PasswordLoginDisabled(PermissionDenied):
    """The organization signs in at its own provider only."""

    default_detail = _("This organization signs in with single sign-on; passwords are refused.")
    default_code = "sso_enforced"


class TokenRequestRefused(RuleViolation):
    """A request for a machine token that can be read and is refused; `code` is OAuth's error.
    Answered 400.
    """

    status = 400
