"""Faults planted one at a time into the golden files: what a sender, a bug or another FHIR version does to a resource.

The same mutants every time, in the same order. Each is one resource that was whole before one thing was done to it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mappings.r4 import wire
from mappings.r4.subset import outlines

GOLDEN = Path(__file__).parents[1] / "golden"
EACH = 14
"""Mutants of one operator at most, spread over as many kinds of resource as it applies to."""

Node = dict[str, Any]
Site = tuple[Any, ...]
Change = tuple[Site, Callable[[Node], None]]
Operator = Callable[[Node], Iterator[Change]]

_HL7 = "http://terminology.hl7.org/"
_OURS = "/CodeSystem/engraft"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LOCAL_EXTENSION = "https://engraft.example/fhir/StructureDefinition/"


@dataclass(frozen=True)
class Mutant:
    """`operator` says what was done, `site` where, to a resource out of `source`."""

    operator: str
    source: str
    site: str
    resource: Node

    @property
    def name(self) -> str:
        return f"{self.operator}: {self.source} {self.site}"


# ---- where things stand


def walk(node: Any, site: Site = ()) -> Iterator[tuple[Site, Any]]:
    """Every value with its place, outermost first."""
    yield site, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, (*site, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, (*site, index))


def at(resource: Node, site: Site) -> Any:
    node: Any = resource
    for step in site:
        node = node[step]
    return node


def put(site: Site, value: Any) -> Change:
    """Sets a value, in a copy of its own."""

    def change(resource: Node) -> None:
        at(resource, site[:-1])[site[-1]] = copy.deepcopy(value)

    return site, change


def cut(site: Site) -> Change:
    def change(resource: Node) -> None:
        del at(resource, site[:-1])[site[-1]]

    return site, change


def more(site: Site, **said: Any) -> Change:
    """Adds elements to an object."""

    def change(resource: Node) -> None:
        at(resource, site).update(copy.deepcopy(said))

    return (*site, *list(said)[:1]), change


def named(resource: Node, *keys: str) -> Iterator[tuple[Site, Any]]:
    return ((site, value) for site, value in walk(resource) if site and site[-1] in keys)


def objects(resource: Node, *needed: str) -> Iterator[tuple[Site, Node]]:
    for site, value in walk(resource):
        if isinstance(value, dict) and all(key in value for key in needed):
            yield site, value


def codings(resource: Node, system: Callable[[str], bool]) -> Iterator[Site]:
    for site, value in objects(resource, "system", "code"):
        if system(value["system"]) and "value" not in value and "property" not in site:
            yield site


# ---- what is done


def required_removed(r: Node) -> Iterator[Change]:
    for name in sorted(outlines()[r["resourceType"]].kept):
        stem = name.removesuffix("[x]")
        mandatory = name in _mandatory(r["resourceType"])
        yield from (cut((k,)) for k in r if mandatory and (k == name or (name != stem and k.startswith(stem))))


@cache
def _mandatory(kind: str) -> frozenset[str]:
    import csv
    from importlib.resources import files

    rows = csv.DictReader(files("mappings.r4").joinpath("elements.csv").read_text("ascii").splitlines())
    return next(frozenset(row["mandatory"].split()) for row in rows if row["type"] == kind)


def promised_removed(r: Node) -> Iterator[Change]:
    """What our profile requires beyond R4."""
    for name in ("identifier", "instantiatesCanonical", "groupIdentifier", "dosageInstruction", "title", "section"):
        if name in r and any("engraft-" in url for url in r.get("meta", {}).get("profile", ())):
            yield cut((name,))


def status_unknown_to_r4(r: Node) -> Iterator[Change]:
    return (put(site, "nonsense") for site, _ in named(r, "status", "lifecycleStatus") if len(site) == 1)


def code_of_another_list(r: Node) -> Iterator[Change]:
    """A code that R4 has, and not here."""
    for key, code in (("status", "ready"), ("intent", "directive"), ("gender", "f"), ("lifecycleStatus", "draft")):
        if key in r and isinstance(r[key], str) and (r["resourceType"], key) not in {("Task", "status"), ("ServiceRequest", "intent"), ("RequestGroup", "intent"), ("ActivityDefinition", "intent")}:  # noqa: E501
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


def reference_to_wrong_type(r: Node) -> Iterator[Change]:
    for key in ("subject", "patient", "individual", "encounter", "author", "who", "request", "study", "basedOn"):
        for site, value in named(r, key):
            first = (*site, 0) if isinstance(value, list) else site
            if isinstance(at(r, first), dict) and "reference" in at(r, first):
                yield put((*first, "reference"), "ValueSet/1")


def absolute_reference_to_wrong_type(r: Node) -> Iterator[Change]:
    for site, value in named(r, "subject", "patient", "individual"):
        if isinstance(value, dict) and "reference" in value:
            yield put((*site, "reference"), "https://fhir.hospital.example/r4/ValueSet/1")


def reference_malformed(r: Node) -> Iterator[Change]:
    for (site, _), text in zip(
        (found for found in named(r, "reference") if isinstance(found[1], str)),
        ("Patient/", "patient/1", "Patient/a b", "Patient/a_b", "1234"),
        strict=False,
    ):
        yield put(site, text)


def reference_to_nothing_contained(r: Node) -> Iterator[Change]:
    return (put(site, "#no-such-thing") for site, text in named(r, "reference") if isinstance(text, str))


def contained_of_wrong_type(r: Node) -> Iterator[Change]:
    """The reference stays, what it leads to is of a type that may not stand there."""
    for key in ("subject", "patient"):
        if key in r and "contained" not in r:

            def change(resource: Node, key: str = key) -> None:
                resource["contained"] = [{"resourceType": "ValueSet", "id": "v", "status": "draft"}]
                resource[key] = {"reference": "#v"}

            yield (key,), change


def contained_unused(r: Node) -> Iterator[Change]:
    if "contained" not in r and r["resourceType"] != "Bundle":
        yield more((), contained=[{"resourceType": "Patient", "id": "p"}])


def contained_broken(r: Node) -> Iterator[Change]:
    """dom-2 and dom-4, and what is contained breaking R4 itself."""
    for inner in ({"meta": {"versionId": "1"}}, {"gender": "f"}, {"contained": [{"resourceType": "Patient", "id": "q"}]}):
        if "subject" in r and "contained" not in r:

            def change(resource: Node, inner: Node = inner) -> None:
                resource["contained"] = [{"resourceType": "Patient", "id": "p", **inner}]
                resource["subject"] = {"reference": "#p"}

            yield ("contained", 0, *inner), change


_LATER = {
    "Observation": ("triggeredBy", [{"observation": {"reference": "Observation/1"}, "type": "reflex"}]),
    "Condition": ("participant", [{"actor": {"reference": "Practitioner/1"}}]),
    "Procedure": ("occurrenceDateTime", "2026-03-02"),
    "MedicationRequest": ("medication", {"concept": {"text": "busulfan"}}),
    "MedicationAdministration": ("occurenceDateTime", "2026-03-02"),
    "MedicationStatement": ("adherence", {"code": {"text": "taking"}}),
    "PlanDefinition": ("subjectCanonical", "http://example.org/EvidenceVariable/1"),
    "ActivityDefinition": ("subjectCanonical", "http://example.org/EvidenceVariable/1"),
    "CarePlan": ("custodian", {"reference": "Organization/1"}),
    "ServiceRequest": ("bodyStructure", {"reference": "BodyStructure/1"}),
    "RequestGroup": ("goal", [{"reference": "Goal/1"}]),
    "Task": ("requestedPeriod", {"start": "2026-03-02"}),
    "Goal": ("acceptance", [{"participant": {"reference": "Patient/1"}}]),
    "Consent": ("subject", {"reference": "Patient/1"}),
    "Provenance": ("authorization", [{"concept": {"text": "x"}}]),
    "Patient": ("animal", {"species": {"text": "dog"}}),
    "BiologicallyDerivedProduct": ("productEvent", [{}]),
    "ResearchSubject": ("subject", {"reference": "Patient/1"}),
}
"""Elements that R4B, R5 or an older FHIR has, and R4 has not."""


def element_of_another_version(r: Node) -> Iterator[Change]:
    if r["resourceType"] in _LATER:
        name, value = _LATER[r["resourceType"]]
        yield more((), **{name: value})
    if "valueQuantity" in r:
        yield put(("valueRatioRange",), {"lowNumerator": {"value": 1}})


def _dates(r: Node) -> Iterator[Site]:
    for site, value in walk(r):
        if isinstance(value, str) and _DATE.fullmatch(value[:10]) and "value" not in site[-1:] and "extension" not in site:
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


def two_of_a_choice(r: Node) -> Iterator[Change]:
    for key, other, value in (
        ("valueQuantity", "valueString", "x"), ("valueCodeableConcept", "valueBoolean", True),
        ("effectiveDateTime", "effectiveInstant", "2026-03-02T00:00:00Z"),
        ("onsetDateTime", "onsetString", "in spring"), ("performedDateTime", "performedString", "in spring"),
        ("medicationCodeableConcept", "medicationReference", {"reference": "Medication/1"}),
        ("deceasedDateTime", "deceasedBoolean", True), ("timingTiming", "timingDateTime", "2026-03-02"),
        ("doseQuantity", "doseRange", {"low": {"value": 1}}), ("occurrenceDateTime", "occurrencePeriod", {"start": "2026"}),
        ("productCodeableConcept", "productReference", {"reference": "Medication/1"}),
    ):  # fmt: skip
        for site, _ in named(r, key):
            yield (*site[:-1], other), more(site[:-1], **{other: value})[1]


def element_unknown(r: Node) -> Iterator[Change]:
    yield more((), favouriteColour="green")


def inner_element_unknown(r: Node) -> Iterator[Change]:
    return (more(site, colour="green") for site, _ in objects(r, "coding") if len(site) > 1)


def array_empty(r: Node) -> Iterator[Change]:
    return (put(site, []) for site, value in walk(r) if isinstance(value, list) and len(site) <= 3)


def object_empty(r: Node) -> Iterator[Change]:
    return (put(site, {}) for site, value in walk(r) if isinstance(value, dict) and 0 < len(site) <= 3)


def text_empty(r: Node) -> Iterator[Change]:
    return (put(site, "") for site, value in walk(r) if isinstance(value, str) and site != ("resourceType",))


def text_blank(r: Node) -> Iterator[Change]:
    return (put(site, "   ") for site, value in named(r, "text", "title", "description") if isinstance(value, str))


def text_with_control_character(r: Node) -> Iterator[Change]:
    return (put(site, "a\u0001b") for site, value in named(r, "text", "title", "description") if isinstance(value, str))


def null_for_a_value(r: Node) -> Iterator[Change]:
    return (put(site, None) for site, v in walk(r) if isinstance(v, str) and len(site) == 1 and site != ("resourceType",))


def array_where_one_stands(r: Node) -> Iterator[Change]:
    return (put((key,), [value]) for key, value in r.items() if key in ("subject", "code", "status", "patient", "title"))


def one_where_an_array_stands(r: Node) -> Iterator[Change]:
    return (put((key,), value[0]) for key, value in r.items() if isinstance(value, list) and key != "entry")


def text_where_an_object_stands(r: Node) -> Iterator[Change]:
    return (put((key,), "x") for key, value in r.items() if isinstance(value, dict))


def object_where_text_stands(r: Node) -> Iterator[Change]:
    return (put((key,), {"value": v}) for key, v in r.items() if isinstance(v, str) and key != "resourceType")


def extension_value_of_wrong_type(r: Node) -> Iterator[Change]:
    for site, value in named(r, "url"):
        carrier = at(r, site[:-1])
        for key in [k for k in carrier if k.startswith("value")]:
            if site[-2:-1] != (0,) and "extension" not in site:
                continue

            def change(resource: Node, site: Site = site, key: str = key) -> None:
                extension = at(resource, site[:-1])
                del extension[key]
                extension["valueString" if key != "valueString" else "valueBoolean"] = "x" if key != "valueString" else True

            if value.startswith(_LOCAL_EXTENSION) or "/" not in value:
                yield site[:-1], change


def extension_without_value(r: Node) -> Iterator[Change]:
    for site, _ in named(r, "url"):
        for key in [k for k in at(r, site[:-1]) if k.startswith("value") and "extension" in site]:
            yield cut((*site[:-1], key))


def extension_without_url(r: Node) -> Iterator[Change]:
    return (cut(site) for site, _ in named(r, "url") if "extension" in site)


def extension_with_value_and_extensions(r: Node) -> Iterator[Change]:
    for site, _ in named(r, "url"):
        if "extension" in site and any(k.startswith("value") for k in at(r, site[:-1])):
            yield more(site[:-1], extension=[{"url": "http://example.org/x", "valueString": "x"}])


def extension_where_it_may_not_stand(r: Node) -> Iterator[Change]:
    yield more((), extension=[{"url": f"{_LOCAL_EXTENSION}gate-status", "extension": [
        {"url": "status", "valueCode": "met"}]}])  # fmt: skip


def slice_missing(r: Node) -> Iterator[Change]:
    for site, url in named(r, "url"):
        if isinstance(url, str) and url.startswith(_LOCAL_EXTENSION) and "extension" in at(r, site[:-1]):
            yield from (cut((*site[:-1], "extension", i)) for i, _ in enumerate(at(r, site[:-1])["extension"]))


def slice_twice(r: Node) -> Iterator[Change]:
    for site, url in named(r, "url"):
        inner = at(r, site[:-1]).get("extension") if isinstance(url, str) else None
        if inner and url.startswith(_LOCAL_EXTENSION):
            yield put((*site[:-1], "extension"), [*inner, inner[0]])


def slice_unknown(r: Node) -> Iterator[Change]:
    for site, url in named(r, "url"):
        inner = at(r, site[:-1]).get("extension") if isinstance(url, str) else None
        if inner and url == f"{_LOCAL_EXTENSION}dose-calculation":
            yield put((*site[:-1], "extension"), [*inner, {"url": "guess", "valueString": "x"}])


def id_malformed(r: Node) -> Iterator[Change]:
    for text in ("a" * 65, "a_b", "a b", "é"):
        if r["resourceType"] != "Bundle":
            yield put(("id",), text)


def uri_with_blank(r: Node) -> Iterator[Change]:
    return (put(site, "http://x y") for site, value in named(r, "system", "url", "fullUrl") if isinstance(value, str))


def oid_malformed(r: Node) -> Iterator[Change]:
    return (put((*site, "system"), "urn:oid:1.02.x") for site, _ in named(r, "identifier") if isinstance(at(r, site), dict))


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
    return (put(site, 2**31) for site, value in named(r, "frequency", "count", "valueInteger") if value.__class__ is int)


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


def narrative_incomplete(r: Node) -> Iterator[Change]:
    if r["resourceType"] != "Bundle":
        yield more((), text={"status": "generated"})
        yield more((), text={"div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'})


def profile_of_another_type(r: Node) -> Iterator[Change]:
    other = "engraft-patient" if r["resourceType"] != "Patient" else "engraft-aml"
    if r["resourceType"] != "Bundle":
        yield put(("meta",), {"profile": [f"{_LOCAL_EXTENSION}{other}"]})


def type_unknown(r: Node) -> Iterator[Change]:
    for kind in ("Observations", "MedicationOrder", "RequestOrchestration"):
        yield (), put(("resourceType",), kind)[1]


def bundle_broken(r: Node) -> Iterator[Change]:
    if r["resourceType"] != "Bundle":
        return
    entries = r["entry"]
    yield put(("entry",), [*entries, entries[0]])
    yield more((), total=len(entries))
    yield put(("type",), "pile")
    yield more(("entry", 0), search={"mode": "match"})
    yield more(("entry", 0), response={"status": "200"})
    yield put(("entry", 0, "fullUrl"), f"{entries[0]['fullUrl']}/_history/1")
    if "request" in entries[0]:
        yield cut(("entry", 0, "request"))
        yield cut(("entry", 0, "request", "url"))
        yield put(("entry", 0, "request", "method"), "put")
    yield put(("entry", 0), {"fullUrl": "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60"})


def clinical_contradiction(r: Node) -> Iterator[Change]:
    kind = r["resourceType"]
    if kind == "Condition":
        over = r.get("clinicalStatus", {}).get("coding", [{}])[0].get("code") in ("inactive", "resolved", "remission")
        mistaken = put(("verificationStatus", "coding", 0, "code"), "entered-in-error")
        yield ("clinicalStatus",), (mistaken if over else put(("abatementDateTime",), "2026-09"))[1]
        yield more((), stage=[{"type": {"text": "x"}}])
    if kind == "Observation":
        yield more((), referenceRange=[{"appliesTo": [{"text": "all"}]}])
        yield more((), component=[{"code": r["code"], "valueString": "x"}]) if any(k.startswith("value") for k in r) else more(
            (), component=[{"code": {"text": "x"}, "valueString": "x", "dataAbsentReason": {"text": "y"}}])  # fmt: skip
    if kind == "RequestGroup":
        yield more((), action=[{"title": "neither resource nor actions"}])
    if kind == "MedicationAdministration":
        yield more((), dosage={"text": "as usual"})
    if kind == "Goal":
        yield more((), target=[{"detailString": "x"}])
    if kind == "Task":
        yield more((), authoredOn="2026-03-02", lastModified="2026-03-01")


OPERATORS: dict[str, Operator] = {
    **{
        one.__name__.replace("_", " "): one
        for one in (
            required_removed, promised_removed, status_unknown_to_r4, code_of_another_list, code_misspelt,
            code_with_stray_blanks, hl7_code_unknown, local_code_unknown, status_of_wrong_system, unit_unknown_to_ucum,
            unit_in_words, unit_without_system, comparator_in_words, dose_with_comparator, amount_in_text,
            amount_with_comma, reference_to_wrong_type, absolute_reference_to_wrong_type, reference_malformed,
            reference_to_nothing_contained, contained_of_wrong_type, contained_unused, contained_broken,
            element_of_another_version, instant_without_time, value_and_reason, two_of_a_choice, element_unknown,
            inner_element_unknown, array_empty, object_empty, text_empty, text_blank, text_with_control_character,
            null_for_a_value, array_where_one_stands, one_where_an_array_stands, text_where_an_object_stands,
            object_where_text_stands, extension_value_of_wrong_type, extension_without_value, extension_without_url,
            extension_with_value_and_extensions, extension_where_it_may_not_stand, slice_missing, slice_twice,
            slice_unknown, id_malformed, uri_with_blank, oid_malformed, oid_of_identifier_malformed, uuid_malformed,
            whole_number_with_point, whole_number_broken, timing_broken,
            number_beyond_r4, boolean_in_text, period_upside_down, narrative_active,
            narrative_incomplete, profile_of_another_type, type_unknown, bundle_broken, clinical_contradiction,
        )
    },
    "date that no calendar has": _each_date("2026-02-30", "2026-13-01", "2025-02-29", "2026-04-31"),
    "date in another notation": _each_date("02/03/2026", "20260302", "2026-3-2", "2 March 2026", "26-03-02"),
    "time without zone": _each_date("2026-03-02T10:00:00", "2026-03-02T10:00:00.5"),
    "time in part": _each_date("2026-03-02T10:00Z", "2026-03-02T10Z", "2026-03-02 10:00:00Z", "2026-03-02T25:00:00Z"),
}  # fmt: skip


# ---- the mutants


@cache
def subjects() -> list[tuple[str, Node]]:
    """One resource of each type and profile out of the golden files, with its source, and a whole small Bundle."""
    found: dict[tuple[str, ...], tuple[str, Node]] = {}
    for path in sorted(GOLDEN.glob("*/[12]-*.json")):
        document = wire.decode(path.read_bytes())
        source = path.parent.name
        entries = [entry["resource"] for entry in document.get("entry", ())]
        small = [document] if source in ("planned-graft", "protocol-kdn5") else []
        for resource in (*entries, *small):
            profiles = resource.get("meta", {}).get("profile", [])
            choice = next((key for key in resource if key.startswith("value")), "")
            found.setdefault((resource["resourceType"], *profiles, choice), (source, resource))
    return [found[key] for key in sorted(found)]


@cache
def mutants() -> list[Mutant]:
    """At most EACH of every operator, one from each subject in turn."""
    out: list[Mutant] = []
    for name, operator in OPERATORS.items():
        offers = [[(source, base, *change) for change in operator(base)] for source, base in subjects()]
        turns = (offer for turn in zip_longest(*offers) for offer in turn if offer is not None)
        for _, (source, base, site, change) in zip(range(EACH), turns, strict=False):
            resource = copy.deepcopy(base)
            change(resource)
            out.append(Mutant(name, source, _said(base, site), resource))
    return out


def _said(base: Node, site: Site) -> str:
    return base["resourceType"] + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in site)
