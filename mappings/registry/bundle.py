"""The outcome bundle of one patient: de-identified resources, and a Composition that says what is there and what not.

A transaction of PUTs on keyed ids: sending it again changes nothing, and nobody can guess an id from a centre and a
number. The Composition's date is the last (moved) date in it, so that the same facts always make the same bundle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from mappings.canonicals import DEFAULT, EXT_DATA_ABSENT_REASON, LIST_EMPTY_REASON, OBSERVATION_VALUE, Canonicals
from mappings.r4.build import Element, Resource, coding, concept, reference, transaction
from mappings.r4.validate import require_valid
from mappings.registry.course import patient_of
from mappings.registry.deidentify import Deidentified, dates, release
from mappings.registry.pseudonyms import Pseudonyms
from mappings.terminology import codes

TITLE = "Outcomes after transplantation"
NOTHING = "Nothing was reported for this part."
XHTML = "http://www.w3.org/1999/xhtml"


@dataclass(frozen=True, slots=True)
class _Domain:
    """A section: `table` and `key` of its code, and the profiles (without `engraft-`) that belong there."""

    title: str
    table: str
    key: str
    profiles: tuple[str, ...]


_DOMAINS = (
    _Domain("Vital status", "observables", "vital-status", ("patient", "vital-status", "cause-of-death")),
    _Domain("Disease at enrolment", "observables", "disease-status", ("aml", "disease-status")),
    _Domain("Transplant", "procedures", "hsct", ("transplant", "cell-dose")),
    _Domain("Engraftment", "observables", "engraftment-neutrophils", ("engraftment", "blood-count", "transfusion")),
    _Domain(
        "Response and relapse",
        "observables",
        "response",
        ("response", "marrow-blasts", "residual-disease", "relapse", "relapse-kind"),
    ),
    _Domain("Immune reconstitution", "observables", "immune-panel", ("immune-subset",)),
    _Domain("Chimerism", "observables", "chimerism", ("chimerism",)),
    _Domain(
        "Graft-versus-host disease",
        "conditions",
        "gvhd",
        (
            "acute-gvhd",
            "acute-gvhd-grade",
            "chronic-gvhd",
            "chronic-gvhd-severity",
            "gvhd-assessment",
            "gvhd-treatment",
        ),
    ),
    _Domain("Infections", "conditions", "infection", ("infection", "infection-agent", "infection-assessment")),
    _Domain("Quality of life", "observables", "quality-of-life", ("quality-of-life", "performance")),
    _Domain("Immunosuppression", "observables", "immunosuppression", ("immunosuppression", "immunosuppressant")),
    _Domain("Doses given", "observables", "doses-given", ("administration", "administration-report")),
    _Domain("Donor lymphocytes", "procedures", "dli", ("dli", "dli-cell-dose", "dli-report")),
)
_OTHER = "Other facts"
_COMPLETENESS = "Completeness"


def outcome_bundle(
    resources: Iterable[Resource], key: bytes, on: date, canonicals: Canonicals = DEFAULT
) -> Resource | None:
    """Transaction Bundle of one patient's resources (its Consent among them); None where nothing may leave on that day.

    Raises ValueError for resources of several patients, FaultyInput where the bundle would not be valid R4.
    """
    everything = list(resources)
    if len({patient for patient in map(patient_of, everything) if patient}) > 1:
        raise ValueError("an outcome bundle holds one patient")
    released = release(everything, key, on, canonicals)
    patients = [resource for resource in released.resources if resource["resourceType"] == "Patient"]
    if not patients:
        return None
    bundle = _bundle(patients[0], released, Pseudonyms(key), canonicals)
    require_valid(bundle)
    return bundle


def _bundle(patient: Resource, released: Deidentified, pseudonyms: Pseudonyms, canonicals: Canonicals) -> Resource:
    identity = pseudonyms.id("Bundle", patient["id"])
    composition = _composition(patient, released, pseudonyms, canonicals)
    return {
        "resourceType": "Bundle",
        "id": identity,
        "meta": {"security": [coding(OBSERVATION_VALUE, "PSEUDED")]},
        "identifier": {"system": canonicals.sid("pseudonym"), "value": pseudonyms.value("Bundle", patient["id"])},
    } | transaction([composition, *released.resources])


def _composition(patient: Resource, released: Deidentified, pseudonyms: Pseudonyms, canonicals: Canonicals) -> Resource:
    labels = patient["meta"]["security"]
    last = max(dates(released.resources), default=None)
    undated = {"_date": {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": "unknown"}]}}
    return {
        "resourceType": "Composition",
        "id": pseudonyms.id("Composition", patient["id"]),
        "meta": {"profile": [canonicals.profile("engraft-outcome-composition")], "security": labels},
        "identifier": {"system": canonicals.sid("pseudonym"), "value": pseudonyms.value("Composition", patient["id"])},
        "status": "final",
        "type": {"text": "De-identified outcomes for a registry"},
        "subject": reference(f"Patient/{patient['id']}"),
        **({"date": last} if last else undated),
        "author": [{"type": "Device", "display": "Engraft"}],
        "title": TITLE,
        "section": [*_sections(released.resources, canonicals), _completeness(released)],
    }


def _sections(resources: Iterable[Resource], canonicals: Canonicals) -> Iterator[Element]:
    sorted_out: dict[str, list[Resource]] = {}
    for resource in resources:
        sorted_out.setdefault(_domain(resource), []).append(resource)
    for domain in _DOMAINS:
        code = {"code": concept(*codes.codings(domain.table, domain.key, canonicals))}
        yield {"title": domain.title} | code | _content(sorted_out.get(domain.title, []))
    if _OTHER in sorted_out:
        yield {"title": _OTHER} | _content(sorted_out[_OTHER])


def _domain(resource: Resource) -> str:
    if resource["resourceType"] == "Patient":
        return _DOMAINS[0].title
    names = {profile.rpartition("/engraft-")[2].partition("|")[0] for profile in resource["meta"].get("profile", [])}
    found = (domain.title for domain in _DOMAINS if names & set(domain.profiles))
    return next(found, _OTHER)


def _content(resources: list[Resource]) -> Element:
    if not resources:
        return {"text": _text(NOTHING), "emptyReason": concept(coding(LIST_EMPTY_REASON, "unavailable"))}
    entries = [reference(f"{resource['resourceType']}/{resource['id']}") for resource in resources]
    return {"text": _text(f"Entries: {len(entries)}."), "entry": entries}


def _completeness(released: Deidentified) -> Element:
    """How much stayed at the centre, so that absence is never mistaken for a finding. Counts alone, no names."""
    lines = (
        f"Resources sent: {len(released.resources)}.",
        f"Resources that stayed at the centre: {released.kept_home.total()}.",
        f"Elements that were removed: {released.dropped.total()}.",
    )
    return {"title": _COMPLETENESS, "text": _text(*lines)}


def _text(*lines: str) -> Element:
    """Narrative of sentences that we made: no word of it comes from a patient's record."""
    body = "".join(f"<p>{line}</p>" for line in lines)
    return {"status": "generated", "div": f'<div xmlns="{XHTML}">{body}</div>'}
