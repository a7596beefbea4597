"""The limits on guessing passwords and client secrets: one address tries few, and one account is
tried few times from all addresses together.

Tries are counted by the accounts that a name may mean, in all its spellings: `mgr2` and `demo/mgr2`
share one count, at the console and at the API. A name that no account has is counted by its text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.backends import find_login_candidates
from accounts.rate_limits import HOUR, MINUTE, REFUSE, RateLimit, Window
from accounts.services import get_organization
from accounts.throttling import client_network_key

# The longest username that a form or a body may have.
MAX_NAME_LENGTH: Final = 150


def account_keys(name: str, slug: str = "") -> tuple[str, ...]:
    """The accounts that `name` may mean in the organization of `slug`, else the text of the name.
    Without a slug the name may begin with one: `acme/asha`.
    """
    if max(len(name), len(slug)) > MAX_NAME_LENGTH:
        return (f"{slug}\n{name}",)
    # As the sign-in form reads a name: another spelling has no count of its own.
    own, slug = unicodedata.normalize("NFKC", name.strip()), slug.strip()
    if not slug and "/" in own:
        slug, _separator, own = own.partition("/")
    if own.isprintable() and slug.isprintable():
        try:
            organization = get_organization(slug)
        except ValidationError:
            organization = None
        if slug == "" or organization is not None:
            known = find_login_candidates(own, organization if slug else None)
            if known:
                return tuple(f"account:{user.pk}" for user in known)
        if organization is not None:
            # Where there is one organization, the count does not say which names exist in it.
            slug = organization.slug
    return (f"{slug}\n{own}".casefold(),)


def _posted_account_keys(request: HttpRequest) -> tuple[str, ...] | None:
    """Keys: the accounts of the name in the sign-in form."""
    name = request.POST.get("username", "")
    return account_keys(name) if name else None


def _sent_account_keys(request: Any) -> tuple[str, ...] | None:
    """Keys: the accounts of a body's `username` in its `organization`."""
    data = request.data
    name = data.get("username") if isinstance(data, Mapping) else None
    if not isinstance(name, str):
        return None
    slug = data.get("organization")
    return account_keys(name, slug if isinstance(slug, str) else "")


_ADDRESS_LIMIT: Final = RateLimit("sign-in", (Window(30, MINUTE),), client_network_key, REFUSE)
_ACCOUNT_LIMIT: Final = RateLimit(
    "sign-in-account", (Window(10, MINUTE), Window(100, HOUR)), _sent_account_keys, REFUSE
)
SIGN_IN_LIMITS: Final = (_ADDRESS_LIMIT, _ACCOUNT_LIMIT)
CONSOLE_SIGN_IN_LIMITS: Final = (
    _ADDRESS_LIMIT,
    replace(_ACCOUNT_LIMIT, key=_posted_account_keys),
)


def client_secret_limits(client_id_key: Callable[[Any], object]) -> tuple[RateLimit, ...]:
    """The same limits for the secrets of API clients, counted by `client_id_key`."""
    return (_ADDRESS_LIMIT, replace(_ACCOUNT_LIMIT, key=client_id_key))
