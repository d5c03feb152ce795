"""Reading JSON that nobody has checked: what is not of the expected kind is as if absent, and never an error."""

from __future__ import annotations

from typing import Any

from mappings.r4.build import Element


def element(said: Any) -> Element:
    """An object, else an empty one."""
    return said if isinstance(said, dict) else {}


def elements(said: Any) -> list[Element]:
    """The objects of a list."""
    return [one for one in values(said) if isinstance(one, dict)]


def values(said: Any) -> list[Any]:
    """A list, else an empty one."""
    return said if isinstance(said, list) else []


def text(said: Any) -> str:
    """A text, else an empty one."""
    return said if isinstance(said, str) else ""
