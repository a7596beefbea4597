"""What staff do to keys, roles and people's sign-ins is written down: who, from where,
about what.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import SecurityEvent, User
from tests import people


def post(staff: Client, name: str, pk: Any, action: str, **data: Any) -> Any:
    return staff.post(f"{reverse(f'admin:{name}_changelist')}{pk}/{action}/", data)


def kinds(organization: Any) -> list[str]:
    return list(
        SecurityEvent.objects.of(organization).order_by("id").values_list("kind", flat=True)
    )


@pytest.mark.parametrize(
    ("row", "model", "action", "kind"),
    [
        ("device", "devices_device", "issue-token", "key_issued"),
        ("device", "devices_device", "revoke-tokens", "key_revoked"),
        ("endpoint", "webhooks_endpoint", "rotate-secret", "key_issued"),
        ("endpoint", "webhooks_endpoint", "feed-key", "key_issued"),
        ("delivery", "webhooks_delivery", "send-again", "replayed"),
        ("apiclient", "accounts_apiclient", "issue-key", "key_issued"),
        ("apiclient", "accounts_apiclient", "issue-secret", "key_issued"),
        ("apiclient", "accounts_apiclient", "revoke-keys", "key_revoked"),
        ("personaltoken", "accounts_personaltoken", "revoke", "key_revoked"),
        ("tokenfamily", "accounts_tokenfamily", "revoke", "signed_out"),
        ("user", "accounts_user", "end-sign-ins", "key_revoked"),
    ],
)
def test_each_of_these_leaves_an_event(
    staff: Client,
    acme_staff: User,
    ours: SimpleNamespace,
    row: str,
    model: str,
    action: str,
    kind: str,
) -> None:
    post(staff, model, getattr(ours, row).pk, action)
    event = (
        SecurityEvent.objects.of(acme_staff.organization_id).filter(actor=acme_staff).latest("id")
    )
    assert (event.kind, event.actor_text, event.address) == (kind, "acme-hr", "127.0.0.1")


def test_a_key_is_shown_once_and_is_not_in_the_event(staff: Client, ours: SimpleNamespace) -> None:
    page = post(staff, "accounts_apiclient", ours.apiclient.pk, "issue-key").content.decode()
    key = page.split('id="secret-1">')[1].split("<")[0]
    assert key.startswith("fl_dev_")
    again = staff.get(
        reverse("admin:accounts_apiclient_change", args=(ours.apiclient.pk,))
    ).content.decode()
    assert key not in again
    assert not [event for event in SecurityEvent.objects.all() if key in str(vars(event))]


def test_given_and_taken_roles_are_written_down(
    staff: Client, acme_staff: User, ours: SimpleNamespace
) -> None:
    address = reverse("admin:accounts_user_change", args=(ours.user.pk,))
    form = {
        "username": ours.user.username,
        "is_active": "on",
        "is_staff": "on",
        "employee": str(ours.employee.pk),
        "groups": [],
        "last_login_0": "",
        "last_login_1": "",
    }
    reply = staff.post(address, form)
    assert reply.status_code == 302, reply.context["errors"]
    event = SecurityEvent.objects.of(acme_staff.organization_id).filter(kind="role_changed").get()
    assert event.details == {"given": [], "taken": ["admin"]}


def test_who_is_made_inactive_loses_every_sign_in(staff: Client, ours: SimpleNamespace) -> None:
    address = reverse("admin:accounts_user_change", args=(ours.user.pk,))
    staff.post(
        address,
        {"username": ours.user.username, "is_staff": "on", "employee": str(ours.employee.pk)},
    )
    ours.tokenfamily.refresh_from_db()
    ours.personaltoken.refresh_from_db()
    assert ours.tokenfamily.revoked_at is not None
    assert ours.personaltoken.revoked_at is not None


def test_signing_in_at_the_console_is_written_down(acme_staff: User) -> None:
    browser = Client()
    for password in ("wrong", people.PASSWORD):
        browser.post(reverse("admin:login"), {"username": "acme-hr", "password": password})
    assert kinds(acme_staff.organization) == ["sign_in_failed", "signed_in"]


def test_namesakes_sign_in_with_the_short_name_of_their_organization(
    acme_staff: User, zenith: Any
) -> None:
    people.make_staff(zenith, "acme-hr")
    browser = Client()
    reply = browser.post(
        reverse("admin:login"), {"username": "acme-hr", "password": people.PASSWORD}
    )
    assert reply.status_code == 200  # Both have this password, so nobody knows who it is.
    reply = browser.post(
        reverse("admin:login"), {"username": "zenith/acme-hr", "password": people.PASSWORD}
    )
    assert reply.status_code == 302
