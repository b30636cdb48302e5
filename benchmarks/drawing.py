"""Plots as SVG files that are read in light and in dark: bars and curves, on logarithmic axes.

Ours has a colour of its own and is thicker. Every curve has its name at its end and marks of its own
shape, so nobody depends on colours.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

WIDTH = 860
OTHERS = 7
LIGHT = {
    "back": "#fff", "ink": "#1f2328", "soft": "#59636e", "line": "#d8dee4", "k0": "#0550ae",
    "k1": "#bc4c00", "k2": "#7d3fc4", "k3": "#1a7f37", "k4": "#9a6700", "k5": "#b3263a", "k6": "#57606a",
}  # fmt: skip
DARK = {
    "back": "#0d1117", "ink": "#e6edf3", "soft": "#9198a1", "line": "#30363d", "k0": "#58a6ff",
    "k1": "#f0883e", "k2": "#bc8cff", "k3": "#3fb950", "k4": "#d29922", "k5": "#ff7b72", "k6": "#b1bac4",
}  # fmt: skip
STYLE = """
text { font: 13px system-ui, sans-serif; fill: var(--ink) }
.title { font-weight: 600; font-size: 15px } .faint { fill: var(--soft) } .ours { font-weight: 600 }
.grid { stroke: var(--line); stroke-width: 1 } .back { fill: var(--back) }
"""


def style() -> str:
    """Its own sheet; the reader's scheme chooses the colours."""
    light, dark = (
        "".join(f"--{name}: {colour}; " for name, colour in scheme.items()) for scheme in (LIGHT, DARK)
    )
    kinds = "".join(
        f".k{n} {{ fill: var(--k{n}) }} .c{n} {{ fill: none; stroke: var(--k{n}); stroke-width: "
        f"{1.6 if n else 3} }}\n"
        for n in range(OTHERS)
    )
    return f"svg {{ {light}}}\n@media (prefers-color-scheme: dark) {{ svg {{ {dark}}} }}{STYLE}{kinds}"


MARKS = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "M-4-4h8v8h-8z",
    "M0-5 5 4h-10z",
    "M0-5 5 0 0 5-5 0z",
    "M0 5 5-4h-10z",
    "M-5-1h10v2h-10z",
    "M-1-5h2v10h-2z",
)


class Curve(NamedTuple):
    """points: x and y, both above 0. ours: whether it is drawn as ours."""

    name: str
    points: list[tuple[float, float]]
    ours: bool = False


class Bar(NamedTuple):
    """A bar with its value, or a heading where there is none."""

    name: str
    value: float | None = None
    ours: bool = False


def bars(title: str, unit: str, rows: list[Bar]) -> str:
    """Horizontal bars under their headings."""
    values = [row.value for row in rows if row.value is not None]
    left, right, top = 210, 80, 72
    low, high = decades(values)
    place = Scale(low, high, left, WIDTH - right)
    height = top + 21 * len(rows) + 20
    drawn = [*across(low, high, place, top, height - 12, unit)]
    for number, row in enumerate(rows):
        y = top + 12 + 21 * number
        if row.value is None:
            drawn.append(words(14, y + 5, row.name, "faint"))
            continue
        colour, kind = ("k0", "ours") if row.ours else ("k6", "")
        width = max(place(row.value) - left, 1)
        drawn += [
            words(left - 8, y + 5, row.name, kind, "end"),
            f'<rect class="{colour}" x="{left}" y="{y - 6}" width="{width:.1f}" height="13"/>',
            words(left + width + 6, y + 5, short(row.value), kind),
        ]
    return picture(title, height, drawn)


def lines(title: str, x_name: str, unit: str, curves: list[Curve], *, even: bool = False) -> str:
    """Curves. even: the steps along x are drawn alike, and named in per cent."""
    left, right, top, height = 84, 262, 66, 420
    bottom = height - 52
    xs = sorted({x for curve in curves for x, _ in curve.points})
    low, high = decades([y for curve in curves for _, y in curve.points])
    along = Scale(xs[0], xs[-1], left + 16, WIDTH - right - 12, even)
    up = Scale(low, high, bottom, top)
    drawn = []
    for power in steps(low, high):
        y = up(power)
        drawn.append(f'<path class="grid" d="M{left} {y:.1f}H{WIDTH - right}"/>')
        drawn.append(words(left - 8, y + 4, short(power), "faint", "end"))
    for x in xs:
        told = f"{x:.0%}" if even else f"{x:,.0f}" if x < 1e6 else f"{x / 1e6:g}M"
        drawn.append(words(along(x), bottom + 22, told, "faint", "middle"))
    drawn.append(words((left + WIDTH - right) / 2, height - 10, x_name, "faint", "middle"))
    drawn.append(words(14, 46, unit, "faint"))
    kinds = numbered(curves)
    names = []
    for kind, curve in zip(kinds, curves, strict=True):
        spots = [(along(x), up(y)) for x, y in curve.points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        drawn.append(f'<path class="c{kind}" d="{path}"/>')
        drawn += [mark(kind, x, y) for x, y in spots]
        names.append((spots[-1][1], kind, curve))
    for y, (_, kind, curve) in zip(apart([y for y, _, _ in sorted(names)]), sorted(names), strict=True):
        drawn.append(mark(kind, WIDTH - right + 14, y))
        drawn.append(words(WIDTH - right + 26, y + 4, curve.name, "ours" if curve.ours else ""))
    return picture(title, height, drawn)


def numbered(curves: list[Curve]) -> list[int]:
    """Ours is 0, and the others follow."""
    others = iter(range(1, OTHERS))
    return [0 if curve.ours else next(others) for curve in curves]


def mark(kind: int, x: float, y: float) -> str:
    return f'<path class="k{kind}" transform="translate({x:.1f} {y:.1f})" d="{MARKS[kind]}"/>'


def words(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def apart(wanted: list[float], room: float = 18) -> list[float]:
    """The same places in order, pushed down until no two are nearer than so much."""
    found: list[float] = []
    for y in wanted:
        found.append(y if not found else max(y, found[-1] + room))
    return found


def decades(values: Iterable[float]) -> tuple[float, float]:
    """Powers of ten around them."""
    there = [value for value in values if value > 0]
    low, high = 10.0 ** math.floor(math.log10(min(there))), 10.0 ** math.ceil(math.log10(max(there)))
    return low, high if high > low else low * 10


def steps(low: float, high: float) -> list[float]:
    return [10.0**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]


class Scale(NamedTuple):
    """From a value to a place."""

    low: float
    high: float
    start: float
    end: float
    even: bool = False

    def __call__(self, value: float) -> float:
        if self.even:
            share = (value - self.low) / (self.high - self.low)
        else:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)


def across(low: float, high: float, place: Scale, top: float, bottom: float, unit: str) -> list[str]:
    drawn = [words(14, 46, unit, "faint")]
    for power in steps(low, high):
        x = place(power)
        drawn.append(f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>')
        drawn.append(words(x, top - 6, short(power), "faint", "middle"))
    return drawn


def short(value: float) -> str:
    """Three digits of it: ``0.42``, ``46``, ``1,970``."""
    if value >= 100:
        digits = 10 ** (len(str(int(value))) - 3)
        return f"{round(value / digits) * digits:,.0f}"
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.2g}"


def picture(title: str, height: float, drawn: list[str]) -> str:
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img"><title>{escape(title)}</title><style>{style()}</style>\n'
        f'<rect class="back" width="{WIDTH}" height="{height}" rx="8"/>\n'
        f"{words(14, 24, title, 'title')}\n{body}\n</svg>\n"
    )
