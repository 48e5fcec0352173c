"""Host names and addresses."""

import ipaddress
from typing import Final

EVERY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound to


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback address of this machine.

    Example:
        >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
