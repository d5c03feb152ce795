"""Machine check of a protocol definition: what no schema can see.

Days that must be free, a drug given twice on one day, keys that stand twice, a taper that opens before its line begins,
and drugs or procedures that the terminology does not know.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from mappings.protocol.model import Line, Protocol
from mappings.r4.faults import Fault
from mappings.terminology import codes


def check(protocol: Protocol) -> list[Fault]:
    """Every fault of the definition, with the key of the clause that has it."""
    return [
        *_unique_keys(protocol),
        *_rest_days_kept_free(protocol),
        *_one_line_per_drug_and_day(protocol),
        *_tapers_after_their_line(protocol),
        *_known_codes(protocol),
    ]


def _unique_keys(protocol: Protocol) -> Iterator[Fault]:
    keys = [line.key for line in protocol.lines] + [taper.key for taper in protocol.tapers]
    for phase in protocol.phases:
        keys += [phase.key, *(rest.key for rest in phase.rests)]
        keys += [key for infusions in phase.infusions for key in infusions.numbered()]
    keys += [visit.key for visit in protocol.follow_up.visits] + [assay.key for assay in protocol.follow_up.assays]
    keys += [protocol.anchor.key, protocol.follow_up.key]
    for key, count in Counter(keys).items():
        if count > 1:
            yield Fault(key, f"{count} parts of the protocol have this key", "duplicate")


def _rest_days_kept_free(protocol: Protocol) -> Iterator[Fault]:
    for rest in (rest for phase in protocol.phases for rest in phase.rests):
        for line in protocol.lines:
            taken = sorted(set(rest.days.listed) & set(_days(line, protocol)))
            if taken:
                yield Fault(line.key, f"is given on rest days {taken} of {rest.key}", "business-rule")


def _one_line_per_drug_and_day(protocol: Protocol) -> Iterator[Fault]:
    given: defaultdict[tuple[str, int], list[str]] = defaultdict(list)
    for line in protocol.lines:
        for day in _days(line, protocol):
            given[line.drug, day].append(line.key)
    for (drug, day), lines in given.items():
        if len(lines) > 1:
            yield Fault(lines[-1], f"{drug} is given by {', '.join(lines)} on day {day}", "business-rule")


def _tapers_after_their_line(protocol: Protocol) -> Iterator[Fault]:
    begins = {line.key: line.days.first for line in protocol.lines}
    for taper in protocol.tapers:
        if taper.first <= begins[taper.of]:
            yield Fault(taper.key, f"opens on day {taper.first}, before {taper.of} has begun", "business-rule")
        if taper.last < taper.first:
            yield Fault(taper.key, f"its window ends on day {taper.last}, before it opens", "business-rule")


def _known_codes(protocol: Protocol) -> Iterator[Fault]:
    drugs, procedures = set(codes.keys("drugs")), set(codes.keys("procedures"))
    for line in protocol.lines:
        if line.drug not in drugs:
            yield Fault(line.key, f"the terminology knows no drug {line.drug}", "not-found")
    parts = [(taper.key, taper.procedure) for taper in protocol.tapers]
    anchor = protocol.anchor
    parts += [(anchor.key, procedure) for procedure in (anchor.procedure, *anchor.kind_of)]
    for phase in protocol.phases:
        parts += [(rest.key, rest.procedure) for rest in phase.rests]
        parts += [(infusions.key, infusions.procedure) for infusions in phase.infusions]
    for key, procedure in parts:
        if procedure not in procedures:
            yield Fault(key, f"the terminology knows no procedure {procedure}", "not-found")


def _days(line: Line, protocol: Protocol) -> tuple[int, ...]:
    return line.days.listed or tuple(range(line.days.first, protocol.last_full_day(line) + 1))
