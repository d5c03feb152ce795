"""A search as it was asked, told apart from the request that carried it, and its answer as a searchset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from adapter.errors import Invalid
from adapter.web import served
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

PAGE = 50
LARGEST_PAGE = 500
MOST_VALUES = 200
"""Between them all, commas counted: a database refuses a question that is too long."""


@dataclass(frozen=True, slots=True)
class Search:
    """`finds`: parameters that choose; `include`: types wanted from `_include` (empty string: every one), or None."""

    kind: str
    finds: tuple[tuple[str, str], ...]
    count: int = PAGE
    offset: int = 0
    include: str | None = None

    def query(self, *, offset: int) -> str:
        """The understood parameters, for the links of the answer."""
        shape = [("_count", str(self.count))] + ([("_offset", str(offset))] if offset else [])
        if self.include is not None:
            target = f":{self.include}" if self.include else ""
            shape.append(("_include", f"{self.kind}:{served.INCLUDES[self.kind]}{target}"))
        return urlencode([*self.finds, *shape])


def read(kind: str, asked: Iterable[tuple[str, str]], *, lenient: bool) -> Search:
    """The search that the parameters ask for. Raises Invalid (400) naming each that is not understood."""
    faults: list[Fault] = []
    known = served.parameters(kind) or ()
    finds: list[tuple[str, str]] = []
    shape: dict[str, str] = {}
    for name, value in asked:
        if name in known and value:
            finds.append((name, value))
        elif name in served.CONTROLS:
            shape[name] = value
        elif name in known:
            faults.append(Fault(name, "a search parameter has a value", "invalid"))
        elif not lenient:
            words = ", ".join(sorted((*known, *served.CONTROLS)))
            faults.append(Fault(name, f"{kind} is not searched by this; known: {words}", "not-supported"))
    if sum(value.count(",") + 1 for _, value in finds) > MOST_VALUES:
        faults.append(Fault(finds[0][0], f"at most {MOST_VALUES} values in one search", "too-costly"))
    count = _whole("_count", shape.get("_count"), PAGE, faults)
    offset = _whole("_offset", shape.get("_offset"), 0, faults)
    include = _include(kind, shape.get("_include"), faults, lenient=lenient)
    if faults:
        raise Invalid(faults, status=400)
    return Search(kind, tuple(finds), min(count, LARGEST_PAGE), offset, include)


def searchset(
    search: Search, base: str, total: int, matches: Sequence[Resource], included: Sequence[Resource] = ()
) -> Resource:
    """Bundle of one page. `total` counts matches only."""
    out: Resource = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": []}
    out["link"].append(_link("self", base, search, search.offset))
    if search.count and search.offset + len(matches) < total:
        out["link"].append(_link("next", base, search, search.offset + search.count))
    if search.count and search.offset:
        out["link"].append(_link("previous", base, search, max(0, search.offset - search.count)))
    entries = [_entry(base, one, "match") for one in matches] + [_entry(base, one, "include") for one in included]
    return out | ({"entry": entries} if entries else {})


def _link(relation: str, base: str, search: Search, offset: int) -> Element:
    return {"relation": relation, "url": f"{base}/{search.kind}?{search.query(offset=offset)}"}


def _entry(base: str, resource: Resource, mode: str) -> Element:
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _whole(name: str, text: str | None, default: int, faults: list[Fault]) -> int:
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    faults.append(Fault(name, "is a whole number, 0 or more", "value"))
    return default


def _include(kind: str, text: str | None, faults: list[Fault], *, lenient: bool) -> str | None:
    if text is None:
        return None
    source, _, rest = text.partition(":")
    parameter, _, target = rest.partition(":")
    if source == kind and served.INCLUDES.get(kind) == parameter:
        return target
    if not lenient:
        known = ", ".join(f"{of}:{name}" for of, name in served.INCLUDES.items())
        faults.append(Fault("_include", f"known: {known}", "not-supported"))
    return None
