"""The files of this checkout, and the Python in them, for tests about the house itself. Needs no git."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def files(*folders: str) -> Iterator[Path]:
    """Every file of the project, in order; those that `.gitignore` names by folder are left out."""
    left_out = {".git", *(line.rstrip("/") for line in _lines(".gitignore") if line.endswith("/"))}
    for folder in folders or (".",):
        for here, below, names in os.walk(ROOT / folder):
            below[:] = sorted(name for name in below if name not in left_out)
            yield from (Path(here) / name for name in sorted(names))


def python(*folders: str) -> list[Path]:
    """Every Python module under the folders."""
    return [path for path in files(*folders) if path.suffix == ".py"]


def module_name(path: Path) -> str:
    """`adapter/web/fhir.py` -> `adapter.web.fhir`; a package stands for its `__init__`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(name: str) -> list[str]:
    return [line.strip() for line in (ROOT / name).read_text("utf-8").splitlines()]
