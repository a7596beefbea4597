"""Where a push may go: the judgement on addresses and on URLs, without a socket and without Django.

A customer types the URL, so it may point at our own insides. `check_url` is asked when an endpoint
is saved and again before every attempt; `forbidden_address_reason` is asked by
`core.outbound.connection` at connect time about every address a name leads to, because a name may
lead elsewhere later. The tables follow the IANA special-purpose registries for IPv4 and IPv6 and
are kept here, since `ipaddress.is_global` of Python 3.11 lets some of these networks through.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import quote

IPNetwork: TypeAlias = IPv4Network | IPv6Network

MAX_URL_LENGTH = 2000

# The most telling entry comes first: the first that holds the address names it.
_FORBIDDEN_V4 = tuple(
    (IPv4Network(network), what)
    for network, what in (
        ("169.254.169.254/32", "a cloud metadata address"),
        (
            "168.63.129.16/32",
            "a cloud metadata address",
        ),  # Azure's, inside an otherwise public block.
        ("100.100.100.200/32", "a cloud metadata address"),
        ("192.0.0.192/32", "a cloud metadata address"),
        ("0.0.0.0/32", "an unspecified address"),
        ("0.0.0.0/8", "an address of this network itself"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier's shared address"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.31.196.0/24", "a reserved address"),
        ("192.52.193.0/24", "a reserved address"),
        ("192.88.99.0/24", "a 6to4 relay address"),
        ("192.168.0.0/16", "a private address"),
        ("192.175.48.0/24", "a reserved address"),
        ("198.18.0.0/15", "a benchmark address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("255.255.255.255/32", "a broadcast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_FORBIDDEN_V6 = tuple(
    (IPv6Network(network), what)
    for network, what in (
        ("fd00:ec2::254/128", "a cloud metadata address"),
        ("fd20:ce::254/128", "a cloud metadata address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        # Wraps of IPv4 addresses. Nobody publishes a web server under one, so the public ones are
        # refused as well: what stands behind them is decided by whichever gateway is near, not by
        # the address.
        ("::ffff:0:0/96", "an IPv4-mapped address"),
        ("::ffff:0:0:0/96", "an IPv4-translated address"),
        ("::/96", "an IPv4-compatible address"),
        ("64:ff9b::/96", "a NAT64 address"),
        ("64:ff9b:1::/48", "a NAT64 address"),
        ("2002::/16", "a 6to4 address"),
        ("2001::/32", "a Teredo address"),
        ("100::/64", "a discard address"),
        ("2001:2::/48", "a benchmark address"),
        ("2001::/23", "a reserved address"),
        ("2001:db8::/32", "a documentation address"),
        ("2620:4f:8000::/48", "a reserved address"),
        ("3fff::/20", "a documentation address"),
        ("5f00::/16", "a reserved address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_ISATAP = (
    0x00005EFE,
    0x02005EFE,
)  # RFC 5214: the upper half of the interface identifier; an IPv4 address follows it.
_LOOPBACKS: tuple[IPNetwork, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

# Names of the inside: they are resolved by a router, a cluster or a cloud, never by the public DNS.
_INTERNAL_SUFFIXES = (
    "local",
    "internal",
    "localdomain",
    "lan",
    "intranet",
    "corp",
    "home",
    "private",
    "arpa",
)
# At and above 1024: ports on which something other than a web server usually listens.
_SERVICE_PORTS = frozenset((
    1080, 1099, 1194, 1433, 1434, 1521, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128,
    3260, 3268, 3306, 3389, 4369, 4505, 4506, 5060, 5061, 5222, 5269, 5353, 5355, 5432, 5671,
    5672, 5900, 5901, 5902, 5903, 5984, 5985, 5986, 6000, 6001, 6379, 6380, 6432, 6443, 6666,
    6667, 6668, 6669, 6697, 7000, 7001, 7199, 8086, 8125, 8300, 8301, 8500, 8883, 9042, 9092,
    9100, 9160, 9200, 9300, 9418, 10250, 10255, 11211, 15672, 25672, 26379, 27017, 27018, 27019,
    28015, 33060, 50000, 61616,
))  # fmt: skip

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
_AUTHORITY = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_SAFE_IN_PATH = "!$%&'()*+,/:;=?@[]~"


def forbidden_address_reason(address: str, allowed_networks: Sequence[IPNetwork]) -> str | None:
    """Say why a textual IP address must not be connected to ("a private address"), or None if it
    may be.

    `allowed_networks` are the operator's own networks; they pass whatever they are. Text that is no
    address is refused too.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return "not an address"
    if isinstance(ip, IPv4Address):
        return None if _in_any_network(ip, allowed_networks) else _forbidden_v4(ip)
    if ip.scope_id is not None:
        return "an address of one network card"
    if _in_any_network(ip, allowed_networks) or (
        ip.ipv4_mapped is not None and _in_any_network(ip.ipv4_mapped, allowed_networks)
    ):
        return None
    return _forbidden_v6(ip)


def _in_any_network(ip: IPv4Address | IPv6Address, networks: Sequence[IPNetwork]) -> bool:
    return any(ip in network for network in networks)


def _forbidden_v4(ip: IPv4Address) -> str | None:
    return next((what for network, what in _FORBIDDEN_V4 if ip in network), None)


