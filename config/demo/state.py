"""What the demo remembers from one run to the next: demo.json in the data folder.

What must outlive a run (the people's passwords, the programs' keys, the receiver's secrets) is in
that file, readable by its owner only. Read by every tool of the demo; written by
config/demo/organization.py.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings


class DemoAddresses(NamedTuple):
    """Where the demo is: Muster itself and the customer's server that it pushes to, both without a
    slash at the end.
    """

    base_url: str
    receiver: str


def demo_state_file() -> Path:
    """Where the demo keeps what it must remember."""
    return Path(settings.DATA_DIR) / "demo.json"


def read_demo_state() -> dict[str, Any]:
    """What an earlier run remembered; empty before the first."""
    try:
        state: dict[str, Any] = json.loads(demo_state_file().read_text())
    except FileNotFoundError:
        return {}
    return state


def write_demo_state(state: dict[str, Any]) -> None:
    """Replace demo.json in one step, never readable by others."""
    file = demo_state_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(f".{secrets.token_hex(4)}")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(state, indent=2) + "\n")
    scratch.replace(file)


def demo_addresses(given: str | None = None) -> DemoAddresses:
    """Where the demo is, from an option, the environment, the last run or the settings, in this
    order.
    """
    state, port = read_demo_state(), os.environ.get("PORT")
    base = (
        given or os.environ.get("MUSTER_BASE_URL") or (f"http://127.0.0.1:{port}" if port else None)
    )
    base = (base or state.get("base_url") or settings.BASE_URL).rstrip("/")
    if not port and base == state.get("base_url"):
        return DemoAddresses(base, state["receiver"])
    return DemoAddresses(base, f"http://127.0.0.1:{int(port or urlsplit(base).port or 8000) + 1}")


def not_demo_reason(*, force: bool = False) -> str | None:
    """Why the demo's tools must not touch this installation; None when they may."""
    if settings.DEMO or force:
        return None
    return (
        "This installation is not the demo. Set MUSTER_DEMO=1 if it is meant to be, or say --force."
    )
