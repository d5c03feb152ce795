"""A centre at work: it enrols, reports visits, takes them back, looks at what is stored. Synthetic patients only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from adapter.config import Centre, Hospital, Settings
from adapter.flows import enrolment, follow_up
from adapter.flows.course import Receipt
from adapter.store import Store
from adapter.store.clients import Client
from adapter.store.delivery import Delivery
from adapter.store.stored import Stored
from mappings.r4 import wire
from mappings.r4.build import Resource

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
OURS, OTHERS = "FR-037", "BE-001"
SETTINGS = Settings(
    centres={OURS: Centre(OURS, "CHU A", "chu-a"), OTHERS: Centre(OTHERS, "UZ B")},
    hospitals={"chu-a": Hospital("chu-a", "http://127.0.0.1:9/fhir")},
)
ENROLMENT = b"""{"centre": "FR-037", "patient": "SYN-0001", "protocol": "set-haplo-pdli",
 "birth_date": "1971-05-02", "sex": "female",
 "consent": {"status": "active", "date": "2026-01-10", "registry": true},
 "disease": {"diagnosis": "aml", "status": "refractory", "diagnosed": "2025-03", "blasts_percent": 34},
 "measurements": {"weight": {"value": 70.50, "unit": "kg", "date": "2026-02-10"},
                  "height": {"value": 175, "unit": "cm", "date": "2026-02-10"}},
 "transplant": {"date": "2026-03-02", "planned": false, "donor": "haploidentical", "graft": "pbsc",
                "cd34_per_kg": {"value": 5.10, "unit": "10*6/kg"}}}"""
M1 = b"""{"centre": "FR-037", "patient": "SYN-0001", "visit": "m1", "date": "2026-04-02",
 "vital_status": {"status": "alive", "date": "2026-04-02"},
 "engraftment": {"neutrophils": {"status": "engrafted", "date": "2026-03-17"}},
 "immune_reconstitution": {"date": "2026-04-01", "cd4": {"value": 120.50, "unit": "/uL"}}}"""
M3 = b"""{"centre": "FR-037", "patient": "SYN-0001", "visit": "m3", "date": "2026-06-02",
 "gvhd": {"assessed": "2026-06-02", "acute": [{"onset": "2026-04-20", "grade": "II", "skin": 3}], "chronic": []}}"""


def document(source: bytes, **changes: Any) -> dict[str, Any]:
    """The document as it comes over the wire; keywords replace or (None) leave out what it says."""
    said = wire.decode_strict(source) | changes
    return {key: value for key, value in said.items() if value is not None}


@dataclass
class Ward:
    """What one centre does, with a clock that moves by a minute at each deed."""

    store: Store
    settings: Settings = SETTINGS
    sender: Client | None = Client("forms", "centre", OURS)  # noqa: RUF009 - frozen
    now: datetime = NOW

    def enrol(self, source: bytes = ENROLMENT, *, expected: dict[str, Any] | None = None, **changes: Any) -> Receipt:
        sent = document(source, **changes)
        return enrolment.enrol(sent, **self._with(), **(expected or {}))

    def visit(self, source: bytes = M1, **changes: Any) -> Receipt:
        return follow_up.record(document(source, **changes), **self._with())

    def retract(self, id_: str, reason: str = "wrong patient") -> Receipt:
        return follow_up.retract(id_, reason, **self._with())

    def state(self, id_: str) -> dict[str, Any]:
        return follow_up.state(id_, sender=self.sender, store=self.store)

    def _with(self) -> dict[str, Any]:
        self.now += timedelta(minutes=1)
        return {"sender": self.sender, "store": self.store, "settings": self.settings, "now": self.now}

    def stored(self, kind: str | None = None) -> list[Stored]:
        """Newest versions, of one type or of all, but for the origins of documents."""
        with self.store.reading() as tx:
            found = list(tx.resources.stream(centres=None, kinds=[kind] if kind else None))
        return [one for one in found if not _is_origin(one)]

    def origins(self) -> list[Stored]:
        """Which document said what."""
        with self.store.reading() as tx:
            return [one for one in tx.resources.stream(centres=None, kinds=["Provenance"]) if _is_origin(one)]

    def one(self, item: str, kind: str | None = None) -> Stored:
        """The resource of an item, by the end of its identifier `<course>/<item>/<occurrence>`."""
        (found,) = [one for one in self.stored(kind) if _item(one.content) == item]
        return found

    def items(self) -> dict[str, Stored]:
        """Every resource with such an identifier, by it."""
        return {_item(one.content): one for one in self.stored()}

    def versions(self) -> dict[str, int]:
        return {one.reference: one.version for one in self.stored()}

    def queued(self) -> list[Delivery]:
        with self.store.reading() as tx:
            return tx.outbox.listing()

    def rows(self) -> dict[str, int]:
        """How many rows each table has, but for what the search index says of itself."""
        from sqlalchemy import func, select

        from adapter.store.schema import metadata, resource_index_state

        with self.store._connected(writes=False) as connection:
            return {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in metadata.sorted_tables
                if table is not resource_index_state
            }


def _is_origin(one: Stored) -> bool:
    profiles = one.content.get("meta", {}).get("profile", [])
    return any("/engraft-submission|" in profile for profile in profiles)


def _item(resource: Resource) -> str:
    """A Provenance has no identifier in R4."""
    value: str = resource["identifier"][0]["value"] if "identifier" in resource else f"/{resource['resourceType']}"
    return value.split("/", 1)[1]
