"""The same planted faults before our validator and HL7's: who catches what, and why not both.

`make agreement` writes the table of docs/validation.md anew.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from mappings.r4 import wire
from mappings.r4.validate import validate
from tests.lib.mutants import mutants, subjects
from tests.lib.rivals import caught_by_models
from tests.lib.servers import need

ROOT = Path(__file__).parents[2]
VALIDATOR = ROOT / "tests" / "servers" / "validator" / "run"
PAGE = ROOT / "docs" / "validation.md"
TABLE = re.compile(r"(?<=<!-- agreement -->\n).*?(?=<!-- end -->)", re.DOTALL)

THEIRS_ONLY: dict[str, str] = {}
"""Operators of which HL7's validator catches a mutant that we do not, each with its reason. None is left."""

OURS_ONLY = {
    "array empty": "R4 (JSON): an array is never empty; their parser drops it without a word",
    "text blank": "R4: a string is not only blanks; they warn at most",
    "text with control character": "R4: of the control characters only tab and line ends; they warn at most",
    "reference malformed": "R4: an id has no blank or _, a type is written as it is named; they take it for some URL",
}
"""Operators of which we catch a mutant that HL7's validator does not, and what we go by."""

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """The numbers of the mutants, and then of the whole resources, that HL7's validator finds an error in."""
    need("java", "mvn", purpose="the HL7 validator")
    file = tmp_path_factory.mktemp("agreement") / "all.ndjson"
    resources = [mutant.resource for mutant in mutants()] + [resource for _, resource in subjects()]
    file.write_bytes(b"\n".join(map(wire.encode, resources)))
    command = [str(VALIDATOR), "--profiles", str(ROOT / "profiles"), "--errors-only", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["counts"]["resource"] == len(resources)
    return {int(issue["file"].rpartition(":")[2]) - 1 for issue in told["issues"]}


@pytest.fixture(scope="module")
def verdicts(refused):
    """(operator, ours, theirs, the models') of each mutant."""
    return [
        (one.operator, _errors(one.resource), number in refused, caught_by_models(one.resource))
        for number, one in enumerate(mutants())
    ]


def _errors(resource):
    return any(fault.severity == "error" for fault in validate(resource))


def test_what_is_mutated_is_whole_to_both(refused):
    assert [number for number in refused if number >= len(mutants())] == []


def test_what_hl7_s_validator_catches_is_caught_here(verdicts):
    missed = {operator for operator, ours, theirs, _ in verdicts if theirs and not ours}
    assert missed == THEIRS_ONLY.keys()


def test_what_only_we_catch_has_a_reason(verdicts):
    more = {operator for operator, ours, theirs, _ in verdicts if ours and not theirs}
    assert more == OURS_ONLY.keys()


def test_the_page_has_the_table(verdicts, accept):
    text = PAGE.read_text("utf-8")
    if accept:
        PAGE.write_text(TABLE.sub(lambda _: _table(verdicts), text), "utf-8")
    assert TABLE.search(text)


def _table(verdicts):
    rows = defaultdict(Counter)
    for operator, ours, theirs, models in verdicts:
        for row in (operator, "**all**"):
            rows[row]["all"] += 1
            rows[row]["both"] += ours and theirs
            rows[row]["ours"] += ours and not theirs
            rows[row]["theirs"] += theirs and not ours
            rows[row]["models"] += models
    columns = ("all", "both", "ours", "theirs", "models")
    head = "| planted | mutants | both | only ours | only HL7's | fhir.resources |\n" + "| --- " * 6 + "|\n"
    last = rows.pop("**all**")
    lines = [*sorted(rows.items()), ("**all**", last)]
    return head + "".join(f"| {name} | {' | '.join(str(row[c]) for c in columns)} |\n" for name, row in lines)
