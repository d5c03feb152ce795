"""Celery's workers on PostgreSQL, by either broker: killed in the middle, they lose and double nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from kombu import Connection

from adapter.app import create_app
from adapter.config import load
from adapter.hospital.sandbox import Sandbox
from adapter.hospital.sandbox.habits import Habits
from adapter.store import Store
from mappings.r4.wire import encode
from tests.lib import brokers
from tests.lib.databases import postgres
from tests.lib.forms import ENROLMENT, FOLLOW_UP
from tests.lib.post import observation, patient

pytestmark = pytest.mark.contract

PATIENTS, VERSIONS = 12, 4
GROUP = 6
"""Patients of a batch."""

SECONDS = 120


@pytest.fixture(scope="module")
def postgresql():
    with postgres() as server:
        yield server


@pytest.fixture
def url(postgresql):
    url = postgresql.prepared()
    yield url
    postgresql.drop(url)


@pytest.fixture
def store(url):
    with closing(Store(url)) as store:
        yield store


@pytest.fixture(params=brokers.START)
def broker(request, tmp_path):
    with brokers.START[request.param](tmp_path) as url:
        yield url


class Crowd:
    """Processes of one deployment, each in a session of its own so that all it starts can be killed with it."""

    def __init__(self, folder: Path, environ: dict[str, str], stack: ExitStack) -> None:
        self._folder, self._environ, self._stack = folder, environ, stack

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        program, *more = words
        log = self._stack.enter_context((self._folder / "crowd.log").open("ab"))
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name(program)), *more],
            env=os.environ | self._environ,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._stack.callback(self.kill, process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        quiet = ["--concurrency=2", "--loglevel=WARNING", "--without-gossip", "--without-mingle"]
        return self.start("celery", "--app=adapter.scale.app", "worker", *quiet)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def hospital():
    with Sandbox(habits=Habits(seconds=0.02)) as hospital:
        yield hospital


@pytest.fixture
def crowd(tmp_path, url, broker, hospital):
    config = tmp_path / "engraft.toml"
    config.write_text(
        '[centres.FR-037]\nname = "Synthetic"\nhospital = "chu-a"\n[exports]\nfolder = "exports"\n'
        f'[hospitals.chu-a]\nbase_url = "{hospital.base_url}"\n'
    )
    environ = {"ENGRAFT_CONFIG": str(config), "ENGRAFT_DATABASE_URL": url, "ENGRAFT_BROKER_URL": broker}
    with ExitStack() as stack:
        yield Crowd(tmp_path, environ, stack)


def fill(store, versions):
    with store.transaction() as tx:
        for version in versions:
            for n in range(PATIENTS):
                content = [patient(f"p{n}")] * (version == 1) + [observation(f"o{n}", str(version), of=f"p{n}")]
                tx.outbox.add("chu-a", f"c{n}", content, source="m1", at=datetime.now(UTC))


def until(condition, about):
    pause, end = threading.Event(), time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, about()
        pause.wait(0.02)


def test_a_worker_is_killed_in_the_middle_and_the_books_balance(store, crowd, hospital, tmp_path):
    def counts():
        with store.reading() as tx:
            return tx.outbox.counts()

    def about():
        return f"{counts()}\n{(tmp_path / 'crowd.log').read_text()[-3000:]}"

    fill(store, range(1, VERSIONS))
    herald = crowd.start("engraft", "deliver", "--celery", "--workers=4")
    first = crowd.worker()
    crowd.worker()
    until(lambda: len(hospital.requests) > 10, about)
    crowd.kill(first)
    fill(store, [VERSIONS])
    until(lambda: set(counts()) == {"delivered"}, about)
    herald.send_signal(signal.SIGTERM)
    assert herald.wait(SECONDS) == 0

    found = {one["id"]: one for one in hospital.all("Observation")}
    assert len(found) == len(hospital.all("Patient")) == PATIENTS
    assert {one["meta"]["versionId"] for one in found.values()} == {str(VERSIONS)}
    assert {str(one["valueQuantity"]["value"]) for one in found.values()} == {str(VERSIONS)}


@pytest.fixture
def centre(store, tmp_path, url, broker, crowd):
    """Asks the web application of the same deployment as a centre's program."""
    settings = load({"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml"), "ENGRAFT_BROKER_URL": broker})
    app = create_app(settings, store, lambda: datetime.now(UTC))
    with store.transaction() as tx:
        token = tx.clients.add("forms", "centre", "FR-037", datetime.now(UTC))
    later = {"Authorization": f"Bearer {token}", "Prefer": "respond-async"}

    def ask(method, path, **sent):
        return app.test_client().open(path.removeprefix(settings.public_url), method=method, headers=later, **sent)

    return ask


