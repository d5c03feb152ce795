"""A file of documents as it was sent, by whatever way: what it is made of, and how it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from adapter.config import Settings
from adapter.errors import Invalid
from adapter.flows import answers
from mappings.intake import lines, redcap, table
from mappings.intake.entries import Entry
from mappings.r4.faults import Fault, FaultyInput

if TYPE_CHECKING:
    from adapter.store import Store
    from adapter.store.clients import Client

LINES, TABLE, REDCAP = "lines", "table", "redcap"

BODY = "body"
"""The one part of lines and of a table."""

MAPPING, DICTIONARY, EXPORT = "mapping", "dictionary", "export"
"""The parts of a REDCap upload; the dictionary may be missing."""

Read = tuple[Iterable[Entry], Sequence[str]]
"""The documents in their order, and how the file was read, in sentences."""


@dataclass(frozen=True, slots=True)
class Upload:
    """`kind`: LINES, TABLE or REDCAP. `charset`: of a table, as its sender said."""

    kind: str
    parts: Mapping[str, bytes]
    charset: str | None = None


def read(upload: Upload, sender: Client | None, store: Store, settings: Settings) -> Read:
    """Raises Invalid where the file as a whole cannot be read; what is wrong with a document is that document's."""
    if upload.kind == LINES:
        who = answers.knowing(sender, store)
        return lines.read(upload.parts[BODY].split(b"\n"), settings.canonicals, who), ()
    return _table(upload) if upload.kind == TABLE else _redcap(upload)


def _table(upload: Upload) -> Read:
    rows = partial(upload.parts[BODY].splitlines, keepends=True)
    try:
        layout = table.survey(rows, charset=upload.charset)
        table.require_known(layout)
    except FaultyInput as error:
        raise Invalid(_in_row_1(error)) from error
    return table.read(rows, layout), layout.notes


def _redcap(upload: Upload) -> Read:
    rows, project = partial(upload.parts[EXPORT].splitlines, keepends=True), _project(upload)
    try:
        layout = redcap.survey(rows, project)
    except FaultyInput as error:
        raise Invalid(_in_row_1(error, f"{EXPORT}.")) from error
    return redcap.read(rows, layout, project), layout.notes


def _project(upload: Upload) -> redcap.Project:
    """The mapping, held against the dictionary. Raises Invalid with each fault by its key in the mapping."""
    try:
        text = upload.parts[MAPPING].decode("utf-8")
    except UnicodeError as error:
        raise Invalid([Fault(MAPPING, "is not UTF-8", "structure")]) from error
    dictionary = upload.parts.get(DICTIONARY)
    try:
        if dictionary is None and redcap.dictionary_of(text):
            told = "the mapping names one: send it, or leave it out of the mapping"
            raise Invalid([Fault(DICTIONARY, f"missing: {told}", "required")])
        return redcap.project(text, dictionary)
    except FaultyInput as error:
        faults = [Fault(f"{MAPPING}.{fault.path}", fault.message, fault.code) for fault in error.faults]
        raise Invalid(faults) from error


def _in_row_1(error: FaultyInput, before: str = "") -> list[Fault]:
    return [Fault(f"{before}{fault.path}", f"row 1: {fault.message}", fault.code) for fault in error.faults]
