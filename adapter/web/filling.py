"""A form that is made from a Questionnaire: what its page is filled in with, and what a person typed into it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from flask import request

from adapter.web import session
from adapter.web.content import body
from adapter.web.visit_fields import SHOWN, added, controls, dropped, first_field, gaps, items, marked, ticked
from mappings.intake.asked import Asked
from mappings.intake.words import COMPARATORS, REASONS_MISSING
from mappings.r4.faults import Fault

LONGEST_NAME = 200
"""Characters of a field's name; ours have at most some eighty. What a longer one counts is no number of ours."""

_DEED = re.compile(rf"(?P<deed>[a-z]+):?(?P<path>[a-z_0-9.]{{0,{LONGEST_NAME}}})")

Fields = Mapping[str, str]


class Pressed(NamedTuple):
    """The button that was pressed, and what it is about."""

    deed: str
    path: str


def pressed(deeds: Sequence[str]) -> Pressed:
    """One of the `deeds`; the first where the button is none that we made."""
    found = _DEED.fullmatch(session.field("do"))
    return Pressed(found["deed"], found["path"]) if found and found["deed"] in deeds else Pressed(deeds[0], "")


def typed(own: Sequence[str]) -> dict[str, str]:
    """Every field of the form that was sent and says something, but for those of the page's `own`."""
    body()  # keeps to the limit of what is read
    said = ((name, text) for name, text in request.form.items() if len(name) <= LONGEST_NAME)
    return {name: text for name, text in said if name not in own and text.strip()}


def longer_or_shorter(fields: Fields, button: Pressed) -> dict[str, str]:
    """The fields with one more item of a list on the page, or with one less; as they are after any other button."""
    if button.deed == "add":
        return added(fields, button.path)
    above, _, number = button.path.rpartition(".")
    return dropped(fields, above, int(number)) if button.deed == "drop" and number.isdigit() else dict(fields)


def place_of(fields: Fields, button: Pressed) -> str:
    """Where the page begins after a list has become longer or shorter; empty after any other button."""
    return f"{button.path}.{items(fields, button.path)}" if button.deed == "add" else button.path.rpartition(".")[0]


def around(questions: Sequence[Asked], fields: Fields, faults: Sequence[Fault] = (), at: str = "") -> dict[str, Any]:
    """What `questions.html` needs. `at`: the field or list at which the page begins where nothing is wrong."""
    names = list(controls(questions, fields))
    told = marked(faults, names)
    return {
        "questions": questions,
        "fields": fields,
        "errors": told.beside,
        "listed": told.listed,
        "focus": told.first if faults else first_field(names, at),
        "shown": SHOWN,
        "items": partial(items, fields),
        "ticked": partial(ticked, fields),
        "gaps": partial(gaps, fields),
        "reasons": REASONS_MISSING,
        "comparators": COMPARATORS,
    }
