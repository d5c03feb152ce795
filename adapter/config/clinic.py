"""[dosing] and [gates]: which inputs of a dose are plausible, and how old a fact of a gate may be."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from adapter.config.reader import Reader, Table
from mappings.facts.plausible import DEFAULT_LIMITS, Limits


def limits(reader: Reader, document: Table) -> Limits:
    """Our own defaults, each of which a deployment may set."""
    said = reader.inline(document, ("dosing",)) or {}
    reader.only(said, ("dosing",), tuple(each.name for each in fields(Limits)))
    wanted = {each.name: type(getattr(DEFAULT_LIMITS, each.name)) for each in fields(Limits)}
    found: dict[str, Any] = {}
    for name in said.keys() & wanted.keys():
        value, whole = said[name], wanted[name] is int
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or value < 0:
            reader.fault(("dosing", name), f"is a {'whole ' if whole else ''}number, 0 or more")
        else:
            found[name] = wanted[name](str(value))
    return replace(DEFAULT_LIMITS, **found)


def gate_ages(reader: Reader, document: Table) -> dict[str, int]:
    """Days by the name of the fact."""
    table = reader.inline(document, ("gates",))
    if table is None:
        return {}
    # here, because it brings the plan, and every command reads its settings
    from mappings.plan.gates import AGEING

    reader.only(table, ("gates",), ("max_age_days",))
    said = reader.inline(table, ("gates", "max_age_days")) or {}
    reader.only(said, ("gates", "max_age_days"), AGEING)
    for fact, days in said.items():
        if not isinstance(days, int) or isinstance(days, bool) or days < 0:
            reader.fault(("gates", "max_age_days", fact), "is a whole number of days, 0 or more")
    return dict(said)
