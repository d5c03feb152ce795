"""The command line, run in a folder of its own with an environment of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from adapter.cli import main
from adapter.store import Store

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    """`run("client", "list")`; stdout and stderr are told apart."""
    monkeypatch.chdir(tmp_path)
    for name in ("ENGRAFT_CONFIG", "ENGRAFT_DATABASE_URL", "ENGRAFT_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)

    def engraft(*words: object, **environ: str) -> Result:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(main, [str(word) for word in words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return engraft


@pytest.fixture
def database(run, tmp_path):
    """The default database, prepared."""
    assert run("init-db").exit_code == 0
    store = Store(f"sqlite:///{tmp_path}/var/engraft.sqlite")
    yield store
    store.close()
