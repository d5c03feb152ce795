"""Shares of patients with exact intervals (Clopper-Pearson), and quartiles of what was measured (R's type 7)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from mappings.registry.estimators import CONFIDENCE

_TINY = 1e-300
_CLOSE = 1e-15


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `n` values; None where there are none."""

    n: int
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    least: float | None = None
    most: float | None = None


def clopper_pearson(count: int, of: int) -> tuple[float, float] | tuple[None, None]:
    """Exact two-sided interval of a proportion; none of nobody. At 0 and at 1 it is bounded there.

    The bounds are quantiles of beta distributions, to 1e-12. Source: Clopper and Pearson, Biometrika 1934;26:404.
    """
    if not of:
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low = beta_quantile(tail, count, of - count + 1) if count else 0.0
    high = 1 - beta_quantile(tail, of - count, count + 1) if count < of else 1.0
    return low, high


def beta_quantile(probability: float, a: int, b: int) -> float:
    """The x at which a beta(a, b) distribution reaches `probability`; a, b >= 1. Halves until nothing lies between."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if beta_share(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return high


def beta_share(x: float, a: int, b: int) -> float:
    """Regularised incomplete beta function for 0 < x < 1.

    By its continued fraction on the side where that converges fast. Source: NIST Digital Library of Mathematical
    Functions, 8.17.22 and 8.17.4.
    """
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(1 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) / a * _fraction(x, a, b)


def _fraction(x: float, a: int, b: int) -> float:
    """Value of the continued fraction, term by term (Lentz) until a term changes nothing."""
    numerator, denominator, value, term = 1.0, 0.0, 1.0, 0
    while True:
        factor = _factor(term, x, a, b)
        denominator = 1 / ((1 + factor * denominator) or _TINY)
        numerator = (1 + factor / numerator) or _TINY
        value *= numerator * denominator
        if term and abs(numerator * denominator - 1) < _CLOSE:
            return value - 1
        term += 1


def _factor(term: int, x: float, a: int, b: int) -> float:
    m = term // 2
    if term == 0:
        return 1.0
    if term % 2:
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))


def spread(values: Iterable[float]) -> Spread:
    """Median, quartiles and range. Quantiles by interpolation between the two nearest, as R's type 7.

    Source: Hyndman and Fan, Am Stat 1996;50:361, definition 7.
    """
    said = sorted(values)
    if not said:
        return Spread(0)
    median, q1, q3 = (_quantile(said, share) for share in (0.5, 0.25, 0.75))
    return Spread(len(said), median, q1, q3, said[0], said[-1])


def _quantile(said: list[float], share: float) -> float:
    place = (len(said) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(said) - 1)
    return said[below] + (place - below) * (said[above] - said[below])
