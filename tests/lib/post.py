"""A post office for tests: an outbox, a sandbox hospital with habits, and a clock that moves when told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapter.flows.delivery import DrainReport, Policy, drain
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from adapter.hospital.sandbox.habits import Habits
from adapter.store import Store
from adapter.store.delivery import Delivery
from mappings.r4.build import Resource

SYSTEM = "https://engraft.example/fhir/sid/test"
THERE = "chu-a"


def patient(id_: str = "p", **more: Any) -> Resource:
    return {"resourceType": "Patient", "id": id_, "identifier": [{"system": SYSTEM, "value": id_}]} | more


def observation(id_: str, value: str = "0.50", of: str = "p", **more: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": id_,
        "identifier": [{"system": SYSTEM, "value": id_}],
        "status": "final",
        "code": {"text": "Synthetic neutrophil count"},
        "subject": {"reference": f"Patient/{of}"},
        "valueQuantity": {"value": Decimal(value), "unit": "10*9/L"},
    } | more


@dataclass
class Post:
    """What waits for the hospital, and what became of it."""

    store: Store
    hospital: Sandbox
    client: HospitalClient
    policy: Policy = field(default_factory=Policy)
    now: datetime = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)

    def queue(self, *resources: Resource, course: str = "c") -> int:
        with self.store.transaction() as tx:
            return tx.outbox.add(THERE, course, resources, source="m1", at=self.now)

    def deliver(self, **how: Any) -> DrainReport:
        return drain(
            self.store,
            lambda _: self.client,
            worker="w1",
            now=lambda: self.now,
            jitter=lambda: 0.5,
            policies={THERE: self.policy},
            **how,
        )

    def later(self, **much: float) -> None:
        self.now += timedelta(**(much or {"hours": 1}))

    def row(self, id_: int) -> Delivery:
        with self.store.reading() as tx:
            return tx.outbox.show(id_)

    def retry(self, *ids: int) -> None:
        with self.store.transaction() as tx:
            tx.outbox.requeue(ids, self.now)

    def there(self, kind: str = "Observation") -> dict[str, Resource]:
        return {one["id"]: one for one in self.hospital.all(kind)}

    def values(self) -> dict[str, str]:
        return {id_: str(one["valueQuantity"]["value"]) for id_, one in self.there().items()}

    def versions(self) -> dict[str, str]:
        return {id_: one["meta"]["versionId"] for id_, one in self.there().items()}

    def sent(self) -> list[tuple[str, str]]:
        """(method, path) of every request since this was last asked."""
        found = list(self.hospital.requests)
        self.hospital.requests.clear()
        return found


@contextmanager
def post(store: Store, *, habits: Habits | None = None, policy: Policy | None = None) -> Iterator[Post]:
    """Open while the block lasts."""
    with Sandbox(habits=habits or Habits()) as hospital:
        client = HospitalClient(THERE, hospital.base_url, None, timeout=(2, 2), pause=lambda _: None)
        try:
            yield Post(store, hospital, client, policy or Policy())
        finally:
            client.close()
