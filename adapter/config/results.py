"""[centres.CODE.results]: the codes by which a centre's laboratory writes what is shown beside the doses."""

from __future__ import annotations

from adapter.config.reader import Place, Reader, Table


def results(reader: Reader, table: Table, at: Place) -> dict[str, tuple[tuple[str, str], ...]]:
    """(system, code) by what they mean. One code means one thing."""
    said = reader.inline(table, at)
    if said is None:
        return {}
    # here, because it brings the plan, and every command reads its settings
    from mappings.plan.beside import NAMED

    reader.only(said, at, tuple(NAMED))
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    taken: dict[tuple[str, str], str] = {}
    for key in (key for key in NAMED if key in said):
        found[key] = tuple(_codings(reader, said[key], (*at, key)))
        for coding in found[key]:
            if taken.setdefault(coding, key) != key:
                reader.fault((*at, key), f"the code {coding[1]} is {taken[coding]} already")
    return found


def _codings(reader: Reader, said: object, at: Place) -> list[tuple[str, str]]:
    if not isinstance(said, list) or not said or not all(isinstance(one, dict) for one in said):
        reader.fault(at, 'is a list of codes: [{ system = "...", code = "..." }]')
        return []
    for one in said:
        reader.only(one, at, ("system", "code"))
    return [(reader.text(one, at, "system"), reader.text(one, at, "code")) for one in said]
