"""The clauses of a protocol's YAML and the sentences of its wording, for the tests that hold one against the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from mappings.protocol import definition, wording


def flat(text: str) -> str:
    """Text with every run of white space folded to one space."""
    return " ".join(text.split())


def clauses(name: str) -> Iterator[tuple[str, str]]:
    """(path, source) of every clause, wherever it stands in the YAML."""
    yield from _walk(yaml.safe_load(definition(name)), "")


def _walk(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        here = f"{path}/{node['key']}" if path and "key" in node else path
        if "source" in node:
            yield here, flat(node["source"])
        for key, inner in node.items():
            yield from _walk(inner, f"{here}/{key}")
    elif isinstance(node, list):
        for inner in node:
            yield from _walk(inner, path)


def uncited(name: str) -> list[str]:
    """Stretches of the wording that no clause quotes, less the numbering between them."""
    text = flat(wording(name))
    cited = bytearray(len(text))
    for _, source in clauses(name):
        for match in re.finditer(re.escape(source), text):
            cited[match.start() : match.end()] = b"\1" * len(source)
    left = "".join(" " if done else letter for letter, done in zip(text, cited, strict=True))
    stretches = re.split(r"\s{2,}", left)
    return [stretch.strip() for stretch in stretches if re.search(r"[a-zA-Z]", stretch)]
