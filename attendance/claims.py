"""A claim: what a caller says happened, before anybody has judged it. Pure; built by the doors, read by everything below."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

KEY_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class Terminal:
    """The device a claim came from."""

    id: int
    serial: str
    name: str
    site: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody says: this person came or went at this instant.

    `source` and `key` make a repeat a repeat; `at` is UTC; `zone` is the zone or offset that `at_text` was read with, and
    `home_zone` the IANA zone of the place, in which the day is reckoned. `evidence` is personal and is kept apart.
    """

    door: str
    source: str
    key: str
    user_code: str
    at: datetime
    at_text: str
    zone: str
    home_zone: str
    direction: str | None = None
    raw_state: int | None = None
    raw_input_type: int | None = None
    flags: tuple[str, ...] = ()
    terminal: Terminal | None = None
    worker_ids_too: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """64 hex digits over the content: person code, instant and direction. Evidence never makes a conflict."""
        content = [self.user_code, self.at.isoformat() if self.at_text else "", self.direction]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def bounded_key(kind: str, *parts: object) -> str:
    """A key from `parts` that fits its column: as it is when short, else its SHA-256. `kind` keeps families apart."""
    text = "|".join("" if part is None else str(part) for part in parts)
    key = f"{kind}:{text}"
    return key if len(key) <= KEY_LENGTH else f"{kind}#{hashlib.sha256(text.encode()).hexdigest()}"
