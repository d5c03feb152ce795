"""Names in a protocol that nothing bears or that would hide another: after this, every look-up finds its part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mappings.protocol.document import Document
from mappings.protocol.model import Anchor, Infusions, Line, Phase, Protocol, Taper, placed
from mappings.r4.faults import Fault
from mappings.terminology import codes


def dangling(protocol: Protocol, document: Document) -> Iterator[Fault]:
    """Every such name, with its line."""
    yield from _one_of_a_kind(protocol, document)
    yield from _day_zero(protocol, document)
    yield from _tapers(protocol, document)
    yield from _gates(protocol, document)
    yield from _terms(protocol, document)


def _one_of_a_kind(protocol: Protocol, document: Document) -> Iterator[Fault]:
    anchored = [path for path, phase in placed(protocol, Phase) if phase.anchor]
    if len(anchored) != 1:
        where = f"{anchored[-1]}.anchor" if anchored else "phases"
        yield document.fault(where, "one phase, and only one, carries the anchor (day zero)", name="phases")
    for path, phase in [(path, phase) for path, phase in placed(protocol, Phase) if phase.cycles][1:]:
        message = "another phase has cycles already, and both count from day zero"
        yield document.fault(f"{path}.cycles", message, name=f"{phase.key}.cycles")


def _day_zero(protocol: Protocol, document: Document) -> Iterator[Fault]:
    lines = {line.key: line.days for line in protocol.drug_lines}
    for path, anchor in placed(protocol, Anchor):
        if anchor.line is None:
            continue
        if anchor.line not in lines:
            yield _lost(document, f"{path}.line", f"{anchor.key}.line", f"no line is called {anchor.line}")
        elif lines[anchor.line].first != 0:
            message = f"{anchor.line} does not begin on day zero (in cycles: on day 1)"
            yield document.fault(f"{path}.line", message, "business-rule", name=f"{anchor.key}.line")


def _tapers(protocol: Protocol, document: Document) -> Iterator[Fault]:
    lines = {line.key for line in protocol.lines}
    tapers = {taper.key for taper in protocol.tapers}
    for path, line in placed(protocol, Line):
        if line.days.until is not None and line.days.until not in tapers:
            message = f"no taper is called {line.days.until}"
            yield _lost(document, f"{path}.days.until", f"{line.key}.days.until", message)
    for path, taper in placed(protocol, Taper):
        if taper.of not in lines:
            yield _lost(document, f"{path}.of", f"{taper.key}.of", f"no line is called {taper.of}")
        if taper.after is not None and taper.after not in tapers:
            yield _lost(document, f"{path}.after", f"{taper.key}.after", f"no taper is called {taper.after}")


def _gates(protocol: Protocol, document: Document) -> Iterator[Fault]:
    known = {gate.key for gate in protocol.gates}
    gated: list[tuple[str, Taper | Infusions]] = [*placed(protocol, Taper), *placed(protocol, Infusions)]
    for path, part in gated:
        if part.gate not in known:
            yield _lost(document, f"{path}.gate", f"{part.key}.gate", f"no gate is called {part.gate}")


def _terms(protocol: Protocol, document: Document) -> Iterator[Fault]:
    for table, terms in (("drugs", protocol.codes.drugs), ("procedures", protocol.codes.procedures)):
        times = Counter(term.key for term in terms)
        shipped = set(codes.keys(table))
        for place, term in enumerate(terms):
            if term.key in shipped or times[term.key] > 1:
                owner = "the terminology" if term.key in shipped else "this protocol"
                message = f"{owner} has another {term.key} in its {table}"
                yield document.fault(
                    f"codes.{table}.{place}.key", message, "duplicate", name=f"codes.{table}.{term.key}"
                )


def _lost(document: Document, path: str, name: str, message: str) -> Fault:
    return document.fault(path, message, "not-found", name=name)
