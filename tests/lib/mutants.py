"""Faults planted one at a time into the golden files.

The same mutants every time, in the same order. Each is one resource that was whole before one thing was done to it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path

from mappings.r4 import wire
from tests.lib import wrong_structure, wrong_values
from tests.lib.sites import Node, Operator, Site

GOLDEN = Path(__file__).parents[1] / "golden"
EACH = 14
"""Mutants of one operator at most, spread over as many kinds of resource as it applies to."""

OPERATORS: dict[str, Operator] = {
    **{one.__name__.replace("_", " "): one for one in (*wrong_structure.OPERATORS, *wrong_values.OPERATORS)},
    **wrong_values.DATES,
}
"""By the name of what they do."""


@dataclass(frozen=True)
class Mutant:
    """`operator` says what was done, `site` where, to a resource out of `source`."""

    operator: str
    source: str
    site: str
    resource: Node

    @property
    def name(self) -> str:
        return f"{self.operator}: {self.source} {self.site}"


@cache
def subjects() -> list[tuple[str, Node]]:
    """One resource of each type and profile out of the golden files, with its source, and a whole small Bundle."""
    found: dict[tuple[str, ...], tuple[str, Node]] = {}
    for path in sorted(GOLDEN.glob("*/[12]-*.json")):
        document = wire.decode(path.read_bytes())
        source = path.parent.name
        entries = [entry["resource"] for entry in document.get("entry", ())]
        small = [document] if source in ("planned-graft", "protocol-kdn5") else []
        for resource in (*entries, *small):
            profiles = resource.get("meta", {}).get("profile", [])
            choice = next((key for key in resource if key.startswith("value")), "")
            found.setdefault((resource["resourceType"], *profiles, choice), (source, resource))
    return [found[key] for key in sorted(found)]


@cache
def mutants() -> list[Mutant]:
    """At most EACH of every operator, one from each subject in turn."""
    out: list[Mutant] = []
    for name, operator in OPERATORS.items():
        offers = [[(source, base, *change) for change in operator(base)] for source, base in subjects()]
        turns = (offer for turn in zip_longest(*offers) for offer in turn if offer is not None)
        for _, (source, base, site, change) in zip(range(EACH), turns, strict=False):
            resource = copy.deepcopy(base)
            change(resource)
            out.append(Mutant(name, source, _said(base, site), resource))
    return out


def _said(base: Node, site: Site) -> str:
    return base["resourceType"] + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in site)
