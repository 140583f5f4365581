"""The whole address policy, as a table, and what must hold of any address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fetch.addresses import (
    NOT_PUBLIC,
    PORTS,
    AllowList,
    _on_link,
    is_public,
    own_networks,
    parse_address,
    why_refused,
)

NONE = AllowList()


def table(text: str) -> list[str]:
    return text.split()


REFUSED = table("""
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254
168.63.129.16 169.254.169.254 169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1
192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a00:1 64:ff9b::8.8.8.8 64:ff9b:1::1 100::1
100:0:0:1::1 2001::1
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
2002:7f00:1:: 2002:a00:1::1 2002:808:808::1 2620:4f:8000::1 3fff::1 5f00::1 fc00::1
fd00:ec2::254 fe80::1 fe80::1%lo fe80::1%1 fec0::1 ff02::1 ff0e::1 4000::1
""")

PUBLIC = table("""
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 93.184.216.34 100.63.255.255 100.128.0.1 126.255.255.255
128.0.0.1 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1
223.255.255.255 ::ffff:1.1.1.1 2606:4700::1111 2a00:1450:4001:81b::200e 2001:4860:4860::8888
2003::1 2400:cb00::1
""")


@pytest.mark.attack
@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    assert not is_public(parse_address(text))
    assert why_refused("host.test", 443, [parse_address(text)], NONE)


@pytest.mark.parametrize("text", PUBLIC)
def test_public(text: str) -> None:
    assert is_public(parse_address(text))
    assert why_refused("host.test", 443, [parse_address(text)], NONE) is None


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_never_the_way_round(inner: IPv4Address) -> None:
    """Wrapped in IPv6, an IPv4 address is as public as itself (mapped) or not at all."""
    number = int(inner)
    assert is_public(parse_address(f"::ffff:{inner}")) == is_public(inner)
    for wrapped in (
        IPv6Address(number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    ):
        assert not is_public(wrapped)


@given(
    st.lists(st.ip_addresses(), min_size=1, max_size=5), st.ip_addresses(v=4, network="10.0.0.0/8")
)
def test_one_bad_answer_refuses_all(
    answers: list[IPv4Address | IPv6Address], bad: IPv4Address
) -> None:
    assert why_refused("host.test", 443, [*answers, bad], NONE)
    assert why_refused("host.test", 443, [bad, *answers], NONE)


@given(st.ip_addresses())
def test_nothing_special_is_public(address: IPv4Address | IPv6Address) -> None:
    special = any(address.version == net.version and address in net for net in NOT_PUBLIC)
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped
    assert not (is_public(address) and special and not mapped)
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not is_public(address)


@pytest.mark.parametrize("port", [0, 22, 25, 53, 3306, 5432, 6379, 8000, 11211])
def test_other_ports_are_closed(port: int) -> None:
    assert "not a web port" in str(why_refused("host.test", port, [parse_address("1.1.1.1")], NONE))


def test_no_answer_is_a_refusal() -> None:
    assert why_refused("host.test", 443, [], NONE)


class TestAllowList:
    def reason(self, entry: str, host: str, port: int, *addresses: str) -> str | None:
        answers = [parse_address(text) for text in addresses]
        return why_refused(host, port, answers, AllowList.parse([entry]))

    def test_an_address_and_its_port(self) -> None:
        assert self.reason("127.0.0.1:9000", "127.0.0.1", 9000, "127.0.0.1") is None
        assert self.reason("127.0.0.1:9000", "2130706433", 9000, "127.0.0.1") is None
        assert self.reason("127.0.0.1:9000", "127.0.0.1", 9001, "127.0.0.1")
        assert self.reason("127.0.0.1:9000", "127.0.0.1", 80, "127.0.0.1")
        assert self.reason("127.0.0.1:9000", "127.0.0.2", 9000, "127.0.0.2")
        assert self.reason("127.0.0.1:9000", "both.test", 9000, "127.0.0.1", "10.0.0.1")
        assert self.reason("[::1]:9000", "[::1]", 9000, "::1") is None

    def test_a_name_and_its_port(self) -> None:
        assert self.reason("Media.Test:81", "media.test.", 81, "10.0.0.1") is None
        assert self.reason("media.test:81", "media.test", 80, "10.0.0.1")
        assert self.reason("media.test:81", "other.test", 81, "10.0.0.1")

    def test_a_network_on_web_ports_only(self) -> None:
        for port in PORTS:
            assert self.reason("10.0.0.0/8", "a.test", port, "10.1.2.3") is None
        assert self.reason("10.0.0.0/8", "a.test", 5432, "10.1.2.3")
        assert self.reason("10.0.0.0/8", "a.test", 80, "11.1.2.3") is None
        assert self.reason("10.0.0.0/8", "a.test", 80, "10.1.2.3", "192.168.0.1")
        assert self.reason("fd00::/8", "a.test", 443, "fd00::1") is None

    @pytest.mark.parametrize(
        "entry",
        [
            *table(
                "host 10.0.0.1 host: :80 host:0 host:65536 host:http 10.0.0.1/8 ::1:80 *:80 a/b"
            ),
            *("", "http://host:80", "host:\uff180", "a b:80"),
        ],
    )
    def test_what_names_nothing_is_refused(self, entry: str) -> None:
        with pytest.raises(ValueError, match="for example"):
            AllowList.parse([entry])


@pytest.mark.attack
def test_this_machine_and_its_neighbours_are_not_public() -> None:
    """However public their addresses are; what the operator named is fetched all the same."""
    near = [ip_network("198.45.48.10/32"), ip_network("2a00:1450:4001:1::/64")]
    named = AllowList.parse(["198.45.48.10:8080"])
    for address in ("198.45.48.10", "2a00:1450:4001:1::10", "2a00:1450:4001:1:dead::1"):
        answer = [parse_address(address)]
        assert why_refused("own.test", 443, answer, NONE) is None
        assert why_refused("own.test", 443, answer, NONE, near)
    assert why_refused("own.test", 443, [parse_address("198.45.48.11")], NONE, near) is None
    mine = [parse_address("198.45.48.10")]
    assert why_refused("own.test", 8080, mine, named, near) is None


@pytest.mark.parametrize(
    ("address", "netmask", "network"),
    [
        ("198.45.48.10", "255.255.255.0", "198.45.48.0/24"),
        ("198.45.48.10", "255.255.255.255", "198.45.48.10/32"),
        ("198.45.48.10", None, "198.45.48.10/32"),
        ("198.45.48.10", "0.0.0.0", "198.45.48.10/32"),
        ("2a00:1450::10", "ffff:ffff:ffff:ffff::", "2a00:1450::/64"),
        ("2a00:1450::10", "::", "2a00:1450::10/128"),
        ("fe80::1%eth0", "ffff:ffff:ffff:ffff::", "fe80::/64"),
    ],
)
def test_the_network_of_an_interface(address: str, netmask: str | None, network: str) -> None:
    assert _on_link(address, netmask) == ip_network(network)


def test_the_networks_of_this_machine() -> None:
    assert ip_network("127.0.0.0/8") in own_networks()
