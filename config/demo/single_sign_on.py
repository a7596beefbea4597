"""Single sign-on in the demo: a local OpenID Connect provider (npm's oidc-provider) where there is
Node, else a word about it.

It is a guest: `manage.py up` starts it beside the parts and neither waits for it nor minds when it
is missing, cannot fetch its packages or ends. Single sign-on of the demo organization is off until
the provider listens.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings

from accounts.models import SignInSettings, User
from accounts.sso.settings import CALLBACK_PATH, save_sign_in_settings
from core.outbound.client import send_request
from employees.models import Employee, Organization

PROVIDER_FOLDER: Final = Path(settings.BASE_DIR) / "tests" / "e2e"
CLIENT_ID: Final = "muster-demo"
APP_REDIRECT_URI: Final = "com.example.muster:/signed-in"
PROVIDER_TIMEOUT_S: Final = 2.0
# Who can be chosen at the provider → employee code; the administrator is no employee.
PROVIDER_USERS: Final = {"asha": "1001", "farhan": "1002", "admin": None}


def provider_missing_reason() -> str:
    """Why there is no provider to start here; empty when there is."""
    if os.environ.get("MUSTER_DEMO_SSO") == "0":
        return "MUSTER_DEMO_SSO=0 keeps the local provider from starting."
    if not shutil.which("node") or not shutil.which("npm"):
        return "Node is not installed, so no local provider was started."
    return (
        ""
        if (PROVIDER_FOLDER / "demo.mjs").exists()
        else "The local provider is not part of this installation."
    )


def provider_issuer(receiver: str) -> str:
    """The provider's issuer: it listens one port above the receiver."""
    return f"http://127.0.0.1:{int(urlsplit(receiver).port or 0) + 1}"


def is_provider_running(issuer: str) -> bool:
    """Whether the provider is there."""
    reply = send_request(
        f"{issuer}/.well-known/openid-configuration",
        b"",
        {},
        deadline_s=PROVIDER_TIMEOUT_S,
        method="GET",
    )
    return reply.status == 200 and issuer.encode() in reply.body


def provider_email(username: str) -> str:
    """The e-mail address of somebody at the provider."""
    return f"{username}@demo.example"


def configure_demo_sso(
    organization: Organization, issuer: str, saved: dict[str, Any]
) -> dict[str, Any]:
    """Settings for the provider, and addresses for its people; returns what demo.json remembers.

    A provider that somebody entered instead of ours is left alone.
    """
    secret = saved.get("client_secret") or secrets.token_urlsafe(24)
    for person, code in PROVIDER_USERS.items():
        if code is None:
            User.objects.filter(organization=organization, username=person, email="").update(
                email=provider_email(person)
            )
        else:
            Employee.objects.of(organization).filter(code=code, email="").update(
                email=provider_email(person)
            )
    chosen = SignInSettings.objects.of(organization).first()
    if chosen is None or (chosen.client_id == CLIENT_ID and (chosen.issuer != issuer or not saved)):
        chosen = chosen or SignInSettings(
            organization=organization, name="the demo's provider", creates_users=True
        )
        chosen.issuer, chosen.client_id, chosen.redirect_uris = (
            issuer,
            CLIENT_ID,
            [APP_REDIRECT_URI],
        )
        save_sign_in_settings(chosen, secret=secret)
    return {"issuer": issuer, "client_secret": secret}


def set_demo_sso_enabled(slug: str, *, on: bool) -> None:
    """Turn single sign-on of the demo on when our provider listens, and off before it is
    started.
    """
    chosen = (
        SignInSettings.objects.filter(organization__slug=slug, client_id=CLIENT_ID)
        .exclude(sso_enabled=on)
        .first()
    )
    if chosen is not None:
        chosen.sso_enabled = on
        chosen.sso_enforced = chosen.sso_enforced and on
        save_sign_in_settings(chosen)


def demo_sso_summary(state: dict[str, Any], slug: str) -> dict[str, Any]:
    """What `manage.py demo --json` says of single sign-on."""
    issuer, base = state["sso"]["issuer"], state["base_url"]
    there = is_provider_running(issuer)
    return {
        "available": there,
        "why": (
            ""
            if there
            else provider_missing_reason()
            or "The local provider does not answer (yet). It is started by make run."
        ),
        "issuer": issuer,
        "client_id": CLIENT_ID,
        "organization": slug,
        "people": list(PROVIDER_USERS),
        "redirect_uri": APP_REDIRECT_URI,
        "redirect": f"{base}/api/auth/sso/redirect?organization={slug}",
        "callback": base + CALLBACK_PATH,
        "mobile_redirect": f"{base}/api/auth/sso/mobile/redirect",
        "mobile_exchange": f"{base}/api/auth/sso/mobile/exchange",
    }


class ProviderProcess:
    """The provider's process, if there can be one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self, state: dict[str, Any], on_ready: Callable[[], None]) -> None:
        """Start it and go on at once; `then` is called in a thread of its own when it listens."""
        if provider_missing_reason():
            return
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603
                [str(shutil.which("node")), "demo.mjs"],
                cwd=PROVIDER_FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            threading.Thread(
                target=self._configure, args=(self._process, state, on_ready), daemon=True
            ).start()

    @staticmethod
    def _configure(
        process: subprocess.Popen[str], state: dict[str, Any], then: Callable[[], None]
    ) -> None:
        """Tell it who it is, and wait till it listens: its input stays open for as long as
        we live.
        """
        with contextlib.suppress(OSError):
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(json.dumps(provider_configuration(state)) + "\n")
            process.stdin.flush()
            if process.stdout.readline():
                then()

    def stop(self) -> None:
        """Stop it and what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def provider_configuration(state: dict[str, Any]) -> dict[str, Any]:
    """What the provider is to know: its port, us, and its people."""
    client = {
        "client_id": CLIENT_ID,
        "client_secret": state["sso"]["client_secret"],
        "application_type": "native",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "redirect_uris": [state["base_url"] + CALLBACK_PATH, APP_REDIRECT_URI],
    }
    people = {
        person: {"email": provider_email(person), "email_verified": True}
        for person in PROVIDER_USERS
    }
    return {"port": urlsplit(state["sso"]["issuer"]).port, "clients": [client], "people": people}
