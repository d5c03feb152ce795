"""A notification is acknowledged when it is kept durably: against a bare route with one fsynced insert."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bench.table import show
from tests.bench.test_apply_http import ENGRAFT, running, told
from tests.lib.tree import ROOT

pytestmark = pytest.mark.bench

SENDERS, A_SECOND, TURNS = 2, 100, 10
RECORDED = json.loads((Path(__file__).parents[1] / "data/hapi_notifications.json").read_text())["notifications"][0]
SECRET = {"Authorization": "Bearer open sesame", "Content-Type": "application/fhir+json"}
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def hook(tmp_path_factory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "hook").write_text("open sesame")
    (folder / "engraft.toml").write_text(
        '[hospitals.chu-a]\nbase_url = "http://127.0.0.1:9/fhir"\n'
        'webhook = { kind = "bearer", secret = { file = "hook" } }\n'
    )
    environment = os.environ | {
        "ENGRAFT_CONFIG": f"{folder}/engraft.toml",
        "ENGRAFT_DATABASE_URL": f"sqlite:///{folder}/engraft.sqlite",
    }
    subprocess.run([*ENGRAFT, "init-db"], cwd=ROOT, env=environment, check=True, capture_output=True)
    with (folder / "log").open("w+") as log, running([*ENGRAFT, "serve", "--port", "0"], log, environment):
        yield told(folder / "log", r"http://([\d.:]+)/fhir"), "/webhook/chu-a"


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Iterator[tuple[str, str]]:
    folder = tmp_path_factory.mktemp("bare")
    command = [sys.executable, "-m", "tests.bench.bare_hook", str(folder / "bare.sqlite")]
    with (folder / "log").open("w+") as log, running(command, log, dict(os.environ)):
        yield told(folder / "log", r"http://([\d.:]+)"), "/"


def one_second(where: tuple[str, str]) -> list[float]:
    """Milliseconds of each acknowledgement of a second's notifications, sent at their times by a few senders."""
    host, path = where
    begun, at_its_time = time.perf_counter(), threading.Event()

    def send(sender: int) -> list[float]:
        connection, took = http.client.HTTPConnection(host, timeout=30), []
        for number in range(sender, A_SECOND, SENDERS):
            at_its_time.wait(max(0.0, begun + number / A_SECOND - time.perf_counter()))
            body = json.dumps(RECORDED["body"] | {"id": f"o-{next(NUMBERS)}"}).encode()
            started = time.perf_counter()
            connection.request("POST", path, body, SECRET)
            answer = connection.getresponse()
            answer.read()
            took.append((time.perf_counter() - started) * 1000)
            assert answer.status == 204
        connection.close()
        return took

    with ThreadPoolExecutor(SENDERS) as pool:
        return [took for part in pool.map(send, range(SENDERS)) for took in part]


def test_a_notification_is_acknowledged_about_as_fast_as_anything_durable_can_be(hook, bare):
    places = {"webhook": hook, "bare": bare}
    for where in places.values():
        one_second(where)
    took: dict[str, list[float]] = {name: [] for name in places}
    for _ in range(TURNS):  # in turn, so that whatever else the machine does meets both
        for name, where in places.items():
            took[name] += one_second(where)
    p99 = {name: sorted(found)[int(len(found) * 0.99)] for name, found in took.items()}
    p50 = {name: sorted(found)[len(found) // 2] for name, found in took.items()}
    show(
        f"a notification kept durably, {A_SECOND} a second, {A_SECOND * TURNS} each",
        ("webhook p50 / p99", f"{p50['webhook']:.1f} / {p99['webhook']:.1f} ms; the goal is 50 ms"),
        ("bare route, parse and one fsynced insert", f"{p50['bare']:.1f} / {p99['bare']:.1f} ms"),
        ("p99 / p99, at most 2", f"{p99['webhook'] / p99['bare']:.2f}"),
    )
    assert p99["webhook"] <= 2 * p99["bare"]
