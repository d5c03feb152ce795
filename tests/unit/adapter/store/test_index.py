"""The index is made from the resources, and made anew when the table of parameters or the program has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import func, select, text

from adapter.errors import StoreUnavailable
from adapter.store import index, migrations, parameters
from adapter.store.criteria import read
from adapter.store.paging import Window

PATIENT = {"reference": "Patient/anna"}
PLAN = {
    "resourceType": "CarePlan",
    "id": "plan",
    "status": "draft",
    "intent": "plan",
    "subject": PATIENT,
    "period": {"start": "2026-02-17"},
    "activity": [{"reference": {"reference": "Task/rest"}}, {"reference": {"reference": "#inside"}}],
}


def observation(number):
    value = {"value": number, "unit": "/uL"}
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "subject": PATIENT,
        "effectiveDateTime": f"2026-03-{number:02}",
        "valueQuantity": value,
    }


def found(store, kind, name, value):
    with store.reading() as tx:
        return tx.resources.search(kind, [read(kind, name, value)], Window(99), centres=["FR-037"]).total


def counts(store):
    with store.reading() as tx:
        tables = {*index.TABLES.values(), index.resource_index_state}
        return {table.name: tx._connection.scalar(select(func.count()).select_from(table)) for table in tables}


@pytest.fixture
def first_release(url, opened):
    """A database as 0.1.0 left it: its tables, its resources, and of its index what it knew."""
    store = opened(url)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    resources = [PLAN, *map(observation, range(1, 8))]
    with store._connected(writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for key, resource in enumerate(resources, 1):
            said = {"key": key, "kind": resource["resourceType"], "id": resource["id"]}
            said |= {"content": json.dumps(resource).encode(), "old": b'{"resourceType": "Basic", "id": "old"}'}
            for statement in (
                "INSERT INTO resource_heads VALUES (:key, :kind, :id, 2, 'FR-037', 'c', '2026-03-20 12:00:00')",
                "INSERT INTO resource_versions VALUES (:key, 1, 'h1', FALSE, :old, '2026-03-20 11:00:00')",
                "INSERT INTO resource_versions VALUES (:key, 2, 'h2', :id = 'o7', :content, '2026-03-20 12:00:00')",
                "INSERT INTO resource_index VALUES (:key, 'patient', 'Patient', 'anna', :kind)",
            ):
                wanted = {name: value for name, value in said.items() if f":{name}" in statement}
                connection.execute(text(statement), wanted)
    return store


@pytest.mark.parametrize("at_once", [1, 3, 500])
def test_a_database_of_the_first_release_is_indexed_with_what_it_holds(first_release, monkeypatch, at_once):
    monkeypatch.setattr(index, "AT_ONCE", at_once)
    assert not first_release.ready()
    first_release.migrate()
    assert first_release.ready()
    assert found(first_release, "Observation", "patient", "anna") == 6  # the seventh is deleted
    assert found(first_release, "Observation", "date", "ge2026-03-05") == 2
    assert found(first_release, "Observation", "value-quantity", "3") == 1
    assert found(first_release, "CarePlan", "activity-reference", "Task/rest") == 1
    assert found(first_release, "CarePlan", "date", "ge2026-03-05") == 1
    assert found(first_release, "CarePlan", "status", "http://hl7.org/fhir/request-status|draft") == 1


def test_it_is_the_index_that_storing_them_makes(first_release, databases, opened, noon):
    first_release.migrate()
    fresh = opened(databases.empty())
    fresh.migrate()
    with fresh.transaction() as tx:
        for resource in (PLAN, *map(observation, range(1, 7))):
            tx.resources.put(resource, centre="FR-037", course="c", sources=[], at=noon)
    assert counts(fresh) == counts(first_release)


def test_another_table_of_parameters_makes_the_index_anew(store, noon, monkeypatch):
    with store.transaction() as tx:
        tx.resources.put(PLAN, centre="FR-037", course="c", sources=[], at=noon)
    before = counts(store)
    with store.transaction() as tx:
        tx._connection.execute(text("DELETE FROM resource_dates"))
    store.migrate()
    assert counts(store) != before, "nothing is made anew without a reason"
    monkeypatch.setattr(parameters, "fingerprint", lambda: "another")
    assert not store.ready()
    with pytest.raises(StoreUnavailable, match="engraft init-db"):
        found(store, "CarePlan", "date", "2026")  # it would miss what only the new parameters find
    store.migrate()
    assert store.ready()
    assert counts(store) == before


def test_what_is_corrected_or_deleted_leaves_no_rows(store, noon):
    empty = counts(store)
    with store.transaction() as tx:
        tx.resources.put(observation(1), centre="FR-037", course="c", sources=[], at=noon)
        tx.resources.put(
            observation(1) | {"effectiveDateTime": "2026-04"}, centre="FR-037", course="c", sources=[], at=noon
        )
    assert found(store, "Observation", "date", "2026-03-01") == 0
    assert found(store, "Observation", "date", "2026-04") == 1
    with store.transaction() as tx:
        tx.resources.delete("Observation", "o1", noon)
    assert counts(store) == empty


def test_the_same_said_twice_is_one_row(store, noon):
    plan = PLAN | {"identifier": [{"system": "urn:a", "value": "1"}] * 2, "activity": PLAN["activity"] * 2}
    with store.transaction() as tx:
        tx.resources.put(plan, centre="FR-037", course="c", sources=[], at=noon)
    assert found(store, "CarePlan", "identifier", "urn:a|1") == 1


def test_references_are_told_in_the_order_of_the_resource():
    plan = PLAN | {
        "activity": [
            {"reference": {"reference": target}} for target in ("Task/b/_history/2", "Task/a", "#inside", "Task/b")
        ]
    }
    parameter = parameters.of("CarePlan")["activity-reference"]
    assert index.references(plan, parameter) == [("Task", "b"), ("Task", "a")]
