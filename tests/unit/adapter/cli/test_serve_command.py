"""`engraft serve`: up on an empty machine, at the address that it says, down on Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, datetime

import pytest

from adapter.cli import main, serve
from adapter.config import Settings
from adapter.flows import batch_job
from adapter.flows.crew import worker_name
from adapter.flows.uploads import BODY, LINES, Upload
from adapter.store import Store
from adapter.store.clients import Client
from mappings.r4 import wire
from tests.lib.forms import ENROLMENT

NOW = datetime.now(UTC)
SCRIPT = "from adapter.cli import main; main()"


@pytest.fixture
def serving(tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("ENGRAFT_")}
    command = [sys.executable, "-c", SCRIPT, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def said(process):
    """The line that tells the address; it comes once the server listens."""
    for line in process.stderr:
        if found := re.search(r"http://127\.0\.0\.1:\d+/fhir", line):
            return found[0]
    raise AssertionError("it never said where it serves")


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_from_nothing_and_stops_when_asked(serving, asked):
    base = said(serving)
    with urllib.request.urlopen(f"{base}/metadata") as answer:
        assert json.load(answer)["implementation"]["url"] == base
    with urllib.request.urlopen(base.replace("/fhir", "/readyz")) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{base}/Patient?identifier=Zquatl")
    serving.send_signal(asked)
    assert serving.wait(timeout=30) == 0
    log = serving.stderr.read()
    assert "endpoint=search status=401" in log
    assert "Zquatl" not in log, "what was searched for"


def test_a_public_address_that_was_said_is_kept(run, monkeypatch):
    served = []

    class Server:
        server_port = 8080

        def serve_forever(self):
            raise KeyboardInterrupt

    def make_server(host, port, app, threaded, request_handler):
        served.append((host, port, app))
        return Server()

    monkeypatch.setattr("werkzeug.serving.make_server", make_server)
    result = run("serve", ENGRAFT_PUBLIC_URL="https://engraft.test")
    assert (result.exit_code, result.stdout) == (0, "")
    ((host, port, app),) = served
    assert (host, port) == ("127.0.0.1", 8080)
    told = json.loads(app.test_client().get("/fhir/metadata").data)
    assert told["implementation"]["url"] == "https://engraft.test/fhir"
    monkeypatch.delenv("ENGRAFT_PUBLIC_URL")
    assert run("serve").exit_code == 0


def test_it_goes_on_with_what_a_killed_server_had_begun_to_take_in(tmp_path, serving):
    """Not everybody runs engraft deliver beside it, and the client may not ask again."""
    line = wire.encode(ENROLMENT)
    with closing(Store(f"sqlite:///{tmp_path}/var/engraft.sqlite")) as store:
        said(serving)
        with store.transaction() as tx:
            tx.clients.add("forms", "centre", "FR-037", NOW)
        serving.kill()
        serving.wait(30)
        client, upload = Client("forms", "centre", "FR-037"), Upload(LINES, {BODY: line})
        id_ = batch_job.ask(upload, store=store, client=client, centre="FR-037", now=NOW).id
        with store.transaction() as tx:
            assert tx.batches.claim(id_, worker_name("x").replace(str(os.getpid()), str(serving.pid)), NOW)
        with closing(Store(f"sqlite:///{tmp_path}/var/engraft.sqlite")) as again, serve._taking_in(again, Settings()):
            until(lambda: state(store, id_) == "done")
        with serve._taking_in(store, Settings(broker_url="redis://127.0.0.1/0")):
            """With a broker the herald says what waits."""


def until(condition):
    pause = threading.Event()
    for _ in range(1500):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it never came")


def state(store, id_):
    with store.reading() as tx:
        return tx.batches.get(id_, "forms", NOW).state


def test_a_port_is_a_number(run):
    assert run("serve", "--port", "http").exit_code == 2


def test_the_group_lists_what_it_can_import():
    assert main.list_commands(None) == sorted(main.list_commands(None))
    assert main.get_command(None, "serve") is serve.serve
