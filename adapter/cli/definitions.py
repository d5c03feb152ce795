"""The protocol that a command is asked for: one that ships, by its name, or one's own in a YAML file."""

from __future__ import annotations

from pathlib import Path

import click

from adapter.cli.refusal import show
from adapter.errors import Refused
from mappings import protocol as protocols
from mappings.protocol import Protocol
from mappings.r4.faults import Fault, FaultyInput


def named(name: str) -> Protocol:
    """The protocol `name`. One from a file must have passed the check; what is strange in it is told on stderr.

    Raises FaultyInput with every error of the file, and for a name that is neither; Refused for an unreadable file.
    """
    file = _file(name)
    if file is None:
        return protocols.load(name)  # shipped, or named by the settings
    faults = check(name)
    if errors := [fault for fault in faults if fault.severity == "error"]:
        raise FaultyInput(errors)
    if not click.get_current_context().meta.get("json"):
        show(faults, as_json=False)
    return protocols.parse(_read(file), name)


def check(name: str) -> list[Fault]:
    """What the check finds in the protocol `name`; the wording of a file is the .txt beside it."""
    # here, because what ships was checked before it shipped
    from mappings.protocol.check import Wording
    from mappings.protocol.check import check as check_text

    file = _file(name)
    if file is None:
        text = protocols.definition(name)
        return check_text(text, f"{name}.yaml", Wording(protocols.wording(name), f"{name}.txt"))
    text, beside = _read(file), file.with_suffix(".txt")
    there = beside != file and beside.is_file()
    faults = check_text(text, name, Wording(_read(beside), str(beside)) if there else None)
    return [*_borrowed_key(text, name), *faults]


def _borrowed_key(text: str, file: str) -> list[Fault]:
    """A file with the key of what ships makes the same ids: a warning, unless it is the same protocol."""
    try:
        key = protocols.parse(text).key
    except FaultyInput:
        return []
    if key not in protocols.shipped() or text == protocols.definition(key):
        return []
    # here, because what ships is not read from YAML
    from mappings.protocol.document import read

    message = f"{key} is the key of a shipped protocol: orders of both have the same ids"
    return [Fault("key", message, "duplicate", "warning", file, read(text).line("key"))]


def _file(name: str) -> Path | None:
    """Where a protocol of one's own stands; None for what ships, whatever lies in the folder under that name."""
    if name not in protocols.names() and (Path(name).suffix or Path(name).exists()):
        return Path(name)
    protocols.load(name)  # refuses what is neither
    return None


def _read(file: Path) -> str:
    from mappings.protocol.document import LONGEST

    try:
        with file.open("rb") as stream:
            return stream.read(4 * LONGEST + 1).decode("utf-8")
    except OSError as error:
        raise Refused(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise Refused(f"{file} cannot be read: it is not UTF-8") from error
