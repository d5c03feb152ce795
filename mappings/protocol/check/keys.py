"""Keys: each names one action, and fits into the ids that are made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from mappings.protocol.check.finding import Finding
from mappings.protocol.check.vocabulary import RESERVED
from mappings.protocol.model import (
    Anchor,
    Assay,
    Clause,
    FollowUpPlan,
    Infusions,
    Line,
    OpenLine,
    Phase,
    Protocol,
    Rest,
    Taper,
    Visit,
    placed,
)

LONGEST_ID = 64
"""Of a FHIR id."""

_ACTIONS = (Phase, Line, OpenLine, Rest, Anchor, Taper, Infusions, Visit, Assay, FollowUpPlan)


def unique_keys(protocol: Protocol) -> Iterator[Finding]:
    """One key, one action; one key in each list."""
    yield from _twice(_actions(protocol))
    for name in ("setting", "objectives", "gates", "endpoints"):
        yield from _twice(_listed(name, getattr(protocol, name)))
    yield from _twice(_listed("follow_up.items", protocol.follow_up.items))


def keys_make_ids(protocol: Protocol) -> Iterator[Finding]:
    """`<protocol>-<action>` is the id of an ActivityDefinition."""
    for path, key in _actions(protocol):
        if key in RESERVED:
            yield Finding(f"{path}.key", key, f"this key stands for all {RESERVED[key]}", "duplicate")
        if len(f"{protocol.key}-{key}") > LONGEST_ID:
            message = f"with {protocol.key} before it, it is longer than an id of FHIR ({LONGEST_ID} characters)"
            yield Finding(f"{path}.key", key, message, "too-long")


def _actions(protocol: Protocol) -> Iterator[tuple[str, str]]:
    """(path, key) of everything that becomes an action or a group of actions."""
    for path, clause in placed(protocol, Clause):
        if isinstance(clause, _ACTIONS):
            yield path, clause.key
        if isinstance(clause, Infusions):
            yield from ((path, key) for key in clause.numbered())


def _listed(path: str, clauses: Iterable[Clause]) -> Iterator[tuple[str, str]]:
    return ((f"{path}.{place}", clause.key) for place, clause in enumerate(clauses))


def _twice(named: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for path, key in named:
        paths[key].append(path)
    for key, where in paths.items():
        if len(where) > 1:
            yield Finding(f"{where[-1]}.key", key, f"{len(where)} parts of the protocol have this key", "duplicate")
