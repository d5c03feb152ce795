"""Objects and lists that never change, for what many resources have in common: a code, a `meta`, a relation.

They are built once and stand in the plans of all patients; what cannot be changed cannot get from one patient to
another. What validation has found sound stays sound, so that it is asked once (`passed`, which `glance` fills).
A copy of any kind (`copy`, `deepcopy`, `|`, `pickle`) is plain, may be changed, and is looked at afresh.
"""

from __future__ import annotations

import copy
from typing import Any, Never, TypeVar, cast

T = TypeVar("T")

_NOBODY: frozenset[object] = frozenset()


def _refuse(self: object, *_: Any, **__: Any) -> Never:
    del self
    raise TypeError("this never changes: copy it, and change the copy")


class Frozen(dict[str, Any]):
    """A JSON object that never changes. `passed`: as what it was found sound, whatever stands around it."""

    __slots__ = ("passed",)
    passed: frozenset[object]

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: copy.deepcopy(value, memo) for key, value in self.items()}

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)


class FrozenList(list[Any]):
    """A JSON array that never changes."""

    __slots__ = ()

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> list[Any]:
        return list(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> list[Any]:
        return [copy.deepcopy(value, memo) for value in self]

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)


def frozen(value: T) -> T:
    """The same, never to be changed, with all that is in it."""
    if isinstance(value, dict):
        return value if value.__class__ is Frozen else cast(T, _frozen(value))
    if isinstance(value, list):
        return value if value.__class__ is FrozenList else cast(T, FrozenList(map(frozen, value)))
    return value


def _frozen(value: dict[str, Any]) -> Frozen:
    out = Frozen({key: frozen(item) for key, item in value.items()})
    out.passed = _NOBODY
    return out
