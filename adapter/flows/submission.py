"""What each registry takes of one course, by its dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from adapter.config import Registry, Settings
from adapter.errors import Refused
from adapter.flows.push import Submission, Submit
from adapter.flows.registry import keyed, whole
from mappings.r4.build import Resource
from mappings.registry.cibmtr import Sender, transmittable


def submit_to(registry: Registry, settings: Settings, on: date) -> Submit:
    """Raises Refused where there is no pseudonym key, it is too short, or nothing is pushed in that dialect."""
    key = settings.pseudonym_key(registry.name)
    keyed(key)

    def outcomes(resources: Sequence[Resource], _: str | None) -> Submission:
        made = whole(resources, key, on, settings.canonicals)
        return Submission([made] if made else ())

    def cibmtr(resources: Sequence[Resource], centre: str | None) -> Submission:
        number = registry.ccn.get(centre or "")
        if number is None:
            return Submission(left=Counter({f"Patient: centre {centre} has no number at {registry.name}": 1}))
        sender = Sender(number, registry.centre_system, registry.crid_system)
        found = transmittable(resources, sender, key, on, settings.canonicals)
        return Submission(found.bundles, found.left)

    known = {"fhir": outcomes, "cibmtr": cibmtr}
    if registry.dialect not in known:
        raise Refused(f"{registry.name}: nothing is pushed in the dialect {registry.dialect}; engraft registry export")
    return known[registry.dialect]
