"""`_typeFilter` of a bulk export: searches of single types, `Observation?code=718-7&date=ge2026-01-01`.

They choose and do nothing else, so no parameter that shapes an answer is taken. For who does not see when something
changed they are put to what leaves (`flows.sieve`), and `_lastUpdated` is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from urllib.parse import parse_qsl

from adapter.errors import Invalid
from adapter.web import search_request, served
from adapter.web.content import lenient
from mappings.r4.faults import Fault

MOST = 50
"""Filters of one export."""

_APART = re.compile(r",(?=[A-Z][A-Za-z]{1,63}\?)")

Filters = dict[str, list[list[tuple[str, str]]]]


def read(said: Sequence[str], kinds: Collection[str], base: str, *, dates_moved: bool, faults: list[Fault]) -> Filters:
    """The searches, by type, as parameters that can be read again; several in one value have commas between."""
    found: Filters = {}
    several = [one for value in said for one in _APART.split(value)]
    if len(several) > MOST:
        faults.append(Fault("_typeFilter", f"at most {MOST} in one export", "too-costly"))
        return found
    for one in several:
        kind, _, query = one.partition("?")
        if kind not in kinds:
            if not lenient():
                words = f"{kind[:64]} is not among the types that are exported; write e.g. Observation?code=718-7"
                faults.append(Fault("_typeFilter", words, "value"))
            continue
        try:
            found.setdefault(kind, []).append(_search(kind, query, base, dates_moved=dates_moved))
        except Invalid as error:
            faults += [Fault("_typeFilter", f"{kind}, {each.path}: {each.message}", each.code) for each in error.faults]
    return found


def _search(kind: str, query: str, base: str, *, dates_moved: bool) -> list[tuple[str, str]]:
    """Raises Invalid naming each parameter."""
    asked = parse_qsl(query, keep_blank_values=True)
    known = [name for name in served.searched(kind) if not (dates_moved and name == "_lastUpdated")]
    unknown = [name for name, _ in asked if name.partition(":")[0] not in known]
    if unknown or not asked:
        words = f"is no search of {kind}; known: {', '.join(known)}"
        raise Invalid([Fault(name, words, "not-supported") for name in unknown or ["?"]])
    return [one.said for one in search_request.read(kind, asked, base=base, lenient=False).finds]
