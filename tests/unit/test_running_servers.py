"""A server that a test started does not outlive it, however the run ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

from tests.lib.tree import ROOT

STARTER = """
import signal, sys
from pathlib import Path
from tests.conftest import pytest_configure
from tests.lib.servers import running
folder = Path(sys.argv[1])
pytest_configure()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background of a shell ignores it
server = ["/bin/sh", "-c", "echo $$ > pid && mv pid ready && exec tail -f /dev/null"]
with running(server, folder, (folder / "ready").exists):
    print("runs", flush=True)
    signal.pause()
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
def test_a_server_ends_with_the_run_that_started_it(tmp_path, how):
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as starter:
        assert starter.stdout.readline() == b"runs\n"
        server = os.pidfd_open(int((tmp_path / "ready").read_text()))
        try:
            starter.send_signal(how)
            ended, _, _ = select.select([server], [], [], 60)
            assert ended
        finally:
            os.close(server)
            starter.kill()
