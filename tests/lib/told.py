"""Sections of follow-ups as centres might send them, drawn by Hypothesis; any value may be said to be missing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from mappings.intake import grading, words
from mappings.terminology.units import convertible

Strategy = st.SearchStrategy[Any]

TEXTS = st.sampled_from(
    (
        *("as told", "très tôt \u2013 ≥ 3 %", "a line\nand\ta tab\r\nmore", " blanks around ", "no\u00a0break"),
        *("<script>alert(1)</script>", "</div>&amp; \"quoted\" 'twice'", "{{x}} ${y} %s", "null", "0", "-"),
        *("\u0623\u0628 \U0001fa78 e\u0301 \u200b \ufeff", "long " * 200),
    )
)
"""What people type: markup, marks of several scripts, line ends, up to the longest that is taken."""
MISSING = st.fixed_dictionaries({"not_done": st.sampled_from(words.REASONS_MISSING)}, optional={"note": TEXTS})
DAYS = st.dates(date(2026, 3, 1), date(2026, 8, 31)).map(str)
DATES = DAYS | DAYS.map(lambda day: day[:7]) | st.just("2026")
ITEM_NAMES = ("no {}", "{}", "2026/É-{}", "<a href='{}'>", "\U0001fa78 {} | # % ?")
SCALES = ("total", "index", "VAS", "own scale")
PERCENT = st.decimals(0, 100, places=2) | st.sampled_from(
    [0, 100, Decimal("0.000001"), Decimal("1E+1"), Decimal("99.90")]
)
VALUES = st.decimals(0, 900, places=2) | st.sampled_from(
    [0, Decimal("0.00"), Decimal("1E+2"), Decimal("1E-7"), Decimal("0.012345678901234567"), 123456789012]
)


def said(value: Strategy) -> Strategy:
    """Now and then said to be missing."""
    return st.one_of(value, value, value, MISSING)


def a_word(of: words.WordList) -> Strategy:
    return said(st.sampled_from(of.admitted))


def an_object(needed: dict[str, Strategy], **may_be: Strategy) -> Strategy:
    """Beside each word `other` stands its text."""
    return st.builds(_explained, st.fixed_dictionaries(needed, optional=may_be), TEXTS)


def _explained(made: dict[str, Any], text: str) -> dict[str, Any]:
    said_words = [word for value in made.values() for word in (value if isinstance(value, list) else [value])]
    return made | ({"text": text} if words.OTHER in said_words else {})


def several(item: Strategy) -> Strategy:
    """A list in which each item has an id of its own, or is alone."""
    numbered = st.builds(_numbered, st.lists(item, max_size=3), st.sampled_from(ITEM_NAMES))
    return numbered | st.lists(item, min_size=1, max_size=1)


def _numbered(items: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one | {"id": name.format(number)} for number, one in enumerate(items)]


def amount(unit: str) -> Strategy:
    """In any unit that can be converted to this one."""
    comparator = st.sampled_from(words.COMPARATORS)
    units = st.sampled_from(convertible(unit))
    return said(an_object({"value": VALUES, "unit": units}, comparator=comparator).filter(_is_amount))


def _is_amount(made: dict[str, Any]) -> bool:
    """Nothing is below 0."""
    return bool(made["value"]) or made.get("comparator") != "<"


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


def _staged(stages: dict[str, int]) -> dict[str, Any]:
    return {"grade": grading.acute_grade(stages), **stages} if stages else {}


def _climbed(onset: str, top: dict[str, int], parts: list[int]) -> list[dict[str, Any]]:
    """The steps of an episode that reached `top`, by halves, thirds and so on of its stages; the last one is it."""
    ladder = [{organ: stage // part for organ, stage in top.items()} for part in (*sorted(parts, reverse=True), 1)]
    steps = {grading.acute_grade(stages): stages for stages in ladder}
    start = date.fromisoformat(onset)
    days = (str(start + timedelta(days=number)) for number in range(len(steps)))
    return [{"date": on, "grade": grade, **stages} for on, (grade, stages) in zip(days, steps.items(), strict=False)]


SAID_OF_ACUTE = an_object(
    {},
    resolved=said(DATES),
    treatment=said(st.lists(a_word(words.GVHD_TREATMENT), max_size=2)),
    steroid_refractory=said(st.booleans()),
)
ACUTE = st.builds(
    lambda onset, said_of_it, stages: {"onset": onset} | said_of_it | _staged(stages),
    said(DATES),
    SAID_OF_ACUTE,
    STAGES,
) | st.builds(
    lambda onset, said_of_it, top, parts: (
        {"onset": onset} | said_of_it | _staged(top) | {"course": _climbed(onset, top, parts)}
    ),
    DAYS,
    SAID_OF_ACUTE,
    STAGES.filter(bool),
    st.lists(st.integers(2, 4), max_size=2),
)
COUNT = an_object({"date": said(DATES)}, neutrophils=amount("10*9/L"), platelets=amount("/uL"))
RECOVERY = an_object({"status": a_word(words.ENGRAFTMENT)}, date=said(DATES))


def measured(unit: str, low: int, high: int) -> Strategy:
    value = st.integers(low, high) | st.decimals(low, high, places=1)
    return said(st.fixed_dictionaries({"value": said(value), "unit": st.just(unit)}, optional={"date": said(DATES)}))


SECTIONS: dict[str, Strategy] = {
    "vital_status": st.one_of(
        an_object({"status": st.just("dead")}, date=said(st.just("2026-09-02")), cause=a_word(words.CAUSE)),
        an_object({"status": a_word(words.VITAL_STATUS).filter(lambda word: word != "dead"), "date": said(DATES)}),
    ),
    "measurements": st.fixed_dictionaries(
        {}, optional={"weight": measured("kg", 40, 120), "karnofsky": said(st.sampled_from([0, 10, 60, 100]))}
    ),
    "engraftment": an_object(
        {},
        neutrophils=said(RECOVERY),
        platelets=said(RECOVERY),
        counts=said(several(COUNT)),
        platelet_transfusions=said(st.lists(said(DATES), max_size=3)),
    ),
    "response": an_object(
        {},
        date=said(DATES),
        category=a_word(words.RESPONSE),
        marrow_blasts_percent=said(PERCENT),
        mrd=said(an_object({"result": a_word(words.MRD)}, method=a_word(words.MRD_METHOD))),
    ),
    "immune_reconstitution": an_object(
        {}, date=said(DATES), **{subset: amount("/uL") for subset in ("cd4", "cd8", "treg", "nk", "b")}
    ),
    "relapse": an_object({"date": said(DATES)}, kind=a_word(words.RELAPSE))
    | an_object({"kind": st.sampled_from(words.RELAPSE.admitted)}),
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
        {"instrument": a_word(words.INSTRUMENT)},
        date=said(DATES),
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
            {"action": said(st.sampled_from(words.ACTIONS)), "date": said(DATES)},
            day=said(st.sampled_from(["D-13", "D-12", "D-5", "D3", "D6"])),
            given=amount("mg"),
        )
    ),
    "dli": several(an_object({"number": said(st.integers(1, 4)), "date": said(DATES)}, cd3_per_kg=amount("10*6/kg"))),
    "dli_withheld": several(
        an_object({"number": said(st.integers(1, 4)), "date": said(DATES)}, reason=a_word(words.WITHHELD))
    ),
}
"""By the name of the section. Dates of one thing may contradict each other: the intake refuses those."""

FORMS = st.fixed_dictionaries({}, optional={name: said(section) for name, section in SECTIONS.items()})
"""Every section of one follow-up, any of them left out or said to be missing as a whole."""
