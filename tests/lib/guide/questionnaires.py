"""The Questionnaires: the enrolment, and one follow-up for each kind of visit, made from intake's own forms.

linkIds are the paths of the interface, which are the CSV columns too; a list is a repeating group by its first item's
path. What stands beside a path says what the path itself cannot: `.not_done` and `.note` why there is no value, `.none`
that a list was looked for and is empty, `.missing` that one value of a list is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mappings.canonicals import DEFAULT, OBSERVATION_CATEGORY, UCUM
from mappings.intake.columns import GAP
from mappings.intake.enrolment_form import EnrolmentForm
from mappings.intake.fields import LONGEST_TEXT
from mappings.intake.follow_up_form import FollowUpForm
from mappings.intake.words import OTHER, VISITS, WordList
from mappings.outcomes.quality_of_life import SCALES
from mappings.terminology import codes
from tests.lib.guide import value_sets
from tests.lib.guide.artefact import EXT, SDC, artefact, extension
from tests.lib.guide.items import described
from tests.lib.guide.kinds import Question, questions

Item = dict[str, Any]

ABSENT = "http://hl7.org/fhir/ValueSet/data-absent-reason"
ANY_SCALE = (
    Question("name", "string", needed=True),
    Question("score", "decimal", said=True, needed=True),
)
"""A score whose scale has no code of its own: its name is the key in `quality_of_life.scores`."""

_EXTRACTED = {"measurements.karnofsky": "survey"}
"""SDC takes the day of an extracted Observation from the form; whatever has a date of its own is not extracted so."""

_WHEN = {"vital_status.cause": ("vital_status.status", "vital-status", "dead")}
_NEEDS_DATE = ("vital-status/dead", "vital-status/lost")
_TITLES = {"baseline": "baseline", "unscheduled": "an unscheduled visit"}


def questionnaires() -> Iterator[dict[str, Any]]:
    """The enrolment and a follow-up of each visit, as R4 Questionnaires."""
    yield _questionnaire("enrolment", "Enrolment", "What a centre says of a patient at enrolment.", _enrolment())
    for visit in VISITS:
        title = f"Follow-up at {_TITLES.get(visit) or _months(visit)}"
        yield _questionnaire(f"follow-up-{visit}", title, "What a centre says of a patient at a visit.", _visit(visit))


def _months(visit: str) -> str:
    return f"{visit[1:]} month{'' if visit == 'm1' else 's'}"


def _questionnaire(id_: str, title: str, description: str, items: list[Item]) -> dict[str, Any]:
    head = artefact(
        "Questionnaire",
        id_,
        title,
        f"{description} Items and words are those of intake; none is a text of a quality of life instrument.",
    )
    return head | {"subjectType": ["Patient"], "item": [_tidy(item) for item in items]}


def _enrolment() -> list[Item]:
    return list(_items(questions(EnrolmentForm()), ""))


def _visit(visit: str) -> list[Item]:
    items = list(_items(questions(FollowUpForm()), ""))
    (asked,) = (item for item in items if item["linkId"] == "visit")
    del asked["answerValueSet"]
    (code,) = codes.codings("answers", f"visit/{visit}", DEFAULT)
    asked |= {"answerOption": [{"valueCoding": code, "initialSelected": True}], "readOnly": True}
    return items


def _items(asked: tuple[Question, ...], above: str) -> Iterator[Item]:
    for question in asked:
        yield from _item(question, f"{above}.{question.name}".lstrip("."), asked, above)


def _item(question: Question, path: str, siblings: tuple[Question, ...], above: str) -> Iterator[Item]:
    if question.kind == "scores":
        yield from _scores(path, above)
        return
    only_when = _enabled(question, path, siblings, above)
    if question.kind == "list":
        yield from _list(question, path, only_when)
        return
    made = _bare(question, path) | only_when
    if question.kind == "group":
        made["item"] = [*(_why(path, made["text"], None) if question.said else ()), *_items(question.inside, path)]
        made["extension"] = _needs(question, path)
        yield made
        return
    yield made
    yield from _why(path, made["text"], only_when or _without(path)) if question.said else ()
    yield from _items(question.inside, path)


def _list(question: Question, path: str, only_when: Item) -> Iterator[Item]:
    """A list of objects is a group around a repeating group; a list of values is one question that repeats."""
    (item,) = question.inside
    text = described()[path].text
    beside = [*_none(path, text, question), *(_why(path, text, None) if question.said else ())]
    if item.kind == "group":
        one = _bare(item, f"{path}.1") | {"repeats": True, "item": list(_items(item.inside, f"{path}.1"))}
        one["extension"] = _needs(item, f"{path}.1")
        yield _bare(Question(path, "group"), path) | only_when | {"item": [*beside, one]}
    else:
        yield _bare(item, f"{path}.1") | {"repeats": True} | only_when
        yield from beside
        yield from _gaps(path, text) if item.said else ()


def _gaps(path: str, text: str) -> Iterator[Item]:
    """Values of a list of which it is only known why they are not given: each a group, for none has an answer."""
    why = list(_why(f"{path}.{GAP}", f"{text}, one more", None))
    yield {"linkId": f"{path}.{GAP}", "text": f"{text}: one more, without a value"} | {
        "type": "group",
        "repeats": True,
        "item": why,
    }


def _scores(path: str, above: str) -> Iterator[Item]:
    """The scales that have a code, by instrument, and room for any other by its name."""
    known = [
        item for instrument, scale in SCALES for item in _scale(f"{path}.{scale}", f"{above}.instrument", instrument)
    ]
    yield _bare(Question("scores", "group"), path) | {"item": [*_why(path, described()[path].text, None), *known]}
    other = _bare(Question("scale", "group"), f"{above}.scale.1") | {"repeats": True}
    yield other | {"item": list(_items(ANY_SCALE, f"{above}.scale.1"))}


def _scale(path: str, asked: str, instrument: str) -> Iterator[Item]:
    when = _is(asked, "instrument", instrument)
    made = _bare(Question(path, "decimal"), path) | when
    yield made
    yield from _why(path, made["text"], when)


def _bare(question: Question, path: str) -> Item:
    """The item without its conditions and without what is inside."""
    row = described()[path]
    made: Item = {"linkId": path}
    if row.lands:
        made["definition"] = DEFAULT.extension(row.lands)
    if row.code:
        made["code"] = codes.codings(*row.code.split("/", 1), DEFAULT)
    made |= {"text": row.text, "type": question.kind}
    if question.needed and not question.said:
        made["required"] = True
    if question.kind == "text":
        made["maxLength"] = LONGEST_TEXT
    if question.kind == "choice":
        made["answerValueSet"] = value_sets.url_of(question.words, question.name)
    made["extension"] = [*_limits(question), *_units(question, row.code), *_extracted(path)]
    return made


def _limits(question: Question) -> Iterator[Item]:
    kind = "valueInteger" if question.kind == "integer" else "valueDecimal"
    for name, limit in (("minValue", question.low), ("maxValue", question.high)):
        if limit is not None:
            yield extension(f"{EXT}/{name}", kind, limit)
    if question.form:
        yield extension(f"{EXT}/regex", "valueString", question.form)
    if question.told:
        yield extension(f"{EXT}/entryFormat", "valueString", question.told)


def _units(question: Question, code: str) -> Iterator[Item]:
    for unit in question.units:
        yield extension(f"{EXT}/questionnaire-unitOption", "valueCoding", _unit(unit))
    unit = codes.unit(*code.split("/", 1)) if code else ""
    if question.kind == "decimal" and unit:
        yield extension(f"{EXT}/questionnaire-unit", "valueCoding", _unit(unit))


def _unit(unit: str) -> Item:
    return {"system": UCUM, "code": unit, "display": unit}


def _extracted(path: str) -> Iterator[Item]:
    if path in _EXTRACTED:
        category = {"coding": [{"system": OBSERVATION_CATEGORY, "code": _EXTRACTED[path]}]}
        yield extension(f"{SDC}/sdc-questionnaire-observationExtract", "valueBoolean", True)
        yield extension(f"{SDC}/sdc-questionnaire-observation-extract-category", "valueCodeableConcept", category)


def _enabled(question: Question, path: str, siblings: tuple[Question, ...], above: str) -> Item:
    """When the interface makes the question conditional: a text for the word `other`, a cause for a death."""
    if path in _WHEN:
        return _is(*_WHEN[path])
    if question.name != "text":
        return {}
    lists = [(one.inside[0], f"{one.name}.1") if one.kind == "list" else (one, one.name) for one in siblings]
    others = [_is(f"{above}.{name}", one.words.name, OTHER) for one, name in lists if isinstance(one.words, WordList)]
    conditions = [condition for other in others for condition in other["enableWhen"]]
    return {"enableWhen": conditions} | ({"enableBehavior": "any"} if len(conditions) > 1 else {})


def _is(path: str, words: str, word: str) -> Item:
    return {"enableWhen": [{"question": path, "operator": "=", "answerCoding": value_sets.coding(words, word)}]}


def _without(path: str) -> Item:
    return {"enableWhen": [{"question": path, "operator": "exists", "answerBoolean": False}]}


def _why(path: str, text: str, when: Item | None) -> Iterator[Item]:
    """Why there is no value, as an R4 data-absent-reason, and a note on it."""
    reason = {"linkId": f"{path}.not_done", "text": f"{text}: not given because", "type": "choice"}
    yield reason | (when or {}) | {"answerValueSet": ABSENT}
    note = {"linkId": f"{path}.note", "text": f"{text}: note on why", "type": "text", "maxLength": LONGEST_TEXT}
    yield note | {"enableWhen": [{"question": f"{path}.not_done", "operator": "exists", "answerBoolean": True}]}


def _none(path: str, text: str, question: Question) -> Iterator[Item]:
    """An empty list says 'none', and no list says nothing."""
    if question.none:
        yield {"linkId": f"{path}.none", "text": f"{text}: none", "type": "boolean"}


def _needs(group: Question, path: str) -> list[Item]:
    """What a group is refused without, as expressions that a form can check before it is sent."""
    away = f"item.where(linkId = '{path}.not_done').answer.exists() or " if group.said else ""
    out = [_constraint(f"{path}.{one.name}", away) for one in group.inside if one.needed and one.said]
    if path == "vital_status":
        told = " or ".join(f"code = '{value_sets.coding(*key.split('/'))['code']}'" for key in _NEEDS_DATE)
        alive = f"item.where(linkId = '{path}.status').answer.value.where({told}).empty() or "
        out.append(_constraint(f"{path}.date", alive))
    return out


def _constraint(path: str, unless: str) -> Item:
    told = f"item.where(linkId = '{path}' or linkId = '{path}.not_done').answer.exists()"
    parts = [
        extension("key", "valueId", path.replace(".", "-").replace("_", "-") + "-told"),
        extension("severity", "valueCode", "error"),
        extension("expression", "valueString", unless + told),
        extension("human", "valueString", f"{described()[path].text}: needed, or a reason why it is missing"),
    ]
    return {"extension": parts, "url": f"{EXT}/questionnaire-constraint"}


def _tidy(item: Item) -> Item:
    """Without empty lists, here and inside; extensions first, as R4 orders them."""
    more = {"extension": item["extension"]} if item.get("extension") else {}
    inside = {"item": [_tidy(one) for one in item["item"]]} if "item" in item else {}
    return more | {key: value for key, value in item.items() if key != "extension"} | inside
