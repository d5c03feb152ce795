"""[protocols]: protocols of the deployment's own, served and enrolled in like those that ship."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from adapter.config.reader import Reader, Table
from adapter.config.secrets import why
from mappings.protocol import Protocol, parse, shipped
from mappings.r4.faults import Fault

AT = ("protocols", "files")


def protocols(reader: Reader, document: Table) -> tuple[Protocol, ...]:
    """Each file checked as `engraft protocol check` does; one with an error is a fault with its own file and line."""
    said = reader.inline(document, ("protocols",)) or {}
    reader.only(said, ("protocols",), ("files",))
    found: dict[str, Protocol] = {}
    for path in reader.files(said, AT):
        protocol = _read(reader, path)
        if protocol is None:
            continue
        if protocol.key in shipped() or protocol.key in found:
            whose = "a shipped protocol" if protocol.key in shipped() else "another file"
            reader.fault(AT, f"{path.name}: {protocol.key} is the key of {whose}; ids hang on it")
        found[protocol.key] = protocol
    return tuple(found.values())


def _read(reader: Reader, path: Path) -> Protocol | None:
    # here, because most deployments have none
    from mappings.protocol.check import Wording, check

    beside = path.with_suffix(".txt")
    try:
        text = path.read_text("utf-8")
        wording = Wording(beside.read_text("utf-8"), str(beside)) if beside != path and beside.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        reader.fault(AT, f"{path} cannot be read: {why(error)}")
        return None
    errors = [fault for fault in check(text, str(path), wording) if fault.severity == "error"]
    reader.faults += [_placed(fault) for fault in errors]
    return None if errors else parse(text, str(path))


def _placed(fault: Fault) -> Fault:
    """As the other faults of the settings: the place is part of the path."""
    return replace(fault, path=": ".join(filter(None, (fault.place, fault.path))), file="", line=None)
