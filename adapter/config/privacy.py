"""[privacy]: where the key of the pseudonyms is kept."""

from __future__ import annotations

from pathlib import Path

from adapter.config.reader import Reader, Table


def pseudonym_key(reader: Reader, document: Table) -> Path | None:
    """The file of the key, None where none is named."""
    said = reader.inline(document, ("privacy",))
    if said is None:
        return None
    reader.only(said, ("privacy",), ("key",))
    secret = reader.secret(said, ("privacy", "key"))
    if secret and secret.file is None:
        reader.fault(("privacy", "key"), 'the pseudonym key is kept in a file: { file = "pseudonym.key" }')
    return secret.file if secret else None
