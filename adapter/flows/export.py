"""Everything that is stored, resource by resource: as it stands, or as a registry may see it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from adapter.flows import registry
from mappings.canonicals import DEFAULT, Canonicals
from mappings.r4.build import Resource
from mappings.registry.deidentify import deidentify, release
from mappings.registry.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from adapter.store import Store


def identified(
    store: Store, *, kinds: Collection[str] | None = None, since: datetime | None = None
) -> Iterator[Resource]:
    """Newest versions of every centre, a few in memory at a time. `kinds` None: of every type; `since`: changed then
    or later."""
    with store.reading() as tx:
        for stored in tx.resources.stream(centres=None, kinds=kinds, since=since):
            yield stored.content


def deidentified(
    store: Store,
    key: bytes,
    now: datetime,
    *,
    kinds: Collection[str] | None = None,
    since: datetime | None = None,
    canonicals: Canonicals = DEFAULT,
) -> Iterator[Resource]:
    """What is in the outcome bundles of patients who agree on the day of `now`, but for the Composition.

    A Composition is made for its bundle and stored nowhere. Raises Refused for a key that is too short.
    """
    changed = None if since is None else _pseudonyms(store, key, since)
    for bundle in registry.bundles(store, key, now, canonicals=canonicals):
        for entry in bundle["entry"]:
            resource = entry["resource"]
            place = (resource["resourceType"], resource["id"])
            if place[0] != "Composition" and (not kinds or place[0] in kinds) and (changed is None or place in changed):
                yield resource


def _pseudonyms(store: Store, key: bytes, since: datetime) -> set[tuple[str, str]]:
    """(type, pseudonym) of what changed: the time of a change is among the things that do not leave."""
    pseudonyms = Pseudonyms(key)
    with store.reading() as tx:
        changed = tx.resources.stream(centres=None, since=since)
        return {(stored.kind, pseudonyms.id(stored.kind, stored.id)) for stored in changed}


def withdrawn(
    store: Store, key: bytes, now: datetime, *, since: datetime, canonicals: Canonicals = DEFAULT
) -> Iterator[tuple[str, str]]:
    """(type, pseudonym) of everything in courses that changed since, and may not leave on the day of `now`.

    Also of patients who never agreed: that somebody was once in a release is not kept, and the pseudonym of what was
    never sent tells nothing. Raises Refused for a key that is too short.
    """
    with store.reading() as tx:
        names = {one.course for one in tx.resources.stream(centres=None, kinds=["Consent"], since=since) if one.course}
    for name in sorted(names):
        with store.reading() as tx:
            resources = [stored.content for stored in tx.resources.of_course(name)]
        if not release(resources, key, now.date(), canonicals).resources:
            for resource in deidentify(resources, key, canonicals).resources:
                yield resource["resourceType"], resource["id"]
