"""Second factors of staff: an authenticator app (TOTP, RFC 6238) and recovery codes; who must have
one.

django-otp does the arithmetic. The key is encrypted at rest, a code is taken once (decided by the
database), and every try is counted against a limit that all processes share: its devices and
middleware have no place for these.
"""

from __future__ import annotations

import base64
import secrets
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import segno
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_otp.oath import TOTP

from accounts.audit import record_security_event
from accounts.credentials import decrypt, encrypt, hash_token
from accounts.models import RecoveryCode, SecondFactor, SecurityEvent, SignInSettings, User
from accounts.rate_limits import HOUR, MINUTE, REFUSE, RateLimit, Window

TOTP_STEP_S: Final = 30
TOTP_DIGITS: Final = 6
# One step either side: clocks of phones are right, and typing takes a while.
TOTP_TOLERANCE_STEPS: Final = 1
TOTP_KEY_BYTES: Final = 20
RECOVERY_CODE_COUNT: Final = 10
_RECOVERY_CODE_BYTES: Final = 10
SECOND_FACTOR_LIMITS: Final = (
    RateLimit(
        "second-factor",
        (Window(5, MINUTE), Window(50, HOUR)),
        lambda request: request.user.pk,
        REFUSE,
    ),
)

EventKind = SecurityEvent.Kind


# --- Who must have one ----------------------------------------------------------------------------
def has_second_factor(user: User) -> bool:
    """Whether somebody has set up a second factor."""
    return SecondFactor.objects.filter(user=user).exists()


def is_second_factor_required(user: User) -> bool:
    """Whether somebody may not use the console without one: by their organization's settings, or as
    an operator.
    """
    if user.is_superuser and settings.OPERATORS_NEED_SECOND_FACTOR:
        return True
    rules = SignInSettings.objects.of(user.organization_id).filter(second_factor_required=True)
    return user.organization_id is not None and rules.exists()


def is_second_factor_at_provider(user: User) -> bool:
    """Whether the organization's provider asks for the second factor, so that who comes from there
    is not asked again.
    """
    return (
        SignInSettings.objects.of(user.organization_id)
        .filter(sso_enabled=True, second_factor_at_provider=True)
        .exists()
    )


# --- Set up ---------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class TotpEnrollment:
    """A key that nobody has confirmed yet, in Base32, as apps take it typed."""

    key: str

    def provisioning_uri(self, user: User) -> str:
        """The otpauth address that apps read from a picture."""
        issuer = f"Muster {user.organization.slug}" if user.organization else "Muster"
        facts = {"secret": self.key, "issuer": issuer, "digits": TOTP_DIGITS, "period": TOTP_STEP_S}
        label = quote(f"{issuer}:{user.username}")
        return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"

    def qr_svg(self, user: User) -> str:
        """The address as an inline SVG without scripts or styles."""
        return segno.make(self.provisioning_uri(user), error="m", micro=False).svg_inline(
            scale=5, border=2, light="#fff", dark="#000"
        )


def new_totp_enrollment() -> TotpEnrollment:
    """A fresh key of 160 bits."""
    return TotpEnrollment(base64.b32encode(secrets.token_bytes(TOTP_KEY_BYTES)).decode())


def enroll_second_factor(
    user: User, key: str, code: str, *, request: Any = None
) -> list[str] | None:
    """Set the factor up if `code` is of `key`; gives the recovery codes, which cannot be seen
    again. None for a wrong code.

    Whoever has a factor already gets the new one in its place.
    """
    step = _matching_time_step(key, code, after=0)
    if step is None:
        return None
    now = timezone.now()
    with transaction.atomic():
        # An operator's is nobody else's to see or to take away, even if the operator belongs to an
        # organization.
        owner = None if user.is_superuser else user.organization_id
        facts = {
            "organization_id": owner,
            "secret_cipher": encrypt(key),
            "last_step": step,
            "set_up_at": now,
        }
        SecondFactor.objects.update_or_create(user=user, defaults=facts)
        record_security_event(
            EventKind.SECOND_FACTOR,
            user.organization_id,
            actor=user,
            request=request,
            about=str(user),
            how="set up",
        )
        return _create_recovery_codes(user)


def regenerate_recovery_codes(user: User, *, request: Any = None) -> list[str]:
    """Fresh recovery codes; the ones before are void."""
    with transaction.atomic():
        record_security_event(
            EventKind.SECOND_FACTOR,
            user.organization_id,
            actor=user,
            request=request,
            about=str(user),
            how="new recovery codes",
        )
        return _create_recovery_codes(user)


def _create_recovery_codes(user: User) -> list[str]:
    codes = [
        _format_recovery_code(secrets.token_bytes(_RECOVERY_CODE_BYTES))
        for _ in range(RECOVERY_CODE_COUNT)
    ]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=_recovery_code_hash(user, code)) for code in codes
    )
    return codes


def remove_second_factor(user: User, *, actor: User, request: Any = None) -> bool:
    """Take somebody's factor and codes away: by themselves, or by an administrator when the phone
    is lost.
    """
    with transaction.atomic():
        done, _rows = SecondFactor.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        if done:
            record_security_event(
                EventKind.SECOND_FACTOR,
                user.organization_id,
                actor=actor,
                request=request,
                about=str(user),
                how="removed",
            )
    return bool(done)


def unused_recovery_codes(user: User) -> int:
    """How many recovery codes are unused."""
    return RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()


# --- Use ------------------------------------------------------------------------------------------
def verify_second_factor(user: User, code: str, *, request: Any = None) -> bool:
    """Whether `code` is one of the app or a recovery code, and has not been used before. Count
    tries against LIMIT first.
    """
    code = "".join(code.split()).replace("-", "").upper()
    if len(code) == TOTP_DIGITS:
        return _verify_totp_code(user, code)
    return _use_recovery_code(user, code, request)


def _verify_totp_code(user: User, code: str) -> bool:
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None:
        return False
    try:
        step = _matching_time_step(decrypt(factor.secret_cipher), code, after=factor.last_step)
    # The keys of this installation were changed without keeping the old one; recovery codes still
    # work.
    except InvalidToken:
        return False
    if step is None:
        return False
    # Two browsers with the same code: the database lets one in.
    fresh = SecondFactor.objects.filter(user=user, last_step__lt=step)
    return bool(fresh.update(last_step=step, last_used_at=timezone.now()))


def _use_recovery_code(user: User, code: str, request: Any) -> bool:
    with transaction.atomic():
        unused = RecoveryCode.objects.filter(
            user=user, code_hash=_recovery_code_hash(user, code), used_at__isnull=True
        )
        done = bool(unused.update(used_at=timezone.now()))
        if done:
            record_security_event(
                EventKind.SECOND_FACTOR,
                user.organization_id,
                actor=user,
                request=request,
                about=str(user),
                how="recovery code used",
            )
    return done


def _matching_time_step(key: str, code: str, *, after: int) -> int | None:
    """The time step whose code this is, if it is later than `after`."""
    if len(code) != TOTP_DIGITS or not (code.isascii() and code.isdigit()):
        return None
    clock = TOTP(base64.b32decode(key), step=TOTP_STEP_S, digits=TOTP_DIGITS)
    clock.time = time.time()  # One moment for the whole search.
    return (
        int(clock.t())
        if clock.verify(int(code), tolerance=TOTP_TOLERANCE_STEPS, min_t=after + 1)
        else None
    )


def _format_recovery_code(raw: bytes) -> str:
    text = base64.b32encode(raw).decode()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _recovery_code_hash(user: User, code: str) -> str:
    return hash_token(f"recovery {user.pk} {code.replace('-', '')}")
