"""Pieces of inline SVG as strings: scales, axes, marks and text.

Useful for: the charts of a report. A piece has a class and no colour: `style` gives the colours,
for light and dark.
Not useful for: files shown on their own, which would lack the style.
"""

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import NamedTuple

FONT = 12.0
"""Size of text; a drawing is 360 wide, so that a unit is about a pixel on a phone."""


class LogScale(NamedTuple):
    """Places of positive values on a logarithmic axis; outer values go to its ends."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """Place of a value."""
        inside = min(max(value, self.low), self.high)
        share = math.log(inside / self.low) / math.log(self.high / self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self, most: int = 5) -> list[float]:
        """Powers of ten; with twice and five times these where there are few; at most `most`."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = self._inside(10.0**decade for decade in decades)
        if len(found) < 3:
            found = self._inside(step * 10.0**decade for decade in decades for step in (1, 2, 5))
        return found[:: math.ceil(len(found) / most)]

    def _inside(self, values: Iterable[float]) -> list[float]:
        return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]


class LinearScale(NamedTuple):
    """Places of values from zero up to `high`."""

    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        """Place of a value; beyond the end for one above `high`."""
        return self.begin + value / self.high * (self.end - self.begin)

    def ticks(self, most: int = 5) -> list[float]:
        """Multiples of a round step, from zero."""
        rough = self.high / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999)
        return [step * number for number in range(int(self.high / step * 1.001) + 1)]


Scale = LogScale | LinearScale


def log_scale(values: Iterable[float], begin: float, end: float) -> LogScale:
    """A scale around values, its ends rounded outward to 1, 2 or 5 times a power of ten.

    Values that are not positive do not count; without any it is 1 to 10.
    """
    positive = [value for value in values if value > 0] or [1.0, 10.0]
    low, high = _round_down(min(positive)), _round_up(max(positive))
    return LogScale(low, high if high > low * 1.5 else low * 10, begin, end)


def linear_scale(values: Iterable[float], begin: float, end: float) -> LinearScale:
    """A scale from zero to the largest of values."""
    return LinearScale(max([*values, 0.0]) or 1.0, begin, end)


def drawing(width: float, height: float, title: str, desc: str, pieces: Iterable[str]) -> str:
    """An `svg` element that grows and shrinks with the page; `desc` says it to who cannot see."""
    body = "\n".join(piece for piece in pieces if piece)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">\n'
        f"<title>{escape(title)}</title><desc>{escape(desc)}</desc>\n{body}\n</svg>"
    )


def text(x: float, y: float, words: str, kind: str = "", *, anchor: str = "start") -> str:
    """Words with their baseline at y; `anchor` is start, middle or end."""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{place}{_class(kind)}>{escape(words)}</text>'


def fitted(x: float, y: float, words: str, kind: str = "", *, width: float) -> str:
    """Words from x on, cut to a width with all of them on pointing."""
    shown = shortened(words, width)
    if shown == words:
        return text(x, y, words, kind)
    return f"<g><title>{escape(words)}</title>{text(x, y, shown, kind)}</g>"


def shortened(words: str, width: float) -> str:
    """Words that fit into a width, by a guess of the letters' widths; cut ones end in `…`."""
    if text_width(words) <= width:
        return words
    kept = words
    while kept and text_width(kept + "…") > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrapped(words: str, width: float) -> tuple[str, str]:
    """Words that fit into a width, and the rest; all in the first where no space is in reach."""
    kept = words.split(" ")
    while len(kept) > 1 and text_width(" ".join(kept)) > width:
        kept.pop()
    first = " ".join(kept)
    return first, words[len(first) + 1 :]


def text_width(words: str) -> float:
    """About how wide words are."""
    wide = sum(1 for letter in words if unicodedata.east_asian_width(letter) in "WF")
    return FONT * (0.56 * (len(words) - wide) + wide)


def line(begin: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    """A straight line."""
    (x1, y1), (x2, y2) = begin, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"{_class(kind)}/>'


def path(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through points."""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{steps}"{_class(kind)}/>'


def area(points: Sequence[tuple[float, float]], kind: str) -> str:
    """The area within points."""
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{steps}"{_class(kind)}/>'


def dot(x: float, y: float, kind: str, *, shape: str = "circle", size: float = 4.5) -> str:
    """A mark around a place: a circle, a diamond or a square, so that colour is not all."""
    if shape == "diamond":
        far = size * 1.2
        return area([(x, y - far), (x + far, y), (x, y + far), (x - far, y)], kind)
    if shape == "square":
        side = size * 0.9
        return bar(x - side, y - side, (side * 2, side * 2), kind)
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:g}"{_class(kind)}/>'


def bar(x: float, y: float, size: tuple[float, float], kind: str) -> str:
    """A rectangle from its upper left corner; its size is width and height."""
    width, height = max(size[0], 0.0), max(size[1], 0.0)
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{_class(kind)}/>'
    )


def pointed(words: str, *pieces: str) -> str:
    """Pieces that say words when one points at them."""
    return f"<g><title>{escape(words)}</title>{''.join(pieces)}</g>"


def axis_below(
    scale: Scale, top: float, bottom: float, name: Callable[[float], str], *, most: int = 5
) -> list[str]:
    """Grid lines from top to bottom with the ticks' names below, where there is room."""
    pieces, taken = [], -math.inf
    for tick in scale.ticks(most):
        x, half = scale(tick), text_width(name(tick)) / 2
        pieces.append(line((x, top), (x, bottom), "rule"))
        if x - half > taken:
            pieces.append(text(x, bottom + 14, name(tick), "tick", anchor="middle"))
            taken = x + half + 4
    return pieces


def axis_left(
    scale: Scale, left: float, right: float, name: Callable[[float], str], *, most: int = 4
) -> list[str]:
    """Grid lines from left to right with the ticks' names before them."""
    pieces = []
    for tick in scale.ticks(most):
        y = scale(tick)
        pieces.append(line((left, y), (right, y), "rule"))
        pieces.append(text(left - 6, y + 4, name(tick), "tick", anchor="end"))
    return pieces


def stacked_bar(parts: Sequence[float], scale: Scale, y: float, height: float) -> list[str]:
    """One bar of parts side by side, from zero on; classes `part0`, `part1` and so on."""
    pieces, before = [], 0.0
    for number, part in enumerate(parts):
        begin, end = scale(before), scale(before + part)
        pieces.append(bar(begin, y, (end - begin, height), f"part{number % PARTS} part"))
        before += part
    return pieces


PARTS = 8
"""Colours of a stacked bar."""


def steps_of(
    counts: Sequence[float], edges: Sequence[float], y: float
) -> list[tuple[float, float]]:
    """Outline of a histogram that stands on y: `counts` are heights, `edges` one more places."""
    points = [(edges[0], y)]
    for number, height in enumerate(counts):
        points += [(edges[number], y - height), (edges[number + 1], y - height)]
    return [*points, (edges[-1], y)]


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (0.5, 1, 2, 5) if step * power <= value * 1.0001)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min(step * power for step in (1, 2, 5, 10) if step * power >= value * 0.9999)
