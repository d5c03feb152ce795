"""What the keys of an object decide, whatever its values: worked out once for each set of keys.

Most of what a rule or a profile asks is which elements stand together, and objects with the same keys come again and
again. A question is put to something that has the keys and no values. Where it has its answer before it looks at a
value, the answer is that of every object with such keys; where it does look, each object is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Sequence
from typing import Any, NamedTuple, Never

from mappings.r4.expression import Words

Question = Callable[[Any], bool]

_MANY = 512
"""Sets of keys that are remembered of a list of questions, whatever others send; what we write has a handful."""


class _LooksInside(Exception):
    """A value was looked at."""


class _Keys:
    """Any object with these keys."""

    __slots__ = ("_found",)

    def __init__(self, keys: Iterable[str]) -> None:
        self._found = dict.fromkeys(keys)

    @property  # type: ignore[misc]  # nobody sets it
    def __class__(self) -> Any:  # to `isinstance` it is an object
        return dict

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def keys(self) -> KeysView[str]:
        return self._found.keys()

    def get(self, key: str, default: Any = None) -> Any:
        if key in self._found:
            raise _LooksInside
        return default

    def __getitem__(self, _: str) -> Never:
        raise _LooksInside

    def __getattr__(self, _: str) -> Never:  # values, items
        raise _LooksInside


def answer(asked: Question, keys: Iterable[str]) -> bool | None:
    """What is answered of every object with such keys; None where its values are looked at."""
    try:
        return asked(_Keys(keys))
    except _LooksInside:
        return None


class Asked(NamedTuple):
    """A question. `of`: the one element that it is about; `mark`: left on it where it passed and never changes."""

    holds: Question
    of: str = ""
    mark: str = ""

    def put(self, words: Words) -> str:
        """The question as an expression about `node`."""
        asked = f"{words(self.holds)}(node)"
        if not self.mark:
            return asked
        return f"((one := node[{self.of!r}]).__class__ is Frozen and {self.mark!r} in one.passed or {asked})"


def every(asked: Sequence[Asked]) -> Question:
    """Is every one answered by yes? An object is asked only what its keys leave open."""
    plans: dict[tuple[str, ...], Question] = {}

    def plan(node: Any) -> Question:
        if len(plans) >= _MANY:
            plans.clear()
        asks, words = left_open(asked, tuple(node)), Words()
        said = ["False"] if asks is None else [one.put(words) for one in asks]
        plans[tuple(node)] = made = words.function("node", said)
        return made

    def holds(node: Any) -> bool:
        return (plans.get(tuple(node)) or plan(node))(node)

    return holds


def left_open(asked: Sequence[Asked], keys: tuple[str, ...]) -> list[Asked] | None:
    """What objects with these keys are still asked; None where the keys alone say no."""
    answers = [(one, answer(one.holds, keys)) for one in asked]
    if any(said is False for _, said in answers):
        return None
    return [one for one, said in answers if said is None]
