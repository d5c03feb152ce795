"""A YAML text as plain values, with the line on which each of them stands.

Narrower than YAML, because a slip must not change a number unseen: a key stands once, `010`, `0x10`, `1_000`, `12:30`,
`no` and `off` are words, `3.20` stays 3.20, and tags and merge keys mean nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

import yaml

from mappings.r4.faults import Fault, FaultyInput

LONGEST, DEEPEST, MOST = 1_000_000, 32, 20_000
"""Our own limits: characters of a text, nesting, and values once every alias is written out."""

_TEXT_TAGS = {None, "tag:yaml.org,2002:str"}
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9]{0,8})")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,9}\.[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Document:
    """`value` is what the text says; paths are dotted, list items by their place: `phases.0.lines.2.days`."""

    value: Any
    lines: dict[str, int]
    file: str = ""

    def line(self, path: str) -> int:
        """Line (from 1) of `path`, or of the nearest thing above it that stands in the text."""
        while path not in self.lines:
            if not path:
                return 1
            path = path.rpartition(".")[0]
        return self.lines[path]

    def fault(
        self, path: str, message: str, code: str = "structure", severity: str = "error", name: str | None = None
    ) -> Fault:
        """A fault at `path`, told under another `name` where people know the place by one."""
        return Fault(path if name is None else name, message, code, severity, self.file, self.line(path))


def read(text: str, file: str = "") -> Document:
    """The only document of a YAML text. `file` is what faults call it.

    Raises FaultyInput, each fault with its line: not YAML, a key that stands twice, a tag, or more than our limits.
    """
    if len(text) > LONGEST:
        raise FaultyInput([Fault("", f"longer than {LONGEST} characters", "too-long", file=file, line=1)])
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
        before = text.encode()[: getattr(error, "position", 0)]
        line = min(mark.line if mark else before.count(b"\n"), text.count("\n", 0, len(text) - 1)) + 1
        raise FaultyInput([Fault("", f"not YAML: {problem}", "structure", file=file, line=line)]) from None
    if builder.faults:
        raise FaultyInput(builder.faults)
    return Document(builder.value, builder.lines, file)


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is being read. `weight` counts the values in it, aliases written out."""

    path: str
    into: dict[str, Any] | list[Any]
    anchor: str | None
    weight: int = 1
    key: str | None = None
    first_lines: dict[str, int] = field(default_factory=dict)


_Anchored: TypeAlias = tuple[Any, int]


class _Builder:
    """Values from YAML events, without recursion: neither a deep nor a self-similar text can hurt."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.value: Any = None
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise self._refusal(event, "a second document; a protocol is one")
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event, {} if isinstance(event, yaml.MappingStartEvent) else [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                done = self._stack.pop()
                self._put(event, done.into, done.weight, done.anchor)
            case _:
                pass  # begin and end of the stream say nothing

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if self._awaits_key():
            self._key(event)
            return
        self._refuse_tag(event)
        self._place(event)
        self._put(event, _plain(event.value) if event.implicit[0] else event.value, 1, event.anchor)

    def _key(self, event: yaml.ScalarEvent) -> None:
        inside = self._stack[-1]
        line = _line(event)
        path = f"{inside.path}.{event.value}".lstrip(".")
        if event.value in inside.first_lines:
            message = f"this key stands on line {inside.first_lines[event.value]} already"
            self.faults.append(Fault(path, message, "duplicate", file=self.file, line=line))
        inside.first_lines.setdefault(event.value, line)
        inside.key = event.value
        self.lines.setdefault(path, line)

    def _begin(self, event: yaml.CollectionStartEvent, into: dict[str, Any] | list[Any]) -> None:
        if self._awaits_key():
            raise self._refusal(event, "a key is one word")
        if len(self._stack) == DEEPEST:
            raise self._refusal(event, f"nested deeper than {DEEPEST} levels")
        self._refuse_tag(event)
        self._place(event)
        if event.anchor:
            self._anchors[event.anchor] = None  # until it is closed: what refers to itself never ends
        self._stack.append(_Open(self._path(), into, event.anchor))

    def _alias(self, event: yaml.AliasEvent) -> None:
        if self._awaits_key():
            raise self._refusal(event, "a key is one word")
        known = self._anchors.get(event.anchor or "")
        if known is None:
            why = "refers to itself" if event.anchor in self._anchors else "stands for nothing"
            raise self._refusal(event, f"the alias {event.anchor} {why}")
        self._place(event)
        self._put(event, *known)

    def _put(self, event: yaml.Event, value: Any, weight: int, anchor: str | None = None) -> None:
        if anchor:
            self._anchors[anchor] = (value, weight)
        if not self._stack:
            self.value = value
            return
        inside = self._stack[-1]
        inside.weight += weight
        if inside.weight > MOST:
            raise self._refusal(event, f"more than {MOST} values once every alias is written out")
        if isinstance(inside.into, list):
            inside.into.append(value)
        else:
            inside.into[inside.key or ""] = value
            inside.key = None

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].into, dict) and self._stack[-1].key is None

    def _path(self) -> str:
        """Path of the value that comes next."""
        if not self._stack:
            return ""
        inside = self._stack[-1]
        step = len(inside.into) if isinstance(inside.into, list) else inside.key
        return inside.path if step is None else f"{inside.path}.{step}".lstrip(".")

    def _place(self, event: yaml.Event) -> None:
        self.lines.setdefault(self._path(), _line(event))

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        allowed = _TEXT_TAGS if isinstance(event, yaml.ScalarEvent) else {None}
        if event.tag not in allowed:
            raise self._refusal(event, f"the tag {event.tag} means nothing here")

    def _refusal(self, event: yaml.Event, message: str) -> FaultyInput:
        fault = Fault(self._path(), message, "structure", file=self.file, line=_line(event))
        return FaultyInput([*self.faults, fault])


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _plain(text: str) -> Any:
    """What an unquoted word means."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text


def entries(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping of a document with its path, outer ones first."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from entries(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from entries(inner, f"{path}.{place}".lstrip("."))
