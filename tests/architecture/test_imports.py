"""Who may import whom (.importlinter), what mappings may call, and what starting a command may cost."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys

import grimp
import pytest

from tests.lib.tree import ROOT, module_name, python

HEAVY = {"alembic", "celery", "fhir", "fhirclient", "flask", "gunicorn", "requests", "sqlalchemy"}
WORLD = {"now", "today", "utcnow", "uuid1", "uuid4", "open", "getenv", "input", "print"}


def test_import_contracts_are_kept():
    linter = "from importlinter.cli import lint_imports_command as command; command(['--no-cache'])"
    run = subprocess.run([sys.executable, "-c", linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_import_goes_in_a_circle():
    graph = grimp.build_graph("adapter", "mappings", exclude_type_checking_imports=True, cache_dir=None)
    order = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(order).prepare()


@pytest.mark.parametrize("path", python("mappings"), ids=module_name)
def test_mappings_call_nothing_of_the_world(path):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    names = {func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "") for func in calls}
    assert not names & WORLD, f"{module_name(path)} is not pure"


@pytest.mark.parametrize("module", ["mappings", "adapter.cli", "adapter.cli.apply"])
def test_a_command_starts_light(module):
    """`engraft apply` answers within 300 ms: only what a room needs is loaded, and only when it is used."""
    rooms = [module_name(path) for path in python("mappings")] if module == "mappings" else [module]
    lines = [f"import {', '.join(rooms)}", "import sys", "print(*{name.partition('.')[0] for name in sys.modules})"]
    script = [sys.executable, "-c", "\n".join(lines)]
    run = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert set(run.stdout.split()) & HEAVY == set()


def test_reading_the_settings_brings_no_plan():
    """Every command reads them, and most have nothing to plan."""
    lines = ["import sys", "from adapter.config import load", "load({})", "print(*sys.modules)"]
    run = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [name for name in run.stdout.split() if name.startswith(("mappings.plan", "mappings.outcomes"))] == []


@pytest.mark.parametrize("shape", ["table", "csv", "fhir", "r5"])
def test_applying_what_ships_reads_no_yaml_and_no_schema_of_it(shape):
    """A run of the command, not only its import: the shipped protocol is packed."""
    words = f"apply set-haplo-pdli --day-zero 2026-03-02 --weight 70 --height 175 --format {shape}".split()
    lines = [
        "import atexit, io, sys",
        f"sys.argv, told, sys.stdout = ['engraft', *{words}], sys.stdout, io.StringIO()",
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=told))",
        "from adapter.cli import main",
        "main()",
    ]
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert "msgspec" in loaded
    assert loaded & (HEAVY | {"marshmallow", "yaml"}) == set()


@pytest.mark.parametrize("path", python("profiles"), ids=module_name)
def test_profiles_are_data(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in tree.body)
