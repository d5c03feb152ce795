"""A JSON array taken apart into the texts of its items as it comes, so that its length does not matter.

Only brackets, commas and strings are looked at. Whether an item is JSON is seen when it is decoded, so that one that is
not holds back no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mappings.intake.paths import DOCUMENT
from mappings.r4.faults import Fault, FaultyInput

SPACE = b" \t\r\n"
BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
"""A quotation mark alone opens a string whose end has not come yet."""

_OPENS, _CLOSES = (b"[", b"{"), (b"]", b"}")


class Item(NamedTuple):
    """`line`: where it begins; `number`: counted from one."""

    line: int
    number: int
    text: bytes


def begins(text: bytes) -> bool:
    """Is this the beginning of an array?"""
    return text.removeprefix(BOM).lstrip(SPACE).startswith(b"[")


def items(chunks: Iterable[bytes]) -> Iterator[Item]:
    """The items of an array whose text comes in chunks of any size.

    Raises FaultyInput, after the items before, where the array does not end or something follows it.
    """
    reader = _Reader()
    for chunk in chunks:
        yield from reader.take(chunk)
    reader.end()


class _Reader:
    """`_text`: what has come since the end of the last item; `_at`: how far it was looked at."""

    def __init__(self) -> None:
        self._text = bytearray()
        self._at = self._depth = self._number = 0
        self._line = 1
        self._ended = False

    def take(self, chunk: bytes) -> Iterator[Item]:
        self._text += chunk
        while not self._ended and (found := _TOKEN.search(self._text, self._at)):
            token, end = found[0], found.end()
            if token == b'"':
                self._at = found.start()
                return
            self._at = end
            if token in _OPENS:
                self._depth += 1
                if self._depth == 1:
                    self._drop(end)
            elif token in _CLOSES:
                self._depth -= 1
            if token == b"," and self._depth == 1:
                yield self._item(end)
            elif not self._depth:
                self._ended = True
                if self._number or self._text[: end - 1].strip(SPACE):
                    yield self._item(end)
                else:
                    self._drop(end)
        self._at = len(self._text)

    def end(self) -> None:
        """Nothing more comes."""
        if not self._ended:
            raise FaultyInput([Fault(DOCUMENT, f"the array breaks off after {self._number} items", "structure")])
        if self._text.strip(SPACE):
            raise FaultyInput([Fault(DOCUMENT, "something follows the end of the array", "structure")])

    def _item(self, end: int) -> Item:
        """What stands before the token that ends there."""
        self._number += 1
        text = bytes(self._text[: end - 1])
        before = len(text) - len(text.lstrip(SPACE))
        line = self._line + text.count(b"\n", 0, before)
        self._drop(end)
        return Item(line, self._number, text.strip(SPACE))

    def _drop(self, end: int) -> None:
        self._line += self._text.count(b"\n", 0, end)
        del self._text[:end]
        self._at = 0
