"""Whatever a centre can say, as Hypothesis strategies of documents, and junk that nobody can mean."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from mappings.intake import grading, words

DAYS = st.dates(date(2026, 1, 1), date(2026, 6, 30)).map(str)
DATES = st.one_of(DAYS, DAYS.map(lambda day: day[:7]), st.just("2026"))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
PERCENT = st.decimals(0, 100, places=2)
MISSING = st.builds(lambda reason: {"not_done": reason}, st.sampled_from(words.REASONS_MISSING)) | st.builds(
    lambda reason, note: {"not_done": reason, "note": note}, st.sampled_from(words.REASONS_MISSING), TEXTS
)


def a_word(of):
    return st.sampled_from((*of.words, "unknown"))


def said(value):
    return value | MISSING


def amount(*units, least="0"):
    parts = {"value": st.decimals(least, 1000, places=3), "unit": st.sampled_from(units)}
    made = st.fixed_dictionaries(parts, optional={"comparator": st.sampled_from(words.COMPARATORS)})
    return said(made.filter(lambda amount: amount["value"] or amount.get("comparator") != "<"))


def an_object(needed, **may_be):
    return st.fixed_dictionaries(needed, optional=may_be)


def some(item, by):
    return st.lists(item, min_size=1, max_size=3, unique_by=lambda made: made[by])


def explained(made):
    """Beside each `other` of an object stands its text."""
    key, value = made
    return {key: value} | ({"text": "as told"} if value == "other" else {})


STAGES = st.fixed_dictionaries({}, optional={o: st.integers(0, top) for o, top in words.ACUTE_ORGANS.items()})
SCORES = st.fixed_dictionaries({}, optional={o: st.integers(0, 3) for o in words.CHRONIC_ORGANS})
ACUTE = st.builds(
    lambda onset, stages, more: {"onset": onset, "grade": grading.acute_grade(stages), **stages, **more},
    DATES,
    STAGES,
    an_object({}, resolved=MISSING, treatment=said(st.lists(a_word(words.GVHD_TREATMENT))), id=TEXTS),
)
CHRONIC = st.builds(
    lambda onset, scores: (
        {"onset": onset, "severity": grading.chronic_severity(scores)}
        | (
            {"organs": dict(sorted(scores.items(), key=lambda pair: words.CHRONIC_ORGANS.index(pair[0])))}
            if scores
            else {}
        )
    ),
    DATES,
    SCORES,
)
CELLS = ("/uL", "10*9/L", "10*6/L", "10*3/uL", "/mm3", "10*3/mm3", "{cells}/uL")
SECTIONS = {
    "vital_status": an_object({"status": st.just("alive")}, date=said(DATES)),
    "engraftment": an_object(
        {},
        neutrophils=said(an_object({"status": a_word(words.ENGRAFTMENT)}, date=said(DATES))),
        counts=some(an_object({"date": DATES}, neutrophils=amount(*CELLS), id=TEXTS), "date").filter(
            lambda counts: len({count.get("id") for count in counts}) == len(counts)
        ),
        platelet_transfusions=st.lists(DATES, min_size=1),
    ),
    "response": an_object(
        {"date": DATES, "category": a_word(words.RESPONSE)},
        marrow_blasts_percent=said(PERCENT),
        mrd=said(an_object({"result": a_word(words.MRD)}, method=a_word(words.MRD_METHOD))),
    ),
    "relapse": st.builds(
        lambda on, kind: {"date": on, **explained(("kind", kind))}, DATES, st.sampled_from(words.RELAPSE.admitted)
    ),
    "immune_reconstitution": an_object({"date": DATES}, cd4=amount(*CELLS), treg=amount(*CELLS)),
    "chimerism": some(an_object({"date": DATES, "donor_percent": said(PERCENT)}), "date"),
    "gvhd": an_object({}, assessed=said(DATES), acute=said(some(ACUTE, "onset")), chronic=said(some(CHRONIC, "onset"))),
    "infections": some(an_object({"onset": DATES, "kind": a_word(words.INFECTION_KIND)}, site=MISSING), "onset"),
    "quality_of_life": an_object(
        {"date": DATES, "instrument": a_word(words.INSTRUMENT)},
        scores=st.dictionaries(st.sampled_from(["total", "index", "VAS"]), PERCENT, min_size=1),
    ),
    "dli": some(
        an_object({"number": st.integers(1, 9), "date": DATES}, cd3_per_kg=amount("10*6/kg", least="0.001")), "number"
    ),
    "administrations": some(
        an_object({"action": st.sampled_from(words.ACTIONS), "date": DAYS}, given=amount("mg", "g", least="0.001")),
        "action",
    ),
}
FOLLOW_UPS = st.fixed_dictionaries(
    {"centre": TEXTS, "patient": TEXTS, "visit": st.sampled_from(words.VISITS), "date": st.just("2026-09-02")},
    optional={name: said(section) for name, section in SECTIONS.items()},
)
ENROLMENTS = st.fixed_dictionaries(
    {"centre": TEXTS, "patient": TEXTS, "protocol": st.just("set-haplo-pdli")},
    optional={
        "sex": st.sampled_from(words.SEXES),
        "birth_date": st.sampled_from(["1971", "1971-05", "1971-05-02"]),
        "disease": said(an_object({"diagnosis": a_word(words.DIAGNOSIS)}, blasts_percent=said(PERCENT))),
        "measurements": said(
            an_object(
                {},
                weight=said(
                    an_object({"value": st.decimals(20, 400, places=1), "unit": st.just("kg")}, date=DATES),
                ),
                karnofsky=said(st.integers(0, 10).map(lambda tens: tens * 10)),
            )
        ),
        "transplant": said(an_object({"planned": st.just(True)}, date=DAYS, donor=said(a_word(words.DONOR)))),
    },
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=20) | DATES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
