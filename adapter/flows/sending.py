"""One change set on its way to one hospital: in one transaction if the server takes it, and never over a later edit.

A transaction that is refused as a whole is halved until what was refused stands alone; the rest goes through. What the
hospital has from us already is not sent again. What it changed itself since is read again and decided by its policy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.hospital import r4_gate
from adapter.hospital.answer import HospitalBroke, Outdated, TooLarge
from adapter.hospital.changes import Change, bundle, condition, in_our_words
from adapter.hospital.client import HospitalClient
from adapter.hospital.pace import Pace
from adapter.hospital.references import local_targets, together
from adapter.hospital.turn import Asking
from adapter.store.delivery import Said
from adapter.store.sent import Given
from mappings.r4 import wire
from mappings.r4.build import Resource
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import require_valid

ROUNDS = 3
"""How often a transaction is put together anew because the hospital changed something meanwhile."""

Group = list[Resource]
"""Resources that refer to each other, so that none can be there without the others."""


@dataclass(slots=True)
class Sending:
    """`known`: what the hospital has of these resources and of what they refer to, by reference.

    `ids`: auto (not yet tried), client-id or conditional. `policy`: whose version counts where both changed: ours,
    theirs or park. `again`: it was tried before, so that it may be there without our knowing; so may what is `coming`
    later (hashes by reference). `final`: a server that breaks has had its chances. `asking` is entered for each
    request, which may wait there for its turn.

    Afterwards `given` is what the hospital has now, `refused` what it does not take and why, `left` what it keeps in
    its own version, `learned` whether `ids` was found out by this. They count even where an error ended it.
    """

    client: HospitalClient
    pace: Pace
    known: dict[str, Given]
    ids: str
    policy: str
    again: bool
    coming: Mapping[str, Collection[str]]
    final: bool
    asking: Asking
    given: dict[str, Given] = field(default_factory=dict)
    refused: dict[str, Said] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    learned: bool = False

    def send(self, resources: Sequence[Resource]) -> None:
        """Sends what is new. Raises HospitalUnavailable."""
        new = [one for one in resources if self._sound(one) and not self._has(one)]
        if self.again and self.ids != "conditional":
            new = [one for one in new if _name(one) in self.known or not self._there_already(one)]
        chunk: list[Group] = []
        for group in together(new):
            if chunk and sum(map(len, chunk)) + len(group) > self.pace.entries:
                self._part(chunk)
                chunk = []
            chunk.append(group)
        self._part(chunk)

    def request(self, resources: Sequence[Resource]) -> Resource:
        """The transaction that would be sent, in one piece; nothing is asked or sent."""
        changes = [self._change(one) for group in together(resources) for one in group if not self._has(one)]
        return bundle(changes, self._elsewhere())

    def _sound(self, resource: Resource) -> bool:
        """Our own last look at each entry, for a server names none when it refuses them all."""
        try:
            require_valid(resource)
            r4_gate.require(resource)
        except FaultyInput as error:
            self.refused[_name(resource)] = Said(str(error), None, outcome(error.faults))
            return False
        return True

    def _has(self, resource: Resource) -> bool:
        known = self.known.get(_name(resource))
        return known is not None and known.hash == _hash(resource)

    def _part(self, groups: Sequence[Group]) -> None:
        groups = [group for group in groups if self._supported(group)]
        resources = [one for group in groups for one in group]
        if not resources:
            return
        try:
            self._put(resources)
        except TooLarge as error:
            self.pace.too_large(len(resources))
            self._halve(groups, Said(str(error), error.status, error.outcome))
        except HospitalRefused as error:
            self._halve(groups, Said(str(error), error.status, error.outcome))
        except HospitalBroke as error:
            if not self.final:
                raise
            self._halve(groups, Said(str(error), error.status, error.outcome))

    def _halve(self, groups: Sequence[Group], said: Said) -> None:
        if len(groups) == 1:
            self.refused |= {_name(one): said for one in groups[0]}
            return
        middle = len(groups) // 2
        self._part(groups[:middle])
        self._part(groups[middle:])

    def _supported(self, group: Group) -> bool:
        """Not where something that it refers to is refused, and is not there from earlier."""
        for one in group if self.refused else ():
            for kind, id_ in local_targets(one):
                name = f"{kind}/{id_}"
                if name in self.refused and name not in self.known:
                    self.refused |= {_name(two): Said(f"refers to {name}, which is refused") for two in group}
                    return False
        return True

    def _put(self, resources: list[Resource]) -> None:
        for _ in range(ROUNDS):
            try:
                self._apply(resources)
            except Outdated as error:
                resources = self._met(resources, error)
                if not resources:
                    return
            else:
                return
        raise HospitalUnavailable(f"{self.client.name}: these resources change faster than they can be read")

    def _apply(self, resources: list[Resource]) -> None:
        new = any(_name(one) not in self.known for one in resources)
        try:
            self._transact(resources)
        except (Outdated, TooLarge):
            raise
        except HospitalRefused as refusal:
            if self.ids != "auto" or not new or len(resources) > 1 or not self._taken_without_our_ids(resources):
                raise refusal
        if self.ids == "auto" and new:
            self.ids, self.learned = "client-id", True

    def _taken_without_our_ids(self, resources: list[Resource]) -> bool:
        """The trial, on one resource alone: is it our choosing of its id that was refused? It decides once."""
        self.ids = "conditional"
        try:
            self._transact(resources)
        except HospitalRefused:
            self.ids = "auto"
            return False
        self.learned = True
        return True

    def _transact(self, resources: list[Resource]) -> None:
        changes = [self._change(one) for one in resources]
        nameless = [one.reference for one in changes if one.there is None and condition(one.resource) is None]
        if nameless:
            raise HospitalRefused(422, f"gives ids itself, and {nameless[0]} carries no identifier to be found by")
        kept = self.client.apply(changes, self._elsewhere(), self.asking)
        met: list[tuple[Resource, Resource]] = []
        for change, at in zip(changes, kept, strict=True):
            if change.there is None and at.matched:
                met.append((change.resource, self._matching(change.resource, at.id)))
            else:
                self._keep(change.resource, at.id or change.there or change.resource["id"], at.version)
        for one, found in met:  # all of them before any is read in our words: they refer to each other
            self.known[_name(one)] = Given(one["resourceType"], one["id"], found["id"], "", None)
        left = [one for one, found in met if self._differs(one, found)]
        if left:
            self._put(left)

    def _matching(self, resource: Resource, id_: str | None) -> Resource:
        """What a create found by its identifier. Not every server says where it is."""
        if id_ is None:
            with self.asking():
                matches = self.client.search(resource["resourceType"], parse_qsl(condition(resource) or ""))
            found = matches[0] if matches else None
        else:
            found = self._read(resource, id_)
        if found is None:
            raise HospitalUnavailable(f"{self.client.name}: says to have {_name(resource)}, and does not show it")
        return found

    def _differs(self, resource: Resource, found: Resource) -> bool:
        """Is what an identifier found still to be replaced by what was to be created?"""
        known = self.known[_name(resource)]
        if not self.again:
            known = replace(known, hash=_hash(self._in_our_words(found, resource)))
        return self._still_to_send(resource, known, found, Said("409: is there and says something else"))

    def _change(self, resource: Resource) -> Change:
        known = self.known.get(_name(resource))
        if known:
            return Change(resource, known.there, known.version)
        return Change(resource, None if self.ids == "conditional" else resource["id"])

    def _keep(self, resource: Resource, there: str, version: str | None) -> None:
        one = Given(resource["resourceType"], resource["id"], there, _hash(resource), version)
        self.given[one.reference] = self.known[one.reference] = one

    def _there_already(self, resource: Resource) -> bool:
        """Did an earlier try arrive whose answer got lost?"""
        try:
            found = self._read(resource, resource["id"])
        except HospitalBroke:
            if not self.final:
                raise
            return False
        if found is None:
            return False
        mine = Given(resource["resourceType"], resource["id"], resource["id"], "", None)
        return not self._still_to_send(resource, mine, found, Said("409: is there and says something else"))

    def _met(self, resources: list[Resource], error: Outdated) -> list[Resource]:
        """What is still to be sent after the hospital's newer versions were looked at."""
        left, met = [], False
        for one in resources:
            known = self.known.get(_name(one))
            if known is None or known.version is None:
                left.append(one)
                continue
            found = self._read(one, known.there)
            if found is not None and _version(found) == known.version:
                left.append(one)
                continue
            met = True
            if self._still_to_send(one, known, found, Said(str(error), error.status, error.outcome)):
                left.append(one)
        if not met:
            raise HospitalUnavailable(f"{self.client.name}: {error}, and shows no newer version")
        return left

    def _still_to_send(self, resource: Resource, known: Given, found: Resource | None, said: Said) -> bool:
        name = _name(resource)
        theirs = None if found is None else _hash(self._in_our_words(found, resource))
        if found is not None and theirs == _hash(resource):
            self._keep(resource, known.there, _version(found))
            return False
        if theirs in self.coming.get(name, ()):
            return False  # it has what a later row says, and is not led back
        if self.policy == "ours" or (theirs is not None and theirs == known.hash):
            self.known[name] = replace(known, version=_version(found) if found else None)
            return True
        if self.policy == "theirs":
            self.left.add(name)
            return False
        newer = f"version {_version(found)}" if found else "deleted"
        words = f"{name} was changed at the hospital since we sent it ({newer} there): {said.error}"
        self.refused[name] = replace(said, error=words)
        return False

    def _read(self, resource: Resource, there: str) -> Resource | None:
        with self.asking():
            return self.client.read(resource["resourceType"], there)

    def _elsewhere(self) -> Mapping[str, str]:
        return {name: f"{one.kind}/{one.there}" for name, one in self.known.items() if one.there != one.id}

    def _in_our_words(self, found: Resource, ours: Resource) -> Resource:
        return in_our_words(found, ours, {there: name for name, there in self._elsewhere().items()})


def outcome(faults: Sequence[Fault]) -> Resource:
    """Our own OperationOutcome."""
    issues: list[dict[str, Any]] = [
        {"severity": fault.severity, "code": "processing", "diagnostics": fault.message}
        | ({"expression": [fault.path]} if fault.path else {})
        for fault in faults
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _hash(resource: Resource) -> str:
    return wire.content_hash(resource)


def _version(resource: Resource) -> str | None:
    version = resource.get("meta", {}).get("versionId")
    return str(version) if version else None
