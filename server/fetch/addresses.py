"""Which addresses may be fetched: public ones, and those that the operator named.

A host's text proves nothing ("2130706433", "0x7f.1" and full-width digits all mean 127.0.0.1), so
what is judged is always what the resolver answered, and one bad answer among several refuses all.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = frozenset({80, 443, 8080, 8443})
GLOBAL_UNICAST = IPv6Network("2000::/3")  # the only part of IPv6 that is given out to hosts

_NAME = re.compile(r"[A-Za-z0-9._-]+")

# Special-purpose ranges (IANA's registries) in full, because `is_global` lets some of them through:
# those that carry an IPv4 address inside (NAT64, 6to4, Teredo, IPv4-compatible) reach whatever that
# address reaches; multicast is not a host; 168.63.129.16 is a cloud's host agent.
NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "100:0:0:1::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)


def parse_address(text: str) -> Address:
    """An address as the resolver gives it; an IPv4-mapped IPv6 address is the IPv4 address."""
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_public(address: Address) -> bool:
    """Whether `address` is a host on the public internet."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not _in_any(address, NOT_PUBLIC)


@dataclass(frozen=True, slots=True)
class AllowList:
    """What the operator opened besides the public internet.

    A named host or address counts for its one port; a network counts for the usual web ports, so
    that opening a company's network does not open its databases.
    """

    names: frozenset[tuple[str, int]] = frozenset()
    addresses: frozenset[tuple[Address, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Sequence[str]) -> AllowList:
        """Read `host:port`, `ip:port`, `[ipv6]:port` or `network/bits`; raises ValueError."""
        names: set[tuple[str, int]] = set()
        addresses: set[tuple[Address, int]] = set()
        networks: list[Network] = []
        for entry in entries:
            host, colon, port = entry.rpartition(":")
            if "/" in entry:
                networks.append(_network(entry))
            elif colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
                literal = _literal(host)
                if literal is not None:
                    addresses.add((literal, int(port)))
                elif _NAME.fullmatch(host):
                    names.add((normal_host(host), int(port)))
                else:
                    raise ValueError(_usage(entry))
            else:
                raise ValueError(_usage(entry))
        return cls(frozenset(names), frozenset(addresses), tuple(networks))

    def admits(self, host: str, port: int, address: Address) -> bool:
        if (normal_host(host), port) in self.names or (address, port) in self.addresses:
            return True
        return port in PORTS and _in_any(address, self.networks)


def why_refused(
    host: str,
    port: int,
    addresses: Sequence[Address],
    allowed: AllowList,
    near: Sequence[Network] = (),
) -> str | None:
    """Why a connection to `host` is refused, given all that it resolved to; None where it is not.

    `near`: the networks that this machine is on, which count as not public. The sentence names what
    was asked for, never what it resolved to: the answer of the operator's resolver is nobody else's
    business.
    """
    if not addresses:
        return f"{host} has no address"
    closed = [address for address in addresses if not allowed.admits(host, port, address)]
    if any(not is_public(address) or _in_any(address, near) for address in closed):
        return f"{host} is not on the public internet"
    if closed and port not in PORTS:
        return f"port {port} of {host} is not a web port"
    return None


def normal_host(host: str) -> str:
    """The form in which host names are compared: lower case, no final dot, no brackets."""
    return host.lower().rstrip(".").removeprefix("[").removesuffix("]")


def _in_any(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == each.version and address in each for each in networks)


def _literal(host: str) -> Address | None:
    """The address that `host` spells; an IPv6 address stands in brackets beside its port."""
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        return None
    try:
        return parse_address(host[1:-1] if bracketed else host)
    except ValueError:
        return None


def _network(entry: str) -> Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise ValueError(_usage(entry)) from error


def _usage(entry: str) -> str:
    return (
        f"{entry!r} names no host that may be fetched; write host:port, address:port or a network, "
        "for example media.example:8080, 127.0.0.1:9000 or 10.0.0.0/8"
    )


def own_networks() -> tuple[Network, ...]:
    """The networks that this machine is on: itself and its neighbours, whatever their addresses.

    An address of its own leads behind its own firewall, and at home every machine beside it has a
    public IPv6 address. What a router or a cloud translates to this machine cannot be seen here.
    """
    import psutil  # loaded here, as reading settings does not need it

    found = [
        _on_link(entry.address, entry.netmask)
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    ]
    return tuple(dict.fromkeys(found))


def _on_link(address: str, netmask: str | None) -> Network:
    """Of an interface; the address alone where there is no mask, or one that covers too much."""
    address = address.partition("%")[0]  # an IPv6 address that counts on one link
    alone = ip_interface(address).network
    if not netmask:
        return alone
    bits = _bits(netmask)
    wide = 32 if isinstance(alone, IPv6Network) else 8
    return alone if bits < wide else ip_interface(f"{address}/{bits}").network


def _bits(netmask: str) -> int:
    """How long the prefix is that a mask like ffff:: or 255.255.255.0 leaves."""
    family = socket.AF_INET6 if ":" in netmask else socket.AF_INET
    return int.from_bytes(socket.inet_pton(family, netmask)).bit_count()
