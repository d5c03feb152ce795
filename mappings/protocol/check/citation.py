"""The sentences of the YAML against the trial's own text: nothing added, nothing left out."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from mappings.protocol.document import Document, entries
from mappings.r4.faults import Fault


class Wording:
    """The trial's own text, folded to one line that remembers where it came from."""

    def __init__(self, text: str, file: str = "") -> None:
        self.file = file
        self._starts: list[int] = []
        self._lines: list[int] = []
        words: list[str] = []
        length = 0
        for number, line in enumerate(text.splitlines(), 1):
            for word in line.split():
                self._starts.append(length)
                self._lines.append(number)
                words.append(word)
                length += len(word) + 1
        self.text = " ".join(words)

    def line(self, position: int) -> int:
        """Line of the trial's text (from 1) on which the character at `position` stands."""
        return self._lines[bisect_right(self._starts, position) - 1]

    def uncited(self, quotes: Iterable[str]) -> Iterator[tuple[int, str]]:
        """(position, words) of each stretch with a letter in it that no quotation covers."""
        covered = bytearray(len(self.text))
        for quote in quotes:
            for match in re.finditer(re.escape(quote), self.text):
                covered[match.start() : match.end()] = b"\1" * len(quote)
        left = "".join("\0" if done else letter for letter, done in zip(self.text, covered, strict=True))
        for match in re.finditer(r"[^\0]*\w[^\0]*", left):
            if re.search(r"[^\W\d_]", match[0]):
                words = re.sub(r"^\W+", "", match[0])
                yield match.end() - len(words), words.strip()


def cited(document: Document, wording: Wording | None) -> Iterator[Fault]:
    """Every source is a quotation from the wording, and every sentence of the wording is quoted."""
    if wording is None:
        message = (
            "no wording stands beside this file (the same name with .txt): no sentence was compared with the trial's"
        )
        yield document.fault("", message, "incomplete", "warning")
        return
    quotes = list(_quotes(document))
    for path, name, words in quotes:
        if words not in wording.text:
            yield document.fault(path, f"the wording does not say {_short(words)}", "not-found", name=name)
    for position, words in wording.uncited(words for _, _, words in quotes):
        message = f"no clause cites {_short(words)}"
        yield Fault("", message, "incomplete", file=wording.file, line=wording.line(position))


def _quotes(document: Document) -> Iterator[tuple[str, str, str]]:
    """(path, clause, words) of every source and heading."""
    for path, entry in entries(document.value):
        if isinstance(entry.get("source"), str):
            yield f"{path}.source", str(entry.get("key", path)), " ".join(entry["source"].split())
    for place, heading in enumerate(document.value.get("headings", ())):
        yield f"headings.{place}", "headings", " ".join(heading.split())


def _short(words: str) -> str:
    return f'"{words}"' if len(words) <= 90 else f'"{words[:80]}..."'
