"""Where a push may go: hostile addresses and URLs, each of which has let somebody in somewhere."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outbound.ssrf_guard import MAX_URL_LENGTH, check_url, forbidden_address_reason

HERE = [ip_network("127.0.0.0/8")]
FORBIDDEN_V4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
FORBIDDEN_V6 = (
    "::/96",
    "::1/128",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "4000::/2",
    "8000::/1",
)


def within(*networks: str) -> st.SearchStrategy[int]:
    parsed = [ip_network(network) for network in networks]
    return st.one_of(st.integers(int(network[0]), int(network[-1])) for network in parsed)


def url_error(url: str, *, allow_http: bool = True, allowed: object = ()) -> str | None:
    """The sentence that refuses a URL, or None."""
    try:
        check_url(url, allow_http=allow_http, allowed_networks=allowed)  # type: ignore[arg-type]
    except ValueError as why:
        return str(why)
    return None


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
        ),
        *(
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
        ),
        *(
            "192.0.0.192",
            "192.0.2.1",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.168.1.1",
            "192.175.48.1",
            "198.18.0.1",
        ),
        *(
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
        ),
        *(
            "::",
            "::1",
            "::7f00:1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
        ),
        *(
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:0:7f00:1::1",
            "2001:0:808:808::f5ff:fffe",
        ),
        *(
            "2001:2::1",
            "2001:3::1",
            "2001:4:112::1",
            "2001:10::1",
            "2001:20::1",
            "2001:30::1",
            "2001:db8::1",
            "2002:7f00:1::",
        ),
        *(
            "2002:a00:1::1",
            "2620:4f:8000::1",
            "2606:4700::5efe:10.0.0.1",
            "2606:4700::200:5efe:127.0.0.1",
            "3fff::1",
            "5f00::1",
        ),
        *(
            "fc00::1",
            "fd00:ec2::254",
            "fd12:3456::1",
            "fe80::1",
            "fe80::1%eth0",
            "2606:4700::1%eth0",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ),
        *(
            "0177.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "127.0.0.1/8",
            " 127.0.0.1",
            "127.0.0.1\n",
            "localhost",
            "",
        ),
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert forbidden_address_reason(address, []) is not None


@pytest.mark.parametrize(
    "address",
    [
        *(
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
        ),
        *(
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
        ),
        *(
            "2606:4700:4700::1111",
            "2a00:1450:4001::64",
            "2001:4860:4860::8888",
            "2001:200::1",
            "2003::1",
            "2400:cb00::1",
        ),
    ],
)
def test_a_public_address_passes(address: str) -> None:
    assert forbidden_address_reason(address, []) is None


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("169.254.169.254", "a cloud metadata address"),
        ("fd00:ec2::254", "a cloud metadata address"),
        ("127.0.0.1", "a loopback address"),
        ("10.1.2.3", "a private address"),
        ("255.255.255.255", "a broadcast address"),
        ("100.64.1.1", "a carrier's shared address"),
        ("2002:7f00:1::", "a 6to4 address"),
        ("2001::1", "a Teredo address"),
    ],
)
def test_a_refusal_names_the_kind_of_address(address: str, what: str) -> None:
    assert forbidden_address_reason(address, []) == what


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1"])
def test_the_operators_networks_pass_mapped_or_not(address: str) -> None:
    assert forbidden_address_reason(address, HERE) is None


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "::1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "::ffff:10.0.0.1"],
)
def test_the_operators_networks_open_nothing_else(address: str) -> None:
    assert forbidden_address_reason(address, HERE) is not None


@given(within(*FORBIDDEN_V4))
def test_every_address_of_a_forbidden_network_is_refused(number: int) -> None:
    assert forbidden_address_reason(str(IPv4Address(number)), []) is not None


@given(within(*FORBIDDEN_V6))
def test_every_address_of_a_forbidden_ipv6_network_is_refused(number: int) -> None:
    assert forbidden_address_reason(str(IPv6Address(number)), []) is not None


WRAPS = {
    "mapped": lambda v4, rest: 0xFFFF << 32 | v4,
    "compatible": lambda v4, rest: v4,
    "translated": lambda v4, rest: 0xFFFF << 48 | v4,
    "NAT64": lambda v4, rest: 0x64FF9B << 96 | v4,
    "local NAT64": lambda v4, rest: 0x64FF9B0001 << 80 | (rest % 2**48) << 32 | v4,
    "6to4": lambda v4, rest: 0x2002 << 112 | v4 << 80 | rest % 2**80,
    "Teredo server": lambda v4, rest: 0x20010000 << 96 | v4 << 64 | rest % 2**64,
    "Teredo client": lambda v4, rest: 0x20010000 << 96 | (rest % 2**64) << 32 | (v4 ^ 0xFFFFFFFF),
    "ISATAP": lambda v4, rest: 0x26064700 << 96 | (rest % 2**32) << 64 | 0x5EFE << 32 | v4,
    "global ISATAP": lambda v4, rest: (
        0x26064700 << 96 | (rest % 2**32) << 64 | 0x02005EFE << 32 | v4
    ),
}


@pytest.mark.parametrize("wrap", WRAPS)
@given(v4=within(*FORBIDDEN_V4), rest=st.integers(0, 2**96))
def test_no_wrap_smuggles_a_forbidden_address(wrap: str, v4: int, rest: int) -> None:
    assert forbidden_address_reason(str(IPv6Address(WRAPS[wrap](v4, rest))), []) is not None


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    forbidden_address_reason(text, HERE)


# URLs


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "hooks.example.com",
            "//hooks.example.com/",
            "https:",
            "https://",
            "https:///path",
            "https://:443/",
            "https:/a.example",
        ),
        *(
            "ftp://hooks.example.com/",
            "file:///etc/passwd",
            "gopher://127.0.0.1:6379/_INFO",
            "javascript:alert(1)",
            "data:,x",
        ),
        *("unix:///var/run/docker.sock", "http+unix://a.example.com/", "httpsx://a.example.com/"),
        *(
            "https://user@hooks.example.com/",
            "https://user:word@hooks.example.com/",
            "https://@hooks.example.com/",
        ),
        *(
            "https://hooks.example.com@127.0.0.1/",
            r"https://hooks.example.com\@127.0.0.1/",
            r"https:\\hooks.example.com",
        ),
        *(
            r"https://127.0.0.1\@hooks.example.com/",
            "https://hooks.example.com#@127.0.0.1/",
            "https://hooks.example.com/#part",
        ),
        *(
            " https://hooks.example.com/",
            "https://hooks.example.com/ ",
            "https://hooks .example.com/",
            "https://hooks.example.com/a b",
        ),
        *(
            "https://hooks.example.com/\r\nX: y",
            "https://hooks.example.com/\x00",
            "https://hooks.exa\tmple.com/",
        ),
        *(
            "https://hooks.example.com/\u00a0",
            "https://hooks.exam\u200bple.com/",
            "https://hooks.example.com/\u202e",
            "https://a\ud800.example.com/",
        ),
        *(
            "https://127.0.0.1/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://192.168.0.1:8080/",
        ),
        *(
            "https://0.0.0.0/",
            "https://255.255.255.255/",
            "https://100.64.0.1/",
            "https://203.0.113.1/",
        ),
        *(
            "https://127.1/",
            "https://127.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0X7F000001/",
            "https://0x7f.1/",
        ),
        *(
            "https://0177.0.0.1/",
            "https://0x7f.0x0.0x0.0x1/",
            "https://017700000001/",
            "https://0/",
            "https://127.0.0.1.2/",
        ),
        *(
            "https://127.0.0.0x1/",
            "https://127.000.000.001/",
            "https://010.0.0.1/",
            "https://256.1.1.1/",
            "https://1.1.1.1./",
        ),
        *(
            "https://127.0.0.1./",
            "https://127.0.0.1../",
            "https://localhost./",
            "https://hooks.example.com./",
            "https://8.8.8.8.0x1/",
        ),
        *(
            "https://１２７.0.0.1/",
            "https://①②⑦.⓪.⓪.①/",
            "https://127。0。0。1/",
            "https://127．0．0．1/",
            "https://ｌocalhost/",
        ),
        *(
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:7f00:1]/",
            "https://[fe80::1%25eth0]/",
        ),
        *(
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[::1/",
            "https://::1/",
        ),
        *(
            "https://[127.0.0.1]/",
            "https://[hooks.example.com]/",
            "https://[]/",
            "https://[::1]evil.example.com/",
            "https://[v1.x]/",
        ),
        *(
            "https://localhost/",
            "https://LOCALHOST/",
            "https://a.localhost/",
            "https://localhost.localdomain/",
            "https://printer.local/",
        ),
        *(
            "https://metadata.google.internal/",
            "https://vault.internal/",
            "https://router.lan/",
            "https://intranet/",
            "https://redis/",
        ),
        *("https://1.0.0.127.in-addr.arpa/", "https://nas.home.arpa/"),
        *(
            "https://hooks..example.com/",
            "https://.example.com/",
            "https://-a.example.com/",
            "https://a-.example.com/",
        ),
        *(
            "https://hooks%2eexample.com/",
            "https://%6cocalhost/",
            "https://127.0.0.1%2f@a.example.com/",
            "https://a,b.example.com/",
        ),
        *(
            "https://" + "a" * 64 + ".example.com/",
            "https://" + "a." * 130 + "com/",
            "https://ⓔxample.com/",
            "https://faß.de/",
        ),
        *(
            "https://hooks.example.com:/",
            "https://hooks.example.com:x/",
            "https://hooks.example.com:-1/",
            "https://hooks.example.com:４４３/",
        ),
        *(
            "https://hooks.example.com:0/",
            "https://hooks.example.com:65536/",
            "https://hooks.example.com:443:443/",
        ),
        *(
            f"https://hooks.example.com:{port}/"
            for port in (21, 22, 23, 25, 53, 81, 110, 389, 445, 465, 587, 993, 1023)
        ),
        *(
            f"https://hooks.example.com:{port}/"
            for port in (1433, 2375, 2379, 3306, 3389, 5432, 5672, 6379, 9200, 11211, 27017)
        ),
        "https://hooks.example.com/" + "a" * MAX_URL_LENGTH,
        "https://hooks.example.com/" + "ü" * 400,  # 400 letters, but 2 400 once encoded.
    ],
)
def test_a_hostile_url_is_refused_with_a_sentence(url: str) -> None:
    why = url_error(url)
    assert why is not None
    assert why.endswith(".")


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/"),
        ("HTTPS://Hooks.Example.COM:443/A?b=C", "https://hooks.example.com/A?b=C"),
        ("https://hooks.example.com:8443/a%20b", "https://hooks.example.com:8443/a%20b"),
        ("https://hooks.example.com?x=1", "https://hooks.example.com/?x=1"),
        ("http://hooks.example.com:80/", "http://hooks.example.com/"),
        ("http://hooks.example.com:8080/", "http://hooks.example.com:8080/"),
        ("https://hooks.example.com:9443/", "https://hooks.example.com:9443/"),
        ("https://bücher.example.com/ü?q=ü", "https://xn--bcher-kva.example.com/%C3%BC?q=%C3%BC"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://[2606:4700:4700:0:0:0:0:1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
        ("https://123.example.com/", "https://123.example.com/"),
        ("https://xn--bcher-kva.example.com/a@b:c", "https://xn--bcher-kva.example.com/a@b:c"),
    ],
)
def test_a_fair_url_is_normalized(url: str, normal: str) -> None:
    assert check_url(url, allow_http=True, allowed_networks=[]) == normal
    assert check_url(normal, allow_http=True, allowed_networks=[]) == normal


def test_http_passes_only_when_the_operator_says_so() -> None:
    assert url_error("http://hooks.example.com/", allow_http=True) is None
    assert (
        url_error("http://hooks.example.com/", allow_http=False)
        == "The address must begin with https://."
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:22/",
        "http://127.0.0.1:1/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost:9000/",
    ],
)
def test_the_operators_networks_may_be_named(url: str) -> None:
    assert url_error(url, allowed=HERE) is None
    assert url_error(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:22/",
        "http://8.8.8.8:22/",
        "http://127.0.0.1:0/",
        "http://10.0.0.1/",
        "http://a.local/",
    ],
)
def test_the_operators_networks_open_no_other_url(url: str) -> None:
    assert url_error(url, allowed=HERE) is not None


@given(
    st.text(max_size=60),
    st.sampled_from(
        ["", "https://", "https://a.example.com", "https://a.example.com/", "https://["]
    ),
)
def test_any_text_is_refused_or_normalized_for_good(text: str, start: str) -> None:
    try:
        normal = check_url(start + text, allow_http=True, allowed_networks=[])
    except ValueError:
        return
    assert normal.isascii()
    assert check_url(normal, allow_http=True, allowed_networks=[]) == normal
