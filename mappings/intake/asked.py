"""A Questionnaire as what is asked of a person: each question with its words, units and limits.

The form in the browser is rendered from this. Companions (`.not_done`, `.note`, `.none`, `.missing`) are no questions
of their own; what they belong to says that it has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from mappings.canonicals import DEFAULT
from mappings.intake.columns import GAP, Kind
from mappings.intake.words import SEXES, VISITS
from mappings.r4.artefacts import artefact
from mappings.terminology import codes

Item = Mapping[str, Any]

SETTLED = ("centre", "patient", "protocol", "visit")
"""What the page knows before anybody answers."""

WHO = ("patient", "protocol")
"""What an enrolment asks of somebody new only: it says whom a correction is about."""

_GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"
_EXT = "http://hl7.org/fhir/StructureDefinition/"
_WHY = ("not_done", "note")
_BESIDE = (*_WHY, "none", GAP)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question or group. `name` is its path below the group that it stands in.

    `kind`: group, list (of groups), checks (several words), values (several dates), choice, date, boolean, integer,
    decimal, quantity, string or text. `options`: (word, what a person reads). `said`: it can be said to be missing;
    `none`: its list can be said to be empty; `gaps`: one of its values can be said to be missing; `needed`: nothing
    around it is taken without it. `when`: a condition, in words; `form`: how an answer is written.
    """

    name: str
    kind: str
    text: str
    options: tuple[tuple[str, str], ...] = ()
    units: tuple[str, ...] = ()
    low: Any = None
    high: Any = None
    said: bool = False
    none: bool = False
    gaps: bool = False
    needed: bool = False
    when: str = ""
    form: str = ""
    inside: tuple[Asked, ...] = ()


@cache
def visit(name: str) -> tuple[Asked, ...]:
    """What is asked at a visit, in the order of its Questionnaire. Raises KeyError for no such visit."""
    if name not in VISITS:
        raise KeyError(f"no visit is called {name!r}")
    return tuple(one for one in _of(f"follow-up-{name}") if one.name not in SETTLED)


@cache
def enrolment(protocols: tuple[str, ...], *, new: bool) -> tuple[Asked, ...]:
    """What is asked at enrolment. `protocols`: the keys to choose from. `new`: whom it is about is asked too."""
    keys = tuple((key, key) for key in protocols)
    found = (one for one in _of("enrolment") if one.name != "centre" and (new or one.name not in WHO))
    return tuple(replace(one, kind="choice", options=keys) if one.name == "protocol" else one for one in found)


@cache
def names(kind: Kind = "follow-up") -> frozenset[str]:
    """The name of every field of such a form; of the items of a list those of the first."""
    return frozenset(_names(visit(VISITS[0]) if kind == "follow-up" else enrolment((), new=True), ""))


@cache
def _of(name: str) -> tuple[Asked, ...]:
    questionnaire = _shipped("Questionnaire", name)
    reader = _Reader({item["linkId"]: item for item in _all(questionnaire["item"])})
    return tuple(reader.questions(questionnaire["item"], ""))


def _names(questions: Sequence[Asked], above: str) -> Iterator[str]:
    for one in questions:
        path = above + one.name
        beside = [*(_WHY if one.said else []), *(["none"] if one.none else [])]
        yield from (f"{path}.{part}" for part in beside)
        if one.kind == "quantity":
            yield from (f"{path}.{part}" for part in ("value", "unit", "comparator"))
        elif one.kind in ("group", "list"):
            yield from _names(one.inside, f"{path}.1." if one.kind == "list" else f"{path}.")
        else:
            yield f"{path}.1" if one.kind in ("checks", "values") else path
            yield from (f"{path}.1.{part}" for part in (_WHY if one.gaps else ()))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads items of one Questionnaire, all of which are known by their linkIds."""

    items: Mapping[str, Item]

    def questions(self, items: Sequence[Item], above: str) -> Iterator[Asked]:
        needed = set(_constraints(self.items.get(above, {})))
        for item in items:
            link = item["linkId"]
            if link.rpartition(".")[2] not in _BESIDE:
                yield self._asked(item, link.removeprefix(f"{above}."), _key(link) in needed)

    def _asked(self, item: Item, name: str, needed: bool) -> Asked:
        link, kind, inside = item["linkId"], item["type"], item.get("item", ())
        if item.get("repeats"):
            link, name = link.removesuffix(".1"), name.removesuffix(".1")
            kind = {"group": "list", "choice": "checks"}.get(kind, "values")
        elif (one := self.items.get(f"{link}.1")) and kind == "group":
            item, kind, inside = one, "list", one["item"]
        below = item["linkId"]
        return Asked(
            name=name,
            kind=kind,
            text=self.items.get(link, item)["text"],
            options=_options(item),
            units=tuple(one["valueCoding"]["code"] for one in _extensions(item, "questionnaire-unitOption"))
            or tuple(one["valueCoding"]["code"] for one in _extensions(item, "questionnaire-unit")),
            low=_limit(item, "minValue"),
            high=_limit(item, "maxValue"),
            said=f"{link}.not_done" in self.items,
            none=f"{link}.none" in self.items,
            gaps=f"{link}.{GAP}" in self.items,
            needed=needed or item.get("required", False),
            when=self._condition(item),
            form=next((one["valueString"] for one in _extensions(item, "entryFormat")), ""),
            inside=tuple(self.questions(inside, below)),
        )

    def _condition(self, item: Item) -> str:
        """Whichever answer makes the question one: `Vital status is Dead`."""
        told = [
            f"{self.items[one['question']]['text']} is {one['answerCoding']['display']}"
            for one in item.get("enableWhen", ())
        ]
        return " or ".join(told)


def _all(items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        yield from _all(item.get("item", ()))


def _extensions(item: Item, name: str) -> list[Item]:
    return [one for one in item.get("extension", ()) if one["url"] == _EXT + name]


def _limit(item: Item, name: str) -> Any:
    return next((one.get("valueInteger", one.get("valueDecimal")) for one in _extensions(item, name)), None)


def _constraints(item: Item) -> Iterator[str]:
    """Keys of what a group needs whatever its answers are."""
    for one in _extensions(item, "questionnaire-constraint"):
        parts = {part["url"]: part for part in one["extension"]}
        if ".value." not in parts["expression"]["valueString"]:
            yield parts["key"]["valueId"]


def _key(link: str) -> str:
    return link.replace(".", "-").replace("_", "-") + "-told"


@cache
def _value_set(name: str) -> tuple[tuple[str, str], ...]:
    """(word of the interface, what a person reads) of each concept of one of our ValueSets."""
    made = _shipped("ValueSet", name)
    return tuple(
        (_word(name, include["system"], concept["code"]), concept.get("display", concept["code"]))
        for include in made["compose"]["include"]
        for concept in include["concept"]
    )


def _options(item: Item) -> tuple[tuple[str, str], ...]:
    url = item.get("answerValueSet", "").partition("|")[0]
    if url == _GENDER:
        return tuple((sex, sex) for sex in SEXES)
    name = url.removeprefix(DEFAULT.url("ValueSet", ""))
    return _value_set(name) if name != url else ()


def _word(name: str, system: str, code: str) -> str:
    """The word that a concept stands for; the code of a list that is in no table of answers."""
    key = codes.key_of("answers", {"coding": [{"system": system, "code": code}]}, DEFAULT, f"{name}/")
    return code if key is None else key.partition("/")[2]


def _shipped(kind: str, name: str) -> Item:
    found = artefact(kind, name)
    assert found is not None, "a test holds the visits and lists to what is shipped"
    return found
