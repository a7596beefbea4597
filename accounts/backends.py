"""Sign-in by username and password where names are unique within an organization only."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from employees.models import Organization

# Each candidate costs a slow hash. Who has more namesakes than this names the organization.
MAX_SAME_NAME_USERS: Final = 5


class TenantBackend(ModelBackend):
    """`asha`, or `acme/asha` where two organizations have an `asha`; the password picks among the
    candidates.

    Called by Django's `authenticate`, from the console's sign-in page and the token endpoint (which
    names the organization).
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        organization: Organization | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The person, if exactly one candidate has this password and may sign in."""
        name = username if username is not None else kwargs.get(User.USERNAME_FIELD)
        if name is None or password is None or "\x00" in name or "\x00" in password:
            return None
        known = find_login_candidates(name, organization)
        if not known:
            # A name that nobody has takes as long as a wrong password.
            User().set_password(password)
        fitting = [user for user in known if user.check_password(password)]
        return fitting[0] if len(fitting) == 1 and self.user_can_authenticate(fitting[0]) else None


def find_login_candidates(name: str, organization: Organization | None = None) -> list[User]:
    """The users whom a name may mean: one within an organization, a few namesakes without."""
    if organization is not None:
        return list(User.objects.filter(username=name, organization=organization))
    slug, sep, own = name.partition("/")
    if sep:
        return list(User.objects.filter(username=own, organization__slug=slug))
    return list(User.objects.filter(username=name).order_by("pk")[:MAX_SAME_NAME_USERS])
