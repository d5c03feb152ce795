"""Snapshots of our StructureDefinitions, made by HL7's own code in tests/servers/validator, for `make ig`.

They are not committed: 20 lines of a differential become 2,000, which nobody reads and every tool can make.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mappings.r4 import wire
from tests.lib.guide.package import artefacts, build
from tests.lib.guide.written import FOLDER
from tests.lib.tree import ROOT

VALIDATOR = ROOT / "tests" / "servers" / "validator" / "run"


def with_snapshots() -> list[dict[str, Any]]:
    """Every artefact, the StructureDefinitions with a snapshot. Needs Java and Maven."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(VALIDATOR), "--profiles", str(FOLDER), "--snapshots", folder]
        subprocess.run(command, check=True, timeout=300)
        made = {file.name: wire.decode(file.read_bytes())["snapshot"] for file in Path(folder).glob("*.json")}
    return [_with(one, made) for one in artefacts()]


def _with(one: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    if one["resourceType"] != "StructureDefinition":
        return one
    snapshot = made[f"StructureDefinition-{one['id']}.json"]
    return {key: value for key, value in one.items() if key != "differential"} | {
        "snapshot": snapshot,
        "differential": one["differential"],
    }


def main() -> None:
    if shutil.which("java") and shutil.which("mvn"):
        path = build(with_snapshots())
    else:
        sys.stderr.write("no Java and Maven: the package has differentials and no snapshots\n")
        path = build(artefacts())
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
