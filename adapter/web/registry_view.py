"""What a registry sees at `/fhir/<Type>`: the de-identified resources of patients who agree today, and nothing else.

They are made for each question and searched as everything is (`flows.sieve`), so a search tells no more than the
resources do. When something was changed does not leave: no versions, no times, and no search for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from adapter.errors import Invalid, Refused, Unavailable
from adapter.flows import export, sieve
from adapter.store import Tx
from adapter.web import auth
from adapter.web.routing import Role
from adapter.web.site import Site
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault

NO_KEY = "this server has no pseudonym key, without which nothing leaves it"
_OF_CHANGES = ("_lastUpdated", "_since")


def asks() -> bool:
    """Is it a registry that asks?"""
    return bool(auth.caller().role == Role.REGISTRY.value)


def key(site: Site) -> bytes:
    """Of the pseudonyms for the registry that asks. Raises Unavailable where there is none."""
    try:
        return site.settings.pseudonym_key(auth.caller().name)
    except Refused as error:
        raise Unavailable(NO_KEY) from error


@contextmanager
def patients(site: Site, kinds: Collection[str] | None) -> Iterator[tuple[Tx, str]]:
    """Where what the caller may see of these types (None: of all) is found, and the centre that it is kept under."""
    if not asks():
        centre = auth.centre()
        with auth.reading(site) as tx:
            yield tx, centre
        return
    auth.give_back()
    leaving = export.Leaving(key(site), site.clock(), site.settings.canonicals)
    found = export.deidentified(site.store, leaving, aside=[], kinds=kinds)
    with sieve.filled(found) as store, store.reading() as tx:
        yield tx, sieve.SEEN


def refuse_times(names: Iterable[str]) -> None:
    """Raises Invalid (400) where a registry asks when something was changed."""
    if asks() and (asked := [name for name in names if name.partition(":")[0] in _OF_CHANGES]):
        text = "the time of a change does not leave for a registry"
        raise Invalid([Fault(name, text, "not-supported") for name in asked], status=400)


def shown(resource: Resource) -> Resource:
    """The answer as the caller may have it: for a registry without what tells of versions, page and entries too."""
    if not asks():
        return resource
    out = sieve.plain(resource)
    if "entry" in out:
        out["entry"] = [_entry(entry) for entry in out["entry"]]
    return out


def _entry(entry: Element) -> Element:
    out = dict(entry)
    if "resource" in out:
        out["resource"] = sieve.plain(out["resource"])
    if "response" in out:
        out["response"] = {"status": out["response"]["status"]}
    return out
