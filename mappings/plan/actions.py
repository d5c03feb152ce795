"""The tree of actions of a RequestGroup or PlanDefinition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mappings.r4.build import Element


def leaves(actions: Sequence[Element]) -> list[Any]:
    """Every action that has none below it, in order."""
    return [leaf for node in actions for leaf in (leaves(node["action"]) if "action" in node else [node])]
