"""Names and addresses of machines."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell if a host name or address is this machine as seen by itself alone.

    Example:
        >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
