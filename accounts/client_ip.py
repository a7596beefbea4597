"""Where a request comes from: the client's address, as far as it can be trusted. Used by the limits
and for the audit.

Whoever connects can write anything into X-Forwarded-For; only what our own proxies appended to it
is true. MUSTER_TRUSTED_PROXIES says how many of them every request passes.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final

from django.conf import settings

UNKNOWN_IP: Final = "unknown"
# An IPv6 customer gets at least a /64, and changes the rest of his address as he likes.
IPV6_PREFIX: Final = 64


def get_client_ip(request: Any) -> str:
    """The address of the client, without port or zone; `unknown` when there is none, as behind a
    Unix socket.

    `request` is Django's or REST framework's. With n trusted proxies it is the n-th entry from the
    right of X-Forwarded-For; an entry that is no address cannot have come from a proxy of ours, and
    the next one to its right counts.
    """
    chain = [*_forwarded_for(request), request.META.get("REMOTE_ADDR", "")]
    for text in chain[-1 - settings.TRUSTED_PROXIES :]:
        if address := _parse_ip(text):
            return str(address)
    return UNKNOWN_IP


def get_client_network(request: Any) -> str:
    """What limits count by: the client's IPv4 address, or the /64 of its IPv6 address."""
    text = get_client_ip(request)
    return str(ip_network(f"{text}/{IPV6_PREFIX}", strict=False)) if ":" in text else text


def _forwarded_for(request: Any) -> list[str]:
    header: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
    return header.split(",") if header else []


def _parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]:80` or `fe80::1%eth0`;
    None when it is none.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
