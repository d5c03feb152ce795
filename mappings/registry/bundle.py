"""The outcome bundle of one patient: the outcomes, and a Composition that says what is there and what not.

For a registry it is de-identified: a transaction of PUTs on keyed ids, so that sending it again changes nothing, and
nobody can guess an id from a centre and a number. The Composition's date is the last (moved) date in it, so that the
same facts always make the same bundle. For the centre itself it is the same with its own ids, dates and words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from mappings.canonicals import DEFAULT, EXT_DATA_ABSENT_REASON, LIST_EMPTY_REASON, OBSERVATION_VALUE, Canonicals
from mappings.r4.build import Element, Ids, Resource, coding, concept, reference, transaction
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid, validate
from mappings.registry.allow_list import allow_list
from mappings.registry.deidentify import ByPatient, Deidentified, by_patient, dates, release_of
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
    _Domain(
        "Engraftment",
        "observables",
        "engraftment-neutrophils",
        ("engraftment", "engraftment-date", "blood-count", "transfusion"),
    ),
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

    Raises FaultyInput for resources of several patients, and where the bundle would not be valid R4.
    """
    released = release_of(_of_one_patient(resources), key, on, canonicals)
    patient = _patient(released.resources)
    if patient is None:
        return None
    bundle = _deidentified(patient, released, Pseudonyms(key), canonicals)
    _require_valid(bundle, released.resources)
    return bundle


def outgoing(
    resources: Iterable[Resource], key: bytes, on: date, canonicals: Canonicals = DEFAULT
) -> tuple[Resource, ...]:
    """What the outcome bundle of one patient holds beside its Composition; nothing where nothing may leave on that day.

    Raises FaultyInput for resources of several patients, and naming each resource that would not be valid R4.
    """
    released = release_of(_of_one_patient(resources), key, on, canonicals)
    if _patient(released.resources) is None:
        return ()
    if faults := list(_faults(released.resources)):
        raise FaultyInput(faults)
    return released.resources


def own_bundle(resources: Iterable[Resource], course: str, canonicals: Canonicals = DEFAULT) -> Resource | None:
    """The same outcomes for the centre that they came from: its ids, dates and words, whatever the consent says.

    It holds what would leave for a registry, as it stands at the centre. None where no Patient is among the resources.
    Raises FaultyInput for resources of several patients, and where the bundle would not be valid R4.
    """
    everything = sorted(
        chain.from_iterable(_of_one_patient(resources).values()), key=lambda each: (each["resourceType"], each["id"])
    )
    shown = [resource for resource in everything if resource["resourceType"] in allow_list().resources]
    patient = _patient(shown)
    if patient is None:
        return None
    bundle = _own(patient, shown, len(everything) - len(shown), Ids(course, canonicals))
    _require_valid(bundle, shown)
    return bundle


def _patient(resources: Iterable[Resource]) -> Resource | None:
    return next((resource for resource in resources if resource["resourceType"] == "Patient"), None)


def _require_valid(bundle: Resource, resources: Iterable[Resource]) -> None:
    """Raises FaultyInput, by the names of the resources where one of them is at fault."""
    try:
        require_valid(bundle)
    except FaultyInput as error:
        raise FaultyInput(list(_faults(resources)) or error.faults) from error


def _faults(resources: Iterable[Resource]) -> Iterator[Fault]:
    """Every error, with the resource before its path."""
    for resource in resources:
        errors = [fault for fault in validate(resource) if fault.severity == "error"]
        place = f"{resource['resourceType']}/{resource['id']}"
        yield from (Fault(f"{place}: {fault.path}", fault.message, fault.code) for fault in errors)


def _of_one_patient(resources: Iterable[Resource]) -> ByPatient:
    sorted_out = by_patient(resources)
    if len(sorted_out.keys() - {None}) > 1:
        raise FaultyInput([Fault("Patient", "an outcome bundle holds one patient", "processing")])
    return sorted_out


def _deidentified(
    patient: Resource, released: Deidentified, pseudonyms: Pseudonyms, canonicals: Canonicals
) -> Resource:
    def head(kind: str) -> Element:
        pseudonym = {"system": canonicals.sid("pseudonym"), "value": pseudonyms.value(kind, patient["id"])}
        return {"resourceType": kind, "id": pseudonyms.id(kind, patient["id"]), "identifier": pseudonym}

    composition = head("Composition") | _composition(
        "De-identified outcomes for a registry",
        patient,
        max(dates(released.resources), default=None),
        [*_sections(released.resources, canonicals), _completeness(*_what_stayed(released))],
        canonicals,
    )
    label = {"meta": {"security": [coding(OBSERVATION_VALUE, "PSEUDED")]}}
    return head("Bundle") | label | transaction([composition, *released.resources])


def _own(patient: Resource, shown: list[Resource], others: int, ids: Ids) -> Resource:
    def head(kind: str, item: str) -> Element:
        return {"resourceType": kind, "id": ids(item), "identifier": ids.identifier(item)}

    composition = head("Composition", "outcome-composition") | _composition(
        "Identified outcomes, for the centre itself",
        patient,
        max((each["meta"]["lastUpdated"] for each in shown if "lastUpdated" in each.get("meta", {})), default=None),
        [
            *_sections(shown, ids.canonicals),
            _completeness(f"Resources: {len(shown)}.", f"Other resources of the patient: {others}."),
        ],
        ids.canonicals,
    )
    return head("Bundle", "outcome-bundle") | transaction([composition, *shown])


def _composition(
    kind: str, patient: Resource, last: str | None, sections: list[Element], canonicals: Canonicals
) -> Element:
    """All but its identity. It carries the patient's labels; `last` is its date, None unknown."""
    labels = patient.get("meta", {}).get("security")
    undated = {"_date": {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": "unknown"}]}}
    profile: Element = {"profile": [canonicals.profile("engraft-outcome-composition")]}
    return {
        "meta": profile | ({"security": labels} if labels else {}),
        "status": "final",
        "type": {"text": kind},
        "subject": reference(f"Patient/{patient['id']}"),
        **({"date": last} if last else undated),
        "author": [{"type": "Device", "display": "Engraft"}],
        "title": TITLE,
        "section": sections,
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


def _what_stayed(released: Deidentified) -> Iterator[str]:
    yield f"Resources sent: {len(released.resources)}."
    yield f"Resources that stayed at the centre: {released.kept_home.total()}."
    yield f"Elements that were removed: {released.dropped.total()}."


def _completeness(*lines: str) -> Element:
    """How much is not here, so that absence is never mistaken for a finding. Counts alone, no names."""
    return {"title": _COMPLETENESS, "text": _text(*lines)}


def _text(*lines: str) -> Element:
    """Narrative of sentences that we made: no word of it comes from a patient's record."""
    body = "".join(f"<p>{line}</p>" for line in lines)
    return {"status": "generated", "div": f'<div xmlns="{XHTML}">{body}</div>'}
