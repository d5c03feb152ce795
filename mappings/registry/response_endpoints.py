"""Remission of the leukaemia and donor chimerism at the scheduled dates, as counts of patients.

Response: CR, CRh, CRi (complete) or PR (partial) by ELN 2022 at the assessment nearest the date; MLFS is told apart and
is none. Of all grafted (the dead and those not assessed have none) and of those assessed.
Chimerism: more than 95 % donor is full, 5 to 95 % mixed, less than 5 % absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from mappings.facts import Chimerism, Word
from mappings.registry.day_axis import Notes, Placed
from mappings.registry.followed import REMISSION, Followed, assessments
from mappings.registry.judged import AnyRow, Found
from mappings.registry.scheduled import ASSESSED, GRAFTED, found, nearest, share, unscheduled

FULL_ABOVE, ABSENT_BELOW = Decimal(95), Decimal(5)
RESPONDED = REMISSION | {"PR"}
"""Complete or partial remission."""

DONOR = ("full", "mixed", "absent")
SORTED = ("t-cell", "myeloid")
"""Cell fractions that are counted apart; any other sample is of all cells."""


def responses(followed: Followed, horizons: Sequence[int | None]) -> Found:
    """Category at each date."""
    notes = Notes()
    seen = [
        (place, category)
        for one, category in assessments(followed.facts)
        if (place := followed.axis.place_after(one.fact.date, "response", one.source, notes))
    ]
    hits = {day: nearest(seen, day or 0) for day in horizons}
    return found(followed, {day: hit[1] if hit else None for day, hit in hits.items()}, hits.values(), notes)


def response_rows(endpoint: str, horizon: int | None, seen: Counter[str | None]) -> Iterator[AnyRow]:
    """Of all grafted, then of the assessed."""
    known = Counter({category: count for category, count in seen.items() if category is not None})
    complete = sum(known[category] for category in REMISSION)
    more = {"complete": complete, "partial": known["PR"], "mlfs": known["MLFS"], "assessed": known.total()}
    for among, of in ((GRAFTED, seen.total()), (ASSESSED, known.total())):
        if unscheduled(horizon):
            yield share(endpoint, horizon, None, None, among, "CR or PR")
        else:
            yield share(endpoint, horizon, complete + known["PR"], of, among, "CR or PR", more)


def chimerism(followed: Followed, horizons: Sequence[int | None]) -> Found:
    """Class of donor chimerism at each date, for all cells and each fraction counted apart."""
    notes = Notes()
    seen: dict[str, list[tuple[Placed, str]]] = {}
    for one in followed.facts.chimerism:
        place = followed.axis.place_after(one.fact.date, "chimerism", one.source, notes)
        if place and isinstance(one.fact.donor_percent, Decimal):
            seen.setdefault(_fraction(one.fact), []).append((place, donor_class(one.fact.donor_percent)))
    near = {day: {cells: nearest(of, day or 0) for cells, of in seen.items()} for day in horizons}
    values = {day: tuple(sorted((cells, hit[1]) for cells, hit in of.items() if hit)) for day, of in near.items()}
    return found(followed, values, (hit for of in near.values() for hit in of.values()), notes)


def chimerism_rows(endpoint: str, horizon: int | None, seen: Counter[tuple[tuple[str, str], ...]]) -> Iterator[AnyRow]:
    """Full, mixed and absent of those assessed; cell fractions only where somebody had them."""
    classes: Counter[tuple[str, str]] = Counter()
    for told, count in seen.items():
        for pair in told:
            classes[pair] += count
    for cells in ("", *(cells for cells in SORTED if any(pair[0] == cells for pair in classes))):
        of = None if unscheduled(horizon) else sum(classes[cells, donor] for donor in DONOR)
        for donor in DONOR:
            more = {"lineage": cells} if cells else {}
            yield share(endpoint, horizon, classes[cells, donor], of, ASSESSED, donor, more)


def donor_class(percent: Decimal) -> str:
    """More than 95 % full, less than 5 % absent, else mixed (EBMT Handbook, chapter 21)."""
    return "full" if percent > FULL_ABOVE else "absent" if percent < ABSENT_BELOW else "mixed"


def _fraction(said: Chimerism) -> str:
    return said.lineage.key if isinstance(said.lineage, Word) and said.lineage.key in SORTED else ""