def _forbidden_v6(ip: IPv6Address) -> str | None:
    for network, what in _FORBIDDEN_V6:
        if ip in network:
            return what
    if ip not in _PUBLIC_V6:
        return "outside the public IPv6 range"
    if (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "an ISATAP address"
    return None


def check_url(url: str, *, allow_http: bool, allowed_networks: Sequence[IPNetwork]) -> str:
    """Judge a URL by its text alone, without asking the DNS; return it normalized.

    Raises ValueError with one sentence for the person who typed the URL. Normalizing twice changes
    nothing.
    """
    scheme, authority, path, query = _split_url(url)
    if scheme == "http" and not allow_http:
        raise ValueError("The address must begin with https://.")
    host, port = _host_and_port(authority, scheme)
    literal = _parse_ip_literal(host)
    if literal is None:
        host = _normalize_host_name(host, allowed_networks)
    elif why := forbidden_address_reason(str(literal), allowed_networks):
        raise ValueError(f"{host} cannot be used: it is {why}.")
    _check_port(
        port, operator_allowed=literal is not None and _in_any_network(literal, allowed_networks)
    )
    shown = f"[{literal}]" if isinstance(literal, IPv6Address) else host
    colon = "" if port == _default_port(scheme) else f":{port}"
    quoted = quote(path or "/", safe=_SAFE_IN_PATH) + quote(query, safe=_SAFE_IN_PATH)
    normal = f"{scheme}://{shown}{colon}{quoted}"
    return _check_length(normal)


def _check_length(url: str) -> str:
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"The address is longer than {MAX_URL_LENGTH} characters.")
    return url


def _split_url(url: str) -> tuple[str, str, str, str]:
    """Scheme, authority, path and query (with its question mark); nothing that two programs could
    read in two ways.
    """
    _check_length(url)
    # Categories C and Z: controls, invisible formats, lone surrogates, every kind of space.
    if "\\" in url or any(unicodedata.category(letter)[0] in "CZ" for letter in url):
        raise ValueError(
            "The address must not contain spaces, backslashes or invisible characters."
        )
    parts = _URL.fullmatch(url)
    if parts is None or parts[1].lower() not in ("http", "https"):
        raise ValueError("The address must begin with https://.")
    if parts[5] is not None:
        raise ValueError("The address must not contain a # part: it would never be sent.")
    if "@" in parts[2]:
        raise ValueError("The address must not contain a user name or password.")
    return parts[1].lower(), parts[2], parts[3], parts[4] or ""


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ValueError("The address has no valid server name.")
    if parts[1] is not None and ":" not in parts[1]:
        raise ValueError("Only an IPv6 address may stand in brackets.")
    host = parts[1] or parts[2]
    if not host:
        raise ValueError("The address has no server name.")
    return host, int(parts[3] or _default_port(scheme))


def _parse_ip_literal(host: str) -> IPv4Address | IPv6Address | None:
    """The host as an IP address, or None for a name. Python takes only the plain spelling: no hex,
    octal or short forms.
    """
    if not host.isascii() or "%" in host:
        return None
    try:
        return ip_address(host)
    except ValueError:
        return None


def _normalize_host_name(host: str, allowed_networks: Sequence[IPNetwork]) -> str:
    if host.endswith("."):
        raise ValueError("The server name must not end with a dot.")
    name = ".".join(_normalize_label(label) for label in host.split("."))
    labels = name.split(".")
    # inet_aton and browsers read such "names" as addresses (127.1, 2130706433, 0x7f.1), and so may
    # a resolver.
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("Write a server's address as four plain numbers, such as 192.0.2.10.")
    if labels[-1] == "localhost":
        if not any(
            network.overlaps(loopback) for network in allowed_networks for loopback in _LOOPBACKS
        ):
            raise ValueError(f"{name} is this server itself and cannot be used.")
    elif len(labels) == 1:
        raise ValueError("Write the full server name, such as hooks.example.com.")
    elif labels[-1] in _INTERNAL_SUFFIXES:
        raise ValueError(f"{name} is a name inside a private network and cannot be used.")
    if len(name) > 253:
        raise ValueError("The server name is too long.")
    return name


def _normalize_label(label: str) -> str:
    """One part of a server name as the DNS knows it; a part that could be read in two ways is
    refused.
    """
    if not label.isascii():
        try:
            encoded = label.encode("idna").decode("ascii")
            same = encoded.encode("ascii").decode("idna") == unicodedata.normalize(
                "NFC", label.lower()
            )
        except UnicodeError:
            same = False
        # Full-width digits, circled letters and the like are folded into plain ones: not what the
        # eye saw.
        if not same or not encoded.startswith("xn--"):
            raise ValueError("The server name contains letters that a server name cannot have.")
        label = encoded
    label = label.lower()
    if not _LABEL.fullmatch(label):
        raise ValueError("The address has no valid server name.")
    return label


def _check_port(port: int, *, operator_allowed: bool) -> None:
    if operator_allowed and 1 <= port <= 65535:
        return
    if port not in (80, 443) and not (1024 <= port <= 65535 and port not in _SERVICE_PORTS):
        raise ValueError(
            f"Port {port} cannot be used: web servers answer on 443, 80, or a free port from 1024."
        )
