"""Numbers -> text: rates, differences, intervals, p values, sizes."""


def rate(value: float) -> str:
    """Percent, one decimal; a dash where there is none."""
    return "–" if value != value else f"{value:.1f}"


def points(value: float) -> str:
    """A difference of percentages, signed."""
    return f"{value:+.1f}".replace("-", "−") if round(value, 1) else "0.0"


def span(value: float, low: float, high: float, space: str = " ") -> str:
    """A rate and its 95 % interval, separated by `space`."""
    return f"{value:.1f}{space}[{low:.1f},{space}{high:.1f}]"


def span_of_points(value: float, low: float, high: float) -> str:
    """A difference of percentages and its 95 % interval, signed."""
    return f"{points(value)} [{points(low)}, {points(high)}]"


def bare_p(p: float) -> str:
    """A p value for a table: "0.042", "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_value(p: float) -> str:
    """A p value for a sentence, with its sign: "= 0.042", "< 0.001"."""
    return bare_p(p) if p < 0.001 else f"= {p:.3f}"


def size(parameters: float) -> str:
    """A parameter count: 0.69M, 12k, 80."""
    if parameters >= 1e5:
        return f"{parameters / 1e6:.2f}M"
    return f"{parameters / 1e3:.0f}k" if parameters >= 1e3 else str(int(parameters))
