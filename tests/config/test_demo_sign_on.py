"""The demo's sign-on provider: a guest that nobody waits for, and whose absence breaks nothing."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from accounts.credentials import decrypt
from accounts.models import SignInSettings, User
from config.demo import single_sign_on as demo_sso
from employees.models import Employee, Organization
from tests.e2e import provider


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def state_of(port: int) -> dict[str, Any]:
    return {
        "base_url": "http://127.0.0.1:8000",
        "sso": {"issuer": f"http://127.0.0.1:{port}", "client_secret": "s" * 32},
    }


@pytest.mark.parametrize("variable", ["PATH", "MUSTER_DEMO_SSO"])
def test_without_node_or_by_wish_there_is_no_provider_and_a_reason(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "0")
    assert demo_sso.provider_missing_reason()
    guest = demo_sso.ProviderProcess()
    guest.start(state_of(1), on_ready=pytest.fail)
    guest.stop()


def test_the_provider_listens_says_so_and_is_gone_afterwards(settings: Any) -> None:
    if reason := provider.missing():
        pytest.skip(reason)
    settings.PUSH_ALLOW_HTTP, settings.PUSH_ALLOWED_NETWORKS = True, ["127.0.0.0/8"]
    state, there, guest = state_of(free_port()), threading.Event(), demo_sso.ProviderProcess()
    try:
        guest.start(state, on_ready=there.set)
        assert there.wait(60)
        assert demo_sso.is_provider_running(state["sso"]["issuer"])
    finally:
        guest.stop()
    assert not demo_sso.is_provider_running(state["sso"]["issuer"])


def test_a_provider_that_somebody_entered_is_left_alone(
    acme: Organization, asha: Employee, settings: Any
) -> None:
    settings.PUSH_ALLOW_HTTP = True
    SignInSettings.objects.create(
        organization=acme, issuer="https://login.example", client_id="theirs", sso_enabled=True
    )
    demo_sso.configure_demo_sso(acme, "http://127.0.0.1:9", {})
    demo_sso.set_demo_sso_enabled("acme", on=False)
    row = SignInSettings.objects.get()
    assert (row.issuer, row.client_id, row.sso_enabled) == ("https://login.example", "theirs", True)


def test_ours_is_furnished_once_and_switched_with_the_provider(
    acme: Organization, asha: Employee, settings: Any
) -> None:
    settings.PUSH_ALLOW_HTTP = True
    User.objects.create_user("admin", organization=acme)
    known = demo_sso.configure_demo_sso(acme, "http://127.0.0.1:9", {})
    assert demo_sso.configure_demo_sso(acme, "http://127.0.0.1:9", known) == known
    row = SignInSettings.objects.get()
    assert (row.sso_enabled, decrypt(row.secret_cipher)) == (False, known["client_secret"])
    asha.refresh_from_db()
    assert (asha.email, User.objects.get().email) == ("asha@demo.example", "admin@demo.example")
    demo_sso.set_demo_sso_enabled("acme", on=True)
    assert SignInSettings.objects.get().sso_enabled
    assert (
        demo_sso.configure_demo_sso(acme, "http://127.0.0.1:11", known)["client_secret"]
        == known["client_secret"]
    )
    assert SignInSettings.objects.get().issuer == "http://127.0.0.1:11"
