"""Does a grade fit its organ stages? MAGIC for acute GVHD, NIH 2014 for chronic.

The grade is not the highest stage: skin 3 alone is grade II, lower gut 2 alone is grade III. An organ that was not
reported can have any stage, so only what no stage could explain is a contradiction.

Source: Harris 2016 (MAGIC; EBMT Handbook, table 43.4); Jagasia 2015, PMC4329079 (NIH 2014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product

from mappings.intake.words import ACUTE_GRADE, ACUTE_ORGANS, CHRONIC_ORGANS, CHRONIC_SEVERITY

GRADES = ACUTE_GRADE.words
SEVERITIES = CHRONIC_SEVERITY.words

_GRADE_BY_STAGE = {
    "skin": ("0", "I", "I", "II", "IV"),
    "liver": ("0", "II", "III", "III", "IV"),
    "upper_gi": ("0", "II"),
    "lower_gi": ("0", "II", "III", "III", "IV"),
}
"""MAGIC: the grade that each stage of an organ makes by itself; the patient's grade is the highest of these."""

_ORGANS_FOR_MODERATE = 3


def acute_grade(stages: Mapping[str, int]) -> str:
    """MAGIC grade of these stages (organ to stage); organs left out count as 0."""
    return worst([_GRADE_BY_STAGE[organ][stage] for organ, stage in stages.items()], GRADES)


def chronic_severity(scores: Mapping[str, int]) -> str:
    """NIH 2014 severity of these scores (organ to 0-3); organs left out count as 0."""
    lungs = scores.get("lungs", 0)
    others = [score for organ, score in scores.items() if organ != "lungs" and score]
    if lungs > 1 or 3 in others:
        return "severe"
    if lungs or 2 in others or len(others) >= _ORGANS_FOR_MODERATE:
        return "moderate"
    return "mild" if others else "none"


def possible_grades(stages: Mapping[str, int]) -> frozenset[str]:
    """Every grade that the known stages admit, whatever the stages of the other organs are."""
    return _possible_grades(frozenset(stages.items()))


def possible_severities(scores: Mapping[str, int]) -> frozenset[str]:
    """Every severity that the known scores admit, whatever the scores of the other organs are."""
    return _possible_severities(frozenset(scores.items()))


@lru_cache(maxsize=4096)
def _possible_grades(known_stages: frozenset[tuple[str, int]]) -> frozenset[str]:
    stages = dict(known_stages)
    open_organs = [_GRADE_BY_STAGE[organ] for organ in ACUTE_ORGANS if organ not in stages]
    known = acute_grade(stages)
    return frozenset(worst([known, *more], GRADES) for more in product(*open_organs))


@lru_cache(maxsize=4096)
def _possible_severities(known_scores: frozenset[tuple[str, int]]) -> frozenset[str]:
    scores = dict(known_scores)
    open_organs = [organ for organ in CHRONIC_ORGANS if organ not in scores]
    counted = [organ for organ in open_organs if organ != "lungs"][:_ORGANS_FOR_MODERATE]
    free = counted + [organ for organ in open_organs if organ == "lungs"]
    return frozenset(
        chronic_severity({**scores, **dict(zip(free, more, strict=True))})
        for more in product(range(4), repeat=len(free))
    )


def worst(words: Sequence[str], order: Sequence[str]) -> str:
    """The highest of these words in the order of their list; the lowest of the list where there is none."""
    return max(words, key=order.index, default=order[0])
