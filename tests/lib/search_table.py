"""The table of search parameters in docs/api.md, from the rows that the server itself is made of.

`python -m pytest tests/architecture/test_search_documented.py --accept` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapter.store.parameters import EVERY, Parameter, of
from adapter.web import served

BEGIN = "<!-- made from adapter/store/search_parameters.csv; not edited by hand -->\n"
END = "<!-- end of what is made -->\n"
COLUMNS = {"token": ("token",), "reference": ("reference",), "date": ("date",), "other": ("string", "uri", "quantity")}


def table() -> str:
    """Markdown, one row a type; the types that an include can bring stand after each reference."""
    head = f"| type | {' | '.join(COLUMNS)} |\n| --- |{' --- |' * len(COLUMNS)}\n"
    rows = [
        _row(f"`{kind}`", kind, (one for one in served.searched(kind).values() if one.type != EVERY))
        for kind in sorted(served.STORED | served.DEFINED)
    ]
    return head + _row("every type", "", of(EVERY).values()) + "".join(rows)


def _row(title: str, kind: str, found: Iterable[Parameter]) -> str:
    found = list(found)
    cells = (", ".join(_cell(kind, one) for one in found if one.kind in kinds) for kinds in COLUMNS.values())
    return f"| {title} | {' | '.join(cells)} |\n"


def _cell(kind: str, one: Parameter) -> str:
    leads_to = served.leads_to(kind, one.name) if kind else ()
    brought = ("any" if one.of == ("any",) else " ".join(leads_to)) or ("canonical" if one.canonical else "")
    return f"`{one.name}`" + (f" ({brought})" if brought else "")


def written(page: str) -> str:
    """The page with the table as it should be."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("docs/api.md has lost the marks between which the table stands")
    return f"{before}{BEGIN}{table()}{END}{after}"
