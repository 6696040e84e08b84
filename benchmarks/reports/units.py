"""Numbers for people: three digits, in the unit that keeps them short."""

import math


def time_text(us: float) -> str:
    """Microseconds as ns, µs, ms or s.

    >>> [time_text(us) for us in (0.34, 47.26, 999.7, 13_666.58, 2e6)]
    ['340 ns', '47.3 µs', '1.00 ms', '13.7 ms', '2.00 s']
    """
    for unit, scale in (("ns", 1e-3), ("µs", 1.0), ("ms", 1e3)):
        if us < 999.5 * scale:
            return f"{'0' if us == 0 else _three(us / scale)} {unit}"
    return f"{_three(us / 1e6)} s"


def bytes_text(count: float) -> str:
    """Bytes as B, kB, MB or GB, in steps of a thousand.

    >>> [bytes_text(count) for count in (168.1, 21_637, 9_068_750_005)]
    ['168 B', '21.6 kB', '9.07 GB']
    """
    for unit, scale in (("B", 1.0), ("kB", 1e3), ("MB", 1e6)):
        if count < 999.5 * scale:
            text = f"{count:.0f}" if unit == "B" and count >= 100 else _three(count / scale)
            return f"{text} {unit}"
    return f"{_three(count / 1e9)} GB"


def count_text(count: float) -> str:
    """A number with its thousands set apart; decimals only below ten."""
    return f"{count:,.0f}" if count >= 9.95 or count == int(count) else f"{count:.1f}"


def times_text(ratio: float) -> str:
    """A ratio: two digits at least.

    >>> [times_text(ratio) for ratio in (0.42, 1.04, 54.6, 603.1)]
    ['0.42×', '1.0×', '55×', '603×']
    """
    if ratio < 0.995:
        return f"{ratio:.2f}×"
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:,.0f}×"


def share_text(share: float) -> str:
    """A share in per cent, rounded down, so that only a whole is 100 %.

    >>> [share_text(share) for share in (1.0, 0.9999, 0.7947)]
    ['100 %', '99.9 %', '79.4 %']
    """
    return f"{share:.0%}".replace("%", " %") if share >= 1 else f"{_floor(share):.1f} %"


def near_share(share: float) -> str:
    """A noise or a change in per cent, rounded to two digits."""
    per_cent = share * 100
    return f"{per_cent:.1f} %" if abs(per_cent) < 9.95 else f"{per_cent:.0f} %"


def _floor(share: float) -> float:
    # A share such as 0.57 is stored a little below; the addition keeps it 57.0.
    return math.floor(share * 1000 + 1e-9) / 10


def _three(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"
