"""Python expressions in the making: what many objects are asked is written once, and no question costs a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from mappings.r4.frozen import Frozen


class Words:
    """The words of one expression, with what they stand for."""

    def __init__(self) -> None:
        self.stand_for: dict[str, Any] = {"Frozen": Frozen, "Decimal": Decimal}

    def __call__(self, thing: object) -> str:
        word = f"it{len(self.stand_for)}"
        self.stand_for[word] = thing
        return word

    def another(self) -> str:
        """A name for a value."""
        return self(None).replace("it", "one")

    def function(self, takes: str, said: Iterable[str]) -> Callable[..., bool]:
        """Is all of it true? Of what others sent nothing stands in it, but for keys that R4 and our profiles know."""
        made: Callable[..., bool] = eval(f"lambda {takes}: {' and '.join(said) or True}", self.stand_for)  # noqa: S307  see above
        return made
