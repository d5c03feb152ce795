"""Outcomes on their way to registries: de-identified bundles of who agreed, and the centre's own.

A bundle that leaves needs a consent that holds today.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.errors import Refused
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.build import Resource
from mappings.registry.bundle import outcome_bundle, own_bundle
from mappings.registry.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from adapter.store import Store


def bundles(
    store: Store,
    key: bytes,
    now: datetime,
    patient: str | None = None,
    *,
    centres: Collection[str] | None = None,
    canonicals: Canonicals = DEFAULT,
) -> Iterator[Resource]:
    """A bundle for each course whose patient agrees on the day of `now`, in the order of their pseudonyms.

    `patient`: only the one with this id, identifier or number at the centre. `centres` None: of every centre.
    Raises Refused for a key that is too short.
    """
    try:
        pseudonyms = Pseudonyms(key)
    except ValueError as error:
        raise Refused(str(error)) from error
    for name in sorted(_consenting(store, centres), key=lambda each: pseudonyms.id("course", each)):
        with store.reading() as tx:
            resources = [stored.content for stored in tx.resources.of_course(name)]
        if patient is None or any(_is(patient, resource) for resource in resources):
            bundle = outcome_bundle(resources, key, now.date(), canonicals)
            yield from [bundle] if bundle else []


def own_bundles(store: Store, centre: str, *, canonicals: Canonicals = DEFAULT) -> Iterator[Resource]:
    """A bundle for each course of a centre, identified, in the order of their ids.

    It is the centre's own record and does not leave it, so nobody's consent to registries is asked for.
    """
    with store.reading() as tx:
        found = tx.resources.stream(centres=[centre], kinds=["Patient"])
        names = {stored.course for stored in found if stored.course}
    for name in sorted(names):
        with store.reading() as tx:
            resources = [stored.content for stored in tx.resources.of_course(name) if stored.centre == centre]
        bundle = own_bundle(resources, name, canonicals)
        yield from [bundle] if bundle else []


def _consenting(store: Store, centres: Collection[str] | None) -> set[str]:
    """Courses that have a Consent at all; whether it is a yes is judged with the whole course at hand."""
    with store.reading() as tx:
        return {stored.course for stored in tx.resources.stream(centres=centres, kinds=["Consent"]) if stored.course}


def _is(patient: str, resource: Resource) -> bool:
    if resource["resourceType"] != "Patient":
        return False
    named = [identifier.get("value", "") for identifier in resource.get("identifier", [])]
    return patient.removeprefix("Patient/") == resource["id"] or any(
        patient in (value, value.rpartition("/")[2]) for value in named
    )
