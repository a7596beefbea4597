"""Why a sign-on fails: the provider does not answer, what it answers is not believed, or the person
is not let in. Raised by this package, answered by `accounts.sso.api`, shown to staff in the
console.
"""

from __future__ import annotations

from typing import Final

from authlib.oauth2.base import OAuth2Error
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy_text
from joserfc.errors import ExpiredTokenError, InvalidClaimError, MissingClaimError
from rest_framework.exceptions import PermissionDenied

from accounts.rate_limits import RateLimitUnavailable

# A provider that failed is asked again after this; an unknown key makes us read the keys again as
# often.
PROVIDER_RETRY_S: Final = 10


class ProviderUnavailable(RateLimitUnavailable):
    """The provider does not answer, or there are too many sign-ons under way: come again. `reason`
    is for staff and the log.
    """

    default_detail = lazy_text(
        "The sign-in provider cannot be reached. Please try again in a moment."
    )

    def __init__(self, reason: str = "", wait: int = PROVIDER_RETRY_S) -> None:
        super().__init__(wait)
        self.reason = reason


class SignInDenied(PermissionDenied):
    """Somebody is not signed in, for a reason that is told. `code` is for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message, code)


def invalid_provider_response(why: str) -> SignInDenied:
    """The provider answered something that must not be believed."""
    return SignInDenied(
        _("The sign-in provider's answer was not accepted: %(why)s.") % {"why": why},
        "sso_not_accepted",
    )


def from_oauth_error(error: OAuth2Error) -> Exception:
    if error.error == "invalid_grant":
        return ValidationError(
            {"code": _("The code is used, expired, or not for this sign-on. Start again.")}
        )
    if error.error in ("invalid_client", "unauthorized_client"):
        return SignInDenied(
            _("The sign-in provider does not accept the configured client id or secret."),
            "sso_client",
        )
    return invalid_provider_response(sanitize_error_code(error.error))


def claims_error_text(error: Exception) -> str:
    if isinstance(error, ExpiredTokenError):
        return _("the ID token has expired")
    if isinstance(error, MissingClaimError | InvalidClaimError):
        named = {"iss": _("the issuer"), "aud": _("the audience"), "nonce": _("the nonce")}
        return _("the ID token has the wrong %(claim)s") % {
            "claim": named.get(error.claim, sanitize_error_code(error.claim))
        }
    return _("the ID token is not signed with a key of the provider")


def sanitize_error_code(text: object) -> str:
    """A stranger's error code, made fit to be shown: OAuth's are letters, digits and
    underscores.
    """
    return (
        "".join(
            letter
            for letter in str(text)[:60]
            if letter.isascii() and (letter.isalnum() or letter in "_-,")
        )
        or "error"
    )
