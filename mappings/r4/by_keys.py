"""What the keys of an object decide, whatever its values: worked out once for each set of keys.

Most of what a rule or a profile asks is which elements stand together, and objects with the same keys come again and
again. A question is put to something that has the keys and no values. Where it has its answer before it looks at a
value, the answer is that of every object with such keys; where it does look, each object is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Sequence
from typing import Any, NamedTuple, Never

from mappings.r4.frozen import Frozen

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

    def put(self, ask: str) -> str:
        """The question as an expression. `ask`: what it is called there."""
        still = f"(one := node[{self.of!r}]).__class__ is Frozen and {self.mark!r} in one.passed or "
        return f"({still if self.mark else ''}{ask}(node))"


def every(asked: Sequence[Asked]) -> Question:
    """Is every one answered by yes? An object is asked only what its keys leave open."""
    plans: dict[tuple[str, ...], Question] = {}

    def plan(node: Any) -> Question:
        if len(plans) >= _MANY:
            plans.clear()
        plans[tuple(node)] = made = _left_open(asked, tuple(node))
        return made

    def holds(node: Any) -> bool:
        return (plans.get(tuple(node)) or plan(node))(node)

    return holds


def _left_open(asked: Sequence[Asked], keys: tuple[str, ...]) -> Question:
    """One expression for all that is asked: a loop would cost more than what it asks."""
    names: dict[str, Any] = {"Frozen": Frozen}
    said = []
    for index, one in enumerate(asked):
        settled = answer(one.holds, keys)
        if settled is False:
            return _no
        if settled is None:
            names[f"ask{index}"] = one.holds
            said.append(one.put(f"ask{index}"))
    made: Question = eval(f"lambda node: {' and '.join(said) or True}", names)  # noqa: S307  names of profiles of ours
    return made


def _no(_: Any) -> bool:
    return False
