"""Codes of the systems that are known here to the last one: our own, and those of R4's that we write.

`code_systems.csv` holds R4 4.0.1's lists. Code systems that grow between releases of R4 (HL7's v3 systems) and those
of others (SNOMED CT, LOINC, ATC) are not among them: what is not known is not judged.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from mappings.r4.artefacts import artefact
from mappings.r4.rule import Node, Rule

OURS = "/CodeSystem/engraft"
"""How our own system ends, whatever base it was deployed under."""


@cache
def listed() -> dict[str, frozenset[str]]:
    """The codes of HL7's systems, by system."""
    lines = files("mappings.r4").joinpath("code_systems.csv").read_text("ascii").splitlines()
    return {row["system"]: frozenset(row["codes"].split()) for row in csv.DictReader(lines)}


@cache
def ours() -> frozenset[str]:
    """The codes of our own system."""
    found = artefact("CodeSystem", "engraft")
    return frozenset(concept["code"] for concept in (found or {})["concept"])


def _unknown(coding: Node) -> bool:
    if "code" not in coding or "version" in coding:
        return False
    system = coding.get("system", "")
    known = ours() if system.endswith(OURS) else listed().get(system)
    return known is not None and coding["code"] not in known


RULE = Rule(
    "", "is no code of its code system", lambda n: ("code",) if _unknown(n) else (), quick=_unknown, code="code-invalid"
)
