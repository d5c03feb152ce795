"""De-identification by allow-list: what deid-rules.toml does not name stays at home, and is counted.

Ids, references and identifiers become pseudonyms under a key; all dates of a patient go back by one secret number of
days, so that every interval survives; of free text nothing leaves. The same input under the same key gives the same
output. docs/deidentification.md tells it to people who do not program.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

from mappings.canonicals import DEFAULT, EXT_DATA_ABSENT_REASON, OBSERVATION_VALUE, Canonicals
from mappings.r4 import wire
from mappings.r4.build import Resource, coding
from mappings.registry.cleaning import Passage, StaysHome, Walk, walks
from mappings.registry.consent import permits
from mappings.registry.course import patient_of
from mappings.registry.pseudonyms import Pseudonyms

ByPatient = dict[str | None, list[Resource]]
"""Resources by the id of their patient."""

_Waiting = tuple[Resource, str, str]
"""One that may leave, its pseudonym, and the reference to it then."""

_MASKED = {"extension": [{"url": EXT_DATA_ABSENT_REASON, "valueCode": "masked"}]}
_DATES = re.compile(rb'-(?<=[:,\[]"(\d{4})-)(?<!"birthDate":"\d{4}-)\d\d(?:-\d\d(?:T(?:[^\s"\\]|\\.)+)?)?(?="(?!:))')
"""A text of a document that is a date: it begins after its year, for a hyphen is soon found."""


@dataclass(frozen=True, slots=True)
class Deidentified:
    """`dropped` counts elements by their path (`Observation.note`), `kept_home` resources by type and reason."""

    resources: tuple[Resource, ...]
    dropped: Counter[str]
    kept_home: Counter[str]


def release(resources: Iterable[Resource], key: bytes, on: date, canonicals: Canonicals = DEFAULT) -> Deidentified:
    """What a registry may see: only patients whose Consent, among `resources`, permits it on that day."""
    return release_of(by_patient(resources), key, on, canonicals)


def release_of(patients: ByPatient, key: bytes, on: date, canonicals: Canonicals = DEFAULT) -> Deidentified:
    """The same of resources that are sorted by patient."""
    allowed: dict[str | None, list[Resource]] = {}
    hidden = Counter[str]()
    for patient, said in patients.items():
        if patient and permits((one for one in said if one.get("resourceType") == "Consent"), on):
            allowed[patient] = said
        else:
            hidden.update(f"{one.get('resourceType')}: no consent" for one in said)
    return _leaving(allowed, hidden, key, canonicals)


def deidentify(resources: Iterable[Resource], key: bytes, canonicals: Canonicals = DEFAULT) -> Deidentified:
    """Everything that the allow-list lets pass, patient by patient in the order of their pseudonyms.

    Give all resources of a patient at once: a reference leaves only together with what it points to.
    Whether a patient agreed is not asked here (`release` asks). Raises ValueError for a key that is too short.
    """
    patients = by_patient(resources)
    nameless = patients.pop(None, ())
    home = Counter(f"{one.get('resourceType')}: names no patient" for one in nameless)
    return _leaving(patients, home, key, canonicals)


def by_patient(resources: Iterable[Resource]) -> ByPatient:
    """In their order; None: of what names no patient."""
    found: ByPatient = {}
    for one in resources:
        found.setdefault(patient_of(one) or None, []).append(one)
    return found


def _leaving(patients: ByPatient, home: Counter[str], key: bytes, canonicals: Canonicals) -> Deidentified:
    """`home`: what stays at home already, and why."""
    pseudonyms, out, dropped = Pseudonyms(key), list[Resource](), Counter[str]()
    named = {pseudonyms.id("Patient", each): each for each in patients if each}
    for _, patient in sorted(named.items()):
        cleaned = _Patient(patient, patients[patient], pseudonyms, canonicals, *walks(canonicals)).cleaned()
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
    of_type: Mapping[str, Walk]
    of_meta: Mapping[str, Walk]

    def cleaned(self) -> Deidentified:
        """Again until nothing more stays at home, since what points there loses its reference."""
        home: Counter[str] = Counter()
        waiting: dict[str, _Waiting] = {}
        for said in self.resources:
            if why := self._never(said):
                home[f"{said['resourceType']}: {why}"] += 1
            else:
                kind, id_ = said["resourceType"], said["id"]
                waiting[f"{kind}/{id_}"] = said, (pseudonym := self.pseudonyms.id(kind, id_)), f"{kind}/{pseudonym}"
        latest, days = _latest_year(self.resources), self.pseudonyms.days(self.patient)
        while True:
            leaving = {name: reference for name, (*_, reference) in waiting.items()}
            passage, out = Passage(leaving, days, latest), []
            for name in sorted(leaving):
                said, pseudonym, _ = waiting[name]
                try:
                    out.append(self._resource(said, pseudonym, passage))
                except StaysHome as reason:
                    home[f"{waiting.pop(name)[0]['resourceType']}: {reason}"] += 1
            if len(waiting) == len(leaving):
                out.sort(key=itemgetter("resourceType", "id"))
                return Deidentified(tuple(out), passage.counted(), home)

    def _never(self, said: Resource) -> str | None:
        """Why a resource cannot leave, whatever else does."""
        if said["resourceType"] not in self.of_type:
            return "type is not on the allow-list"
        if not isinstance(said.get("id"), str):
            return "has no id"
        return "has implicitRules" if said.get("implicitRules") else None

    def _resource(self, said: Resource, pseudonym: str, passage: Passage) -> Resource:
        kind = said["resourceType"]
        kept, why = self.of_type[kind].parts(said, passage)
        if why:
            raise StaysHome(why)
        meta = self.of_meta[kind](said.get("meta"), passage) or {}
        label = coding(OBSERVATION_VALUE, "PSEUDED")
        more = [each for each in meta["security"] if each != label] if "security" in meta else ()
        meta["security"] = [label, *more]
        identifier = {"system": self.canonicals.sid("pseudonym"), "value": self.pseudonyms.value(kind, said["id"])}
        head: Resource = {"resourceType": kind, "id": pseudonym, "meta": meta, "identifier": [identifier], **kept}
        if "birthDate" in said and "birthDate" not in kept:
            head["_birthDate"] = _MASKED
        return head


def _latest_year(resources: Iterable[Resource]) -> int | None:
    """Of any date that tells at least the month, but for those of birth; None where there is none."""
    return max((int(each[:4]) for each in dates(resources)), default=None)


def dates(resources: Iterable[Resource]) -> Iterator[str]:
    """Every date that tells at least the month, as written; not those of birth.

    Found in what is written, which is sooner done than to look at every element.
    """
    return ((found[1] + found[0]).decode() for found in _DATES.finditer(wire.encode(list(resources))))
