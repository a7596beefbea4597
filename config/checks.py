"""System checks: each misconfiguration that would hurt is found at start, with an id and a hint.

Run by every management command, so also before the server and the worker start. Ids are listed in
docs/settings.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution

from tours.half_days import parse_half_day_boundary

MIN_SECRET_LENGTH = 32
METADATA_ADDRESS = ip_address("169.254.169.254")


def _secrets() -> Iterator[CheckMessage]:
    if len(settings.PEPPER) < MIN_SECRET_LENGTH:
        yield Error(
            f"MUSTER_PEPPER is missing or shorter than {MIN_SECRET_LENGTH} characters.",
            hint="Set it to a random text, once: every stored credential depends on it.",
            id="muster.E001",
        )
    if not settings.ENCRYPTION_KEYS or not all(map(_is_key, settings.ENCRYPTION_KEYS)):
        yield Error(
            "MUSTER_ENCRYPTION_KEYS has no valid key.",
            hint=(
                "python -c 'from cryptography.fernet import Fernet;"
                " print(Fernet.generate_key().decode())'"
            ),
            id="muster.E002",
        )
    if len(settings.SECRET_KEY) < MIN_SECRET_LENGTH:
        yield Error(
            f"SECRET_KEY is shorter than {MIN_SECRET_LENGTH} characters.",
            hint="Set a random text.",
            id="muster.E003",
        )


def _is_key(text: str) -> bool:
    try:
        Fernet(text)
    except ValueError:
        return False
    return True


def _hosts() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "ALLOWED_HOSTS lets any host name in.",
            hint="List the names Muster is reached by.",
            id="muster.E004",
        )
    if settings.DEBUG and not settings.DEMO:
        yield Caution(
            "DEBUG is on: errors show their inside.", hint="Unset DEBUG.", id="muster.W005"
        )


def _push() -> Iterator[CheckMessage]:
    try:
        networks = [ip_network(text) for text in settings.PUSH_ALLOWED_NETWORKS]
    except ValueError as error:
        yield Error(
            f"MUSTER_PUSH_ALLOWED_NETWORKS: {error}.",
            hint="Give networks such as 10.20.0.0/16.",
            id="muster.E006",
        )
        return
    if any(
        METADATA_ADDRESS in network
        for network in networks
        if network.version == METADATA_ADDRESS.version
    ):
        yield Error(
            "MUSTER_PUSH_ALLOWED_NETWORKS lets pushes reach the cloud's metadata service.",
            hint="List only the customers' own private networks.",
            id="muster.E007",
        )
    if settings.PUSH_ALLOW_HTTP and not settings.DEMO:
        yield Caution(
            "Punches may be pushed over plain HTTP.",
            hint="Unset MUSTER_PUSH_ALLOW_HTTP outside the demo.",
            id="muster.W008",
        )


def _engine() -> Iterator[CheckMessage]:
    engine = settings.DATABASES["default"]["ENGINE"]
    if not engine.endswith(("sqlite", "postgresql")):
        yield Error(
            f"{engine} is not supported.",
            hint="Use PostgreSQL 15 or later, or SQLite.",
            id="muster.E009",
        )
    if engine.endswith("sqlite") and sqlite3.sqlite_version_info < (3, 35):
        yield Error(
            "SQLite is older than 3.35.",
            hint="Use PostgreSQL, or a newer Python build.",
            id="muster.E010",
        )


REDIS_BACKEND = "RedisCache"
LOCAL_MEMORY_BACKEND = "LocMemCache"


def _rate_limits() -> Iterator[CheckMessage]:
    if settings.LIMITS_CACHE_URL and not settings.LIMITS_CACHE_URL.startswith(
        ("redis://", "rediss://", "unix://")
    ):
        yield Error(
            "MUSTER_LIMITS_CACHE_URL is no Redis.",
            hint="Give redis://host:6379/1, or nothing.",
            id="muster.E011",
        )
        return
    backend = settings.CACHES["limits"]["BACKEND"].rpartition(".")[2]
    if backend == LOCAL_MEMORY_BACKEND and settings.WEB_WORKERS > 1:
        yield Caution(
            f"Each of the {settings.WEB_WORKERS} web processes counts rate limits for itself.",
            hint="Give a Redis in MUSTER_LIMITS_CACHE_URL, or run one web process.",
            id="muster.W012",
        )
    elif backend not in (REDIS_BACKEND, LOCAL_MEMORY_BACKEND):
        yield Caution(
            f"{backend} lets more requests pass than the rate limits say.",
            hint="Count rate limits in Redis: MUSTER_LIMITS_CACHE_URL.",
            id="muster.W013",
        )


def _proxies() -> Iterator[CheckMessage]:
    if settings.TRUSTED_PROXIES < 0:
        yield Error(
            "MUSTER_TRUSTED_PROXIES is below 0.",
            hint="Give the number of proxies in front.",
            id="muster.E014",
        )
    if settings.SECURE_PROXY_SSL_HEADER and not settings.TRUSTED_PROXIES:
        yield Caution(
            "Behind a proxy that is not counted, all clients have one address, and share the limits"
            " of one.",
            hint="Set MUSTER_TRUSTED_PROXIES to the number of proxies in front.",
            id="muster.W015",
        )


def _half_day_boundary() -> Iterator[CheckMessage]:
    try:
        parse_half_day_boundary(settings.HALF_DAY_BOUNDARY)
    except ValueError:
        yield Error(
            f"MUSTER_HALF_DAY_BOUNDARY: “{settings.HALF_DAY_BOUNDARY}” cannot be read.",
            hint="Such as 13:00-13:30.",
            id="muster.E016",
        )


def _reports() -> Iterator[CheckMessage]:
    numbers = {
        "MUSTER_REPORT_RETENTION_HOURS": settings.REPORT_RETENTION_HOURS,
        "MUSTER_REPORT_THREADS": settings.REPORT_THREADS,
        "MUSTER_REPORTS_PER_ORGANIZATION": settings.REPORTS_PER_ORGANIZATION,
        "MUSTER_REPORTS_PER_PERSON": settings.REPORTS_PER_PERSON,
    }
    for name, number in numbers.items():
        if number < 1:
            yield Error(
                f"{name} is below 1: no report could be made.",
                hint="Give 1 or more.",
                id="muster.E017",
            )


@register(Tags.security)
def check_system_settings(**_: Any) -> Sequence[CheckMessage]:
    """Everything that can be told from the settings alone."""
    return [
        *_secrets(),
        *_hosts(),
        *_push(),
        *_engine(),
        *_rate_limits(),
        *_proxies(),
        *_half_day_boundary(),
        *_reports(),
    ]
