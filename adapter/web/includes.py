"""What a search brings beside its matches: what they refer to, and what refers to them. Of the caller's centre only."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from adapter.errors import Invalid
from adapter.store import Tx, index
from adapter.store.stored import Stored
from adapter.web import served
from mappings.r4.build import Resource
from mappings.r4.faults import Fault

MOST = 2_000
"""Resources that one page may bring beside its matches. More are refused: a plan without some order would be wrong."""

BOTH_WAYS = ("_include", "_revinclude")


@dataclass(frozen=True, slots=True)
class Include:
    """`name` is `_include` or `_revinclude`; `target` narrows it to one type of what is referred to, else ''."""

    name: str
    source: str
    parameter: str
    target: str

    @property
    def said(self) -> str:
        """Its value as a client writes it."""
        return ":".join(filter(None, (self.source, self.parameter, self.target)))


def read(kind: str, name: str, value: str) -> list[Include]:
    """What an `_include` or `_revinclude` asks for. Raises Invalid (400) naming what would be understood."""
    if name not in BOTH_WAYS:
        raise _refusal(name, "includes are not followed further: send one search for each step")
    known = served.includes(kind) if name == "_include" else served.revincludes(kind)
    if name == "_include" and value in ("*", f"{kind}:*"):
        return [Include(name, kind, one.partition(":")[2], "") for one in known]
    source, _, rest = value.partition(":")
    parameter, colon, target = rest.partition(":")
    reachable = served.leads_to(source, parameter) if name == "_include" else (kind,)
    if f"{source}:{parameter}" not in known or (colon and target not in reachable):
        raise _refusal(name, f"known: {', '.join(known) or 'none'}")
    return [Include(name, source, parameter, target)]


def bring(tx: Tx, matches: Sequence[Stored], asked: Sequence[Include], centres: Collection[str]) -> list[Resource]:
    """What was asked for beside the matches, each once, without the matches. Raises Invalid where it is too much."""
    seen = {one.reference for one in matches}
    found: dict[str, Resource] = {}
    for include in asked:
        for one in _brought(tx, [match.content for match in matches], include, centres):
            if one.centre in centres and one.reference not in seen:
                found[one.reference] = one.content
        if len(found) > MOST:
            text = f"this page would bring more than {MOST} resources beside its matches; ask for fewer with _count"
            raise Invalid([Fault(include.name, text, "too-costly")], status=400)
    return list(found.values())


def _brought(tx: Tx, matches: Sequence[Resource], include: Include, centres: Collection[str]) -> list[Stored]:
    if include.name == "_revinclude":
        targets = [(one["resourceType"], one["id"]) for one in matches]
        return tx.resources.referring(
            include.source, include.parameter, targets, centres=centres, count=MOST + len(matches) + 1
        )
    references = dict.fromkeys(reference for one in matches for reference in _references(one, include))
    return tx.resources.get_many(list(references))


def _references(resource: Resource, include: Include) -> Iterator[str]:
    wanted = {include.target} if include.target else set(served.leads_to(include.source, include.parameter))
    parameter = served.searched(include.source)[include.parameter]
    return (f"{kind}/{id_}" for kind, id_ in index.references(resource, parameter) if kind in wanted)


def _refusal(name: str, text: str) -> Invalid:
    return Invalid([Fault(name, text, "not-supported")], status=400)
