"""docs/conformance.md: each clause of a protocol, its own sentence, and the spec tests that hold Engraft to it.

`python -m tests.lib.conformance` writes the page (`make conformance`). A spec test names its clauses by quoting them:
the first line of its docstring is the clause's sentence, or several with ` | ` between them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mappings.protocol import load, names
from tests.lib.clauses import clauses
from tests.lib.tree import ROOT, functions, python

PAGE = ROOT / "docs" / "conformance.md"
_JUDGED = re.compile(r"(?<=<!-- judged -->\n).*?(?=<!-- end -->)", re.DOTALL)

_HEAD = """\
# Conformance: the protocol, clause by clause

Made by `make conformance` from `mappings/protocol/*.yaml` and the docstrings of `tests/spec/`; not edited by hand.
A clause is one place of the protocol as data; the sentence is the trial's own; the tests are what holds Engraft to it.
The figures of the last section are those of the last `make judged`.
"""

_TAIL = """\
## Generated follow-ups before HL7's validator

`make judged` draws the courses of patients as odd as a centre may send them (`tests/lib/generated.py`: every word of
the lists, everything said to be missing, partial dates, markup and other scripts in every text, several visits that
tell of one thing, retractions), maps them, and lets HL7's validator read the outcome offline with our package of
`make ig` as its profiles. Each start also reads a Bundle that is broken on purpose, and must see it. The contract
suite does the same with 25 follow-ups. The seconds below are those of two cores with much other work; idle ones took
105 for 16,440 resources.

<!-- judged -->
"""


class Quote(NamedTuple):
    """A spec test that quotes a sentence."""

    path: Path
    test: str
    sentence: str


def quotes(folder: str = "tests/spec") -> list[Quote]:
    """Every sentence that a spec test quotes, in the order of files and lines."""
    return [quote for path in python(folder) for quote in _quotes_of(path)]


def _quotes_of(path: Path) -> Iterator[Quote]:
    for function in sorted(functions(path), key=lambda f: f.lineno):
        if function.name.startswith("test_") and (said := ast.get_docstring(function)):
            for sentence in said.splitlines()[0].split(" | "):
                yield Quote(path, function.name, sentence)


def tests_by_sentence() -> Mapping[str, list[Quote]]:
    """The spec tests of each sentence."""
    found: dict[str, list[Quote]] = {}
    for quote in quotes():
        found.setdefault(quote.sentence, []).append(quote)
    return found


def untested(name: str) -> list[str]:
    """Clauses of a protocol that no spec test quotes."""
    tested = tests_by_sentence()
    return [path for path, source in clauses(name) if source not in tested]


def page() -> str:
    """The whole page, as Markdown."""
    tested = tests_by_sentence()
    clauses_of_all = "\n".join([_HEAD, *(_section(name, tested) for name in names())])
    return f"{clauses_of_all}\n{_TAIL}{judged()}<!-- end -->\n"


def judged() -> str:
    """The section that `make judged` wrote last."""
    found = _JUDGED.search(PAGE.read_text("utf-8"))
    return found.group() if found else ""


def write(figures: str) -> None:
    """Puts new figures of HL7's validator into the page."""
    PAGE.write_text(_JUDGED.sub(lambda _: figures, PAGE.read_text("utf-8")), "utf-8")


def _section(name: str, tested: Mapping[str, list[Quote]]) -> str:
    rows = [
        f"| `{path.lstrip('/')}` | {_cell(source)} | {_links(tested.get(source, []))} |"
        for path, source in clauses(name)
    ]
    heads = ["| clause | sentence of the protocol | tests |", "| --- | --- | --- |"]
    return "\n".join([f"## {name}", "", load(name).title, "", *heads, *rows, ""])


def _links(found: list[Quote]) -> str:
    links = (f"[{q.test.removeprefix('test_').replace('_', ' ')}](../{q.path.relative_to(ROOT)})" for q in found)
    return "; ".join(links) or "**none**"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
