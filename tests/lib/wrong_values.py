"""Values that are none: codes, units, dates, numbers and texts that R4 or our profiles do not know.

An operator offers every change of its kind that a resource has a place for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from mappings.canonicals import DEFAULT_BASE
from tests.lib.sites import Change, Node, Operator, Site, at, codings, cut, more, named, objects, put, walk

_HL7 = "http://terminology.hl7.org/"
_OURS = "/CodeSystem/engraft"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def status_unknown_to_r4(r: Node) -> Iterator[Change]:
    return (put(site, "nonsense") for site, _ in named(r, "status", "lifecycleStatus") if len(site) == 1)


def code_of_another_list(r: Node) -> Iterator[Change]:
    """A code that R4 has, and not here."""
    for key, code in (("status", "ready"), ("intent", "directive"), ("gender", "f"), ("lifecycleStatus", "draft")):
        if (
            key in r
            and isinstance(r[key], str)
            and (r["resourceType"], key)
            not in {
                ("Task", "status"),
                ("ServiceRequest", "intent"),
                ("RequestGroup", "intent"),
                ("ActivityDefinition", "intent"),
            }
        ):
            yield put((key,), code)


def code_misspelt(r: Node) -> Iterator[Change]:
    for site, value in named(
        r, "relationship", "groupingBehavior", "selectionBehavior", "requiredBehavior", "periodUnit", "kind", "mode",
        "durationUnit", "use", "derivation", "content", "priority",
    ):  # fmt: skip
        if isinstance(value, str):
            yield put(site, f"{value}x")


def code_with_stray_blanks(r: Node) -> Iterator[Change]:
    return (put((*site, "code"), " x  y ") for site in codings(r, lambda _: True))


def hl7_code_unknown(r: Node) -> Iterator[Change]:
    return (put((*site, "code"), "no-such-code") for site in codings(r, lambda s: s.startswith(_HL7)))


def local_code_unknown(r: Node) -> Iterator[Change]:
    return (put((*site, "code"), "no-such-code") for site in codings(r, lambda s: s.endswith(_OURS)))


def status_of_wrong_system(r: Node) -> Iterator[Change]:
    for key in ("clinicalStatus", "verificationStatus", "improvementNotation"):
        if key in r:
            yield put((key, "coding", 0, "system"), "http://example.org/wrong")


def unit_unknown_to_ucum(r: Node) -> Iterator[Change]:
    return (put((*site, "code"), "furlongz") for site, q in objects(r, "value", "code") if "ucum" in _system(q))


def unit_in_words(r: Node) -> Iterator[Change]:
    """What people write in place of a UCUM code."""
    return (put((*site, "code"), "per cent") for site, q in objects(r, "value", "code") if "ucum" in _system(q))


def _system(quantity: Node) -> str:
    return "ucum" if quantity.get("system") == "http://unitsofmeasure.org" else ""


def unit_without_system(r: Node) -> Iterator[Change]:
    return (cut((*site, "system")) for site, q in objects(r, "value", "code", "system") if _system(q))


def comparator_in_words(r: Node) -> Iterator[Change]:
    return (more(site, comparator="about") for site, q in objects(r, "value", "code") if _system(q))


def dose_with_comparator(r: Node) -> Iterator[Change]:
    return (more(site, comparator="<") for site, q in named(r, "doseQuantity", "dose") if isinstance(q, dict))


def amount_in_text(r: Node) -> Iterator[Change]:
    return (put((*site, "value"), str(q["value"])) for site, q in objects(r, "value", "unit"))


def amount_with_comma(r: Node) -> Iterator[Change]:
    return (put((*site, "value"), "2,5") for site, q in objects(r, "value", "unit"))


def _dates(r: Node) -> Iterator[Site]:
    for site, value in walk(r):
        if (
            isinstance(value, str)
            and _DATE.fullmatch(value[:10])
            and "value" not in site[-1:]
            and "extension" not in site
        ):
            yield site


def _each_date(*texts: str) -> Operator:
    def operator(r: Node) -> Iterator[Change]:
        sites = list(_dates(r))
        yield from (put(site, texts[i % len(texts)]) for i, site in enumerate(sites))

    return operator


def instant_without_time(r: Node) -> Iterator[Change]:
    yield more(("meta",) if "meta" in r else (), **({"lastUpdated": "2026-03-02"} if "meta" in r else {"meta": {}}))


def value_and_reason(r: Node) -> Iterator[Change]:
    if any(key.startswith("value") for key in r) and r["resourceType"] == "Observation":
        yield more((), dataAbsentReason={"text": "not done"})


def text_empty(r: Node) -> Iterator[Change]:
    return (put(site, "") for site, value in walk(r) if isinstance(value, str) and site != ("resourceType",))


def text_blank(r: Node) -> Iterator[Change]:
    return (put(site, "   ") for site, value in named(r, "text", "title", "description") if isinstance(value, str))


def text_with_control_character(r: Node) -> Iterator[Change]:
    return (put(site, "a\u0001b") for site, value in named(r, "text", "title", "description") if isinstance(value, str))


def id_malformed(r: Node) -> Iterator[Change]:
    for text in ("a" * 65, "a_b", "a b", "é"):
        if r["resourceType"] != "Bundle":
            yield put(("id",), text)


def uri_with_blank(r: Node) -> Iterator[Change]:
    return (put(site, "http://x y") for site, value in named(r, "system", "url", "fullUrl") if isinstance(value, str))


def oid_malformed(r: Node) -> Iterator[Change]:
    return (
        put((*site, "system"), "urn:oid:1.02.x") for site, _ in named(r, "identifier") if isinstance(at(r, site), dict)
    )


def oid_of_identifier_malformed(r: Node) -> Iterator[Change]:
    for site, value in named(r, "identifier"):
        if isinstance(value, list):
            yield put((*site, 0, "system"), "urn:oid:1.02.x")


def uuid_malformed(r: Node) -> Iterator[Change]:
    for site, value in named(r, "identifier"):
        if isinstance(value, list):
            yield put((*site, 0, "system"), "urn:uuid:not-one")


def whole_number_with_point(r: Node) -> Iterator[Change]:
    for site, value in walk(r):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and site[-1] in ("frequency", "count", "valueInteger", "total", "rank", "numerator", "min"):
            yield put(site, Decimal(f"{value}.0"))


def whole_number_broken(r: Node) -> Iterator[Change]:
    for site, value in walk(r):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if whole and site[-1] in ("frequency", "count", "valueInteger", "total", "min"):
            yield put(site, Decimal("1.5"))
            yield put(site, str(value))


def timing_broken(r: Node) -> Iterator[Change]:
    for site, _ in named(r, "timing"):
        for repeat in (
            {"frequency": 0, "period": 1, "periodUnit": "d"}, {"frequency": -1, "period": 1, "periodUnit": "d"},
            {"period": -1, "periodUnit": "d"}, {"period": 1}, {"duration": 1}, {"periodUnit": "day", "period": 1},
            {"when": ["HS"], "timeOfDay": ["10:00:00"]}, {"offset": 5}, {"when": ["BED"]}, {"timeOfDay": ["10:00"]},
            {"dayOfWeek": ["monday"]}, {"countMax": 2}, {"frequency": Decimal("1.0")}, {"count": 2**31},
        ):  # fmt: skip
            if isinstance(at(r, site), dict):
                yield put((*site, "repeat"), repeat)


def number_beyond_r4(r: Node) -> Iterator[Change]:
    return (
        put(site, 2**31) for site, value in named(r, "frequency", "count", "valueInteger") if value.__class__ is int
    )


def boolean_in_text(r: Node) -> Iterator[Change]:
    return (put(site, str(value).lower()) for site, value in walk(r) if isinstance(value, bool))


def period_upside_down(r: Node) -> Iterator[Change]:
    for site, _ in named(r, "period", "boundsPeriod", "effectivePeriod", "occurrencePeriod", "performedPeriod"):
        if isinstance(at(r, site), dict):
            yield put(site, {"start": "2026-03-02", "end": "2026-03-01"})


def narrative_active(r: Node) -> Iterator[Change]:
    xhtml = 'xmlns="http://www.w3.org/1999/xhtml"'
    for div in (f"<div {xhtml}><script>x()</script></div>", f'<div {xhtml}><p onclick="x()">x</p></div>',
                f"<div {xhtml}></div>", "<div>x</div>", f"<div {xhtml}>x"):  # fmt: skip
        if r["resourceType"] != "Bundle":
            yield more((), text={"status": "generated", "div": div})


_OF_ONE_THING = ("acute-gvhd", "chronic-gvhd", "relapse", "dli", "transfusion", "transplant")


def another_thing_told(r: Node) -> Iterator[Change]:
    """A code of ours that is right somewhere else."""
    profiles = [url.partition("|")[0] for url in r.get("meta", {}).get("profile", ())]
    if r["resourceType"] == "Observation" or any(
        url.endswith(f"/engraft-{name}") for url in profiles for name in _OF_ONE_THING
    ):
        yield put(("code",), {"coding": [{"system": f"{DEFAULT_BASE}{_OURS}", "code": "visit"}], "text": "Visit"})


def clinical_contradiction(r: Node) -> Iterator[Change]:
    kind = r["resourceType"]
    if kind == "Condition":
        over = r.get("clinicalStatus", {}).get("coding", [{}])[0].get("code") in ("inactive", "resolved", "remission")
        mistaken = put(("verificationStatus", "coding", 0, "code"), "entered-in-error")
        yield ("clinicalStatus",), (mistaken if over else put(("abatementDateTime",), "2026-09"))[1]
        yield more((), stage=[{"type": {"text": "x"}}])
    if kind == "Observation":
        yield more((), referenceRange=[{"appliesTo": [{"text": "all"}]}])
        valued = any(key.startswith("value") for key in r)
        own = [{"code": r["code"], "valueString": "x"}]
        twofold = [{"code": {"text": "x"}, "valueString": "x", "dataAbsentReason": {"text": "y"}}]
        yield more((), component=own if valued else twofold)
    if kind == "RequestGroup":
        yield more((), action=[{"title": "neither resource nor actions"}])
    if kind == "MedicationAdministration":
        yield more((), dosage={"text": "as usual"})
    if kind == "Goal":
        yield more((), target=[{"detailString": "x"}])
    if kind == "Task":
        yield more((), authoredOn="2026-03-02", lastModified="2026-03-01")


OPERATORS: tuple[Operator, ...] = (
    status_unknown_to_r4, code_of_another_list, code_misspelt, code_with_stray_blanks, hl7_code_unknown,
    local_code_unknown, status_of_wrong_system, unit_unknown_to_ucum, unit_in_words, unit_without_system,
    comparator_in_words, dose_with_comparator, amount_in_text, amount_with_comma, instant_without_time,
    value_and_reason, text_empty, text_blank, text_with_control_character, id_malformed, uri_with_blank,
    oid_malformed, oid_of_identifier_malformed, uuid_malformed, whole_number_with_point, whole_number_broken,
    timing_broken, number_beyond_r4, boolean_in_text, period_upside_down, narrative_active,
    another_thing_told, clinical_contradiction,
)  # fmt: skip

DATES: dict[str, Operator] = {
    "date that no calendar has": _each_date("2026-02-30", "2026-13-01", "2025-02-29", "2026-04-31"),
    "date in another notation": _each_date("02/03/2026", "20260302", "2026-3-2", "2 March 2026", "26-03-02"),
    "time without zone": _each_date("2026-03-02T10:00:00", "2026-03-02T10:00:00.5"),
    "time in part": _each_date("2026-03-02T10:00Z", "2026-03-02T10Z", "2026-03-02 10:00:00Z", "2026-03-02T25:00:00Z"),
}
