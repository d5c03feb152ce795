"""What a hospital deleted is in no search: it stands in the history of its type, or is missed when it is looked for.

HAPI 8.8 tells of a deletion by a ping like any other where the Subscription carries no content, and ours carry none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from adapter.errors import HospitalRefused, HospitalUnavailable
from adapter.flows.whose import instant
from adapter.hospital.client import HospitalClient
from adapter.hospital.subscriptions import Place
from adapter.store import Store

LOOKED = "looked-for-vanished"
"""Trait of a hospital without histories of types: when what we know of it was looked for last."""

AGAIN = timedelta(hours=1)
"""Between two such looks, which ask for every copy that we have. Our own limit."""

AT_ONCE = 50
"""Ids of one search."""


def vanished(
    hospital: str,
    client: HospitalClient,
    store: Store,
    since: Mapping[str, str],
    ours: Collection[str],
    now: datetime,
) -> Iterator[Place]:
    """What we know of a hospital and what it may have deleted, of the types in `since`: each is to be read again.

    `ours`: its Patients that are ours. Raises HospitalUnavailable.
    """
    unlisted = dict[str, set[str]]()
    with store.reading() as tx:
        there, looked = tx.copies.there(hospital), instant(tx.sent.trait(hospital, LOOKED))
    there.setdefault("Patient", set()).update(one.removeprefix("Patient/") for one in ours)
    for kind, moment in since.items():
        if not there.get(kind):
            continue
        try:
            deleted = client.deleted(kind, moment)
        except (HospitalRefused, HospitalUnavailable):
            unlisted[kind] = there[kind]  # one that is away altogether says so at the next request
        else:
            yield from ((kind, id_) for id_ in sorted(deleted & there[kind]))
    if unlisted and (looked is None or now - looked >= AGAIN):
        yield from _missed(client, unlisted)
        with store.transaction() as tx:
            tx.sent.learn(hospital, LOOKED, now.isoformat())


def _missed(client: HospitalClient, there: Mapping[str, set[str]]) -> Iterator[Place]:
    for kind, ids in there.items():
        names = sorted(ids)
        for begin in range(0, len(names), AT_ONCE):
            some = names[begin : begin + AT_ONCE]
            try:
                found = client.search(kind, [("_id", ",".join(some)), ("_count", str(AT_ONCE))])
            except HospitalRefused:
                break
            yield from ((kind, id_) for id_ in sorted(set(some) - {str(one.get("id")) for one in found}))
