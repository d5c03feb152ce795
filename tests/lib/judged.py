"""What HL7's validator says of generated courses, for docs/conformance.md: `make judged` (1,000 follow-ups, minutes).

A few hundred Bundles to a start of the Java program, so that its memory does not grow with their number. Each start
also reads one Bundle that is broken on purpose: a judge that does not see that one has judged nothing.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from mappings.r4 import wire
from mappings.r4.build import Resource
from tests.lib import conformance
from tests.lib.generated import SEED, Course, courses
from tests.lib.guide.package import build
from tests.lib.guide.snapshots import VALIDATOR, with_snapshots

FOLLOW_UPS = 1000
ERRORS = ("error", "fatal")
A_START = 250
A_FILE = 50
"""Bundles that are read at once."""
SECONDS_OF_A_START = 1200

T = TypeVar("T")


class Kind(NamedTuple):
    """A kind of message that is no fault of ours: how it reads, what it is called, and why it stays."""

    pattern: str
    called: str
    why: str


KINDS = (
    Kind(r"dom-6", "no narrative", "R4 recommends a text; ours would only repeat the data"),
    Kind(r"should have a performer", "no performer", "a follow-up names the centre and nobody in it; Provenance does"),
    Kind(r"should have an effective", "no date of the observation", "the centre said none, and none is made up"),
    Kind(
        r"\(codes = http://terminology\.hl7\.org/CodeSystem/data-absent-reason#[a-z-]+\)",
        "the reason why a word is missing, where the binding is extensible",
        "[decision 12](adr/0012-what-is-said-to-be-missing.md)",
    ),
    Kind(r"ValueSet/condition-severity", "severity of an infection in our words", "R4's list has no life-threatening"),
    Kind(r"PurposeOfUse", "reason of a retraction without a code", "it is the centre's own sentence"),
    Kind(r"consent-policy", "policy of a consent without a code", "no code says what the trial's form says"),
    Kind(
        r"embedded HTML tag|look(?:s)? like embedded HTML", "markup in a text", "the centre's words; pages escape them"
    ),
    Kind(r"start or finish with whitespace", "blanks around a text", "the centre's words"),
    Kind(r"commonly/reasonably supported decimals", "a number of 17 digits", "the centre's digits"),
    Kind(
        r"annotations like \{cells\} can be misleading",
        "`{cells}/uL`",
        "the centre's unit; we count with it as with `/uL`",
    ),
    Kind(r"^not checked: ", "code of SNOMED CT, LOINC, ATC, RxNorm, ICD-10", "not available offline, so not looked up"),
)


class Message(NamedTuple):
    """Something that HL7's validator said. `place`: file, line and FHIRPath."""

    severity: str
    place: str
    text: str

    @property
    def kind(self) -> Kind | None:
        return next((kind for kind in KINDS if re.search(kind.pattern, self.text)), None)


@dataclass
class Verdict:
    """What was judged, and what was said of it."""

    courses: int = 0
    follow_ups: int = 0
    resources: int = 0
    starts: int = 0
    seconds: float = 0
    messages: list[Message] = field(default_factory=list)

    @property
    def errors(self) -> list[Message]:
        return [one for one in self.messages if one.severity in ERRORS]

    @property
    def unexplained(self) -> list[Message]:
        """What is less than an error and of no kind that we know."""
        return [one for one in self.messages if one.severity not in ERRORS and not one.kind]


def judge(found: Sequence[Course], package: Path, folder: Path) -> Verdict:
    """Lets HL7's validator read every course, with the package as its only knowledge of our profiles."""
    verdict = Verdict(len(found), sum(len(one.follow_ups) for one in found), sum(len(one.resources) for one in found))
    began = time.monotonic()
    for some in _parts(found, A_START):
        verdict.messages += _one_start([course.bundle for course in some], package, folder)
        verdict.starts += 1
    verdict.seconds = time.monotonic() - began
    return verdict


def _one_start(bundles: list[Resource], package: Path, folder: Path) -> Iterator[Message]:
    control = folder / "control.ndjson"
    control.write_bytes(wire.encode(broken(bundles[0])))
    files = []
    for number, some in enumerate(_parts(bundles, A_FILE)):
        files.append(folder / f"{number:03}.ndjson")
        files[-1].write_bytes(b"\n".join(map(wire.encode, some)))
    command = [str(VALIDATOR), "--ig", str(package), "--json", *map(str, (control, *files))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_OF_A_START, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    told = json.loads(done.stdout)
    if told["counts"]["resource"] != len(bundles) + 1:
        raise RuntimeError("not every Bundle was read")
    messages = [(Path(i["file"]).name, Message(i["severity"], i["location"], i["message"])) for i in told["issues"]]
    seen = " ".join(one.text for file, one in messages if file.startswith(control.name) and one.severity == "error")
    if not all(name in seen for name in BREAKS):
        raise RuntimeError(f"the Bundle that is broken on purpose passed: {seen or 'no error'}")
    return (one._replace(place=f"{file}: {one.place}") for file, one in messages if not file.startswith(control.name))


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))


BREAKS = ("Patient.identifier", "administrative-gender")
"""What must be named of the broken Bundle: an element that only our profile asks for, and a code that R4 lacks."""


def broken(bundle: Resource) -> Resource:
    """The same Bundle, its Patient without the identifier that our profile demands and of a sex that R4 has not."""
    out: Resource = copy.deepcopy(bundle)
    patient = next(e["resource"] for e in out["entry"] if e["resource"]["resourceType"] == "Patient")
    del patient["identifier"]
    patient["gender"] = "femal"
    return out


def table(verdict: Verdict) -> str:
    """The figures, as Markdown."""
    kinds = Counter((one.severity, one.kind) for one in verdict.messages if one.severity not in ERRORS)
    rows = [
        f"| {severity} | {kind.called} | {count:,} | {kind.why} |"
        for (severity, kind), count in sorted(kinds.items(), key=lambda row: (row[0][0] != "warning", -row[1]))
        if kind
    ]
    return "\n".join(
        [
            f"{verdict.follow_ups:,} follow-ups of {verdict.courses:,} patients, {verdict.resources:,} resources in a"
            f" transaction Bundle a patient, drawn with seed {SEED}: **{len(verdict.errors)} errors**,"
            f" {len(verdict.unexplained)} unexplained warnings, {verdict.seconds:.0f} seconds in {verdict.starts}"
            " starts of the validator.",
            "",
            "| severity | kind | how often | why it stays |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def main(follow_ups: int) -> int:
    """Judges, writes the page where all was judged, and tells what is wrong."""
    package = build(with_snapshots())
    found = courses(follow_ups)
    with tempfile.TemporaryDirectory() as folder:
        verdict = judge(found, package, Path(folder))
    text = table(verdict)
    sys.stdout.write(text)
    for one in (*verdict.errors, *verdict.unexplained):
        sys.stdout.write(f"{one.severity}: {one.place}: {one.text}\n")
    if follow_ups == FOLLOW_UPS:
        conformance.write(text)
    return 1 if verdict.errors or verdict.unexplained else 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FOLLOW_UPS))
