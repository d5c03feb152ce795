"""Real FHIR servers for the contract suite: each in a process group and a folder of its own, ended by whoever began it.

HAPI is built once from Maven Central (`tests/servers/hapi`); Helios runs where ENGRAFT_TEST_HFS names a start script or
binary. What cannot run here is skipped loudly; with ENGRAFT_REQUIRE_SERVERS=1 a missing toolchain is a failure.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import requests
from requests.auth import AuthBase

from adapter.hospital.sandbox import Sandbox
from tests.lib.serving import serving

SERVERS = Path(__file__).parents[1] / "servers"
BUILD_SECONDS = 900
READY_SECONDS = 600
END_SECONDS = 20
KEEPER = f"""
read -r _
kill -TERM -"$1" || exit 0
for _ in $(seq {END_SECONDS}); do sleep 1; kill -0 -"$1" || exit 0; done
kill -KILL -"$1"
"""
"""Waits for the end of whoever started the server $1, and then ends all of its session."""


@dataclass(frozen=True)
class Server:
    """A running FHIR server, and what it promises beyond the parts of R4 that every server keeps.

    `quiet`: an update that changes nothing makes no version. `checks`: refuses wrong codes and references to nothing.
    `hooks`: sends rest-hook notifications. `auth`: how to show oneself. `put`: how resources get there where nobody
    may write by HTTP.
    """

    name: str
    base_url: str
    quiet: bool = True
    checks: bool = True
    hooks: bool = True
    auth: AuthBase | None = None
    put: Callable[..., None] | None = None


@contextmanager
def sandbox(_: Path) -> Iterator[Server]:
    """The built-in one."""
    with Sandbox(hook_wait=0.05) as hospital:
        yield Server("sandbox", hospital.base_url)


@contextmanager
def hapi(folder: Path) -> Iterator[Server]:
    """HAPI FHIR JPA, in memory."""
    need("java", "mvn", "flock", purpose="HAPI")
    subprocess.run([SERVERS / "build-once", SERVERS / "hapi"], check=True, timeout=BUILD_SECONDS, cwd=folder)
    port = free_port()
    base_url = f"http://127.0.0.1:{port}/fhir"
    with running([SERVERS / "hapi" / "run", "--port", str(port)], folder, lambda: answers(f"{base_url}/metadata")):
        yield Server("hapi", base_url)


@contextmanager
def helios(folder: Path) -> Iterator[Server]:
    """Helios FHIR Server, in memory. It searches by what the definitions beside it name, and ignores the rest."""
    named = os.environ.get("ENGRAFT_TEST_HFS")
    if not named:
        pytest.skip("HELIOS NOT TESTED: ENGRAFT_TEST_HFS names no start script or binary")
    program = Path(named).resolve()
    if not os.access(program, os.X_OK):
        pytest.fail(f"ENGRAFT_TEST_HFS names {program}, which cannot be started")
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    shutil.copy(SERVERS / "helios" / "search-parameters-r4.json", folder)
    settings = {"HFS_BASE_URL": base_url, "HFS_DATA_DIR": str(folder), "HFS_DATABASE_URL": ":memory:"}
    with running([program, "--port", str(port)], folder, lambda: answers(f"{base_url}/metadata"), settings):
        yield Server("helios", base_url, quiet=False, checks=False, hooks=False)


class Bearer(AuthBase):
    """A bearer token."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


@contextmanager
def engraft(folder: Path) -> Iterator[Server]:
    """Ours, as an EHR of a centre sees it."""
    with serving(folder) as served:
        yield Server("engraft", served.base_url, hooks=False, auth=Bearer(served.token), put=served.put)


START = {"sandbox": sandbox, "hapi": hapi, "helios": helios, "engraft": engraft}


def need(*programs: str, purpose: str) -> None:
    """Skips, or fails where servers are required, when a program is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        unavailable(f"{purpose.upper()} NOT TESTED: {', '.join(missing)} not installed")


def unavailable(reason: str) -> NoReturn:
    """Skips loudly, or fails where servers are required."""
    if os.environ.get("ENGRAFT_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str) -> bool:
    """Does a GET succeed?"""
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False


@contextmanager
def running(
    command: Sequence[str | Path], folder: Path, ready: Callable[[], bool], environ: dict[str, str] | None = None
) -> Iterator[None]:
    """A server while the block lasts. It starts in a session of its own, so that all it starts ends with it.

    It ends too where this process is killed: a keeper beside it reads from a pipe that ends with this process.
    """
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=os.environ | (environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", str(process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _await(process, ready, log)
            yield
        finally:
            _end(process)
            keeper.kill()
            keeper.communicate()


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready():
        if _ended_within(process, 0.1) or time.monotonic() > deadline:
            tail = log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{process.args} did not become ready:\n{tail}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        if _ended_within(process, END_SECONDS):
            break
    process.wait()


def _ended_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
