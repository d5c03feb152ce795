"""Curves as SVG that prints in black and white: steps, the band of their interval, and who was at risk below.

Text and shapes carry everything that a colour could: a screen reader finds title and description, and the page has the
same figures as a table. Only presentation attributes are used, so that a page without inline styles can hold them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from mappings.registry.estimators import Curve

WIDTH, HEIGHT = 640, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 14, 76
_TICKS = (0, 90, 180, 365, 730, 1095, 1460, 1825, 2555, 3650)
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_CLOSE = 40
"""Labels nearer than this on the time axis would run into each other."""

Points = Sequence[tuple[int, float]]


def curve(name: str, title: str, of: Curve, until: int) -> str:
    """One curve up to day `until`. `name` makes the ids of its title and description unique on the page."""
    last = max(until, 1)
    steps = [step for step in of.steps if step.time <= last]
    end = min(last, of.steps[-1].time) if of.steps else 0
    points = [(0, of.start), *((step.time, step.estimate) for step in steps)]
    lows = [(0, of.start), *((step.time, step.estimate if step.low is None else step.low) for step in steps)]
    highs = [(0, of.start), *((step.time, step.estimate if step.high is None else step.high) for step in steps)]
    said = f"{of.n} patients. " + " ".join(_reading(of, day) for day in _ticks(last)[1:])
    return "\n".join(
        [
            _head(name, title, said),
            *_axes(last),
            f'<path d="{_band(lows, highs, end, last)}" fill="#000" fill-opacity="0.12" stroke="none"/>',
            f'<path d="{_steps(lows, end, last)}" {_LINE} stroke-width="0.8" stroke-dasharray="2 3"/>',
            f'<path d="{_steps(highs, end, last)}" {_LINE} stroke-width="0.8" stroke-dasharray="2 3"/>',
            f'<path d="{_steps(points, end, last)}" {_LINE} stroke-width="2"/>',
            *_at_risk(of, last),
            "</svg>",
        ]
    )


def stacked(name: str, title: str, parts: Sequence[tuple[str, Curve]], rest: str, until: int) -> str:
    """Incidences on top of each other, from below; what is left to 1 is `rest`. Each part has a hatching."""
    last = max(until, 1)
    times = sorted({step.time for _, each in parts for step in each.steps if step.time <= last})
    end = min(last, max((each.steps[-1].time for _, each in parts if each.steps), default=0))
    sums = [0.0] * (len(times) + 1)
    drawn, said = [], []
    for number, (label, each) in enumerate(parts):
        below = list(zip((0, *times), sums, strict=True))
        sums = [total + _value(each, day) for total, day in zip(sums, (0, *times), strict=True)]
        above = list(zip((0, *times), sums, strict=True))
        pattern = f"{name}-hatching-{number}"
        drawn += [
            _hatching(pattern, number),
            f'<path d="{_band(below, above, end, last)}" fill="url(#{pattern})" stroke="#000" stroke-width="0.8"/>',
            *_key(f"url(#{pattern})", label, number),
        ]
        said.append(f"{label}: {_value(each, end):.1%} on day {end}.")
    return "\n".join(
        [
            _head(name, title, " ".join([*said, f"{rest}: the rest to 100%."])),
            *_axes(last),
            *drawn,
            *_key("#fff", rest, len(parts)),
            "</svg>",
        ]
    )


_LINE = 'fill="none" stroke="#000"'
_TEXT = 'font-family="sans-serif" font-size="12" fill="#000"'


def _value(of: Curve, day: int) -> float:
    """The step function, carried on past its last step: what was drawn stays."""
    passed = [step for step in of.steps if step.time <= day]
    return passed[-1].estimate if passed else of.start


def _reading(of: Curve, day: int) -> str:
    found = of.at(day)
    told = "beyond the follow-up" if found.estimate is None else f"{found.estimate:.1%}"
    return f"Day {day}: {told}, {found.at_risk} at risk."


def _head(name: str, title: str, description: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        f' role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    )


def _x(day: float, last: int) -> float:
    return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * day / last, 1)


def _y(share: float) -> float:
    return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share), 1)


def _ticks(last: int) -> list[int]:
    """Days to label: those of the protocol, and no two too close to read."""
    found: list[int] = []
    for day in (day for day in _TICKS if day <= last):
        if not found or _x(day, last) - _x(found[-1], last) >= _CLOSE:
            found.append(day)
    return found


def _axes(last: int) -> Iterator[str]:
    right, floor = WIDTH - _RIGHT, _y(0)
    for share in _SHARES:
        y = _y(share)
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="#000" stroke-opacity="0.2"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end" {_TEXT}>{share:.0%}</text>'
    yield f'<line x1="{_LEFT}" y1="{floor}" x2="{right}" y2="{floor}" stroke="#000"/>'
    for day in _ticks(last):
        x = _x(day, last)
        yield f'<line x1="{x}" y1="{floor}" x2="{x}" y2="{floor + 5}" stroke="#000"/>'
        yield f'<text x="{x}" y="{floor + 18}" text-anchor="middle" {_TEXT}>{day}</text>'
    yield f'<text x="{right}" y="{floor + 34}" text-anchor="end" {_TEXT}>days</text>'


def _at_risk(of: Curve, last: int) -> Iterator[str]:
    y = HEIGHT - 14
    yield f'<text x="{_LEFT}" y="{y - 16}" {_TEXT}>at risk</text>'
    for day in _ticks(last):
        yield f'<text x="{_x(day, last)}" y="{y}" text-anchor="middle" {_TEXT}>{of.at(day).at_risk}</text>'


def _corners(points: Points, end: int, last: int) -> list[tuple[float, float]]:
    """A step function as corners, held to `end`."""
    found = [(_x(points[0][0], last), _y(points[0][1]))]
    for (_, before), (day, after) in pairwise(points):
        found += [(_x(day, last), _y(before)), (_x(day, last), _y(after))]
    return [*found, (_x(end, last), _y(points[-1][1]))]


def _path(corners: Sequence[tuple[float, float]]) -> str:
    return "M" + " L".join(f"{x} {y}" for x, y in corners)


def _steps(points: Points, end: int, last: int) -> str:
    return _path(_corners(points, end, last))


def _band(below: Points, above: Points, end: int, last: int) -> str:
    return _path([*_corners(below, end, last), *reversed(_corners(above, end, last))]) + " Z"


def _hatching(name: str, number: int) -> str:
    line = ("M0 6 L6 0", "M0 0 L6 6", "M0 3 L6 3")[number % 3]
    return (
        f'<defs><pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="#fff"/><path d="{line}" stroke="#000" stroke-width="1"/></pattern></defs>'
    )


def _key(fill: str, label: str, number: int) -> Iterator[str]:
    x, y = _LEFT + 190 * number, HEIGHT - 26
    yield f'<rect x="{x}" y="{y}" width="22" height="14" fill="{fill}" stroke="#000"/>'
    yield f'<text x="{x + 28}" y="{y + 12}" {_TEXT}>{escape(label)}</text>'
