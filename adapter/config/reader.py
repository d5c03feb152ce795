"""One reading of one TOML file: what its values may be, and each fault with file, line and dotted key.

Faults are collected, so that all of them are told at once; a faulty value is read as something harmless meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from adapter.config.secrets import Secret
from adapter.errors import Invalid
from adapter.toml_lines import line_of
from mappings.r4.faults import Fault

Table = Mapping[str, Any]
Place = tuple[str, ...]
"""Where a value stands: the parts of its dotted key."""

SHORTEST, LONGEST = 0.1, 60
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Reader:
    """What the sections are read with."""

    def __init__(self, path: Path, text: str, environ: Mapping[str, str]) -> None:
        self.path, self.content, self.environ = path, text, environ
        self.faults: list[Fault] = []

    def parsed(self) -> dict[str, Any]:
        """The whole file. Raises Invalid where it is not TOML."""
        # here, because where there is no file nothing is parsed
        import tomllib

        try:
            return tomllib.loads(self.content)
        except tomllib.TOMLDecodeError as error:
            # tomllib ends its sentence with the place, or with "at end of document"
            place = re.search(r"\(at line (\d+), column \d+\)", str(error))
            line = int(place.group(1)) if place else self.content.count("\n") + 1
            said = re.sub(r" \(at .*\)$", "", str(error))
            raise Invalid([Fault(f"{self.path}:{line}", f"not valid TOML: {said}")]) from error

    def fault(self, at: Place, message: str) -> None:
        """Something is wrong with the value at this place."""
        self.faults.append(Fault(f"{self.path}:{line_of(self.content, at)}: {'.'.join(at)}", message))

    def only(self, table: Table, at: Place, known: tuple[str, ...]) -> None:
        """Every other key is a fault."""
        for key in sorted(table.keys() - set(known)):
            top = " (it belongs above the first [table])" if key == "canonical_base" else ""
            self.fault((*at, key), f"unknown key{top}; known here: {', '.join(known)}")

    def tables(self, document: Table, section: str) -> list[tuple[str, dict[str, Any]]]:
        """(name, table) of each [section.NAME]."""
        said = document.get(section, {})
        if not isinstance(said, dict):
            self.fault((section,), f"is a set of tables: [{section}.NAME]")
            return []
        for name, table in said.items():
            if not isinstance(table, dict):
                self.fault((section, name), f"is a table: [{section}.{name}]")
            elif not _NAME.fullmatch(name):
                self.fault((section, name), "a name has letters, digits, '.', '_' and '-', at most 64")
        return [(name, table) for name, table in said.items() if isinstance(table, dict)]

    def inline(self, table: Table, at: Place) -> dict[str, Any] | None:
        """The table at this place, None where nothing is said."""
        said = table.get(at[-1])
        if said is None or isinstance(said, dict):
            return said
        self.fault(at, "is a table: { ... }")
        return None

    def text(self, table: Table, at: Place, key: str) -> str:
        """A text that is needed."""
        said = table.get(key)
        if isinstance(said, str) and said.strip():
            return said
        self.fault((*at, key), "is needed" if said is None else "is a text that is not empty")
        return ""

    def url(self, table: Table, at: Place, key: str, default: str | None = None) -> str:
        """An absolute address without credentials and without a slash at its end."""
        if default is not None and key not in table:
            return default
        said = self.text(table, at, key)
        if said and not is_url(said):
            self.fault((*at, key), "is not an absolute http or https URL")
        elif said and urlsplit(said).username is not None:
            self.fault((*at, key), "carries credentials: a secret never stands in this file")
        return said.rstrip("/")

    def word(self, table: Table, at: Place, key: str, words: tuple[str, ...], default: str | None = None) -> str:
        """One of these words."""
        if default is not None and key not in table:
            return default
        said = self.text(table, at, key)
        if said and said not in words:
            self.fault((*at, key), f"unknown word {said}; known: {', '.join(words)}")
        return said

    def seconds(self, table: Table, at: Place, key: str, default: float) -> float:
        """A time to wait: a lease must last longer."""
        said = table.get(key, default)
        if isinstance(said, int | float) and not isinstance(said, bool) and SHORTEST <= said <= LONGEST:
            return float(said)
        self.fault((*at, key), f"is a number of seconds from {SHORTEST} to {LONGEST}")
        return default

    def files(self, table: Table, at: Place) -> tuple[Path, ...]:
        """A list of files, each relative to the folder of the TOML."""
        said = table.get(at[-1], [])
        if not isinstance(said, list) or not all(isinstance(name, str) and name for name in said):
            self.fault(at, 'is a list of files: ["chu-a.yaml"]')
            return ()
        return tuple(self.path.parent / name for name in said)

    def secret(self, table: Table, at: Place, *, bearer: bool = False) -> Secret | None:
        """Where the secret is kept; `bearer`: it goes into a header as it is."""
        said = table.get(at[-1])
        if said is None:
            self.fault(at, 'is needed: { file = "..." } or { env = "..." }')
        elif isinstance(said, str):
            self.fault(at, 'a secret never stands in this file: write { file = "..." } or { env = "..." }')
        elif not isinstance(said, dict) or len(said) != 1 or not said.keys() <= {"file", "env"}:
            self.fault(at, 'write either { file = "..." } or { env = "..." }')
        elif not isinstance(name := next(iter(said.values())), str) or not name:
            self.fault(at, "the name of the file or variable is a text")
        elif "file" in said:
            return Secret(file=self.path.parent / name, bearer=bearer)
        else:
            return Secret(env=name, environ=self.environ, bearer=bearer)
        return None


def server_of(url: str) -> tuple[str, str]:
    """Host with port, and path, however the URL is written: two names for one server are alike."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or {'http': 80}.get(parts.scheme, 443)}", parts.path.rstrip("/")


def is_url(text: str) -> bool:
    """Whether it is an absolute http or https URL without query and fragment."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
