"""Number formats of the report: one function per kind, three decimals for metrics."""

_UNITS = ("B", "kB", "MB", "GB", "TB")


def fixed(value: float) -> str:
    """Format the value of a metric.

    Example:
        >>> fixed(0.70392)
        '0.704'
    """
    return f"{value:.3f}"


def signed(value: float) -> str:
    """Format a difference with its sign; 0 has none.

    Example:
        >>> signed(0.0214), signed(-0.5), signed(0)
        ('+0.021', '−0.500', '0.000')
    """
    return fixed(0) if value == 0 else f"{value:+.3f}".replace("-", "−")


def interval(low: float, high: float, *, sign: bool = False) -> str:
    """Format an interval of values or (with `sign`) of differences.

    Example:
        >>> interval(0.651, 0.748)
        '[0.651, 0.748]'
    """
    write = signed if sign else fixed
    return f"[{write(low)}, {write(high)}]"


def share(part: int, whole: int) -> str:
    """Format a percentage together with its counts.

    Example:
        >>> share(162, 200), share(0, 0)
        ('81.0 % (162/200)', '– (0/0)')
    """
    percent = f"{100 * part / whole:.1f} %" if whole else "–"
    return f"{percent} ({count(part)}/{count(whole)})"


def p_value(p: float) -> str:
    """Format a p-value.

    Example:
        >>> p_value(0.0123), p_value(0.00002), p_value(1)
        ('0.012', '< 0.001', '1.000')
    """
    return "< 0.001" if p < 0.001 else fixed(p)


def equals(name: str, written: str) -> str:
    """Format a name and its value, as in "p = 0.012" and "p < 0.001".

    Example:
        >>> equals("p", "0.012"), equals("p", "< 0.001")
        ('p = 0.012', 'p < 0.001')
    """
    return f"{name} {written}" if written.startswith("<") else f"{name} = {written}"


def count(value: int) -> str:
    """Format a count with thousands separators.

    Example:
        >>> count(10570)
        '10,570'
    """
    return f"{value:,}"


def size(n: float) -> str:
    """Format a number of bytes.

    Example:
        >>> size(1_530_000), size(12)
        ('1.5 MB', '12 B')
    """
    step = 0
    while n >= 1000 and step < len(_UNITS) - 1:
        n, step = n / 1000, step + 1
    return f"{n:.1f} {_UNITS[step]}" if step else f"{int(n)} B"


def milliseconds(value: float) -> str:
    """Format a time in milliseconds with two or three digits.

    Example:
        >>> milliseconds(3.14159), milliseconds(1234.5)
        ('3.1', '1,234')
    """
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
