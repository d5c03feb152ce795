"""The books: everything that was acknowledged is at the hospital exactly once, as it was said last, in its order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import requests

from adapter.hospital.client import HospitalClient
from adapter.store.delivery import Delivery, references
from adapter.store.outbox import DELIVERED, UNFINISHED
from mappings.r4 import wire
from mappings.r4.build import Resource
from tests.chaos.stage import HOSPITAL, Stage

READERS = 4
COUNTED = ("Patient", "Observation", "Condition", "Procedure")
"""Types of which the whole server is counted: nobody else writes there."""


@dataclass
class Books:
    """`faults` is empty when they balance."""

    resources: int = 0
    versions: int = 0
    said: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def balance(stage: Stage, courses: Collection[str], *, parked: Collection[str] = ()) -> Books:
    """Compares what was queued for these courses with what the hospital has. `parked`: references that it refused."""
    shares = [sorted(courses)[n::READERS] for n in range(READERS)]
    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(lambda share: _balance_share(stage, share, parked), shares))
    books = Books()
    for one in found:
        books.resources += one.resources
        books.versions += one.versions
        books.said += one.said
        books.faults += one.faults
    for kind in COUNTED:
        there = _count(stage, kind)
        if there != books.said[kind]:
            books.faults.append(f"{there} {kind} at the hospital, {books.said[kind]} said")
    return books


def _balance_share(stage: Stage, courses: Collection[str], parked: Collection[str]) -> Books:
    books = Books()
    client = HospitalClient(HOSPITAL, stage.hospital.base_url, stage.hospital.auth, timeout=(10, 120))
    try:
        for course in courses:
            _balance_one(stage, client, course, parked, books)
    finally:
        client.close()
    return books


def _balance_one(stage: Stage, client: HospitalClient, course: str, parked: Collection[str], books: Books) -> None:
    with stage.store.reading() as tx:
        rows = tx.outbox.of_course(HOSPITAL, course, (*UNFINISHED, DELIVERED))
        given = tx.sent.known(HOSPITAL, [(o["resourceType"], o["id"]) for row in rows for o in row.content])
    said: dict[str, list[Resource]] = {}
    for row in sorted(rows, key=_place):
        for name, resource in zip(references(row.content), row.content, strict=True):
            said.setdefault(name, []).append(resource)
    for name, versions in said.items():
        books.resources += 1
        if name in parked:
            if client.read(*name.split("/", 1)) is not None:
                books.faults.append(f"{name}: is there though it was parked")
            continue
        books.said[name.split("/")[0]] += 1
        if name not in given:
            books.faults.append(f"{name}: we do not know that it is there")
        _check(client, name, versions, books)


def _place(row: Delivery) -> int:
    """In the order of what was said. What went through of a delivery that was refused in part has a later number."""
    part = re.fullmatch(r"the rest is delivery (\d+)", row.error or "")
    return int(part[1]) if part else row.id


def _check(client: HospitalClient, name: str, versions: list[Resource], books: Books) -> None:
    """The last is as it was said last, and the versions there are those that were said, each once, in their order."""
    there = client.read(*name.split("/", 1))
    if there is None:
        books.faults.append(f"{name}: lost")
        return
    if _plain(there) != _plain(versions[-1]):
        books.faults.append(f"{name}: says something else")
    distinct = [one for n, one in enumerate(versions) if n == 0 or _plain(one) != _plain(versions[n - 1])]
    if len(distinct) == 1 and there.get("meta", {}).get("versionId") == "1":
        books.versions += 1
        return
    history = client.history(*name.split("/", 1))
    books.versions += len(history)
    if [_plain(one) for one in history] != [_plain(one) for one in distinct]:
        books.faults.append(f"{name}: {len(history)} versions there, {len(distinct)} said, or in another order")


def _count(stage: Stage, kind: str) -> int:
    """How many of this type the whole server has; not what it remembers of an earlier search."""
    if stage.hospital.name == "sandbox":  # gives no numbers
        with closing(HospitalClient(HOSPITAL, stage.hospital.base_url, None)) as client:
            return len(client.search(kind, []))
    url, fresh = f"{stage.hospital.base_url}/{kind}", {"Cache-Control": "no-cache"}
    answer = requests.get(url, {"_summary": "count"}, headers=fresh, auth=stage.hospital.auth, timeout=120)
    answer.raise_for_status()
    return int(answer.json()["total"])


def _plain(resource: Resource) -> str:
    said: dict[str, Any] = {key: value for key, value in resource.items() if key != "text"}
    meta = {key: value for key, value in said.pop("meta", {}).items() if key in ("profile", "tag", "security")}
    return wire.content_hash(said | ({"meta": meta} if meta else {}))
