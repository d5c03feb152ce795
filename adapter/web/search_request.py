"""A search as it was asked, told apart from the request that carried it, and its answer as a searchset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from adapter.errors import Invalid
from adapter.store import criteria
from adapter.store.criteria import Criterion
from adapter.store.paging import Sort, Window
from adapter.web import includes, served, shapes
from adapter.web.includes import Include
from adapter.web.shapes import Shape
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

PAGE = 50
LARGEST_PAGE = 500
MOST_VALUES = 200
"""Between them all, commas counted: a database refuses a question that is too long."""

TOTALS = ("none", "estimate", "accurate")
"""Values of `_total`. We count or do not; an estimate is a count."""


@dataclass(frozen=True, slots=True)
class Search:
    """`finds`: what chooses; `count` 0: only the total is wanted; `after`: where the page begins, None: the first."""

    kind: str
    finds: tuple[Criterion, ...] = ()
    sort: tuple[Sort, ...] = ()
    includes: tuple[Include, ...] = ()
    shape: Shape = shapes.WHOLE
    count: int = PAGE
    after: str | None = None
    total: str | None = None

    @property
    def window(self) -> Window:
        """The page. All matches are counted unless nobody wants it, and always where nothing else is told."""
        return Window(self.count, self.sort, self.after, self.total != "none" or not self.count)

    def query(self, after: str | None) -> str:
        """The understood parameters, for the links of the answer."""
        shape = [("_sort", ",".join(f"{'-' if one.descending else ''}{one.name}" for one in self.sort))]
        shape += [(one.name, one.said) for one in self.includes]
        shape += [*self.shape.said, ("_total", self.total or ""), ("_count", str(self.count)), ("_after", after or "")]
        found = [one.said for one in self.finds]
        return urlencode([*found, *((name, value) for name, value in shape if value)])


def read(kind: str, asked: Iterable[tuple[str, str]], *, base: str, lenient: bool) -> Search:
    """The search that the parameters ask for. Raises Invalid (400) naming each that is not understood.

    `base`: our own FHIR base, for references written as whole URLs. `lenient`: what is not known is left out. What is
    known and cannot be read is refused in any case.
    """
    reader = _Reader(kind, base, lenient)
    for name, value in asked:
        reader.take(name, value)
    return reader.search()


class _Reader:
    """Collects the parts of a search and every fault."""

    def __init__(self, kind: str, base: str, lenient: bool) -> None:
        self.kind, self.base, self.lenient = kind, base, lenient
        self.faults: list[Fault] = []
        self.finds: list[Criterion] = []
        self.includes: list[Include] = []
        self.controls: dict[str, str] = {}

    def take(self, name: str, value: str) -> None:
        plain = name.partition(":")[0]
        if plain in served.SHAPES:
            return
        if plain in includes.BOTH_WAYS:
            self._include(name, value)
        elif name in served.CONTROLS:
            if self.controls.setdefault(name, value) != value:
                self.faults.append(Fault(name, "is given twice, differently", "invalid"))
        elif plain in served.searched(self.kind):
            self._find(name, value)
        elif not self.lenient:
            words = ", ".join((*served.searched(self.kind), *served.CONTROLS))
            self.faults.append(Fault(name, f"{self.kind} is not searched by this; known: {words}", "not-supported"))

    def search(self) -> Search:
        if sum(one.said[1].count(",") + 1 for one in self.finds) > MOST_VALUES:
            name = self.finds[0].said[0]
            self.faults.append(Fault(name, f"at most {MOST_VALUES} values in one search", "too-costly"))
        count = whole(self.controls, "_count", PAGE, self.faults)
        shape = shapes.read(self.kind, self.controls, self.faults)
        found = Search(
            self.kind,
            tuple(self.finds),
            self._sort(),
            tuple(dict.fromkeys(self.includes)),
            shape,
            0 if shape.counts_only else min(count, LARGEST_PAGE),
            self.controls.get("_after") or None,
            self._total(),
        )
        if self.faults:
            raise Invalid(self.faults, status=400)
        return found

    def _find(self, name: str, value: str) -> None:
        try:
            said = self._local(value) if served.searched(self.kind)[name.partition(":")[0]].leads_to else value
            self.finds.append(criteria.read(self.kind, name, said))
        except Invalid as error:
            self.faults += error.faults

    def _include(self, name: str, value: str) -> None:
        try:
            self.includes += includes.read(self.kind, name, value)
        except Invalid as error:
            if not self.lenient:
                self.faults += error.faults

    def _sort(self) -> tuple[Sort, ...]:
        said = [Sort(one.removeprefix("-"), one[:1] == "-") for one in self.controls.get("_sort", "").split(",") if one]
        known = served.sorted_by(self.kind)
        understood = tuple(one for one in said if one.name in known)
        if len(understood) < len(said) and not self.lenient:
            self.faults.append(Fault("_sort", f"known: {', '.join(known)}, each also with a - before", "not-supported"))
        return understood

    def _total(self) -> str | None:
        said = self.controls.get("_total")
        if said is not None and said not in TOTALS:
            self.faults.append(Fault("_total", f"is one of {', '.join(TOTALS)}", "value"))
        return said

    def _local(self, value: str) -> str:
        """References to our own server by whole URL, as we store them."""
        return ",".join(one.removeprefix(f"{self.base}/") for one in criteria.split(value, ","))


def whole(controls: Mapping[str, str], name: str, default: int, faults: list[Fault]) -> int:
    """A control that is a whole number, 0 or more."""
    text = controls.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    faults.append(Fault(name, "is a whole number, 0 or more", "value"))
    return default


def searchset(
    search: Search,
    base: str,
    total: int | None,
    after: str | None,
    matches: Sequence[Resource],
    included: Sequence[Resource] = (),
) -> Resource:
    """Bundle of one page. `total` counts matches only; `after` is where the next page begins."""
    links = [_link("self", base, search, search.after)]
    if search.after:
        links.append(_link("first", base, search, None))
    if after:
        links.append(_link("next", base, search, after))
    out: Resource = {"resourceType": "Bundle", "type": "searchset"}
    out |= {} if total is None else {"total": total}
    out["link"] = links
    entries = [_entry(base, search.shape.of(one), "match") for one in matches]
    entries += [_entry(base, search.shape.of_included(one), "include") for one in included]
    return out | ({"entry": entries} if entries else {})


def _link(relation: str, base: str, search: Search, after: str | None) -> Element:
    return {"relation": relation, "url": f"{base}/{search.kind}?{search.query(after)}"}


def _entry(base: str, resource: Resource, mode: str) -> Element:
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}
