"""`engraft deliver --celery`: the herald, as an operator starts it."""

from __future__ import annotations

import sys


def test_it_needs_a_broker(run):
    run("init-db")
    result = run("deliver", "--celery")
    assert result.exit_code == 1
    assert "ENGRAFT_BROKER_URL" in result.stderr


def test_it_names_the_package_that_is_not_installed(run, monkeypatch):
    run("init-db")
    monkeypatch.setitem(sys.modules, "adapter.scale.herald", None)
    result = run("deliver", "--celery", ENGRAFT_BROKER_URL="redis://127.0.0.1:9/0")
    assert result.exit_code == 1
    assert "adapter.scale.herald, which is not installed" in result.stderr


def test_it_calls_workers_until_it_is_stopped(run, monkeypatch):
    from adapter.scale.herald import Herald

    run("init-db")
    monkeypatch.setattr(Herald, "watch", lambda herald: herald.stop.set())
    assert run("deliver", "--celery", ENGRAFT_BROKER_URL="redis://127.0.0.1:9/0").exit_code == 0


def test_either_it_or_the_work_itself(run):
    assert run("deliver", "--celery", "--watch").exit_code == 2
