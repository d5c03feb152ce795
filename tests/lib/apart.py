"""A sandbox hospital in a process of its own, so that it takes nothing from the one that is measured."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from adapter.hospital.sandbox import Sandbox
from adapter.hospital.sandbox.habits import Habits

START_SECONDS = 60


@contextmanager
def hospital(habits: Habits) -> Iterator[str]:
    """Its base URL, while the block lasts."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs, habits))
    process.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the sandbox did not start")
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join(30)
        process.kill()


def _serve(pipe: Connection, habits: Habits) -> None:
    with Sandbox(habits=habits) as sandbox:
        pipe.send(sandbox.base_url)
        pipe.recv()
