"""[privacy]: where the key of the pseudonyms is kept, and whether registries share it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from adapter.config.reader import Place, Reader, Table
from adapter.config.settings import Registry

OWN, SHARED = "own", "shared"


def privacy(reader: Reader, document: Table) -> tuple[Path | None, bool]:
    """The file of the key, None where none is named; and do all registries share it?"""
    at = ("privacy",)
    said = reader.inline(document, at)
    if said is None:
        return None, False
    reader.only(said, at, ("key", "registries"))
    return key_file(reader, said, (*at, "key")), reader.word(said, at, "registries", (OWN, SHARED), OWN) == SHARED


def key_file(reader: Reader, table: Table, at: Place) -> Path | None:
    """Where the key at this place is kept."""
    secret = reader.secret(table, at)
    if secret and secret.file is None:
        reader.fault(at, 'the pseudonym key is kept in a file: { file = "pseudonym.key" }')
    return secret.file if secret else None


def check_apart(reader: Reader, registries: Mapping[str, Registry]) -> None:
    """A fault for each registry that names the key file of another: the two could match their patients."""
    owner: dict[Path, str] = {}
    for name, registry in registries.items():
        if registry.key and owner.setdefault(registry.key, name) != name:
            told = f"{owner[registry.key]} has the same key file: the two could match their patients"
            reader.fault(("registries", name, "key"), told)
