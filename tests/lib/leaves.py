"""Every place of the two documents in which something can be said to be missing, told by the forms themselves."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from marshmallow import fields

from mappings.intake.enrolment_form import EnrolmentForm
from mappings.intake.fields import Chosen
from mappings.intake.follow_up_form import FollowUpForm
from mappings.intake.form import Form, Items, Said, Section
from mappings.intake.scores import Organs, Scores
from mappings.r4 import wire
from tests.lib.tree import ROOT

Path = tuple[Any, ...]

FORMS: dict[str, Form] = {"enrolment": EnrolmentForm(), "follow_up": FollowUpForm()}
UNKNOWN = {"not_done": "unknown", "note": "file lost"}
KEYS = {"centre", "patient", "protocol", "visit"}
"""What a document is known by; a follow-up by its own date, too."""


def full(kind: str) -> Any:
    """The example of the interface, with at least one item in each list and every section that has parts."""
    example = ROOT / "tests/unit/mappings/intake" / f"example_{kind}.json"
    document = wire.decode_strict(example.read_bytes())
    if kind == "follow_up":
        (chronic,) = document["gvhd"]["chronic"]
        document["measurements"]["height"] = {"value": 175, "unit": "cm", "date": "2026-09-02"}
        chronic["course"] = [{"date": "2026-07-30", "severity": "mild", "organs": {"mouth": 1}}]
    return document


def leaves(kind: str) -> list[Path]:
    """Sections, lists and single values that can be missing; list items count from zero."""
    return [path for path in _places(FORMS[kind]) if not is_key(kind, path)]


def keys(kind: str) -> list[Path]:
    """What cannot be missing, because nobody knows without it what the rest means."""
    return [path for path in _places(FORMS[kind]) if is_key(kind, path)]


def is_key(kind: str, path: Path) -> bool:
    """Of the document, of a list item, or of a quantity, which is one value."""
    if len(path) == 1:
        return path[0] in KEYS or (kind, path[0]) == ("follow_up", "date")
    return path[-1] in {"id", "unit", "comparator"}


def at(node: Any, path: Path) -> Any:
    """What stands in a place."""
    for step in path:
        node = node[step]
    return node


def without(document: Any, path: Path, said: Any = UNKNOWN) -> Any:
    """A copy that says of one place why nothing stands there. A text that explains nothing explains an `other`."""
    out = copy.deepcopy(document)
    parent = at(out, path[:-1])
    if path[-1] == "text":
        form = _form_at(path)
        parent[next(name for name, field in form.fields.items() if isinstance(_inner(field), Chosen))] = "other"
    parent[path[-1]] = copy.deepcopy(said)
    return out


def dotted(path: Path) -> str:
    """As faults name it: list items count from one."""
    return ".".join(str(step + 1) if isinstance(step, int) else step for step in path)


def _places(form: Any, path: Path = ()) -> Iterator[Path]:
    for name, field in form.fields.items():
        yield from _of_field(_inner(field), (*path, name))


def _of_field(field: Any, path: Path) -> Iterator[Path]:
    yield path
    if isinstance(field, Section):
        yield from _places(field.schema, path)
    elif isinstance(field, Items):
        item = _inner(field.inner)
        yield from _places(item.schema, (*path, 0)) if isinstance(item, Section) else [(*path, 0)]
    elif isinstance(field, Organs):
        yield from ((*path, organ) for organ in field.organs)
    elif isinstance(field, Scores):
        yield (*path, "total")


def _inner(field: fields.Field[Any]) -> Any:
    return field.inner if isinstance(field, Said) else field


def _form_at(path: Path) -> Any:
    form: Any = FORMS["enrolment" if path[0] in FORMS["enrolment"].fields else "follow_up"]
    for step in (step for step in path[:-1] if isinstance(step, str)):
        field = _inner(form.fields[step])
        form = (_inner(field.inner) if isinstance(field, Items) else field).schema
    return form
