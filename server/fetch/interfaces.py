"""The networks that this machine is on: itself and its neighbours, whatever their addresses are.

An address of its own leads behind its own firewall, and at home every machine beside it has a
public IPv6 address. What a router or a cloud translates to this machine cannot be seen from here.
"""

from __future__ import annotations

import socket
from ipaddress import IPv6Network, ip_interface

import psutil

from server.fetch.addresses import Network


def networks() -> tuple[Network, ...]:
    """Each address of each interface, with what can be reached from it without a router."""
    found = [
        _network(entry.address, entry.netmask)
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    ]
    return tuple(dict.fromkeys(found))


def _network(address: str, netmask: str | None) -> Network:
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
