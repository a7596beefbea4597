"""API clients: keys with a checksum, two live ones while one is changed, and machine tokens."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.test import Client, RequestFactory
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import services
from accounts.authentication import MachineAuthentication, find_client_key
from accounts.models import ApiClient, ClientKey
from employees.models import Employee, Organization
from tests import people


@pytest.fixture
def client(acme: Organization, asha: Employee) -> ApiClient:
    """An HR program that clocks for Asha."""
    return people.make_client(acme, ["hr:attendance:clock"], employee=asha)


def asked(client: ApiClient, secret: str, **more: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": secret,
    } | more


def as_form(body: dict[str, str], **headers: str) -> Any:
    pairs = "&".join(f"{name}={value}" for name, value in body.items())
    return Client().post(
        "/api/v1/oauth/token",
        pairs,
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )


def speaks(access: str, key: str, label: str = "fluide-developer") -> Any:
    request = RequestFactory().post(
        "/",
        headers={
            "Authorization": f"Bearer {access}",
            "X-Fluide-Api-Key": key,
            "X-Fluide-Client-Id": label,
        },
    )
    return MachineAuthentication().authenticate(Request(request))[0]


def test_a_key_finds_its_client_in_one_statement(
    client: ApiClient, django_assert_num_queries: Any
) -> None:
    key = services.issue_client_key(client)
    find_client_key(key)
    with django_assert_num_queries(1):
        holder = find_client_key(key)
    assert holder is not None
    assert (holder.client_id, holder.organization_id) == (client.client_id, client.organization_id)
    assert holder.employee_id == client.employee_id


def test_a_secret_is_no_key_and_a_key_is_no_secret(client: ApiClient) -> None:
    key, secret = (
        services.issue_client_key(client),
        services.issue_client_key(client, ClientKey.Purpose.SECRET),
    )
    assert find_client_key(secret) is None
    assert as_form(asked(client, key)).status_code == 401


def test_while_a_key_is_changed_both_work_and_no_third(client: ApiClient) -> None:
    first, second, third = (services.issue_client_key(client) for _ in range(3))
    assert find_client_key(first) is None
    assert find_client_key(second) is not None
    assert find_client_key(third) is not None


def test_revoked_and_inactive_are_felt_at_once(client: ApiClient) -> None:
    key = services.issue_client_key(client)
    ApiClient.objects.filter(pk=client.pk).update(active=False)
    assert find_client_key(key) is None
    ApiClient.objects.filter(pk=client.pk).update(active=True)
    assert find_client_key(key) is not None
    services.revoke_client_keys(client)
    assert find_client_key(key) is None


def test_the_last_use_is_written_once_a_minute(client: ApiClient) -> None:
    key = services.issue_client_key(client)
    find_client_key(key)
    first = ClientKey.objects.get().last_used_at
    find_client_key(key)
    assert first is not None
    assert ClientKey.objects.get().last_used_at == first


def test_own_limits_come_with_the_key(client: ApiClient) -> None:
    ApiClient.objects.filter(pk=client.pk).update(per_hour=5)
    holder = find_client_key(services.issue_client_key(client))
    assert holder is not None
    assert [(window.limit, window.period) for window in holder.windows] == [(5, 3600)]


def test_machine_tokens_come_as_form_json_or_basic(client: ApiClient) -> None:
    secret = services.issue_client_key(client, ClientKey.Purpose.SECRET)
    basic = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    replies = [
        as_form(asked(client, secret)),
        Client().post(
            "/api/v1/oauth/token", asked(client, secret), content_type="application/json"
        ),
        as_form({"grant_type": "client_credentials"}, Authorization=f"Basic {basic}"),
    ]
    for reply in replies:
        assert reply.status_code == 200, reply.content
        body = reply.json()
        assert (body["token_type"], body["expires_in"], body["scope"]) == (
            "Bearer",
            3600,
            "hr:attendance:clock",
        )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_secret": "fl_sec_wrong"}, 401),
        ({"client_id": "mc_nobody"}, 401),
        ({"grant_type": "password"}, 400),
        ({"scope": "hr:attendance:write"}, 400),
        ({"scope": "hr:attendance:clock"}, 200),
    ],
)
def test_what_is_asked_for_must_be_right(
    client: ApiClient, change: dict[str, str], status: int
) -> None:
    secret = services.issue_client_key(client, ClientKey.Purpose.SECRET)
    assert as_form(asked(client, secret) | change).status_code == status


def test_a_body_of_another_kind_is_415_and_a_field_twice_400(client: ApiClient) -> None:
    assert Client().post("/api/v1/oauth/token", "x", content_type="text/plain").status_code == 415
    twice = Client().post(
        "/api/v1/oauth/token",
        "grant_type=a&grant_type=b",
        content_type="application/x-www-form-urlencoded",
    )
    assert twice.status_code == 400


def test_the_three_credentials_must_be_of_one_client(
    client: ApiClient, zenith: Organization
) -> None:
    other = people.make_client(zenith, ["hr:attendance:clock"])
    key, their_key = services.issue_client_key(client), services.issue_client_key(other)
    secret = services.issue_client_key(client, ClientKey.Purpose.SECRET)
    access = services.issue_machine_token(client.client_id, secret)[0]
    assert speaks(access, key).client_id == client.client_id
    for wrong in ((access, their_key), (access, ""), ("x.y.z", key)):
        with pytest.raises(AuthenticationFailed):
            speaks(*wrong)
    with pytest.raises(AuthenticationFailed):
        speaks(access, key, "somebody-else")


def test_a_machine_token_dies_with_the_secret_it_came_from(client: ApiClient) -> None:
    key, secret = (
        services.issue_client_key(client),
        services.issue_client_key(client, ClientKey.Purpose.SECRET),
    )
    access = services.issue_machine_token(client.client_id, secret)[0]
    ClientKey.objects.filter(purpose="secret").update(revoked_at="2026-01-01T00:00Z")
    with pytest.raises(AuthenticationFailed):
        speaks(access, key)


def test_a_scope_that_was_taken_away_is_gone_from_tokens_that_have_it(client: ApiClient) -> None:
    key, secret = (
        services.issue_client_key(client),
        services.issue_client_key(client, ClientKey.Purpose.SECRET),
    )
    access = services.issue_machine_token(client.client_id, secret)[0]
    ApiClient.objects.filter(pk=client.pk).update(scopes=["biometric:write"])
    assert speaks(access, key).scopes == frozenset()
