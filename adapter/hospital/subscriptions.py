"""Where a rest-hook notification tells us to look, in every dialect.

PUT Type/id with the resource, DELETE Type/id, empty POST     HAPI; its If-Match tells a version and asks nothing
POST of a resource to the bare address                        other servers
history Bundle that begins with a status                      R5 Subscriptions Backport IG 1.1 on R4
batch or transaction Bundle                                   HAPI with a search for its payload
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapter.hospital.answer import dicts
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput

_PLACE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")

Place = tuple[str, str]
"""(type, id)"""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Where to look: resources by (type, id), or everywhere (`search`). Neither: a handshake or a heartbeat."""

    places: tuple[Place, ...] = ()
    search: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a notification of the R5 Backport says of its Subscription.

    `kind`: handshake, heartbeat, event-notification or query-event; `events`: numbers of the events that it tells of;
    `total`: how many there were since the Subscription began, these included.
    """

    subscription: str
    kind: str
    status: str | None
    events: tuple[int, ...]
    total: int | None


def numbered(body: bytes) -> Numbered | None:
    """What a notification says of its Subscription; None where it is none of the Backport. Raises FaultyInput."""
    content = wire.decode_strict(body) if body.strip() else None
    return numbered_in(content) if isinstance(content, dict) else None


def numbered_in(bundle: Resource) -> Numbered | None:
    """The same of a decoded Bundle."""
    status = next((s for s in map(_status, dicts(bundle.get("entry"))) if s), None)
    if bundle.get("resourceType") != "Bundle" or status is None:
        return None
    said = {str(parameter.get("name")): parameter for parameter in dicts(status.get("parameter"))}
    reference = said["subscription"].get("valueReference")
    place = _place(str(reference.get("reference"))) if isinstance(reference, dict) else None
    if place is None or place[0] != "Subscription":
        return None
    events = [
        _number(part.get("valueString"))
        for parameter in dicts(status.get("parameter"))
        if parameter.get("name") == "notification-event"
        for part in dicts(parameter.get("part"))
        if part.get("name") == "event-number"
    ]
    state = said.get("status", {}).get("valueCode")
    return Numbered(
        place[1],
        str(said["type"].get("valueCode")),
        state if isinstance(state, str) else None,
        tuple(sorted(number for number in events if number is not None)),
        _number(said.get("events-since-subscription-start", {}).get("valueString")),
    )


def _number(text: object) -> int | None:
    """Counters are strings, because JSON's numbers do not hold 64 bits everywhere."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 18 else None


def read(method: str, kind: str | None, id_: str | None, body: bytes) -> Meaning:
    """Where a notification tells us to look. Raises FaultyInput for what is no notification."""
    place = _addressed(kind, id_)
    if method == "DELETE" or not body.strip():
        return Meaning((place,)) if place else Meaning(search=True)
    content = wire.decode_strict(body)
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        raise FaultyInput([Fault("resourceType", "a notification is empty or a FHIR resource", "structure")])
    if place:
        return Meaning((_same(place, content),))
    if content["resourceType"] == "Bundle":
        return bundle(content)
    own = _place(f"{content['resourceType']}/{content.get('id')}") if "id" in content else None
    return Meaning((own,)) if own else Meaning(search=True)


def _addressed(kind: str | None, id_: str | None) -> Place | None:
    if not kind and not id_:
        return None
    place = (kind or "", id_ or "")
    if _place("/".join(place)) != place:
        raise FaultyInput([Fault("$", "the address does not name a resource as Type/id", "value")])
    return place


def _same(place: Place, content: Resource) -> Place:
    if content["resourceType"] != place[0] or content.get("id", place[1]) != place[1]:
        raise FaultyInput([Fault("id", "the resource is not the one that the address names", "value")])
    return place


def bundle(content: Resource) -> Meaning:
    """Where a Bundle tells us to look."""
    entries = dicts(content.get("entry"))
    status = next((s for s in map(_status, entries) if s), None)
    if status is None:
        places = [place for entry in entries if (place := _entry_place(entry))]
        return Meaning(tuple(dict.fromkeys(places)), search=not places)
    said = {str(parameter.get("name")): parameter for parameter in dicts(status.get("parameter"))}
    if said.get("type", {}).get("valueCode") not in ("event-notification", "query-event"):
        return Meaning()
    places = list(_foci(status)) or [p for e in entries if not _status(e) and (p := _entry_place(e))]
    return Meaning(tuple(dict.fromkeys(places)), search=not places)


def _status(entry: dict[str, Any]) -> Resource | None:
    """The SubscriptionStatus of the R5 Backport, which on R4 is a Parameters resource."""
    resource = entry.get("resource")
    if not isinstance(resource, dict) or resource.get("resourceType") != "Parameters":
        return None
    names = {str(parameter.get("name")) for parameter in dicts(resource.get("parameter"))}
    return resource if {"subscription", "type"} <= names else None


def _foci(status: Resource) -> Iterator[Place]:
    for parameter in dicts(status.get("parameter")):
        if parameter.get("name") == "notification-event":
            for part in dicts(parameter.get("part")):
                reference = part.get("valueReference")
                if part.get("name") == "focus" and isinstance(reference, dict):
                    place = _place(str(reference.get("reference")))
                    if place:
                        yield place


def _entry_place(entry: dict[str, Any]) -> Place | None:
    """Of the resource in the entry, or else of its request (a DELETE has no resource)."""
    resource, request = entry.get("resource"), entry.get("request")
    if isinstance(resource, dict) and "id" in resource:
        return _place(f"{resource.get('resourceType')}/{resource['id']}")
    return _place(str(request.get("url"))) if isinstance(request, dict) else None


def _place(text: str) -> Place | None:
    found = _PLACE.fullmatch(text)
    return (found[1], found[2]) if found else None
