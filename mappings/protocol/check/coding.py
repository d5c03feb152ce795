"""Names that another room has to understand: codes, facts of gates, measures, what visits ask for and panels count."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.protocol.check.finding import Finding, warning
from mappings.protocol.check.vocabulary import BOUNDS, ITEMS, MEASURES, VISITS
from mappings.protocol.model import (
    Anchor,
    Assay,
    Criterion,
    Infusions,
    Line,
    OpenLine,
    Protocol,
    Rest,
    Taper,
    Visit,
    placed,
)
from mappings.protocol.terms import code_of
from mappings.terminology import codes
from mappings.terminology.systems import AtcCode, SnomedCode


def drugs_have_codes(protocol: Protocol) -> Iterator[Finding]:
    """Every drug is known, and others can tell which it is."""
    drugs: list[tuple[str, Line | OpenLine]] = [*placed(protocol, Line), *placed(protocol, OpenLine)]
    for path, line in drugs:
        found = code_of(protocol, "drugs", line.drug)
        if found is None:
            yield Finding(f"{path}.drug", line.key, f"the terminology knows no drug {line.drug}", "not-found")
        elif not any(isinstance(code, AtcCode | SnomedCode) for code in found):
            message = f"{line.drug} has no code of ATC or SNOMED CT: some hospitals will not know it"
            yield warning(f"{path}.drug", line.key, message, "not-found")


def procedures_have_codes(protocol: Protocol) -> Iterator[Finding]:
    """Every procedure is known."""
    for path, key, procedure in _procedures(protocol):
        found = code_of(protocol, "procedures", procedure)
        if found is None:
            yield Finding(path, key, f"the terminology knows no procedure {procedure}", "not-found")
        elif not found:
            yield warning(path, key, f"{procedure} has no code: it travels in words only", "not-found")


def gates_ask_known_facts(protocol: Protocol) -> Iterator[Finding]:
    """A gate that asks what nobody can answer never opens, and one with the wrong bound says something else."""
    for place, gate in enumerate(protocol.gates):
        for number, criterion in enumerate(gate.criteria):
            path = f"gates.{place}.all.{number}"
            bound = BOUNDS.get(criterion.fact)
            if bound is None:
                known = ", ".join(BOUNDS)
                message = f"no fact is called {criterion.fact}; known: {known}"
                yield Finding(f"{path}.fact", gate.key, message, "not-found")
            elif _bound(criterion) != bound:
                wanted = "is: absent" if bound == "absent" else bound
                yield Finding(path, gate.key, f"{criterion.fact} is asked with `{wanted}`", "not-supported")


def measures_are_known(protocol: Protocol) -> Iterator[Finding]:
    """The registry can answer every endpoint, at a time that is told in one way."""
    for place, endpoint in enumerate(protocol.endpoints):
        for number, measure in enumerate(endpoint.measures):
            if measure not in MEASURES:
                path = f"endpoints.{place}.measures.{number}"
                yield Finding(path, endpoint.key, f"the registry has no measure {measure}", "not-found")
        for number, horizon in enumerate(endpoint.at):
            if (horizon.days is None) == (horizon.months is None):
                path = f"endpoints.{place}.at.{number}"
                yield Finding(path, endpoint.key, "a horizon is told in days or in months", "structure")


def follow_up_is_mapped(protocol: Protocol) -> Iterator[Finding]:
    """What visits ask for and panels count has a row to be written with; a visit can be named by who reports it."""
    for place, item in enumerate(protocol.follow_up.items):
        if item.key not in ITEMS:
            path = f"follow_up.items.{place}"
            yield Finding(path, item.key, f"nothing of a follow-up document answers {item.key}", "not-found")
    panel = protocol.follow_up.panel
    for place, subset in enumerate(panel.subsets if panel else ()):
        if f"immune-{subset}" not in MEASURES or subset not in codes.keys("observables"):
            path = f"follow_up.panel.subsets.{place}"
            yield Finding(path, protocol.follow_up.key, f"no observation counts {subset}", "not-found")
    for path, visit in placed(protocol, Visit):
        wanted = "visit-baseline" if visit.months is None else f"visit-m{visit.months}"
        if visit.key in VISITS and visit.key != wanted:
            yield Finding(f"{path}.months", visit.key, f"this key belongs to another time; the one of this is {wanted}")
        elif visit.key not in VISITS:
            message = "no follow-up document can name this visit: centres have to send it as unscheduled"
            yield warning(path, visit.key, message, "not-supported")
    for path, assay in placed(protocol, Assay):
        if assay.key != f"assay-d{assay.day}":
            yield Finding(f"{path}.day", assay.key, f"the key of this assay is assay-d{assay.day}")


def _procedures(protocol: Protocol) -> Iterator[tuple[str, str, str]]:
    """(path, clause, procedure) wherever one is named."""
    named: list[tuple[str, Rest | Taper | Infusions]] = [
        *placed(protocol, Rest),
        *placed(protocol, Taper),
        *placed(protocol, Infusions),
    ]
    for path, part in named:
        yield f"{path}.procedure", part.key, part.procedure
    for path, anchor in placed(protocol, Anchor):
        if anchor.line is None:
            yield f"{path}.procedure", anchor.key, anchor.procedure
        yield from ((f"{path}.kind_of.{place}", anchor.key, kind) for place, kind in enumerate(anchor.kind_of))


def _bound(criterion: Criterion) -> str:
    if criterion.absent:
        return "absent"
    return "at_most" if criterion.at_least is None else "at_least"
