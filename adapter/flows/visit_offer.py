"""What the hospital measured, put into a visit's form where a person asks for it, and never over what is typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapter.flows import visit_draft
from adapter.flows.visit import Form
from mappings.intake import asked, filled
from mappings.intake.asked import Asked

if TYPE_CHECKING:
    from adapter.config import Settings
    from adapter.store import Store

_GROUPS = ("measurements.weight", "measurements.height", "engraftment.counts", "immune_reconstitution")
_NUMBER = re.compile(r"\.[0-9]+(?=\.|$)")


def of(form: Form, *, centre: str, store: Store, settings: Settings, now: datetime) -> dict[str, Any]:
    """The draft of `visit_draft` for this form; empty where the visit was handed in."""
    if form.told is not None:
        return {"document": {}, "values": []}
    return visit_draft.drafted(form.number, form.visit, centre=centre, store=store, settings=settings, now=now)


def into(form: Form, fields: Mapping[str, str], document: Mapping[str, Any]) -> dict[str, str]:
    """The fields, and those of the document that this form can show, but for groups of which something is filled in."""
    units = dict(_units(asked.visit(form.visit), ""))
    offered = filled.fields(document)
    taken = [group for group in _GROUPS if any(_says(name, group) for name, text in fields.items() if text.strip())]
    for group in (*_GROUPS, *taken):
        mine = {name: text for name, text in offered.items() if name.startswith(f"{group}.")}
        if group in taken or not all(_fits(name, text, units) for name, text in mine.items()):
            offered = {name: text for name, text in offered.items() if name not in mine}
    return {**fields, **offered}


def _says(name: str, group: str) -> bool:
    """A unit stands there from the beginning."""
    return name.startswith(f"{group}.") and not name.endswith(".unit")


def _fits(name: str, text: str, units: Mapping[str, Sequence[str]]) -> bool:
    """A unit that the form does not list would be shown as another one."""
    if not name.endswith(".unit"):
        return True
    return text in units.get(_NUMBER.sub(".1", name).removesuffix(".unit"), ())


def _units(questions: Sequence[Asked], above: str) -> Iterator[tuple[str, Sequence[str]]]:
    for one in questions:
        path = above + one.name
        if one.kind == "quantity":
            yield path, one.units
        yield from _units(one.inside, f"{path}.1." if one.kind == "list" else f"{path}.")
