"""A document of the interface as the answer to our Questionnaire, item by item: a test of both of its sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mappings.canonicals import DATA_ABSENT_REASON, DEFAULT
from mappings.intake.columns import GAP
from mappings.terminology.tables import table
from tests.lib.guide import value_sets

Item = dict[str, Any]
_SYSTEMS = {
    "action": value_sets.ACTIONS,
    "consent-status": value_sets.CONSENT_STATES,
    value_sets.SEXES: "http://hl7.org/fhir/administrative-gender",
}
_KINDS = {"boolean": "valueBoolean", "integer": "valueInteger", "decimal": "valueDecimal", "date": "valueDate"}
_KNOWN_SCALES = ("total", "index", "vas")


def answered(questionnaire: Mapping[str, Any], document: Mapping[str, Any], authored: str) -> dict[str, Any]:
    """The QuestionnaireResponse that says `document`."""
    return {
        "resourceType": "QuestionnaireResponse",
        "id": f"{document['centre']}-{document['patient']}-{questionnaire['id']}".lower(),
        "questionnaire": f"{questionnaire['url']}|{questionnaire['version']}",
        "status": "completed",
        "authored": authored,
        "item": list(_items(questionnaire["item"], document, "")),
    }


def _items(items: list[Item], said: Any, above: str) -> Iterator[Item]:
    for item in items:
        link = item["linkId"]
        name = link.removeprefix(f"{above}.") if above else link
        if item["type"] == "group":
            yield from _group(item, said, name)
        else:
            answers = list(_answers(item, said, name))
            if answers:
                yield {"linkId": link, "answer": answers}


def _group(item: Item, said: Any, name: str) -> Iterator[Item]:
    """A group once, or once for each item of its list."""
    link = item["linkId"]
    if link.endswith(f".{GAP}"):
        gaps = [one for one in _at(said, name.removesuffix(f".{GAP}")) or () if _is_gap(one)]
        yield from ({"linkId": link, "item": list(_items(item["item"], one, link))} for one in gaps)
        return
    if item.get("repeats"):
        known = _at(said, name.removesuffix(".1")) if not link.startswith("quality_of_life.scale") else _scales(said)
        inside = [list(_items(item["item"], one, link)) for one in (known if isinstance(known, list) else ())]
        yield from ({"linkId": link, "item": one} for one in inside)
        return
    is_list = any(inner["linkId"] == f"{link}.1" and inner.get("repeats") for inner in item["item"])
    value = said if is_list else _at(said, name)
    inner = list(_items(item["item"], value, link.rpartition(".")[0] if is_list else link)) if value is not None else []
    if inner:
        yield {"linkId": link, "item": inner}


def _answers(item: Item, said: Any, name: str) -> Iterator[Item]:
    base, _, last = name.rpartition(".")
    there = _at(said, base) if base else said
    there = there["value"] if isinstance(there, Mapping) and _is_gap(there.get("value")) else there
    if last in ("not_done", "note"):
        if isinstance(there, Mapping) and "not_done" in there and last in there:
            coding = {"system": DATA_ABSENT_REASON, "code": there[last]}
            yield {"valueCoding": coding} if last == "not_done" else {"valueString": there[last]}
    elif last == "none":
        yield from [{"valueBoolean": True}] if there == [] else []
    elif item.get("repeats"):
        values = _at(said, name.removesuffix(".1"))
        yield from (_answer(item, one) for one in (values if isinstance(values, list) else ()) if not _is_gap(one))
    elif (value := _at(said, name)) is not None and not _is_gap(value, _at(said, f"{name}.value")):
        yield _answer(item, value)


def _answer(item: Item, value: Any) -> Item:
    kind = item["type"]
    if kind == "quantity":
        unit = {"unit": value["unit"], "system": "http://unitsofmeasure.org", "code": value["unit"]}
        return {"valueQuantity": {key: value[key] for key in ("value", "comparator") if key in value} | unit}
    if kind == "choice":
        return {"valueCoding": _coding(item, value)}
    return {{"url": "valueUri"}.get(kind, _KINDS.get(kind, "valueString")): value}


def _coding(item: Item, word: str) -> Item:
    if "answerOption" in item:
        return dict(item["answerOption"][0]["valueCoding"])
    name = item["answerValueSet"].partition("|")[0].removeprefix(DEFAULT.url("ValueSet", ""))
    if f"{name}/{word}" in table("answers"):
        return value_sets.coding(name, word)
    return {"system": _SYSTEMS[name], "code": word}


def _is_gap(*values: Any) -> bool:
    return any(isinstance(one, Mapping) and "not_done" in one for one in values)


def _at(said: Any, path: str) -> Any:
    for step in path.split("."):
        said = said.get(step) if isinstance(said, Mapping) else None
    return said


def _scales(said: Any) -> list[Item]:
    scores = _at(said, "scores")
    if not isinstance(scores, Mapping):
        return []
    return [
        {"name": name, "score": value}
        for name, value in scores.items()
        if name not in (*_KNOWN_SCALES, "not_done", "note")
    ]
