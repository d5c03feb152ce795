"""The house limits: how long a module or a function may be, its name, and how much test stands beside it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path
from statistics import median, quantiles

from tests.lib.tree import ROOT, functions, python

CODE = python("adapter", "mappings")
TESTS = python("tests")
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
VAGUE = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "service", "services", "util", "utils"}
WAIVER = re.compile(
    r"#\s*(noqa|type: ignore|pragma: no (?:cover|branch))(?P<which>(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)|\[[\w, -]+\])?"
)


def length(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def lines_of_code(path: Path) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    source = path.read_text("utf-8")
    prose = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    held = {line for t in tokens if t.type not in LAYOUT for line in range(t.start[0], t.end[0] + 1)}
    return len(held - prose)


def place(path: Path, line: int | None = None) -> str:
    return f"{path.relative_to(ROOT)}" + (f":{line}" if line else "")


def test_no_module_is_longer_than_400_lines():
    assert {place(path): length(path) for path in CODE + TESTS if length(path) > 400} == {}


def test_half_of_the_modules_have_at_most_120_lines():
    assert median(length(path) for path in CODE if path.name != "__init__.py") <= 120


def test_no_function_is_longer_than_60_lines():
    found = ((path, f) for path in CODE + TESTS for f in functions(path))
    assert {f"{place(path, f.lineno)} {f.name}": lines(f) for path, f in found if lines(f) > 60} == {}


def test_functions_are_short_as_a_rule():
    lengths = [lines(f) for path in CODE for f in functions(path)]
    assert median(lengths) <= 10
    assert quantiles(lengths, n=10)[-1] <= 35


def test_modules_have_names_of_the_ward_or_of_the_plumbing():
    named = {place(path): {*path.relative_to(ROOT).with_suffix("").parts} for path in CODE + TESTS}
    assert {name for name, parts in named.items() if parts & VAGUE} == set()


def test_there_is_at_least_as_much_test_as_code():
    """Lines of code on both sides, for prose is neither; what the golden cases begin with is a test written as data."""
    written_as_data = sum(map(length, ROOT.glob("tests/golden/*/0-*.json")))
    assert sum(map(lines_of_code, TESTS)) + written_as_data >= sum(map(lines_of_code, CODE))


def test_every_waiver_says_why():
    """A `noqa`, `type: ignore` or `no cover` has its reason on the same line."""
    silent = []
    for path in CODE + TESTS:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            waiver = WAIVER.search(line)
            if waiver and not re.search(r"\w{2,}", line[waiver.end() :]):
                silent.append(place(path, number))
    assert silent == []


def test_no_error_is_swallowed_unseen():
    """Whoever catches every exception raises it again, or says on that line why not."""
    swallowed = []
    for path in CODE:
        text = path.read_text("utf-8").splitlines()
        handlers = (n for n in ast.walk(ast.parse("\n".join(text))) if isinstance(n, ast.ExceptHandler) and broad(n))
        swallowed += [place(path, handler.lineno) for handler in handlers if "#" not in text[handler.lineno - 1]]
    assert swallowed == []


def test_tests_wait_for_conditions_and_never_sleep():
    nodes = ((path, node) for path in TESTS for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    found = ((path, node) for path, node in nodes if isinstance(node, ast.Attribute) and node.attr == "sleep")
    assert [place(path, node.lineno) for path, node in found] == []


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def broad(handler: ast.ExceptHandler) -> bool:
    """Does it catch everything and keep it? A bare `raise` at its end passes the error on."""
    caught = handler.type
    everything = caught is None or (isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"})
    last = handler.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)
