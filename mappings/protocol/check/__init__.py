"""Machine check of a protocol definition: what a pharmacist relies on before anything is dosed by it.

First that it can be read at all (YAML, keys, types, names); then, if so, what no schema can see: days, sums, orders of
magnitude, codes, each number and drug against its own sentence, and each sentence against the trial's text.
"""

from __future__ import annotations

from mappings.protocol.bearers import dangling
from mappings.protocol.check.amounts import caps_can_bind, sane_magnitudes, stated_totals
from mappings.protocol.check.citation import Wording, cited
from mappings.protocol.check.coding import (
    drugs_have_codes,
    follow_up_is_mapped,
    gates_ask_known_facts,
    measures_are_known,
    procedures_have_codes,
)
from mappings.protocol.check.finding import Finding
from mappings.protocol.check.keys import keys_make_ids, unique_keys
from mappings.protocol.check.schedule import (
    days_on_one_side,
    gates_are_used,
    infusions_wait_for_their_day,
    one_line_per_drug_and_day,
    phases_in_order,
    rest_days_kept_free,
    tapers_fit_their_lines,
    tapers_follow_each_other,
    visits_in_order,
)
from mappings.protocol.check.sentence import sentences_say_it
from mappings.protocol.document import read
from mappings.protocol.model import Protocol
from mappings.protocol.schema import shape
from mappings.r4.faults import Fault, FaultyInput

__all__ = ["CHECKS", "Wording", "check", "look_over"]

CHECKS = (
    *(unique_keys, keys_make_ids),
    *(rest_days_kept_free, one_line_per_drug_and_day, phases_in_order, days_on_one_side),
    *(tapers_fit_their_lines, tapers_follow_each_other, infusions_wait_for_their_day, gates_are_used, visits_in_order),
    *(stated_totals, sane_magnitudes, caps_can_bind),
    *(drugs_have_codes, procedures_have_codes, gates_ask_known_facts, measures_are_known, follow_up_is_mapped),
    sentences_say_it,
)


def check(text: str, file: str = "", wording: Wording | None = None) -> list[Fault]:
    """Everything that is wrong (`error`) or strange (`warning`) in a protocol's YAML, by file and line.

    `wording` is the trial's own text; without it nobody compared the sentences, which is a warning of its own.
    """
    try:
        document = read(text, file)
        protocol = shape(document)
    except FaultyInput as error:
        return _in_order(error.faults)
    if lost := list(dangling(protocol, document)):
        return _in_order(lost)
    found = [finding for look in CHECKS for finding in look(protocol)]
    faults = [document.fault(f.path, f.message, f.code, f.severity, name=f.key) for f in found]
    return _in_order([*faults, *cited(document, wording)])


def look_over(protocol: Protocol) -> list[Finding]:
    """What is wrong or strange in a protocol that was changed on purpose: all but the comparison with its sentences."""
    return [finding for look in CHECKS if look is not sentences_say_it for finding in look(protocol)]


def _in_order(faults: list[Fault] | tuple[Fault, ...]) -> list[Fault]:
    return sorted(faults, key=lambda fault: (fault.file, fault.line or 0))
