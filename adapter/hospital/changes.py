"""A change set on its way: one transaction of PUTs on ids that are ours or that the hospital gave, and of creates.

A hospital that gives ids itself is sent `POST` with If-None-Exist on the resource's identifier, which may be repeated,
and from then on `PUT` on the id that it gave. A conditional update would double in a race (HAPI 8.8: 11 to 27 of 50).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from adapter.hospital.answer import dicts
from adapter.hospital.references import rewritten
from mappings.r4.build import Element, Resource, escaped, full_url

_NAME = r"[A-Za-z0-9\-.]{1,64}"
_ADDRESS = re.compile(rf"(?:.*/)?[A-Z][A-Za-z]+/(?P<id>{_NAME})(?:/_history/(?P<version>{_NAME}))?")
_ETAG = re.compile(r'(?:W/)?"?(?P<version>[^"]*)"?')


@dataclass(frozen=True, slots=True)
class Change:
    """`there`: its id at the hospital, None while it has none. `version`: the one that this is to follow, if known."""

    resource: Resource
    there: str | None
    version: str | None = None

    @property
    def reference(self) -> str:
        """By our own id."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the hospital keeps a resource now: its id and version there. None: it does not say.

    `matched`: it did nothing, because a create found what is there (R4: 200; 201 where it was created).
    """

    id: str | None
    version: str | None
    matched: bool = False


def bundle(changes: Sequence[Change], elsewhere: Mapping[str, str]) -> Resource:
    """The transaction. `elsewhere`: reference there, of those that have another id there, by our own reference."""
    names = {one.reference: full_url(one.resource) for one in changes if one.there is None}
    names |= {one.reference: _target(one, one.there) for one in changes if one.there not in (None, one.resource["id"])}
    entries = [_entry(one, dict(elsewhere) | names) for one in changes]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def condition(resource: Resource) -> str | None:
    """The search by which a resource is found that the hospital gave its id; None: it carries no identifier."""
    for identifier in dicts(resource.get("identifier")):
        if identifier.get("system") and identifier.get("value"):
            token = f"{escaped(identifier['system'])}|{escaped(identifier['value'])}"
            return urlencode({"identifier": token}, safe=":/|")
    return None


def kept(said: Element) -> Kept:
    """From one entry's response. HAPI writes the etag of a transaction as `1`, R4 as `W/"1"`."""
    place, etag = _ADDRESS.fullmatch(str(said.get("location", ""))), _ETAG.fullmatch(str(said.get("etag", "")))
    version = (etag and etag["version"]) or (place and place["version"]) or None
    return Kept(place["id"] if place else None, version, str(said.get("status", "")).startswith("200"))


def in_our_words(found: Resource, ours: Resource, back: Mapping[str, str]) -> Resource:
    """What the hospital has, by our ids (`back`: ours by theirs), without what servers add by themselves.

    That is a narrative, and to `meta.source` the number of the request (HAPI: `...#Xa1b2`).
    """
    said: Resource = rewritten(found, lambda reference: back.get(reference, reference)) | {"id": ours["id"]}
    meta, source = dict(said.get("meta", {})), ours.get("meta", {}).get("source")
    if "source" in meta and (source is None or meta["source"].partition("#")[0] == source):
        meta = {key: value for key, value in meta.items() if key != "source"} | ({"source": source} if source else {})
    added = {"meta"} | ({"text"} if "text" not in ours else set())
    return {key: value for key, value in said.items() if key not in added} | ({"meta": meta} if meta else {})


def _entry(one: Change, names: Mapping[str, str]) -> Element:
    kind = one.resource["resourceType"]
    resource = one.resource
    if names:
        resource = rewritten(resource, lambda reference: names.get(reference, reference))
    if one.there is None:
        request = {"method": "POST", "url": kind, "ifNoneExist": condition(resource)}
        resource = {key: value for key, value in resource.items() if key != "id"}
    else:
        request = {"method": "PUT", "url": f"{kind}/{one.there}"}
        if one.there != resource["id"]:
            resource = resource | {"id": one.there}
        if one.version:
            request["ifMatch"] = f'W/"{one.version}"'
    return {"fullUrl": full_url(one.resource), "resource": resource, "request": request}


def _target(one: Change, there: str | None) -> str:
    return f"{one.resource['resourceType']}/{there}"
