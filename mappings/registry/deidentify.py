"""De-identification by allow-list: what deid-rules.toml does not name stays at home, and is counted.

Ids, references and identifiers become pseudonyms under a key; all dates of a patient go back by one secret number of
days, so that every interval survives; of free text nothing leaves. The same input under the same key gives the same
output. docs/deidentification.md tells it to people who do not program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from mappings.canonicals import DEFAULT, EXT_DATA_ABSENT_REASON, OBSERVATION_VALUE, Canonicals
from mappings.r4.build import Resource, coding
from mappings.registry.allow_list import allow_list
from mappings.registry.cleaning import PARTIAL, Passage, StaysHome, walks
from mappings.registry.consent import permits
from mappings.registry.course import patient_of
from mappings.registry.pseudonyms import Pseudonyms

_MASKED = {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": "masked"}]}
_REPLACED = ("resourceType", "id", "meta", "identifier")


@dataclass(frozen=True, slots=True)
class Deidentified:
    """`dropped` counts elements by their path (`Observation.note`), `kept_home` resources by type and reason."""

    resources: tuple[Resource, ...]
    dropped: Counter[str]
    kept_home: Counter[str]


def release(resources: Iterable[Resource], key: bytes, on: date, canonicals: Canonicals = DEFAULT) -> Deidentified:
    """What a registry may see: only patients whose Consent, among `resources`, permits it on that day."""
    everything = [(patient_of(resource), resource) for resource in resources]
    consents: dict[str | None, list[Resource]] = {}
    for patient, resource in everything:
        if resource.get("resourceType") == "Consent":
            consents.setdefault(patient, []).append(resource)
    allowed = {patient for patient, said in consents.items() if patient and permits(said, on)}
    out = deidentify((resource for patient, resource in everything if patient in allowed), key, canonicals)
    hidden = Counter(f"{r.get('resourceType')}: no consent" for patient, r in everything if patient not in allowed)
    return Deidentified(out.resources, out.dropped, out.kept_home + hidden)


def deidentify(resources: Iterable[Resource], key: bytes, canonicals: Canonicals = DEFAULT) -> Deidentified:
    """Everything that the allow-list lets pass, patient by patient in the order of their pseudonyms.

    Give all resources of a patient at once: a reference leaves only together with what it points to.
    Whether a patient agreed is not asked here (`release` asks). Raises ValueError for a key that is too short.
    """
    pseudonyms, dropped, home = Pseudonyms(key), Counter[str](), Counter[str]()
    patients: dict[str, list[Resource]] = {}
    for resource in resources:
        if patient := patient_of(resource):
            patients.setdefault(patient, []).append(resource)
        else:
            home[f"{resource.get('resourceType')}: names no patient"] += 1
    out: list[Resource] = []
    for patient in sorted(patients, key=lambda each: pseudonyms.id("Patient", each)):
        cleaned = _Patient(patient, patients[patient], pseudonyms, canonicals).cleaned()
        out.extend(cleaned.resources)
        dropped += cleaned.dropped
        home += cleaned.kept_home
    return Deidentified(tuple(out), dropped, home)


@dataclass(slots=True)
class _Patient:
    """One patient on the way out."""

    patient: str
    resources: Sequence[Resource]
    pseudonyms: Pseudonyms
    canonicals: Canonicals

    def cleaned(self) -> Deidentified:
        """Again until nothing more stays at home, since what points there loses its reference."""
        home: Counter[str] = Counter()
        waiting: dict[str, Resource] = {}
        for said in self.resources:
            if why := _never(said):
                home[f"{said['resourceType']}: {why}"] += 1
            else:
                waiting[f"{said['resourceType']}/{said['id']}"] = said
        ids = {name: self.pseudonyms.id(said["resourceType"], said["id"]) for name, said in waiting.items()}
        latest, days = _latest_year(self.resources), self.pseudonyms.days(self.patient)
        while True:
            leaving = {name: f"{said['resourceType']}/{ids[name]}" for name, said in waiting.items()}
            passage, out = Passage(leaving, days, latest), []
            for name in sorted(leaving):
                try:
                    out.append(self._resource(waiting[name], ids[name], passage))
                except StaysHome as reason:
                    home[f"{waiting.pop(name)['resourceType']}: {reason}"] += 1
            if len(waiting) == len(leaving):
                out.sort(key=lambda resource: (resource["resourceType"], resource["id"]))
                return Deidentified(tuple(out), passage.dropped, home)

    def _resource(self, said: Resource, pseudonym: str, passage: Passage) -> Resource:
        kind = said["resourceType"]
        of_type, of_meta = walks(self.canonicals)
        parts = {name: value for name, value in said.items() if name not in _REPLACED}
        kept, why = of_type[kind].parts(parts, passage)
        if why:
            raise StaysHome(why)
        meta = of_meta[kind](said.get("meta"), passage) or {}
        label = coding(OBSERVATION_VALUE, "PSEUDED")
        meta["security"] = [label, *(each for each in meta.get("security", ()) if each != label)]
        identifier = {"system": self.canonicals.sid("pseudonym"), "value": self.pseudonyms.value(kind, said["id"])}
        masked = {"_birthDate": _MASKED} if "birthDate" in parts and "birthDate" not in kept else {}
        head: Resource = {"resourceType": kind, "id": pseudonym, "meta": meta, "identifier": [identifier]}
        return head | kept | masked


def _never(said: Resource) -> str | None:
    """Why a resource cannot leave, whatever else does."""
    if said["resourceType"] not in allow_list().resources:
        return "type is not on the allow-list"
    if not isinstance(said.get("id"), str):
        return "has no id"
    return "has implicitRules" if said.get("implicitRules") else None


def _latest_year(resources: Iterable[Resource]) -> int | None:
    """Of any date that tells at least the month, but for those of birth; None where there is none."""
    return max((int(each[:4]) for each in dates(resources)), default=None)


def dates(value: Any) -> Iterator[str]:
    """Every date of a resource that tells at least the month, as written, in no order; not those of birth."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if one[4:5] == "-" and PARTIAL.fullmatch(one):
                yield one
        elif isinstance(one, dict):
            waiting.extend(one.values() if "birthDate" not in one else _but_birth(one))
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def _but_birth(one: Resource) -> Iterator[Any]:
    return (part for name, part in one.items() if name != "birthDate")
