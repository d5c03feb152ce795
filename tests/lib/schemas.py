"""Writes the packaged R4 schemas: `make schemas`, after an update of fhir.resources."""

from __future__ import annotations

from pathlib import Path

from mappings.r4.schema import TYPES, written

FOLDER = Path(__file__).parents[2] / "mappings" / "r4" / "schemas"


def write() -> None:
    for name in TYPES:
        FOLDER.joinpath(f"{name}.json").write_text(written(name), "ascii")


if __name__ == "__main__":
    write()
