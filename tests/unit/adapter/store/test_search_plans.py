"""No search reads a table from end to end: what SQLite says that it would do, for each way of asking."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text
from sqlalchemy.dialects import postgresql

from adapter.store import search
from adapter.store.criteria import read
from adapter.store.paging import Order, Sort, Window
from tests.lib.databases import Databases

BY_KEY = "SEARCH resource_heads USING INTEGER PRIMARY KEY"
PATIENT = ("patient", "anna")


@pytest.fixture
def databases(tmp_path):
    """SQLite's plans only: what PostgreSQL does depends on its statistics."""
    return Databases("sqlite", tmp_path, lambda: None)


@pytest.fixture
def steps(store):
    """The plan of every SELECT that a search sends, one step a line."""

    def steps(kind, *parameters, sort=(), after=None):
        criteria = [read(kind, name, value) for name, value in parameters]
        found: list[str] = []

        def explain(connection, cursor, statement, parameters, context, executemany):
            if statement.startswith("SELECT"):
                plan = connection.connection.dbapi_connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                found.extend(row[3] for row in plan)

        with store.reading() as tx:
            event.listen(tx._connection, "before_cursor_execute", explain)
            tx.resources.search(kind, criteria, Window(50, sort, after), centres=["FR-037"])
        return found

    return steps


@pytest.mark.parametrize(
    "parameters",
    [
        [PATIENT],
        [PATIENT, ("status", "active")],
        [("status", "active"), ("intent", "plan"), PATIENT, ("date", "ge2026-03-02"), ("date", "le2026-04")],
        [PATIENT, ("code", "urn:a|x,urn:b|y"), ("status:not", "active")],
        [PATIENT, ("_lastUpdated", "gt2026-03-02"), ("_profile", "urn:p")],
        [PATIENT, ("authoredon:missing", "true")],
        [("subject", "Patient/anna,Patient/bela")],
        [("identifier", "urn:a|1"), ("_tag:not", "x")],
        [("code", "busulfan"), ("status", "active")],
        [("date", "2026-03-02")],
        [("_id", "a,b"), PATIENT],
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "sort", [(), (Sort("date", True),), (Sort("_lastUpdated", False),)], ids=["", "date", "changed"]
)
def test_what_is_narrow_leads_by_an_index_to_each_resource_by_its_key(steps, parameters, sort):
    taken = steps("MedicationRequest", *parameters, sort=sort)
    assert len(taken) > 4
    assert [step for step in taken if step.startswith("SCAN")] == []
    assert [step for step in taken if step.startswith("SEARCH resource_heads")] == [f"{BY_KEY} (rowid=?)"] * 2


@pytest.mark.parametrize(
    ("parameters", "index"),
    [
        ([], "ix_resource_heads_kind_centre_key"),
        ([("status", "active")], "ix_resource_heads_kind_centre_key"),
        ([("date", "ge2026-03-02"), ("status", "active,draft")], "ix_resource_heads_kind_centre_key"),
        ([("_tag:not", "x")], "ix_resource_heads_kind_centre_key"),
        ([("_lastUpdated", "gt2026-03-02")], "ix_resource_heads_kind_centre_at_key"),
    ],
    ids=str,
)
def test_what_is_broad_is_walked_in_the_order_of_an_index(steps, parameters, index):
    taken = steps("MedicationRequest", *parameters)
    assert [step for step in taken if step.startswith("SCAN")] == []
    assert sum(f"USING INDEX {index}" in step for step in taken) == 2


def test_what_refers_to_a_resource_is_found_by_an_index(store):
    wanted = search.referring("Task", "based-on", [("CarePlan", "a"), ("CarePlan", "b")], ["FR-037"])
    with store._connected(writes=False) as connection:
        query = search.heads.select().where(wanted).compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
    assert f"{BY_KEY} (rowid=?)" in plan
    assert [step for step in plan if step.startswith("SCAN")] == []


def test_postgresql_is_asked_the_same():
    asked = [read("MedicationRequest", *said) for said in (PATIENT, ("date", "ge2026-03-02"), ("status:not", "draft"))]
    order = Order([Sort("date", True)])
    query = search.heads.select().where(search.condition("MedicationRequest", asked, ["FR-037"]))
    said = str(query.order_by(*order.by).compile(dialect=postgresql.dialect()))
    assert "resource_heads.key IN (SELECT resource_index.key" in said
    assert said.count("EXISTS (SELECT") == 2
    assert "coalesce((SELECT max(resource_dates.low)" in said
