"""Addresses as text, and whose they are."""

import ipaddress

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> Address | None:
    """An IP address; None for anything else, and for one with a zone, which may be any text and means nothing elsewhere.

    Example:
        >>> parse_address("::ffff:192.0.2.7")
        IPv4Address('192.0.2.7')
    """
    if not text or "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both versions shows IPv4 addresses as a part of IPv6.
    return getattr(address, "ipv4_mapped", None) or address


def owner_of(address: str) -> str:
    """What stands for all addresses of one client: whoever has IPv6 has a network of 2^64 addresses at least.

    Example:
        >>> owner_of("192.0.2.7"), owner_of("2001:db8::7"), owner_of("2001:db8:0:0:8::"), owner_of("nobody")
        ('192.0.2.7', '2001:db8::/64', '2001:db8::/64', 'nobody')
    """
    parsed = parse_address(address.partition("%")[0])
    if parsed is None:
        return address
    return str(parsed) if parsed.version == 4 else str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
