"""What one attempt is to do, read from its URL and headers before anything is opened: where to,
saying what, under what policy.

`core.outbound.client` makes an `OutboundRequest` for each attempt. The origin carries the
operator's policy of that moment, so that a connection kept from another one is not used again.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from core.outbound.deadlines import Deadline
from core.outbound.dns import Resolver
from core.outbound.response_reader import OutboundRequestError
from core.outbound.ssrf_guard import IPNetwork, check_url

USER_AGENT = "Muster-Webhooks/1"


class OutboundPolicy(NamedTuple):
    """What the operator allows. Part of a kept connection's key: one made under another policy is
    not used again.
    """

    allowed_networks: tuple[IPNetwork, ...]
    allow_http: bool
    ca_file: str


class OutboundOrigin(NamedTuple):
    scheme: str
    host: str
    port: int
    policy: OutboundPolicy


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    origin: OutboundOrigin
    target: str
    headers: dict[str, str]
    body: bytes
    deadline: Deadline
    resolver: Resolver
    method: str


def current_policy() -> OutboundPolicy:
    networks = _parse_networks(tuple(settings.PUSH_ALLOWED_NETWORKS))
    return OutboundPolicy(
        networks, bool(settings.PUSH_ALLOW_HTTP), str(getattr(settings, "PUSH_CA_FILE", ""))
    )


@lru_cache(maxsize=8)
def _parse_networks(texts: tuple[str, ...]) -> tuple[IPNetwork, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)


@lru_cache(maxsize=8)
def tls_context(ca_file: str) -> ssl.SSLContext:
    """Shared by all connections; set up completely here, because changing it while others shake
    hands is not safe.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def build_request(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: Deadline,
    resolver: Resolver,
    method: str,
) -> OutboundRequest:
    policy = current_policy()
    try:
        parts = urlsplit(
            check_url(url, allow_http=policy.allow_http, allowed_networks=policy.allowed_networks)
        )
    except ValueError as why:
        raise OutboundRequestError("forbidden_url", str(why)) from why
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    origin = OutboundOrigin(parts.scheme, parts.hostname or "", port, policy)
    return OutboundRequest(
        origin, target, _request_headers(headers), body, deadline, resolver, method
    )


_RESERVED_HEADERS = frozenset(
    (
        "host",
        "content-length",
        "transfer-encoding",
        "accept-encoding",
        "user-agent",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "expect",
    )
)


def _request_headers(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in given.items() if name.lower() not in _RESERVED_HEADERS}
    for name, value in kept.items():
        # Said without the value, which may be a secret.
        if (
            not _is_safe_header_text(name)
            or ":" in name
            or " " in name
            or not _is_safe_header_text(value)
        ):
            raise OutboundRequestError(
                "protocol", f"The header {name!r} contains characters that cannot be sent."
            )
    return {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **kept}


def _is_safe_header_text(text: str) -> bool:
    return all(" " <= letter <= "\xff" and letter != "\x7f" for letter in text)
