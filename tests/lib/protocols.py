"""Packs the shipped protocols: `make protocols`, after an edit of their YAML."""

from __future__ import annotations

from pathlib import Path

from mappings.protocol import definition, parse, shipped
from mappings.protocol.packed import pack

FOLDER = Path(__file__).parents[2] / "mappings" / "protocol"


def write() -> None:
    for name in shipped():
        text = definition(name)
        FOLDER.joinpath(f"{name}.json").write_bytes(pack(parse(text), text))


if __name__ == "__main__":
    write()
