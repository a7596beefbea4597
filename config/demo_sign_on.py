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
from accounts.sso import CALLBACK, save_settings
from employees.models import Employee, Organization
from webhooks.http import send

FOLDER: Final = Path(settings.BASE_DIR) / "tests" / "e2e"
CLIENT_ID: Final = "muster-demo"
APP: Final = "com.example.muster:/signed-in"
ANSWERS_WITHIN_S: Final = 2.0
# Who can be chosen at the provider → employee code; the administrator is no employee.
PEOPLE: Final = {"asha": "1001", "farhan": "1002", "admin": None}


def missing() -> str:
    """Why there is no provider to start here; empty when there is."""
    if os.environ.get("MUSTER_DEMO_SSO") == "0":
        return "MUSTER_DEMO_SSO=0 keeps the local provider from starting."
    if not shutil.which("node") or not shutil.which("npm"):
        return "Node is not installed, so no local provider was started."
    return (
        ""
        if (FOLDER / "demo.mjs").exists()
        else "The local provider is not part of this installation."
    )


def issuer_of(receiver: str) -> str:
    """The provider's issuer: it listens one port above the receiver."""
    return f"http://127.0.0.1:{int(urlsplit(receiver).port or 0) + 1}"


def answers(issuer: str) -> bool:
    """Whether the provider is there."""
    reply = send(
        f"{issuer}/.well-known/openid-configuration",
        b"",
        {},
        deadline_s=ANSWERS_WITHIN_S,
        method="GET",
    )
    return reply.status == 200 and issuer.encode() in reply.body


def address_of(person: str) -> str:
    """The e-mail address of somebody at the provider."""
    return f"{person}@demo.example"


def furnish(organization: Organization, issuer: str, known: dict[str, Any]) -> dict[str, Any]:
    """Settings for the provider, and addresses for its people; returns what demo.json remembers.

    A provider that somebody entered instead of ours is left alone.
    """
    secret = known.get("client_secret") or secrets.token_urlsafe(24)
    for person, code in PEOPLE.items():
        if code is None:
            User.objects.filter(organization=organization, username=person, email="").update(
                email=address_of(person)
            )
        else:
            Employee.objects.of(organization).filter(code=code, email="").update(
                email=address_of(person)
            )
    chosen = SignInSettings.objects.of(organization).first()
    if chosen is None or (chosen.client_id == CLIENT_ID and (chosen.issuer != issuer or not known)):
        chosen = chosen or SignInSettings(
            organization=organization, name="the demo's provider", creates_users=True
        )
        chosen.issuer, chosen.client_id, chosen.redirect_uris = issuer, CLIENT_ID, [APP]
        save_settings(chosen, secret=secret)
    return {"issuer": issuer, "client_secret": secret}


def switch(slug: str, *, on: bool) -> None:
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
        save_settings(chosen)


def told(state: dict[str, Any], slug: str) -> dict[str, Any]:
    """What `manage.py demo --json` says of single sign-on."""
    issuer, base = state["sso"]["issuer"], state["base_url"]
    there = answers(issuer)
    return {
        "available": there,
        "why": (
            ""
            if there
            else missing() or "The local provider does not answer (yet). It is started by make run."
        ),
        "issuer": issuer,
        "client_id": CLIENT_ID,
        "organization": slug,
        "people": list(PEOPLE),
        "redirect_uri": APP,
        "redirect": f"{base}/api/auth/sso/redirect?organization={slug}",
        "callback": base + CALLBACK,
        "mobile_redirect": f"{base}/api/auth/sso/mobile/redirect",
        "mobile_exchange": f"{base}/api/auth/sso/mobile/exchange",
    }


class Guest:
    """The provider's process, if there can be one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def start(self, state: dict[str, Any], then: Callable[[], None]) -> None:
        """Start it and go on at once; `then` is called in a thread of its own when it listens."""
        if missing():
            return
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603
                [str(shutil.which("node")), "demo.mjs"],
                cwd=FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
            threading.Thread(
                target=self._introduce, args=(self._process, state, then), daemon=True
            ).start()

    @staticmethod
    def _introduce(
        process: subprocess.Popen[str], state: dict[str, Any], then: Callable[[], None]
    ) -> None:
        """Tell it who it is, and wait till it listens: its input stays open for as long as
        we live.
        """
        with contextlib.suppress(OSError):
            assert process.stdin is not None  # noqa: S101 - for the types; both are pipes.
            assert process.stdout is not None  # noqa: S101
            process.stdin.write(json.dumps(registration(state)) + "\n")
            process.stdin.flush()
            if process.stdout.readline():
                then()

    def end(self) -> None:
        """Stop it and what it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def registration(state: dict[str, Any]) -> dict[str, Any]:
    """What the provider is to know: its port, us, and its people."""
    client = {
        "client_id": CLIENT_ID,
        "client_secret": state["sso"]["client_secret"],
        "application_type": "native",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "redirect_uris": [state["base_url"] + CALLBACK, APP],
    }
    people = {person: {"email": address_of(person), "email_verified": True} for person in PEOPLE}
    return {"port": urlsplit(state["sso"]["issuer"]).port, "clients": [client], "people": people}
