"""A library of broken protocols: each file says at its head what the check must find in it, on which line, and no more.

# expect [FILE:]LINE SEVERITY PATH | words of the message        (PATH `-`: the text as a whole)
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mappings.protocol import parse
from mappings.protocol.check import Wording, check
from mappings.r4.faults import FaultyInput
from tests.lib.tree import ROOT

BROKEN = sorted((ROOT / "tests" / "protocols" / "broken").glob("*.yaml"))
EXPECT = re.compile(r"# expect (?:(?P<file>[\w.-]+):)?(?P<line>\d+) (?P<severity>\w+) (?P<path>\S+) \| (?P<words>.+)")


def expected(path: Path):
    heads = [EXPECT.fullmatch(line) for line in path.read_text("utf-8").splitlines() if line.startswith("# expect")]
    assert heads
    assert all(heads), "a head that nobody can read"
    return [
        (head["file"] or path.name, int(head["line"]), head["severity"], head["path"].strip("-"), head["words"])
        for head in heads
    ]


def found(path: Path):
    """What the check finds; that no wording was given is no fault of the cases without one."""
    beside = path.with_suffix(".txt")
    wording = Wording(beside.read_text("utf-8"), beside.name) if beside.exists() else None
    faults = check(path.read_text("utf-8"), path.name, wording)
    return [fault for fault in faults if wording or not fault.message.startswith("no wording")]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_the_check_finds_the_fault_on_its_line_and_nothing_else(path):
    wanted, told = expected(path), found(path)
    assert sorted(w[:4] for w in wanted) == sorted((f.file, f.line, f.severity, f.path) for f in told), told
    for file, line, _, where, words in wanted:
        assert any(f.path == where and (f.file, f.line) == (file, line) and words in f.message for f in told), told


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_what_cannot_even_be_read_is_refused_by_everybody(path):
    """`parse`, which everything else builds on, refuses exactly what is wrong in itself, with the same lines."""
    told = [(fault.path, fault.line) for fault in found(path) if fault.severity == "error"]
    if told and not sound_in_itself(path):
        with pytest.raises(FaultyInput) as refused:
            parse(path.read_text("utf-8"), path.name)
        assert {(fault.path, fault.line) for fault in refused.value.faults} == set(told)


def sound_in_itself(path: Path):
    try:
        return bool(parse(path.read_text("utf-8")))
    except FaultyInput:
        return False


def test_the_library_is_large_enough():
    assert len(BROKEN) >= 100
    severities = {severity for path in BROKEN for _, _, severity, _, _ in expected(path)}
    assert severities == {"error", "warning"}
