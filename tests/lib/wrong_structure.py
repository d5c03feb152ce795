"""Elements that are missing, doubled, misplaced or of another FHIR version; references and extensions gone wrong.

An operator offers every change of its kind that a resource has a place for.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from mappings.r4.subset import outlines
from tests.lib.sites import Change, Node, Operator, Site, at, cut, more, named, objects, put, walk

_LOCAL_EXTENSION = "https://engraft.example/fhir/StructureDefinition/"


def required_removed(r: Node) -> Iterator[Change]:
    for name in sorted(outlines()[r["resourceType"]].kept):
        stem = name.removesuffix("[x]")
        mandatory = name in _mandatory(r["resourceType"])
        yield from (cut((k,)) for k in r if mandatory and (k == name or (name != stem and k.startswith(stem))))


@cache
def _mandatory(kind: str) -> frozenset[str]:
    rows = csv.DictReader(files("mappings.r4").joinpath("elements.csv").read_text("ascii").splitlines())
    return next(frozenset(row["mandatory"].split()) for row in rows if row["type"] == kind)


def promised_removed(r: Node) -> Iterator[Change]:
    """What our profile requires beyond R4."""
    for name in ("identifier", "instantiatesCanonical", "groupIdentifier", "dosageInstruction", "title", "section"):
        if name in r and any("engraft-" in url for url in r.get("meta", {}).get("profile", ())):
            yield cut((name,))


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
    for inner in (
        {"meta": {"versionId": "1"}},
        {"gender": "f"},
        {"contained": [{"resourceType": "Patient", "id": "q"}]},
    ):
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


def two_of_a_choice(r: Node) -> Iterator[Change]:
    for key, other, value in (
        ("valueQuantity", "valueString", "x"), ("valueCodeableConcept", "valueBoolean", True),
        ("effectiveDateTime", "effectiveInstant", "2026-03-02T00:00:00Z"),
        ("onsetDateTime", "onsetString", "in spring"), ("performedDateTime", "performedString", "in spring"),
        ("medicationCodeableConcept", "medicationReference", {"reference": "Medication/1"}),
        ("deceasedDateTime", "deceasedBoolean", True), ("timingTiming", "timingDateTime", "2026-03-02"),
        ("doseQuantity", "doseRange", {"low": {"value": 1}}),
        ("occurrenceDateTime", "occurrencePeriod", {"start": "2026"}),
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


def null_for_a_value(r: Node) -> Iterator[Change]:
    return (
        put(site, None) for site, v in walk(r) if isinstance(v, str) and len(site) == 1 and site != ("resourceType",)
    )


def array_where_one_stands(r: Node) -> Iterator[Change]:
    return (
        put((key,), [value]) for key, value in r.items() if key in ("subject", "code", "status", "patient", "title")
    )


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
                extension["valueString" if key != "valueString" else "valueBoolean"] = (
                    "x" if key != "valueString" else True
                )

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
            parts = enumerate(at(r, site[:-1])["extension"])
            yield from (cut((*site[:-1], "extension", i)) for i, part in parts if part["url"] in _needed(url))


@cache
def _needed(url: str) -> frozenset[str]:
    """Parts that an extension of ours may not lack, as its definition says."""
    definition = files("profiles") / f"StructureDefinition-{url.rpartition('/')[2]}.json"
    elements = json.loads(definition.read_text("utf-8"))["differential"]["element"]
    slices = (one for one in elements if "sliceName" in one and one["path"] == "Extension.extension")
    return frozenset(one["sliceName"] for one in slices if one.get("min", 0) > 0)


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


OPERATORS: tuple[Operator, ...] = (
    required_removed, promised_removed, reference_to_wrong_type, absolute_reference_to_wrong_type,
    reference_malformed, reference_to_nothing_contained, contained_of_wrong_type, contained_unused,
    contained_broken, element_of_another_version, two_of_a_choice, element_unknown, inner_element_unknown,
    array_empty, object_empty, null_for_a_value, array_where_one_stands, one_where_an_array_stands,
    text_where_an_object_stands, object_where_text_stands, extension_value_of_wrong_type,
    extension_without_value, extension_without_url, extension_with_value_and_extensions,
    extension_where_it_may_not_stand, slice_missing, slice_twice, slice_unknown, narrative_incomplete,
    profile_of_another_type, type_unknown, bundle_broken,
)  # fmt: skip
