"""
How much of each package the suite must reach, as a pytest plugin (`-p tests.lib.coverage_gate`, with `--cov`).

pytest-cov knows one threshold for everything; we have one per package, and what is missing is told before pytest's own
closing line.
"""

from __future__ import annotations

import io
from collections.abc import Generator
from typing import Any

import coverage
import pytest

NEEDED = {"mappings": 100.0, "adapter": 95.0}
"""Per cent of lines and branches together."""

MISSING = pytest.StashKey[list[str]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """Judges after pytest-cov, whose own wrapper lies inside this one; not in a worker of xdist."""
    result = yield
    if not session.config.option.collectonly and not hasattr(session.config, "workerinput"):
        session.config.stash[MISSING] = shortfalls(coverage.Coverage())
        session.testsfailed += len(session.config.stash[MISSING])
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """One paragraph per package that falls short, with the lines that no test reaches; counted in the closing line."""
    reports = config.stash.get(MISSING, [])
    for report in reports:
        terminalreporter.section("coverage below the house limit", red=True)
        terminalreporter.write_line(report)
    if reports:
        terminalreporter.stats["package below its coverage"] = reports


def shortfalls(measured: coverage.Coverage) -> list[str]:
    """What falls short, one text per package; `measured` reads the data file of the run."""
    measured.load()
    out = []
    for package, needed in NEEDED.items():
        table = io.StringIO()
        reached = measured.report(include=f"{package}/*", file=table, show_missing=True, skip_covered=True, precision=2)
        if reached < needed:
            out.append(f"{package}: {reached:.2f} %, needed {needed:g} %\n\n{table.getvalue()}")
    return out
