"""De-identification by allow-list: what deid-rules.toml does not name stays at home, and is counted.

Ids, references and identifiers become pseudonyms under a key; all dates of a patient go back by one secret number of
days, so that every interval survives; of free text nothing leaves. The same input under the same key gives the same
output. docs/deidentification.md tells it to people who do not program.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from mappings.canonicals import DEFAULT, EXT_DATA_ABSENT_REASON, OBSERVATION_VALUE, Canonicals
from mappings.r4.build import Element, Resource, coding
from mappings.registry.allow_list import AllowList, Rule, Table, allow_list, known_profile, known_unit
from mappings.registry.consent import permits
from mappings.registry.course import patient_of
from mappings.registry.pseudonyms import Pseudonyms, move_back

OLDEST_SHOWN = 89
"""Who is older than this in the data is one group: the year of birth is masked."""

_REFERENCE = re.compile(r"(?:https?://\S+/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]+)?")
_PARTIAL = re.compile(r"(\d{4})(?:-\d{2}(?:-\d{2}(?:T\S+)?)?)?")
_PLAIN = {"boolean": (bool,), "integer": (int,), "decimal": (int, Decimal, float)}
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
    everything = list(resources)
    consents: dict[str | None, list[Resource]] = {}
    for resource in everything:
        if resource.get("resourceType") == "Consent":
            consents.setdefault(patient_of(resource), []).append(resource)
    allowed = {patient for patient, said in consents.items() if patient and permits(said, on)}
    shown = (resource for resource in everything if patient_of(resource) in allowed)
    out = deidentify(shown, key, canonicals)
    hidden = Counter(f"{r.get('resourceType')}: no consent" for r in everything if patient_of(r) not in allowed)
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
        cleaned = _Patient(patient, patients[patient], pseudonyms, canonicals, allow_list()).cleaned()
        out.extend(cleaned.resources)
        dropped += cleaned.dropped
        home += cleaned.kept_home
    return Deidentified(tuple(out), dropped, home)


class _StaysHome(Exception):
    """Why one resource cannot leave."""


@dataclass(slots=True)
class _Patient:
    """One patient on the way out."""

    patient: str
    resources: Sequence[Resource]
    pseudonyms: Pseudonyms
    canonicals: Canonicals
    rules: AllowList
    latest_year: int | None = None
    leaving: set[str] = field(default_factory=set)
    dropped: Counter[str] = field(default_factory=Counter)

    def cleaned(self) -> Deidentified:
        """Again until nothing more stays at home, since what points there loses its reference."""
        self.latest_year = max((int(each[:4]) for each in dates(self.resources)), default=None)
        home: Counter[str] = Counter()
        waiting = {f"{resource['resourceType']}/{resource.get('id')}": resource for resource in self.resources}
        while True:
            self.leaving, self.dropped, out, before = set(waiting), Counter(), [], len(waiting)
            for reference in sorted(waiting):
                try:
                    out.append(self._resource(waiting[reference]))
                except _StaysHome as reason:
                    home[f"{waiting.pop(reference)['resourceType']}: {reason}"] += 1
            if len(waiting) == before:
                out.sort(key=lambda resource: (resource["resourceType"], resource["id"]))
                return Deidentified(tuple(out), self.dropped, home)

    def _resource(self, said: Resource) -> Resource:
        kind, identity = said["resourceType"], said.get("id")
        if kind not in self.rules.resources:
            raise _StaysHome("type is not on the allow-list")
        if not isinstance(identity, str):
            raise _StaysHome("has no id")
        if said.get("implicitRules"):
            raise _StaysHome("has implicitRules")
        parts = {name: value for name, value in said.items() if name not in _REPLACED}
        kept, why = self._parts(parts, self.rules.resources[kind], kind)
        if why:
            raise _StaysHome(why)
        head: Resource = {"resourceType": kind, "id": self.pseudonyms.id(kind, identity), "meta": self._meta(said)}
        pseudonym = {"system": self.canonicals.sid("pseudonym"), "value": self.pseudonyms.value(kind, identity)}
        masked = {"_birthDate": _MASKED} if "birthDate" in parts and "birthDate" not in kept else {}
        return head | {"identifier": [pseudonym]} | kept | masked

    def _meta(self, said: Resource) -> Element:
        kept, _ = self._parts(said.get("meta", {}), self.rules.meta, f"{said['resourceType']}.meta")
        label = coding(OBSERVATION_VALUE, "PSEUDED")
        return kept | {"security": [label, *(each for each in kept.get("security", []) if each != label)]}

    def _parts(self, said: Element, table: Table, path: str) -> tuple[Element, str]:
        """What is left of an element, and why it cannot stand without what it lost."""
        kept: Element = {}
        for name, value in said.items():
            if name == "modifierExtension" and value:
                raise _StaysHome("has a modifierExtension")
            left = self._part(name, value, table, f"{path}.{name}")
            if left is None:
                self.dropped[f"{path}.{name}"] += 1
            else:
                kept[name] = left
        missing = [name for name in table.needs if name not in kept]
        missing += [name for name in table.changes if name in said and name not in kept]
        return kept, f"cannot leave without its {missing[0]}" if missing else ""

    def _part(self, name: str, value: Any, table: Table, path: str) -> Any:
        if name == "extension":
            return self._extensions(value, path)
        if name.startswith("_") and name[1:] in table.rules and isinstance(value, dict):
            extensions = self._extensions(value.get("extension"), path)
            return {"extension": extensions} if extensions else None
        if name not in table.rules:
            return None
        rule = table.rules[name]
        if not isinstance(value, list):
            return self._value(value, rule, path)
        several = [self._value(each, rule, path) for each in value]
        left = [each for each in several if each is not None]
        self.dropped[path] += len(several) - len(left) if left else 0
        return left or None

    def _extensions(self, said: Any, path: str) -> list[Element] | None:
        if not isinstance(said, list):
            return None
        kept = []
        for extension in said:
            url = extension.get("url") if isinstance(extension, dict) else None
            table = self.rules.extension(url, self.canonicals)
            left = self._table(_without_url(extension), table, path) if table else None
            if left:
                kept.append({"url": url} | left)
        self.dropped[path] += len(said) - len(kept) if kept else 0
        return kept or None

    def _value(self, value: Any, rule: Rule, path: str) -> Any:
        if isinstance(rule, Table):
            return self._table(value, rule, path)
        if isinstance(rule, frozenset):
            return value if isinstance(value, str) and value in rule else None
        if rule in _PLAIN:
            return value if type(value) in _PLAIN[rule] else None
        if rule == "coding":
            return self._coding(value)
        if rule == "ucum":
            return value if known_unit(value) else None
        return self._text(value, rule) if isinstance(value, str) else None

    def _text(self, value: str, verb: str) -> str | None:
        if verb == "date":
            return move_back(value, self.pseudonyms.days(self.patient))
        if verb == "birth":
            return self._birth_year(value)
        if verb == "profile":
            return value if known_profile(value, self.canonicals) else None
        return self._reference(value)

    def _reference(self, value: str) -> str | None:
        match = _REFERENCE.fullmatch(value)
        if not match or f"{match[1]}/{match[2]}" not in self.leaving:
            return None
        return f"{match[1]}/{self.pseudonyms.id(match[1], match[2])}"

    def _birth_year(self, value: str) -> str | None:
        """Masked over 89, and where there is no date at all to tell the age by."""
        match = _PARTIAL.fullmatch(value)
        latest = self.latest_year
        if not match or latest is None or latest - int(match[1]) > OLDEST_SHOWN:
            return None
        return match[1]

    def _coding(self, value: Any) -> Element | None:
        """System and code alone: a display or version is whatever somebody typed."""
        if not isinstance(value, dict):
            return None
        system, code = value.get("system"), value.get("code")
        if not isinstance(system, str) or not isinstance(code, str):
            return None
        return coding(system, code) if self.rules.admits(system, code, self.canonicals) else None

    def _table(self, value: Any, table: Table, path: str) -> Element | None:
        if not isinstance(value, dict):
            return None
        kept, why = self._parts(value, table, path)
        return None if why else kept or None


def dates(value: Any) -> Iterator[str]:
    """Every date of a resource that tells at least the month, as written; not those of birth."""
    if isinstance(value, str) and _PARTIAL.fullmatch(value) and len(value) > len("2026"):
        yield value
    elif isinstance(value, dict):
        yield from (each for name, part in value.items() if name != "birthDate" for each in dates(part))
    elif isinstance(value, list | tuple):
        yield from (each for part in value for each in dates(part))


def _without_url(extension: Element) -> Element:
    return {name: part for name, part in extension.items() if name != "url"}
