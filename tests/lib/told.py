"""Sections of follow-ups as centres might send them, drawn by Hypothesis; any value may be said to be missing."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from mappings.intake import grading, words

Strategy = st.SearchStrategy[Any]

MISSING = st.builds(lambda reason: {"not_done": reason, "note": "file lost"}, st.sampled_from(words.REASONS_MISSING))
DAYS = st.dates(date(2026, 3, 1), date(2026, 8, 31)).map(str)
DATES = DAYS | DAYS.map(lambda day: day[:7]) | st.just("2026")
IDS = st.text("abc", min_size=1, max_size=3)
SCALES = ("total", "index", "VAS", "own scale")
PERCENT = st.decimals(0, 100, places=2)


def said(value: Strategy) -> Strategy:
    """Now and then said to be missing."""
    return st.one_of(value, value, value, MISSING)


def a_word(of: words.WordList) -> Strategy:
    return said(st.sampled_from(of.admitted))


def an_object(needed: dict[str, Strategy], **may_be: Strategy) -> Strategy:
    """Beside each word `other` stands its text."""
    return st.fixed_dictionaries(needed, optional=may_be).map(_explained)


def _explained(made: dict[str, Any]) -> dict[str, Any]:
    said_words = [word for value in made.values() for word in (value if isinstance(value, list) else [value])]
    return made | ({"text": "as told"} if words.OTHER in said_words else {})


def several(item: Strategy) -> Strategy:
    """A list in which each item has an id of its own, or is alone."""
    numbered = st.lists(item, max_size=3).map(lambda items: [one | {"id": f"no {n}"} for n, one in enumerate(items)])
    return numbered | st.lists(item, min_size=1, max_size=1)


def amount(unit: str) -> Strategy:
    comparator = st.sampled_from(words.COMPARATORS)
    return said(an_object({"value": st.decimals(0, 900, places=2), "unit": st.just(unit)}, comparator=comparator))


SCORES = st.fixed_dictionaries({}, optional={organ: st.integers(0, 3) for organ in words.CHRONIC_ORGANS})
STAGES = st.fixed_dictionaries({}, optional={organ: st.integers(0, top) for organ, top in words.ACUTE_ORGANS.items()})


def _graded(scores: dict[str, int]) -> dict[str, Any]:
    return {"severity": grading.chronic_severity(scores), "organs": scores} if scores else {}


CHRONIC_STEP = st.builds(
    lambda on, scores: {"date": on, "severity": grading.chronic_severity(scores), "organs": scores}, said(DAYS), SCORES
)
CHRONIC = st.builds(
    lambda said_of_it, grade: said_of_it | grade,
    an_object(
        {"onset": said(DATES)},
        resolved=said(DATES),
        systemic_treatment=said(st.booleans()),
        treatment=said(st.lists(a_word(words.GVHD_TREATMENT), max_size=2)),
        after_dli=said(st.integers(1, 3)),
        course=said(st.lists(CHRONIC_STEP, min_size=1, max_size=2)),
    ),
    SCORES.map(_graded) | an_object({}, severity=MISSING, organs=MISSING),
)
ACUTE = st.builds(
    lambda said_of_it, stages: said_of_it | ({"grade": grading.acute_grade(stages), **stages} if stages else {}),
    an_object(
        {"onset": said(DATES)},
        resolved=said(DATES),
        treatment=said(st.lists(a_word(words.GVHD_TREATMENT), max_size=2)),
        steroid_refractory=said(st.booleans()),
    ),
    STAGES,
)
COUNT = an_object({"date": said(DATES)}, neutrophils=amount("10*9/L"), platelets=amount("/uL"))
RECOVERY = an_object({"status": a_word(words.ENGRAFTMENT)}, date=said(DATES))
WEIGHT = st.fixed_dictionaries(
    {"value": said(st.integers(40, 120)), "unit": st.just("kg")}, optional={"date": said(DATES)}
)
SECTIONS: dict[str, Strategy] = {
    "vital_status": st.one_of(
        an_object({"status": st.just("dead"), "date": said(st.just("2026-09-02"))}, cause=a_word(words.CAUSE)),
        an_object({"status": a_word(words.VITAL_STATUS).filter(lambda word: word != "dead"), "date": said(DATES)}),
    ),
    "measurements": st.fixed_dictionaries(
        {}, optional={"weight": said(WEIGHT), "karnofsky": said(st.sampled_from([0, 10, 60, 100]))}
    ),
    "engraftment": an_object(
        {},
        neutrophils=said(RECOVERY),
        platelets=said(RECOVERY),
        counts=said(several(COUNT)),
        platelet_transfusions=said(st.lists(said(DATES), max_size=3)),
    ),
    "response": an_object(
        {"date": said(DATES), "category": a_word(words.RESPONSE)},
        marrow_blasts_percent=said(PERCENT),
        mrd=said(an_object({"result": a_word(words.MRD)}, method=a_word(words.MRD_METHOD))),
    ),
    "immune_reconstitution": an_object(
        {"date": said(DATES)}, cd4=amount("/uL"), cd8=amount("10*9/L"), treg=amount("10*6/L"), nk=amount("/uL")
    ),
    "relapse": an_object({"date": said(DATES), "kind": a_word(words.RELAPSE)}),
    "chimerism": several(
        an_object(
            {"date": said(DATES), "donor_percent": said(PERCENT)},
            sample=a_word(words.SAMPLE),
            lineage=a_word(words.LINEAGE),
        )
    ),
    "gvhd": an_object({}, assessed=said(DATES), acute=said(several(ACUTE)), chronic=said(several(CHRONIC))),
    "infections": several(
        an_object(
            {"onset": said(DATES), "kind": a_word(words.INFECTION_KIND)},
            agent=a_word(words.INFECTION_AGENT),
            site=a_word(words.INFECTION_SITE),
            severity=a_word(words.INFECTION_SEVERITY),
            resolved=said(DATES),
        )
    ),
    "quality_of_life": an_object(
        {"date": said(DATES), "instrument": a_word(words.INSTRUMENT)},
        version=said(st.sampled_from(["4", "1.0"])),
        scores=said(st.dictionaries(st.sampled_from(SCALES), said(PERCENT), min_size=1)),
    ),
    "immunosuppression": an_object(
        {},
        assessed=said(DATES),
        drugs=said(
            several(an_object({"drug": a_word(words.IMMUNOSUPPRESSANT)}, started=said(DATES), stopped=said(DATES)))
        ),
    ),
    "administrations": several(
        an_object(
            {"action": said(st.sampled_from(words.ACTIONS)), "date": said(DAYS)},
            day=said(st.sampled_from(["D-13", "D-12", "D-5", "D3", "D6"])),
            given=amount("mg"),
        )
    ),
    "dli": several(an_object({"number": said(st.integers(1, 4)), "date": said(DATES)}, cd3_per_kg=amount("10*6/kg"))),
    "dli_withheld": several(
        an_object({"number": said(st.integers(1, 4)), "date": said(DATES), "reason": a_word(words.WITHHELD)})
    ),
}
"""By the name of the section. Dates of one thing may contradict each other: the intake refuses those."""

FORMS = st.fixed_dictionaries({}, optional={name: said(section) for name, section in SECTIONS.items()})
"""Every section of one follow-up, any of them left out or said to be missing as a whole."""
