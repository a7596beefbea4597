"""Where a request comes from, whatever it says about itself."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from accounts.client_ip import UNKNOWN_IP, get_client_ip, get_client_network

ADDRESSES = st.ip_addresses().map(str)


def _request(remote: str, forwarded: str | None = None) -> Any:
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return RequestFactory().get("/", REMOTE_ADDR=remote, **headers)


@given(forged=st.text(st.characters(exclude_categories=["C"]), max_size=80))
def test_without_a_proxy_only_the_connection_counts(forged: str) -> None:
    assert get_client_ip(_request("203.0.113.9", forged)) == "203.0.113.9"


@given(client=ADDRESSES, forged=st.lists(ADDRESSES | st.text("x:.[]%, ", max_size=20), max_size=5))
def test_behind_one_proxy_what_the_client_wrote_does_not_count(
    client: str, forged: list[str]
) -> None:
    from django.test import override_settings

    with override_settings(TRUSTED_PROXIES=1):
        mapped = getattr(ip_address(client), "ipv4_mapped", None)
        assert get_client_ip(_request("10.0.0.1", ", ".join([*forged, client]))) == str(
            mapped or client
        )


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "unknown", "10.0.0.1"),
        (1, "1.1.1.1, 198.51.100.7:4711", "198.51.100.7"),
        (1, "[2001:db8::5]:4711", "2001:db8::5"),
        (1, "::ffff:198.51.100.7", "198.51.100.7"),
        (1, "fe80::1%eth0", "fe80::1"),
        (2, "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        (2, "198.51.100.7", "198.51.100.7"),
    ],
)
def test_the_entry_of_the_outermost_trusted_proxy_counts(
    settings: Any, proxies: int, forwarded: str, found: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    assert get_client_ip(_request("10.0.0.1", forwarded)) == found


def test_a_unix_socket_has_no_address() -> None:
    assert get_client_ip(_request("")) == get_client_network(_request("")) == UNKNOWN_IP


def test_an_ipv6_customer_is_one_network() -> None:
    assert get_client_network(_request("2001:db8:1:2:aaaa::1")) == get_client_network(
        _request("2001:db8:1:2:bbbb::2")
    )
    assert get_client_network(_request("2001:db8:1:2::1")) != get_client_network(
        _request("2001:db8:1:3::1")
    )
    assert get_client_network(_request("198.51.100.7")) == "198.51.100.7"
