"""The mapping of one REDCap project to our items: a TOML file, held against the project's data dictionary."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mappings.intake.columns import Column, Kind, column
from mappings.intake.words import REASONS_MISSING, VISITS
from mappings.r4.faults import Fault, FaultyInput

ENROLMENT, IGNORE = "enrolment", "ignore"
KINDS: tuple[Kind, ...] = ("enrolment", "follow-up")
TICK = "___"
"""Between a checkbox field and the code of its choice, as REDCap names the columns of an export."""

_NAME, _FORM, _TYPE = "Variable / Field Name", "Form Name", "Field Type"
_CHOICES = "Choices, Calculations, OR Slider Labels"
_CHOSEN = ("radio", "dropdown", "checkbox")


@dataclass(frozen=True, slots=True)
class Item:
    """Where one REDCap field goes. `words`: its codes to ours; `unit`: of its bare number; `word`: what a tick says."""

    path: str
    words: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    word: str = ""

    def column(self, kind: Kind, above: str = "") -> Column | None:
        """Its place in that document. `above`: the item of the list that a repeated instrument is."""
        path = ".".join(filter(None, (above, self.path, "1" if self.word else "")))
        return column(kind, path)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A repeated instrument: each instance is an item of `list_`."""

    list_: str
    items: Mapping[str, Item]


@dataclass(frozen=True, slots=True)
class Project:
    """`patient`: the field with the patient's number; `missing`: missing data codes with the reason that each gives.

    `constants`: by path, what the project does not ask because it is the same for everybody.
    """

    centre: str
    protocol: str
    patient: str
    missing: Mapping[str, str]
    events: Mapping[str, tuple[str, ...]]
    items: Mapping[str, Item]
    instruments: Mapping[str, Instrument]
    constants: Mapping[str, str]

    def anywhere(self) -> Iterator[tuple[str, Item, str]]:
        """(REDCap's name, item, the list's first item or nothing) of everything that is mapped."""
        yield from ((name, item, "") for name, item in self.items.items())
        for one in self.instruments.values():
            yield from ((name, item, f"{one.list_}.1") for name, item in one.items.items())


def dictionary_of(text: str, file: str = "") -> str | None:
    """The file name of the data dictionary, where the mapping names one."""
    named = _table(_document(text, file), "project").get("dictionary")
    return named if isinstance(named, str) else None


def project(text: str, dictionary: bytes | None = None, file: str = "") -> Project:
    """The mapping. Raises FaultyInput with every fault: of itself, and against the dictionary where there is one."""
    document = _document(text, file)
    head = _table(document, "project")
    made = Project(
        centre=str(head.get("centre", "")),
        protocol=str(head.get("protocol", "")),
        patient=str(head.get("patient", "")),
        missing={str(code): str(reason) for code, reason in _table(head, "missing").items()},
        events={name: _targets(said) for name, said in _table(document, "events").items()},
        items=_items(_table(document, "fields")),
        instruments={
            name: Instrument(str(said.get("list", "")), _items(_table(said, "fields")))
            for name, said in _table(document, "instruments").items()
            if isinstance(said, dict)
        },
        constants={path: str(said) for path, said in _table(document, "constants").items()},
    )
    faults = [*_own_faults(made), *(_against(made, dictionary) if dictionary is not None else ())]
    if faults:
        raise FaultyInput([Fault(one.path, one.message, one.code, file=file) for one in faults])
    return made


def _document(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultyInput([Fault("$", f"is no TOML: {error}", "structure", file=file)]) from None
    except RecursionError:
        raise FaultyInput([Fault("$", "is nested too deep", "structure", file=file)]) from None


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    return found if isinstance(found, dict) else {}


def _targets(said: Any) -> tuple[str, ...]:
    return tuple(map(str, said)) if isinstance(said, list) else (str(said),)


def _items(said: Mapping[str, Any]) -> dict[str, Item]:
    return {name: _item(one) for name, one in said.items()}


def _item(said: Any) -> Item:
    if not isinstance(said, dict):
        return Item(str(said))
    words = {str(code): str(word) for code, word in _table(said, "words").items()}
    return Item(str(said.get("path", "")), words, str(said.get("unit", "")), str(said.get("word", "")))


def _own_faults(made: Project) -> Iterator[Fault]:
    for name, said in (("centre", made.centre), ("patient", made.patient)):
        if not said:
            yield Fault(f"project.{name}", "missing: this is needed", "required")
    for code, reason in made.missing.items():
        if reason not in REASONS_MISSING:
            yield Fault(f"project.missing.{code}", f"is one of {', '.join(REASONS_MISSING)}", "code-invalid")
    for event, targets in made.events.items():
        if not set(targets) <= {ENROLMENT, IGNORE, *VISITS}:
            known = ", ".join((ENROLMENT, IGNORE, *VISITS))
            yield Fault(f"events.{event}", f"is one of {known}, or a list of an enrolment and a visit", "code-invalid")
    for name, one in made.instruments.items():
        if (found := column("follow-up", one.list_) or column("enrolment", one.list_)) is None or found.holds != "list":
            yield Fault(f"instruments.{name}.list", "is the path of a list, as gvhd.acute", "value")
    for path in made.constants:
        if not any(column(kind, path) for kind in KINDS):
            yield Fault(f"constants.{path}", "is no path of a value", "value")
    for name, item, above in made.anywhere():
        found = next((there for kind in KINDS if (there := item.column(kind, above))), None)
        if found is None or found.holds in ("group", "list"):
            yield Fault(f"fields.{name}", f"{item.path!r} is no path of a value", "value")
        elif item.word and item.word not in found.words:
            yield Fault(f"fields.{name}", f"{item.word!r} is none of {', '.join(found.words)}", "code-invalid")


def _against(made: Project, dictionary: bytes) -> Iterator[Fault]:
    """Is what is mapped there, and is every choice that a person can make there a word of ours?"""
    try:
        lines = dictionary.decode("utf-8-sig").splitlines(keepends=True)
        rows = {row.get(_NAME) or "": row for row in csv.DictReader(lines, strict=True)}
    except (UnicodeError, csv.Error) as error:
        yield Fault("project.dictionary", f"is no CSV in UTF-8: {error}", "structure")
        return
    for name, item, above in made.anywhere():
        field_name, tick, code = name.partition(TICK)
        row = rows.get(field_name)
        if row is None:
            yield Fault(f"fields.{name}", "is no field of the data dictionary", "not-found")
            continue
        choices = _choices(row)
        if tick and code not in choices:
            yield Fault(f"fields.{name}", f"the field has no choice {code}", "not-found")
        elif not tick:
            open_ = [code for code in choices if not _meant(made, item, code, above)]
            if open_:
                told = f"these choices of the field have no word: {', '.join(open_)}"
                yield Fault(f"fields.{name}", told, "code-invalid")
    forms = {row.get(_FORM, "") for row in rows.values()}
    for name in sorted(made.instruments.keys() - forms):
        yield Fault(f"instruments.{name}", "is no form of the data dictionary", "not-found")


def _choices(row: Mapping[str, str]) -> list[str]:
    """Codes of `1, Alive | 2, Dead`."""
    if row.get(_TYPE) not in _CHOSEN:
        return []
    return [choice.partition(",")[0].strip() for choice in row.get(_CHOICES, "").split("|") if choice.strip()]


def _meant(made: Project, item: Item, code: str, above: str) -> bool:
    if code in item.words or code in made.missing:
        return True
    found = next((there for kind in KINDS if (there := item.column(kind, above))), None)
    return found is not None and not item.words and (found.holds != "word" or code in found.words)
