"""Plots as SVG: how something grows, both axes logarithmic, a line for each contestant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10
from pathlib import Path
from xml.sax.saxutils import escape

from attrs import frozen

from measuring.options import PLOTS

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 40, 44, 52
COLOURS = ("#1f5fa8", "#3a8f3a", "#c0562a", "#7a4a9e")
FONT = "font-family='sans-serif' font-size='12'"

Points = Sequence[tuple[float, float]]


@frozen
class _Axis:
    """A logarithmic axis between two powers of ten.

    Attributes:
        begin: where the lower end is drawn.
        length: how far the upper end is from there; negative: upwards.
    """

    low: int
    high: int
    begin: float
    length: float

    @classmethod
    def over(cls, values: Sequence[float], begin: float, length: float) -> _Axis:
        low, high = floor(log10(min(values))), ceil(log10(max(values)))
        return cls(low, max(high, low + 1), begin, length)

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        return self.begin + self.length * (log10(value) - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """The powers of ten."""
        return [10.0**exponent for exponent in range(self.low, self.high + 1)]


def write(name: str, title: str, across: str, up: str, series: Mapping[str, Points]) -> Path:
    """Write ``bench/plots/NAME.svg``; returns where it is.

    Args:
        name: of the file.
        title: what is shown.
        across: what is told along the x axis.
        up: the unit of the y axis.
        series: for each contestant its points, of which both values are above 0.
    """
    points = [point for each in series.values() for point in each]
    x = _Axis.over([point[0] for point in points], LEFT, WIDTH - LEFT - RIGHT)
    y = _Axis.over([point[1] for point in points], HEIGHT - BOTTOM, TOP + BOTTOM - HEIGHT)
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}'>",
        "<rect width='100%' height='100%' fill='white'/>",
        f"<text x='{LEFT}' y='20' {FONT} font-weight='bold'>{escape(title)}</text>",
        *_grid(x, y),
        f"<text x='{WIDTH - RIGHT}' y='{HEIGHT - 12}' {FONT} text-anchor='end'>{escape(across)}</text>",
        f"<text x='{LEFT - 8}' y='{TOP - 8}' {FONT} text-anchor='end'>{escape(up)}</text>",
    ]
    for number, (contestant, each) in enumerate(series.items()):
        lines += _line(contestant, sorted(each), x, y, number)
    PLOTS.mkdir(exist_ok=True)
    path = PLOTS / f"{name}.svg"
    path.write_text("\n".join([*lines, "</svg>", ""]), encoding="utf-8")
    return path


def _grid(x: _Axis, y: _Axis) -> Iterator[str]:
    bottom, top, right = HEIGHT - BOTTOM, TOP, WIDTH - RIGHT
    for value in x.ticks():
        at = x.at(value)
        yield f"<line x1='{at:.1f}' y1='{bottom}' x2='{at:.1f}' y2='{top}' stroke='#ddd'/>"
        yield f"<text x='{at:.1f}' y='{bottom + 18}' {FONT} text-anchor='middle'>{value:,g}</text>"
    for value in y.ticks():
        at = y.at(value)
        yield f"<line x1='{LEFT}' y1='{at:.1f}' x2='{right}' y2='{at:.1f}' stroke='#ddd'/>"
        yield f"<text x='{LEFT - 8}' y='{at + 4:.1f}' {FONT} text-anchor='end'>{value:,g}</text>"


def _line(contestant: str, points: Points, x: _Axis, y: _Axis, number: int) -> Iterator[str]:
    colour = COLOURS[number % len(COLOURS)]
    at = [(x.at(across), y.at(up)) for across, up in points]
    path = " ".join(f"{across:.1f},{up:.1f}" for across, up in at)
    yield f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>"
    for (across, up), (_, value) in zip(at, points, strict=True):
        yield f"<circle cx='{across:.1f}' cy='{up:.1f}' r='3' fill='{colour}'/>"
        yield f"<text x='{across + 6:.1f}' y='{up - 6:.1f}' {FONT} fill='{colour}'>{_figure(value)}</text>"
    place = LEFT + 10 + 150 * number
    yield f"<line x1='{place}' y1='{TOP - 12}' x2='{place + 20}' y2='{TOP - 12}' stroke='{colour}' stroke-width='2'/>"
    yield f"<text x='{place + 26}' y='{TOP - 8}' {FONT}>{escape(contestant)}</text>"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
