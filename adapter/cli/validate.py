"""`engraft validate`: is this R4, and does it keep to our profiles?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from adapter.cli.refusal import json_option
from adapter.errors import Refused
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate as validate_resource
from mappings.r4.wire import decode_strict, pretty

REJECTED = "rejected.ndjson"
"""What `engraft map` writes beside its resources; no FHIR."""


@dataclass(frozen=True, slots=True)
class Found:
    """One issue; `line` of an NDJSON file."""

    file: Path
    line: int | None
    fault: Fault

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.fault.severity}: {self.fault.path}: {self.fault.message}"

    def document(self) -> dict[str, object]:
        """For programs."""
        fault = self.fault
        issue = {"severity": fault.severity, "code": fault.code, "path": fault.path, "message": fault.message}
        return {"file": str(self.file), "line": self.line, **issue}


@click.command()
@click.argument("places", metavar="FILE_OR_DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@click.pass_context
def validate(ctx: click.Context, places: tuple[Path, ...], as_json: bool) -> None:
    """Check FHIR resources in .json and .ndjson files: R4 and our profiles. One line per issue.

    Example: engraft validate out/ plan.json
    """
    files = [file for place in places for file in _files(place)]
    counts: Counter[str] = Counter()
    issues = []
    for file in files:
        for line, data in _resources(file):
            counts["resources"] += 1
            for found in (Found(file, line, fault) for fault in _faults(data)):
                counts["warnings" if found.fault.severity in ("warning", "information") else "errors"] += 1
                if as_json:
                    issues.append(found.document())
                else:
                    click.echo(str(found))
    numbers = {name: counts[name] for name in ("resources", "errors", "warnings")}
    if as_json:
        click.echo(pretty({"files": len(files), **numbers, "issues": issues}))
    else:
        words = ", ".join(f"{number} {name}" for name, number in numbers.items())
        click.echo(f"{len(files)} files, {words}", err=True)
    if counts["errors"]:
        ctx.exit(1)


def _files(place: Path) -> list[Path]:
    if place.is_dir():
        found = [file for file in place.rglob("*") if file.suffix in (".json", ".ndjson") and file.name != REJECTED]
        if not found:
            raise Refused(f"{place} holds no .json or .ndjson file")
        return sorted(found)
    return [place]


def _resources(file: Path) -> Iterator[tuple[int | None, bytes]]:
    """Each resource of a file with its line. NDJSON is read line by line: an export may be larger than memory."""
    try:
        with file.open("rb") as text:
            if file.suffix != ".ndjson":
                yield None, text.read()
                return
            for number, line in enumerate(text, start=1):
                if line.strip():
                    yield number, line
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error


def _faults(data: bytes) -> list[Fault]:
    try:
        return validate_resource(decode_strict(data))
    except FaultyInput as error:
        return list(error.faults)