def documents(patients):
    for n in range(patients):
        yield ENROLMENT | {"patient": f"P-{n}"}
        yield FOLLOW_UP | {"patient": f"P-{n}"}


def test_a_worker_is_killed_in_the_midst_of_a_batch_and_of_an_export(store, crowd, centre, url, hospital, tmp_path):
    def about():
        return (tmp_path / "crowd.log").read_text()[-3000:]

    crowd.start("engraft", "deliver", "--celery", "--workers=2")
    workers = [crowd.worker(), crowd.worker()]
    sent = list(documents(GROUP))
    answer = centre("POST", "/follow-ups", data=b"\n".join(map(encode, sent)), content_type="application/x-ndjson")
    assert answer.status_code == 202
    batch = answer.headers["Content-Location"]
    with psycopg.connect(url, autocommit=True) as beside:

        def look(what):
            return beside.execute(f"SELECT {what}").fetchone()[0]

        until(lambda: look("count(*) FROM batch_items") >= 3, about)
        holder = look("worker FROM batches")
        dead = next(one for one in workers if one.pid == os.getpgid(int(holder.split("/")[1])))
        crowd.kill(dead)
        assert look("state FROM batches") == "running", "it was killed in the midst"
        until(lambda: look("state FROM batches") == "done", about)
        told = centre("GET", batch).json
        assert [(one["line"], one["version"], one["changed"]) for one in told["accepted"]] == [
            (line, 1, True) for line in range(1, len(sent) + 1)
        ]
        assert told["rejected"] == []
        until(lambda: len(hospital.all("Patient")) == GROUP, about)
        assert look("worker FROM batches") != holder

        with beside.transaction():
            beside.execute("LOCK TABLE resource_heads")  # so that who writes the export is in the midst of it
            export = centre("GET", "/fhir/$export?_type=Patient").headers["Content-Location"]
            until(lambda: look("state FROM exports") == "running", about)
            for one in workers:
                crowd.kill(one)
        beside.execute("UPDATE exports SET beat = beat - interval '1 minute'")  # half a minute passes
        crowd.worker()
        until(lambda: look("state FROM exports") == "done", about)
    (file,) = centre("GET", export).json["output"]
    answer = centre("GET", file["url"])
    assert (file["count"], len(set(answer.data.splitlines()))) == (GROUP, GROUP)
    answer.close()


def test_messages_that_are_lost_cost_a_delay(store, crowd, hospital, broker):
    fill(store, [1])
    herald = crowd.start("engraft", "deliver", "--celery")
    until(lambda: lost(broker) > 0, herald.poll)
    with store.reading() as tx:
        assert tx.outbox.counts() == {"waiting": PATIENTS}
    crowd.worker()
    until(lambda: len(hospital.all("Observation")) == PATIENTS, herald.poll)


def lost(broker):
    """Takes every message off the broker; how many there were."""
    with Connection(broker) as connection:
        try:
            return connection.channel().queue_purge("engraft")
        except connection.channel_errors:  # RabbitMQ: there is no such queue yet
            return 0
