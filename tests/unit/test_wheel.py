"""The wheel: everything that Engraft reads at run time is in it, and it works where nothing else is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lib.tree import ROOT, files

PACKAGES = ("adapter", "mappings", "profiles")


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed; no setting of Engraft and no source tree leaks into it."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("ENGRAFT_", "PYTHON", "COV_", "COVERAGE_"))}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile")
    run(*pip, "--target", target, wheel, cwd=target)
    return target


def test_every_file_of_the_packages_is_in_the_wheel(installed):
    ours = {path.relative_to(ROOT) for path in files(*PACKAGES)}
    theirs = {path.relative_to(installed) for name in PACKAGES for path in (installed / name).rglob("*")}
    assert ours <= theirs
    assert {path for path in theirs if (installed / path).is_file()} <= ours


@pytest.mark.parametrize("kind", ["*.yaml", "*.txt", "*.csv", "*.toml", "*.json", "py.typed"])
def test_the_wheel_carries_data(installed, kind):
    assert [path for name in PACKAGES for path in (installed / name).rglob(kind)]


def test_the_wheel_carries_its_licence_and_its_command(installed):
    (info,) = installed.glob("engraft_fhir-*.dist-info")
    assert (info / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "engraft = adapter.cli:main" in (info / "entry_points.txt").read_text()


def test_a_stranger_installs_it_and_sees_the_demo(wheel, tmp_path):
    """`pip install dist/*.whl` in a clean environment, from the locked dependencies; then `engraft demo`."""
    home = tmp_path / "clean"
    run(sys.executable, "-m", "venv", home, cwd=tmp_path)
    pip = (home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--require-hashes", "-r", ROOT / "requirements" / "run.txt", cwd=tmp_path)
    run(*pip, "--no-deps", "--no-index", wheel, cwd=tmp_path)
    assert run(home / "bin" / "engraft", "--version", cwd=tmp_path).startswith("engraft, version ")
    shown = run(home / "bin" / "engraft", "demo", cwd=tmp_path)
    assert "set-haplo-pdli" in shown
    assert "overall survival" in shown.lower()
