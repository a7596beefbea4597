"""The wall between tenants, walked along: every route and method of the OpenAPI file, with what the
neighbour has in hand.

The routes come from the file, so that a new one is walked too; tests/access/routes.py says what
their parameters are filled with, and a route it knows nothing of fails here, with a message that
says what to add.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import caches
from django.db import models, transaction
from django.utils import timezone

from accounts import rate_limits, tokens
from tests.access import routes
from tests.access.actors import SCHEME_HEADERS, TenantActor
from tests.access.routes import OPERATIONS, Operation

SECURED = [operation for operation in OPERATIONS if operation.requirements]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@contextmanager
def rolled_back() -> Iterator[None]:
    """Each question starts from the same rows, and from limits nobody has used."""
    for name in (rate_limits.SHARED_CACHE, rate_limits.LOCAL_CACHE):
        caches[name].clear()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def status_and_body(reply: Any) -> tuple[int, bytes]:
    """What an answer tells."""
    return reply.status_code, reply.content


def row_values(row: models.Model) -> dict[str, Any] | None:
    """A row as it stands in the table."""
    return type(row)._default_manager.filter(pk=row.pk).values().first()


def send_valid(
    operation: Operation,
    actor: TenantActor,
    about: TenantActor | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    """The operation with a good body, about the row that the path names in `about`'s organization
    (default: the speaker's).
    """
    row = routes.path_row(operation, about or actor)
    sent = actor.headers(operation.requirements[0]) if headers is None else headers
    return operation.send(
        sent,
        path=routes.fill_path(operation, row.pk) if row else None,
        fields=routes.valid_body(operation, actor),
    )


def failures_of(question: Any) -> list[str]:
    """Ask every secured operation; gives those whose answer was wrong, with what was wrong
    with it.
    """
    found = []
    for operation in SECURED:
        with rolled_back():
            found += [f"{operation}: {wrong}" for wrong in question(operation) if wrong]
    return found


def test_every_route_is_known_here() -> None:
    assert routes.unclassified_fields() == [], (
        "say in NAMES or NO_NAMES of tests/access/routes.py whether these fields name a row"
    )
    assert routes.stale_entries() == [], "take this out of tests/access/routes.py"


def test_everybody_gets_in_with_their_own(ours: TenantActor, theirs: TenantActor) -> None:
    def question(operation: Operation) -> Iterator[str]:
        reply = send_valid(operation, ours)
        # Whoever is let in is answered by the verb: yes, or no by its rules.
        if reply.status_code in {401, 404, 405, 415} or reply.status_code >= 500:
            yield f"{reply.status_code} {reply.content[:100]!r}"
        if b"zenithmark" in reply.content:
            yield "tells of them"

    assert failures_of(question) == []


def test_nobody_gets_in_with_nothing_or_with_rubbish(ours: TenantActor) -> None:
    def question(operation: Operation) -> Iterator[str]:
        rubbish = dict.fromkeys(ours.headers(operation.requirements[0]), "Bearer rubbish")
        for sent in ({}, rubbish):
            reply = send_valid(operation, ours, headers=sent)
            if reply.status_code != 401:
                yield f"{reply.status_code} with {sent}"

    assert failures_of(question) == []


def test_what_was_revoked_is_refused_at_once(ours: TenantActor) -> None:
    def question(operation: Operation) -> Iterator[str]:
        # Asked once before, so that whatever is remembered between calls is remembered.
        with rolled_back():
            send_valid(operation, ours)
        ours.revoke()
        for requirement in operation.requirements:
            for sent in header_variants(ours, requirement):
                if (status := send_valid(operation, ours, headers=sent).status_code) != 401:
                    yield f"{status} with {sorted(sent)}"

    assert failures_of(question) == []


def header_variants(chair: TenantActor, requirement: dict[str, Any]) -> Iterator[dict[str, str]]:
    """All ways to meet a requirement: a person has an access token too."""
    yield chair.headers(requirement)
    if "person" in requirement:
        yield {"Authorization": f"Bearer {chair.secrets['access']}"}


def test_a_part_of_ours_and_a_part_of_theirs_make_no_credential(
    ours: TenantActor, theirs: TenantActor
) -> None:
    def question(operation: Operation) -> Iterator[str]:
        for requirement in operation.requirements:
            for scheme in requirement if len(requirement) > 1 else ():
                part = SCHEME_HEADERS[scheme](theirs.secrets)
                mixed = ours.headers(requirement) | part
                if mixed not in (ours.headers(requirement), theirs.headers(requirement)):
                    status = send_valid(operation, ours, headers=mixed).status_code
                    if status != 401:
                        yield f"{status} with their {sorted(part)}"

    assert failures_of(question) == []


def test_their_row_in_a_path_is_not_there(ours: TenantActor, theirs: TenantActor) -> None:
    def question(operation: Operation) -> Iterator[str]:
        if (row := routes.path_row(operation, theirs)) is None:
            return
        before, fields = row_values(row), routes.valid_body(operation, ours)
        headers = ours.headers(operation.requirements[0])
        reply = operation.send(headers, path=routes.fill_path(operation, row.pk), fields=fields)
        unknown = operation.send(
            headers, path=routes.fill_path(operation, routes.unknown_id(row.pk)), fields=fields
        )
        if reply.status_code != 404 or status_and_body(reply) != status_and_body(unknown):
            yield f"{status_and_body(reply)}, and for nobody's {status_and_body(unknown)}"
        if row_values(row) != before:
            yield "their row was changed"

    assert failures_of(question) == []


def test_their_row_in_a_body_or_a_query_is_answered_like_nobodys(
    ours: TenantActor, theirs: TenantActor
) -> None:
    def question(operation: Operation) -> Iterator[str]:
        for field, name in routes.ROW_REFERENCES.get(str(operation), {}).items():
            answers = []
            for value in (name(theirs), routes.unknown_id(name(theirs))):
                with rolled_back():
                    fields = with_field(routes.valid_body(operation, ours), field, value)
                    row = routes.path_row(operation, ours)
                    path = routes.fill_path(operation, row.pk) if row else None
                    reply = operation.send(
                        ours.headers(operation.requirements[0]), path=path, fields=fields
                    )
                    answers.append(
                        (reply.status_code, reply.content.replace(str(value).encode(), b"?"))
                    )
            if answers[0] != answers[1] or b"zenithmark" in answers[0][1]:
                yield f"{field}: {answers}"

    assert failures_of(question) == []


def with_field(fields: Any, name: str, value: Any) -> Any:
    """A copy of `fields` with one of them set: nested ones by dots, and in every row of a list."""
    if isinstance(fields, list):
        return [with_field(one, name, value) for one in fields]
    first, _sep, rest = name.partition(".")
    return fields | {first: with_field(fields.get(first, {}), rest, value) if rest else value}


def test_no_other_method_opens_a_route(ours: TenantActor) -> None:
    wrong = []
    for path in {operation.path for operation in OPERATIONS}:
        there = [operation for operation in OPERATIONS if operation.path == path]
        row = routes.path_row(there[0], ours)
        sent = ours.headers(there[0].requirements[0]) if there[0].requirements else {}
        for method in {*METHODS} - {operation.method.upper() for operation in there}:
            with rolled_back():
                other = Operation(method.lower(), path, {})
                reply = other.send(sent, path=routes.fill_path(other, row.pk) if row else None)
                if reply.status_code != 405 or not reply.headers["Content-Type"].startswith(
                    "application/json"
                ):
                    wrong.append(f"{method} {path}: {reply.status_code}")
    assert wrong == []


# --- Bearer tokens --------------------------------------------------------------------------------
BEARERS = {"person": "personal", "machineToken": "machine", "endpoint": "feed"}


def forged_tokens(chair: TenantActor) -> Iterator[tuple[str, str]]:
    """Tokens that nobody may get in with: what is wrong with each, and the token."""
    now, private = timezone.now(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for kind, audience in (
        ("access", tokens.ACCESS_TOKEN_AUDIENCE),
        ("machine", tokens.MACHINE_TOKEN_AUDIENCE),
    ):
        claims = jwt.decode(chair.secrets[kind], options={"verify_signature": False})
        yield f"{kind}, alg none", f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(claims)}."
        yield (
            f"{kind}, alg none and a signature",
            f"{_segment({'alg': 'none'})}.{_segment(claims)}.{'x' * 43}",
        )
        yield f"{kind}, RS256", jwt.encode(claims, private, algorithm="RS256")
        yield f"{kind}, another key", jwt.encode(claims, "x" * 64, algorithm="HS256")
        own = {
            name: value
            for name, value in claims.items()
            if name not in {"iss", "aud", "sub", "iat", "exp", "jti"}
        }
        lasts = timedelta(minutes=5)
        yield (
            f"{kind}, wrong audience",
            tokens.encode_jwt("muster:else", claims["sub"], now, lasts, **own),
        )
        yield f"{kind}, expired", tokens.encode_jwt(audience, claims["sub"], now, -lasts, **own)
        header, _body, signature = chair.secrets[kind].split(".")
        yield (
            f"{kind}, another body",
            f"{header}.{_segment(claims | {'sub': '1', 'scope': 'all'})}.{signature}",
        )


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_forged_expired_or_foreign_token_is_nobodys_at_every_bearer_route(
    ours: TenantActor,
) -> None:
    hostile = list(forged_tokens(ours))
    others = {
        kind: secret for kind, secret in ours.secrets.items() if kind not in {"serial", "password"}
    }

    def question(operation: Operation) -> Iterator[str]:
        for requirement in operation.requirements:
            if not (mine := {BEARERS[scheme] for scheme in requirement if scheme in BEARERS}):
                continue
            fitting = mine | ({"access"} if "personal" in mine else set())
            foreign = [
                (f"a {kind} token", secret)
                for kind, secret in others.items()
                if kind not in fitting
            ]
            for what, token in (*hostile, *foreign):
                sent = ours.headers(requirement) | {"Authorization": f"Bearer {token}"}
                if (status := send_valid(operation, ours, headers=sent).status_code) != 401:
                    yield f"{status} with {what}"

    assert failures_of(question) == []


@pytest.mark.parametrize(
    "scheme", sorted({name for operation in OPERATIONS for name in operation.schemes})
)
def test_every_scheme_of_the_file_is_spoken_here(scheme: str) -> None:
    assert scheme in SCHEME_HEADERS
