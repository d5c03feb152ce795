"""What a follow-up costs from its JSON to validated FHIR, and how much memory many of them need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median
from time import process_time

import pytest

from mappings import outcomes
from mappings.canonicals import DEFAULT
from mappings.facts import FollowUp
from mappings.intake import limits, schema
from mappings.intake.follow_up_form import FollowUpForm
from mappings.r4 import wire
from mappings.r4.build import Ids, course_id
from mappings.r4.validate import require_valid
from tests.bench.table import show
from tests.lib.tree import ROOT

pytestmark = pytest.mark.bench

EXAMPLES = ROOT / "tests" / "unit" / "mappings" / "intake"
AS_OF = date(2026, 9, 2)
ENROLMENT = schema.enrolment(wire.decode((EXAMPLES / "example_enrolment.json").read_bytes()), AS_OF)
FORM = (EXAMPLES / "example_follow_up.json").read_bytes()
IDS = Ids(course_id(DEFAULT, ENROLMENT.centre, ENROLMENT.patient, ENROLMENT.protocol))
MOST, FLAT = 5, 1.2
FEW, MANY = 80, 800
"""Synthetic patients, each with three or four visits."""


def costs(acts: dict[str, Callable[[], object]], times: int = 150) -> dict[str, float]:
    """Microseconds of CPU, medians; taken turn by turn, so that a noisy neighbour is everybody's."""
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(times):
        for name, act in acts.items():
            start = process_time()
            act()
            found[name].append(process_time() - start)
    return {name: median(taken) * 1e6 for name, taken in found.items()}


def mapped() -> list[bytes]:
    visit = schema.follow_up(wire.decode(FORM), AS_OF)
    assert not schema.cross_check(visit, ENROLMENT)
    out = []
    for one in outcomes.map_course(ENROLMENT, [visit], IDS):
        require_valid(one.resource)
        out.append(wire.encode(one.resource))
    return out


def test_a_whole_form_against_decoding_validating_and_encoding():
    document = wire.decode(FORM)
    visit: FollowUp = schema.follow_up(document, AS_OF)
    made = [one.resource for one in outcomes.map_course(ENROLMENT, [visit], IDS)]
    form = FollowUpForm()
    parts: dict[str, Callable[[], object]] = {
        "decode": lambda: wire.decode(FORM),
        "read into facts": lambda: schema.follow_up(document, AS_OF),
        "the same by the form itself, which explains what is refused": lambda: form.load(document),
        "map (with its enrolment)": lambda: outcomes.map_course(ENROLMENT, [visit], IDS),
        "validate": lambda: [require_valid(one) for one in made],
        "encode": lambda: [wire.encode(one) for one in made],
        "whole": mapped,
    }
    with limits.holding(limits.of_follow_up(document, AS_OF)):
        found = costs(parts)
    whole = found["whole"]
    ratio = whole / (found["decode"] + found["validate"] + found["encode"])
    show(
        f"the follow-up of the interface page to {len(made)} validated resources, one core",
        *((name, f"{taken:.0f} us") for name, taken in found.items()),
        (f"whole / (decode + validate + encode), at most {MOST}", f"{ratio:.2f}"),
    )
    assert ratio <= MOST


def test_forms_a_second_as_a_command_takes_them():
    command = [sys.executable, "-m", "tests.bench.stream"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    middle, least, most = done.stdout.split()
    show(
        "forms of a hundred patients one after the other, in a process of its own, one core",
        ("forms/s, median of 30 rounds (least, most); the goal is 1,500", f"{middle} ({least}, {most})"),
    )


PEAK = """
import sys
from adapter.cli import main
try:
    main(sys.argv[1:])
except SystemExit as done:
    assert not done.code, done.code
# not getrusage: what it tells begins with the size of the process that started this one
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
"""


def peak(folder: Path, *words: object) -> int:
    """KiB at the most of one `engraft` command in a process of its own."""
    command = [sys.executable, "-c", PEAK, *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def test_memory_does_not_grow_with_the_forms(tmp_path):
    found = {}
    for patients in (FEW, MANY):
        folder = tmp_path / str(patients)
        made = peak(tmp_path, "cohort", "synth", "--patients", patients, "--seed", 1, "--out", folder)
        files = sorted(folder.glob("*.ndjson"))
        forms = sum(file.read_bytes().count(b"\n") for file in files)
        found[forms] = peak(tmp_path, "map", *files, "--as-of", "2026-01-02", "--out", folder / "fhir"), made
    (few, (small, _)), (many, (large, _)) = found.items()
    show(
        "peak memory of engraft map",
        (f"{few} forms", f"{small // 1024} MB"),
        (f"{many} forms", f"{large // 1024} MB"),
        (f"ratio, at most {FLAT}", f"{large / small:.2f}"),
    )
    assert large <= FLAT * small
    assert found[many][1] <= FLAT * found[few][1], "cohort synth"
