"""The books: everything that was acknowledged is at the hospital exactly once, as it was said last, in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from adapter.hospital.client import HospitalClient
from adapter.store.outbox import references
from mappings.r4 import wire
from mappings.r4.build import Resource
from tests.chaos.stage import HOSPITAL, Stage


@dataclass
class Books:
    """`faults` is empty when they balance."""

    resources: int = 0
    versions: int = 0
    faults: list[str] = field(default_factory=list)


def balance(stage: Stage, courses: set[str], *, parked: Collection[str] = ()) -> Books:
    """Compares what was queued for these courses with what the hospital has. `parked`: references that it refused."""
    books = Books()
    client = HospitalClient(HOSPITAL, stage.hospital.base_url, stage.hospital.auth, timeout=(10, 120))
    try:
        for course in sorted(courses):
            _balance_one(stage, client, course, parked, books)
    finally:
        client.close()
    return books


def _balance_one(stage: Stage, client: HospitalClient, course: str, parked: Collection[str], books: Books) -> None:
    with stage.store.reading() as tx:
        rows = [row for row in tx.outbox.listing() if row.course == course]
        given = tx.sent.known(HOSPITAL, [(o["resourceType"], o["id"]) for row in rows for o in row.content])
    said: dict[str, list[Resource]] = {}
    for row in sorted(rows, key=lambda row: row.id):
        for name, resource in zip(references(row.content), row.content, strict=True):
            said.setdefault(name, []).append(resource)
    for name, versions in said.items():
        books.resources += 1
        there = client.read(*name.split("/", 1))
        if name in parked:
            if there is not None:
                books.faults.append(f"{name}: is there though it was parked")
            continue
        if there is None:
            books.faults.append(f"{name}: lost")
        elif _plain(there) != _plain(versions[-1]):
            books.faults.append(f"{name}: says something else")
        elif name not in given:
            books.faults.append(f"{name}: is there and we do not know it")
        if there is not None and len(versions) > 1:
            _check_order(client, name, versions, books)
    for kind, number in Counter(name.split("/")[0] for name in said.keys() - set(parked)).items():
        found = client.search(kind, [("patient", _patient(said))]) if kind == "Observation" else None
        if found is not None and len(found) != number:
            books.faults.append(f"{course}: {len(found)} {kind} there, {number} said")


def _check_order(client: HospitalClient, name: str, versions: list[Resource], books: Books) -> None:
    """The versions there are those that were said, each once, in their order."""
    history = client.history(*name.split("/", 1))
    distinct = [one for n, one in enumerate(versions) if n == 0 or _plain(one) != _plain(versions[n - 1])]
    books.versions += len(history)
    if [_plain(one) for one in history] != [_plain(one) for one in distinct]:
        books.faults.append(f"{name}: {len(history)} versions there, {len(distinct)} said, or in another order")


def _patient(said: dict[str, list[Resource]]) -> str:
    return next(name for name in said if name.startswith("Patient/"))


def _plain(resource: Resource) -> str:
    said: dict[str, Any] = {key: value for key, value in resource.items() if key != "text"}
    meta = {key: value for key, value in said.pop("meta", {}).items() if key in ("profile", "tag", "security")}
    return wire.content_hash(said | ({"meta": meta} if meta else {}))
