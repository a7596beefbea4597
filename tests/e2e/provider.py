"""The provider of the end-to-end tests: npm's oidc-provider in a process of its own, and a browser
that visits it.
"""

from __future__ import annotations

import fcntl
import http.cookiejar
import json
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
BASE_URL = "http://127.0.0.1:8000"
APP = "com.example.muster:/signed-in"
# What the provider lies about, by client id; see provider.mjs.
LIES = ("expired", "issuer", "audience", "nonce", "signature", "none")
PEOPLE = {
    "asha": {"email": "asha@acme.example", "email_verified": True},
    "asha-again": {"email": "asha@acme.example", "email_verified": True},
    "unverified": {"email": "asha@acme.example", "email_verified": False},
    "stranger": {"email": "stranger@acme.example", "email_verified": True},
    "silent": {},
}
SECRET = "s/e+c r:e%t" + "x" * 20  # Every character that form encoding changes.


def missing() -> str | None:
    """Why there can be no provider here; None when there can. Installs its packages once, if the
    registry answers.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return "Node is not installed"
    with (Path(tempfile.gettempdir()) / "muster-e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (HERE / "node_modules" / ".package-lock.json").exists():
            return None
        try:
            subprocess.run(
                [npm, "ci", "--silent", "--ignore-scripts"],
                cwd=HERE,
                check=True,
                timeout=90,
                capture_output=True,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            return f"npm ci failed: {error}"
    return None


def client(client_id: str) -> dict[str, Any]:
    """A client's registration at the provider."""
    return {
        "client_id": client_id,
        "client_secret": SECRET,
        "application_type": "native",
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "redirect_uris": [f"{BASE_URL}/api/auth/sso/callback", APP],
    }


class Provider:
    """A running provider; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(shutil.which("node")), "provider.mjs"],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        clients = [
            client(one)
            for one in ("muster", "tells-email", "tells-half", *(f"lies-{lie}" for lie in LIES))
        ]
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(
            json.dumps({"port": 0, "clients": clients, "people": PEOPLE}) + "\n"
        )
        self._process.stdin.flush()
        self.issuer: str = json.loads(self._process.stdout.readline())["issuer"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Visitor:
    """A browser at the provider: it signs in as somebody and says where it is sent in the end,
    without going there.
    """

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(
            _Stay,
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )

    def visit(self, url: str, person: str) -> dict[str, str]:
        """The query that the provider sends back with."""
        home = urllib.parse.urlsplit(url).netloc
        url = f"{url}&{urllib.parse.urlencode({'login_hint': person})}"
        for _ in range(10):
            try:
                page = self._opener.open(url, timeout=10)
            except urllib.error.HTTPError as answer:
                page = answer
            assert page.status in (302, 303), page.read()
            url = urllib.parse.urljoin(url, page.headers["Location"])
            if urllib.parse.urlsplit(url).netloc != home:
                return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        raise AssertionError("the provider goes round in circles")
