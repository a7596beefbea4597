"""A claim: what a caller says happened, before anybody has judged it. Pure; built by the channels,
read by everything below.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

MAX_KEY_LENGTH: Final = 128


@dataclass(frozen=True, slots=True)
class Terminal:
    """The device a claim came from."""

    id: int
    serial: str
    name: str
    site: str | None


@dataclass(frozen=True, slots=True)
class SigningPhone:
    """The phone that a claim came from, and that key of it which signed the claim."""

    id: int
    key_id: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a channel's own pure check found: `text` about `topic` (place, signature …); with a
    `verdict` it refuses.

    Without one it is a remark that stands in the reasons of an accepted punch too, such as a
    waiver.
    """

    topic: str
    text: str
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody says: this person came or went at this instant.

    `source` and `key` make a repeat a repeat; `at` is UTC; `zone` is the zone or offset that
    `at_text` was read with, and `home_zone` the IANA zone of the place, in which the day is
    reckoned. `evidence` is personal and is kept apart.

    Who it was: a number (`user_code`), or a person by id (`employee_id`). A claim that names a
    person is settled under a lock on that person's row: `other_keys` are looked up beside `key` (a
    row under any of them is the first answer), and `punches.sequence` asks for turns: the time
    within which an earlier punch counts. An empty `at_text` says "now": then it comes after what
    was stored meanwhile, whoever read the clock first.

    `findings` are the channel's own checks; a refused claim is stored under `rejected_key` where
    that is given, so that the key of the accepted one stays free. `max_age` refuses what is older.

    A claim that was signed gives its `content` (64 hex digits over the signed text). It is a repeat
    of whatever has one of its keys, and never a conflict: a nonce is used up by the first who uses
    it. Refused for its device or its signature it is stored under `unauthenticated_key` and uses up
    nothing, and then only the same content is a repeat. `signing_phone` must still stand once the
    person's row is held: a revocation that was committed a moment ago holds for a claim that is
    under way.
    """

    channel: str
    source: str
    key: str
    user_code: str = ""
    at: datetime
    at_text: str
    zone: str
    home_zone: str
    direction: str | None = None
    raw_state: int | None = None
    raw_input_type: int | None = None
    flags: tuple[str, ...] = ()
    terminal: Terminal | None = None
    include_worker_ids: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)
    employee_id: UUID | None = None
    other_keys: tuple[str, ...] = ()
    rejected_key: str | None = None
    unauthenticated_key: str | None = None
    content_digest: str | None = None
    signing_phone: SigningPhone | None = None
    findings: tuple[Finding, ...] = ()
    max_age: timedelta | None = None
    sequence_window: timedelta | None = None

    @property
    def fingerprint(self) -> str:
        """64 hex digits over the content: person, instant and direction. Evidence never makes a
        conflict.
        """
        if self.content_digest is not None:
            return self.content_digest
        person = self.user_code if self.employee_id is None else str(self.employee_id)
        content = [person, self.at.isoformat() if self.at_text else "", self.direction]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def bounded_key(kind: str, *parts: object) -> str:
    """A key from `parts` that fits its column: as it is when short, else its SHA-256. `kind` keeps
    families apart.
    """
    text = "|".join("" if part is None else str(part) for part in parts)
    key = f"{kind}:{text}"
    return (
        key if len(key) <= MAX_KEY_LENGTH else f"{kind}#{hashlib.sha256(text.encode()).hexdigest()}"
    )
