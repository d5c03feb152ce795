"""JSON as it comes in files and batches: one document, an array of them, or one a line (NDJSON)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mappings.canonicals import Canonicals
from mappings.intake import json_array, questionnaire
from mappings.intake.columns import kind_by
from mappings.intake.entries import Entry
from mappings.intake.questionnaire import Who, nobody
from mappings.r4.faults import FaultyInput
from mappings.r4.wire import decode_strict

RESPONSE = "QuestionnaireResponse"


def read(lines: Iterable[bytes], canonicals: Canonicals, who: Who = nobody) -> Iterator[Entry]:
    """Every line that is not blank; lines count from one."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from of_text(line, canonicals, who, number)


def of_text(data: bytes, canonicals: Canonicals, who: Who = nobody, line: int = 1) -> Iterator[Entry]:
    """The documents of one JSON text: itself, or each of an array."""
    try:
        said = decode_strict(data)
    except FaultyInput as error:
        yield Entry(line, faults=error.faults)
        return
    for one in said if isinstance(said, list) else (said,):
        yield of_value(one, canonicals, who, line)


def of_array(chunks: Iterable[bytes], canonicals: Canonicals, who: Who = nobody) -> Iterator[Entry]:
    """The documents of an array, one after the other as its text comes; its items are the rows."""
    line, row = 1, 0
    try:
        for line, row, text in json_array.items(chunks):
            yield from (replace(one, row=row) for one in _of_item(text, canonicals, who, line))
    except FaultyInput as error:
        yield Entry(line, row=row + 1, faults=error.faults)


def _of_item(text: bytes, canonicals: Canonicals, who: Who, line: int) -> Iterator[Entry]:
    """A list inside the list is no document, and is refused as one."""
    try:
        yield of_value(decode_strict(text), canonicals, who, line)
    except FaultyInput as error:
        yield Entry(line, faults=error.faults)


def of_value(document: Any, canonicals: Canonicals, who: Who = nobody, line: int = 1) -> Entry:
    """A document, or a response that says one; whatever else it is, the forms refuse it by its name."""
    if not isinstance(document, Mapping) or "resourceType" in document:
        if isinstance(document, Mapping) and document["resourceType"] == RESPONSE:
            return questionnaire.entry(document, canonicals, who, line)
        return Entry(line, document)
    return Entry(line, document, kind=kind_by(document.keys()))
