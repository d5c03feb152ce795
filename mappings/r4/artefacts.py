"""The conformance artefacts that ship with us, as they read under the base of whoever deployed them."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import Any

from mappings.canonicals import DEFAULT_BASE
from mappings.r4 import wire

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@lru_cache(maxsize=512)
def artefact(kind: str, name: str, base: str = DEFAULT_BASE) -> dict[str, Any] | None:
    """One artefact with `base` in place of the shipped one; None where there is none. Nobody changes what it gives."""
    file = files("profiles").joinpath(f"{kind}-{name}.json") if _NAME.fullmatch(name) else None
    if file is None or not file.is_file():
        return None
    text = file.read_bytes()
    if base != DEFAULT_BASE:
        text = text.replace(DEFAULT_BASE.encode(), wire.encode(base)[1:-1])
    found: dict[str, Any] = wire.decode(text)
    return found


def named(url: str, kind: str, base: str) -> str | None:
    """The name of an artefact of ours by its canonical, pinned or not; None of everybody else's."""
    stem = f"{base}/{kind}/"
    return url.partition("|")[0].removeprefix(stem) if url.startswith(stem) else None
