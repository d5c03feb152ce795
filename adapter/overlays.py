"""The overlays of centres, read from the files that the settings name."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from adapter.config import Settings
from adapter.errors import Invalid
from mappings.protocol import load
from mappings.protocol.overlay import NOTHING, Overlay
from mappings.r4.faults import Fault, FaultyInput


def overlay_of(settings: Settings, centre: str | None, protocol: str) -> Overlay:
    """What `centre` adds to `protocol`; nothing where it names no overlay. Raises Invalid with file and path."""
    if centre is None or centre not in settings.centres:
        return NOTHING
    for path in settings.centres[centre].overlays:
        found = read(path)
        if found.centre != centre:
            raise Invalid([Fault(f"{path}: centre", f"is of {found.centre}, and {centre} names it")])
        if found.protocol == protocol:
            return found
    return NOTHING


def read(path: Path) -> Overlay:
    """The overlay in a file, YAML or TOML by its ending. Raises Invalid with file, line and path of every fault."""
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise Invalid([Fault(str(path), f"the overlay cannot be read: {type(error).__name__}")]) from error
    return _read(path, stamp)


@lru_cache(maxsize=64)
def _read(path: Path, stamp: int) -> Overlay:  # noqa: ARG001  a changed file is read anew
    # here, because most centres have none
    from mappings.protocol.overlay_schema import named_protocol, parse

    toml = path.suffix == ".toml"
    try:
        text = path.read_text("utf-8")
        return parse(text, load(named_protocol(text, toml=toml)), toml=toml)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid([Fault(str(path), f"the overlay cannot be read: {type(error).__name__}")]) from error
    except FaultyInput as error:
        raise Invalid([_of_file(path, fault) for fault in error.faults]) from error


def _of_file(path: Path, fault: Fault) -> Fault:
    place = replace(fault, file=str(path)).place
    return replace(fault, path=f"{place}: {fault.path}", file="", line=None)
