"""Message brokers for the contract suite, from Debian's packages: each on ports and in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kombu import Connection
from kombu.exceptions import OperationalError

from tests.lib.servers import free_port, need, running

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Not the one in the PATH: that changes to a user of its own."""


def answers(url: str) -> bool:
    """Can it be talked to?"""
    try:
        with Connection(url, connect_timeout=5) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
    except OperationalError:
        return False
    return True


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """URL of a Redis that keeps nothing on the disk."""
    need("redis-server", purpose="Redis")
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with running([*command, "--dir", str(folder)], folder, lambda: answers(url)):
        yield url


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """URL of a RabbitMQ node. Erlang's port mapper is one of its own too, and ends with it."""
    need("rabbitmq-server", "erl", "epmd", purpose="RabbitMQ")
    port, epmd = free_port(), str(free_port())
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    (folder / "plugins").write_text("[].\n")
    (folder / "env.conf").touch()
    environ = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": epmd,
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"engraft-{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "env.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    try:
        with running([RABBITMQ], folder, lambda: answers(url), environ):
            yield url
    finally:
        ended = os.environ | environ
        subprocess.run(["epmd", "-port", epmd, "-kill"], env=ended, check=False, stdout=subprocess.DEVNULL, timeout=30)


START = {"redis": redis, "rabbitmq": rabbitmq}
