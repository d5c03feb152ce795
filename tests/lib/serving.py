"""Engraft itself on a free port of this machine, as `engraft serve` runs it, with one centre and no patients yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from werkzeug.serving import make_server

from adapter.app import create_app
from adapter.config import Centre, Settings
from adapter.store import Store
from mappings.r4 import wire
from mappings.r4.build import Resource
from tests.lib.beside import beside

CENTRE = "FR-037"


@dataclass(frozen=True)
class Served:
    """A running server: `base_url` of its FHIR side, the tokens of an EHR of one centre and of another, its store."""

    base_url: str
    token: str
    others: str
    forms: str
    store: Store

    def enrol(self, document: dict[str, Any]) -> dict[str, str]:
        """Sends an enrolment as the centre; ids of what is stored because of it, by type (of several the last)."""
        url, headers = self.base_url.removesuffix("/fhir"), {"Authorization": f"Bearer {self.forms}"}
        headers["Content-Type"] = "application/json"
        answer = requests.post(f"{url}/enrolments", data=wire.encode(document), headers=headers, timeout=30)
        assert answer.ok, answer.text
        return dict(reference.split("/") for reference in answer.json()["resources"])

    def put(self, *resources: Resource) -> None:
        """Stores resources of the centre, as a flow does."""
        with self.store.transaction() as tx:
            for resource in resources:
                tx.resources.put(resource, centre=CENTRE, course="c", sources=["test"], at=_now())


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serves while the block lasts; the database is in `folder`."""
    store = Store(f"sqlite:///{folder}/engraft.sqlite")
    store.migrate()
    settings = Settings(centres={CENTRE: Centre(CENTRE, "Synthetic centre")})
    server = make_server("127.0.0.1", 0, create_app(settings, store, _now), threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    server.app = create_app(replace(settings, public_url=url), store, _now)
    with closing(store), beside(server):
        with store.transaction() as tx:
            token = tx.clients.add("ehr", "ehr", CENTRE, _now())
            others = tx.clients.add("other-ehr", "ehr", "BE-001", _now())
            forms = tx.clients.add("forms", "centre", CENTRE, _now())
        yield Served(f"{url}/fhir", token, others, forms, store)


def _now() -> datetime:
    return datetime.now(UTC)
