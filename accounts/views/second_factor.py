"""The console's pages where staff set up their second factor, renew its recovery codes, or remove
it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from accounts import middleware, two_factor
from accounts.credentials import decrypt, encrypt
from accounts.models import User
from accounts.views.reauthentication import (
    SecondFactorCodeForm,
    is_fully_verified,
    next_path,
    render_step,
    staff_view,
)
from accounts.views.throttled import throttled_response

PENDING_FACTOR_SESSION_KEY: Final = "muster_pending_factor"


@staff_view
def second_factor_setup_view(request: HttpRequest, user: User) -> HttpResponse:
    """Shows a key as a picture, and takes a code of it; afterwards it shows the recovery codes,
    once.
    """
    if not is_fully_verified(request, user):
        return redirect(
            f"{reverse('reauthenticate')}?{urlencode({'next': request.get_full_path()})}"
        )
    if (
        two_factor.has_second_factor(user)
        and request.method != "POST"
        and "replace" not in request.GET
    ):
        return render_step(
            request,
            _("Second factor"),
            status=True,
            required=two_factor.is_second_factor_required(user),
            left=two_factor.unused_recovery_codes(user),
        )
    form = SecondFactorCodeForm(request.POST or None)
    offer = _pending_enrollment(request)
    if request.method == "POST":
        if wait := throttled_response(request, two_factor.SECOND_FACTOR_LIMITS):
            return wait
        codes = two_factor.enroll_second_factor(
            user, offer.key, form.data.get("code", "").replace(" ", ""), request=request
        )
        if codes is not None:
            del request.session[PENDING_FACTOR_SESSION_KEY]
            request.session.cycle_key()
            middleware.mark_reauthenticated(request.session, second_factor=True)
            return _render_recovery_codes(request, codes)
        form.add_error("code", _("This code is wrong. Codes change every 30 seconds."))
    # Our own drawing of our own text: nothing of it comes from outside unescaped.
    picture = mark_safe(offer.qr_svg(user))  # noqa: S308
    return render_step(
        request,
        _("Set up a second factor"),
        form=form,
        picture=picture,
        key=offer.key,
        advice=_(
            "Scan the QR code with an authenticator app, or type the key into the app. Then enter"
            " the code that the app shows."
        ),
    )


def _pending_enrollment(request: HttpRequest) -> two_factor.TotpEnrollment:
    """The key that is being set up: kept in the session, encrypted, until it is confirmed."""
    if known := request.session.get(PENDING_FACTOR_SESSION_KEY):
        return two_factor.TotpEnrollment(decrypt(known))
    fresh = two_factor.new_totp_enrollment()
    request.session[PENDING_FACTOR_SESSION_KEY] = encrypt(fresh.key)
    return fresh


def _render_recovery_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return render_step(
        request,
        _("Recovery codes"),
        codes=codes,
        url=next_path(request),
        advice=_(
            "Keep these codes in a safe place. Each code works once, without your phone. They are"
            " not shown again."
        ),
    )


@require_POST
@staff_view
def new_recovery_codes_view(request: HttpRequest, user: User) -> HttpResponse:
    """Fresh recovery codes in place of the old ones."""
    if not is_fully_verified(request, user) or not two_factor.has_second_factor(user):
        return redirect("second-factor-set-up")
    return _render_recovery_codes(
        request, two_factor.regenerate_recovery_codes(user, request=request)
    )


@require_POST
@staff_view
def remove_second_factor_view(request: HttpRequest, user: User) -> HttpResponse:
    """Takes one's own factor away, where none is required."""
    if is_fully_verified(request, user) and not two_factor.is_second_factor_required(user):
        two_factor.remove_second_factor(user, actor=user, request=request)
        request.session.pop(middleware.SESSION_SECOND_FACTOR, None)
    return redirect("second-factor-set-up")
