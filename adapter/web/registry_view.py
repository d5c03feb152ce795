"""What a registry sees at `/fhir/<Type>`: the de-identified resources of patients who agree today, and nothing else.

They are made for each question and searched as everything is (`flows.sieve`), so a search tells no more than the
resources do; where a question names them or their patient, only those are looked at. When something was changed does
not leave: no versions, no times, and no search for them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from adapter.errors import Invalid, Refused, Unavailable
from adapter.flows import export, sieve
from adapter.store import Tx
from adapter.store.criteria import Criterion, Half
from adapter.web import auth
from adapter.web.routing import Role
from adapter.web.site import Site
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault
from mappings.registry.course import patient_of

NO_KEY = "this server has no pseudonym key, without which nothing leaves it"
_ABOUT = ("patient", "subject")
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


Meant = Callable[[Resource], bool]
"""Can a resource be among those that are asked for?"""


def named(id_: str) -> Meant:
    """It has this id."""
    return lambda resource: resource.get("id") == id_


def found_by(finds: Sequence[Criterion]) -> Meant:
    """It has one of the ids asked for, and may be about one of the patients; the rest the search itself finds."""
    ids = [set(one.choices) for one in finds if one.parameter.name == "_id" and not one.modifier]
    about = [them for one in finds if one.parameter.name in _ABOUT and (them := _patients(one))]

    def meant(resource: Resource) -> bool:
        of = patient_of(resource)
        return all(resource.get("id") in them for them in ids) and (of is None or all(of in them for them in about))

    return meant


def _patients(one: Criterion) -> set[str | None]:
    """Ids of the patients that it asks for; none where it asks for anything else."""
    told = [choice for choice in one.choices if isinstance(choice, Half) and choice.system in (None, "Patient")]
    return {choice.value for choice in told} if len(told) == len(one.choices) else set()


@contextmanager
def patients(site: Site, kinds: Collection[str] | None, meant: Meant | None = None) -> Iterator[tuple[Tx, str]]:
    """Where what the caller may see of these types (None: of all) is found, and the centre that it is kept under.

    `meant`: what else need not be looked at.
    """
    if not asks():
        centre = auth.centre()
        with auth.reading(site) as tx:
            yield tx, centre
        return
    auth.give_back()
    leaving = export.Leaving(key(site), site.clock(), site.settings.canonicals)
    shown = export.deidentified(site.store, leaving, aside=[], kinds=kinds)
    found = filter(meant, shown) if meant else shown
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
