"""`engraft serve`: up on an empty machine, at the address that it says, down on Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from adapter.cli import main, serve

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


def test_a_port_is_a_number(run):
    assert run("serve", "--port", "http").exit_code == 2


def test_the_group_lists_what_it_can_import():
    assert main.list_commands(None) == sorted(main.list_commands(None))
    assert main.get_command(None, "serve") is serve.serve
