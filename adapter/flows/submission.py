"""What each registry takes of one course, by its dialect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from adapter.config import Registry, Settings
from adapter.errors import Refused
from adapter.flows.push import Submit
from adapter.flows.registry import submission
from mappings.r4.build import Resource


def submit_to(registry: Registry, settings: Settings, on: date) -> Submit:
    """Raises Refused where there is no pseudonym key, or nothing is pushed in that dialect."""
    if registry.dialect != "fhir":
        raise Refused(f"{registry.name}: nothing is pushed in the dialect {registry.dialect}")
    key = settings.pseudonym_key()

    def whole(resources: Sequence[Resource]) -> list[list[Resource]]:
        return submission(resources, key, on, settings.canonicals)

    return whole
