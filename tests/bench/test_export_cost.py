"""What an export costs beside copying the bytes that are stored, how much memory it needs, how soon one is ready."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import process_time

import pytest

from adapter.app import create_app
from adapter.config import Centre, Exports, Settings
from adapter.flows import export
from adapter.flows.export import Leaving, Line
from adapter.store import Store
from adapter.store.streaming import Wanted
from adapter.web import background
from mappings.r4 import wire
from mappings.r4.validate import require_valid
from mappings.registry.consent import permits
from tests.bench.filled import CENTRE, courses, fill
from tests.bench.table import show
from tests.bench.test_intake_cost import peak

pytestmark = pytest.mark.bench

PATIENTS, FEW = 2_000, 200
ROUNDS = 3
OF_COPYING, OF_READING, FLAT = 3, 6, 1.2
WAITING, OBSERVATIONS, SECONDS = 500, 20, 2.0
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
KEY = bytes(range(32))
NEWEST = """
SELECT v.content FROM resource_heads h JOIN resource_versions v ON v.key = h.key AND v.version = h.version
WHERE NOT v.deleted ORDER BY h.key
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> tuple[Path, int, int]:
    path = tmp_path_factory.mktemp("many") / "engraft.sqlite"
    return path, *fill(path, courses(PATIENTS))


def cpu(acts: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of CPU, medians, taken turn by turn."""
    found: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS):
        for name, act in acts.items():
            begun = process_time()
            act()
            found[name].append(process_time() - begun)
    return {name: median(taken) for name, taken in found.items()}


def put_down(lines: Iterator[Line], place: Path) -> None:
    with place.open("wb") as file:
        for _, line in lines:
            file.write(line + b"\n")


def test_an_export_costs_little_more_than_copying_what_is_stored(filled, tmp_path):
    path, resources, size = filled
    place, store = tmp_path / "out.ndjson", Store(f"sqlite:///{path}")

    def rows() -> Iterator[bytes]:
        with closing(sqlite3.connect(path)) as database:
            yield from (content for (content,) in database.execute(NEWEST))

    def read_and_written() -> None:
        for content in rows():
            resource = wire.decode(content)
            require_valid(resource)
            wire.encode(resource)

    leaving = Leaving(KEY, NOW)
    found = cpu(
        {
            "copying the bytes": lambda: put_down((("", content) for content in rows()), place),
            "a centre's own": lambda: put_down(export.identified(store, Wanted()), place),
            "read, validated, written": read_and_written,
            "de-identified": lambda: put_down(
                export.encoded(export.deidentified(store, leaving, aside=[])), place
            ),
        }
    )  # fmt: skip
    store.close()
    own = found["a centre's own"] / found["copying the bytes"]
    released = found["de-identified"] / found["read, validated, written"]
    show(
        f"export of {PATIENTS:,} patients, {resources:,} resources, {size // 10**6} MB, CPU",
        *((name, f"{taken:.2f} s, {taken / resources * 1e6:.0f} us each") for name, taken in found.items()),
        (f"own / copying, at most {OF_COPYING}", f"{own:.2f}"),
        (f"de-identified / read, validated, written, at most {OF_READING}", f"{released:.2f}"),
        ("de-identified / copying", f"{found['de-identified'] / found['copying the bytes']:.0f}"),
    )
    assert own <= OF_COPYING
    assert released <= OF_READING


def test_memory_does_not_grow_with_the_patients(filled, tmp_path, monkeypatch):
    small = tmp_path / "few.sqlite"
    fill(small, courses(FEW))
    (tmp_path / "pseudonym.key").write_text(KEY.hex())
    (tmp_path / "engraft.toml").write_text('[privacy]\nkey = { file = "pseudonym.key" }\n')
    monkeypatch.setenv("ENGRAFT_CONFIG", str(tmp_path / "engraft.toml"))
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    rows, worst = [], 0.0
    for words in ((), ("--deidentified",)):
        most = []
        for database in (small, filled[0]):
            monkeypatch.setenv("ENGRAFT_DATABASE_URL", f"sqlite:///{database}")
            most.append(peak(tmp_path, "export", "--out", tmp_path / "bulk", *words))
        name = words[0] if words else "a centre's own"
        rows.append((name, f"{most[0] // 1024} MB, {most[1] // 1024} MB, {most[1] / most[0]:.2f}"))
        worst = max(worst, most[1] / most[0])
    show(f"peak memory of engraft export, {FEW} and {PATIENTS:,} patients, at most {FLAT}", *rows)
    assert worst <= FLAT


@pytest.mark.parametrize("role", ["centre", "registry"])
def test_an_asynchronous_export_is_ready_soon(tmp_path, monkeypatch, role):
    path = tmp_path / "engraft.sqlite"
    some = (
        (course, [*others(resources), *observations(resources)[:OBSERVATIONS]])
        for course, resources in courses(WAITING * 2)
        if len(observations(resources)) >= OBSERVATIONS and agrees(resources)
    )
    fill(path, (one for one, _ in zip(some, range(WAITING), strict=False)))
    (tmp_path / "pseudonym.key").write_text(KEY.hex())
    settings = Settings(
        public_url="https://engraft.test",
        privacy_key=tmp_path / "pseudonym.key",
        exports=Exports(tmp_path / "exports", 24),
        centres={CENTRE: Centre(CENTRE, "Synthetic centre")},
    )
    store = Store(f"sqlite:///{path}")
    with store.transaction() as tx:
        token = tx.clients.add("bench", role, CENTRE if role == "centre" else None, NOW)
    waiting: list[Callable[[], None]] = []
    monkeypatch.setattr(background, "in_a_thread", waiting.append)
    client = create_app(settings, store, lambda: NOW).test_client()
    headers = {"Authorization": f"Bearer {token}", "Prefer": "respond-async"}
    begun = process_time()
    answer = client.get("/fhir/$export?_type=Patient,Observation", headers=headers)
    place = answer.headers["Content-Location"].removeprefix("https://engraft.test")
    waiting.pop()()
    answer = client.get(place, headers=headers)
    taken = process_time() - begun
    assert answer.status_code == 200
    told = {one["type"]: one["count"] for one in answer.json["output"]}
    assert told["Patient"] == WAITING
    store.close()
    show(
        f"$export of {told['Patient']} patients and {told['Observation']} Observations, {role}",
        (f"CPU until the files are ready, at most {SECONDS} s", f"{taken:.2f} s"),
    )
    assert taken <= SECONDS


def agrees(resources):
    """May the patient's outcomes go to a registry? So that a registry gets as many as a centre."""
    return permits((one for one in resources if one["resourceType"] == "Consent"), NOW.date())


def observations(resources):
    return [one for one in resources if one["resourceType"] == "Observation"]


def others(resources):
    return [one for one in resources if one["resourceType"] != "Observation"]
