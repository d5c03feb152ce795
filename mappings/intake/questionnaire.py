"""A QuestionnaireResponse (R4) as the document that it says: linkIds are the dotted paths.

A list is a group that repeats: items with one linkId, `gvhd.acute.1`, are the first, the second and so on, and so are
the answers of one question, `gvhd.acute.1.treatment.1`. A linkId that names another number, `gvhd.acute.2.onset`, is
taken at its word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from mappings.canonicals import Canonicals
from mappings.intake.answers import value_of
from mappings.intake.columns import GAP, NUMBER, Column, Kind, column, kind_by
from mappings.intake.entries import Entry
from mappings.intake.nesting import Cell, Placed, nest, place
from mappings.intake.words import VISITS
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate

Item = Mapping[str, Any]
Answer = tuple[str, str, Mapping[str, Any]]
"""The sender's linkId, the path that it means, and one answer."""

Who = Callable[[Mapping[str, Any]], tuple[str, str] | None]
"""(centre, patient) of a `subject`, where the receiver knows it."""

COMPLETE = ("completed", "amended")
_FORMS = ("enrolment", *(f"follow-up-{visit}" for visit in VISITS))
_SCALE, _SCORES = "quality_of_life.scale.", "quality_of_life.scores."
"""A score whose scale the Questionnaire does not know is named by an answer beside it."""


def nobody(_: Mapping[str, Any]) -> tuple[str, str] | None:
    """Nobody knows whom a reference means."""
    return None


def entry(response: Mapping[str, Any], canonicals: Canonicals, who: Who = nobody, line: int = 1) -> Entry:
    """The document of a response. Its faults name what is no R4 by FHIRPath, an answer by its linkId."""
    unsound = [fault for fault in validate(response) if fault.severity == "error"]
    wrong = unsound or list(_unanswerable(response, canonicals))
    if wrong:
        return Entry(line, faults=tuple(wrong))
    answers = list(_answers(response.get("item", ()), {}))
    named = {path.split(".")[0] for _, path, _ in answers}
    kind = "follow-up" if _visit_of(response) else kind_by(named)
    try:
        placed = [*_scored(answers, kind, canonicals), *_told_by_head(response, named, kind, who)]
        nested = nest(placed)
    except FaultyInput as error:
        return Entry(line, kind=kind, faults=error.faults)
    visit, told = _visit_of(response), nested.document.get("visit")
    if visit and told and told != visit:
        fault = Fault("visit", f"is not {visit}, that of the Questionnaire", "business-rule")
        return Entry(line, kind=kind, faults=(fault,))
    return Entry(line, nested.document, None, kind, nested, response=response)


def _unanswerable(response: Mapping[str, Any], canonicals: Canonicals) -> Iterator[Fault]:
    if str(response.get("questionnaire", "")) not in _questionnaires(canonicals):
        ours = f"{', '.join(_FORMS)} at {canonicals.url('Questionnaire', '')}, of version {canonicals.version}"
        told = f"is none of ours, or of another version: answer one of {ours}"
        yield Fault("QuestionnaireResponse.questionnaire", told, "not-supported")
    if response.get("status") not in COMPLETE:
        told = f"only {' and '.join(COMPLETE)} ones are taken; what was sent before is taken back by DELETE"
        yield Fault("QuestionnaireResponse.status", told, "business-rule")
    yield from _changed(response, "QuestionnaireResponse")


@cache
def _questionnaires(canonicals: Canonicals) -> frozenset[str]:
    """As they may be named: pinned to the version that there is, or not pinned."""
    return frozenset(name("Questionnaire", form) for form in _FORMS for name in (canonicals.url, canonicals.pinned))


def _changed(node: Any, place: str) -> Iterator[Fault]:
    """What R4 allows nobody to pass over who does not understand it, at any depth."""
    for name in ("implicitRules", "modifierExtension"):
        if name in node:
            told = "changes the meaning of the rest, and is not understood here"
            yield Fault(f"{place}.{name}", told, "not-supported")
    for name in ("item", "answer"):
        for nth, inner in enumerate(node.get(name, ())):
            yield from _changed(inner, f"{place}.{name}[{nth}]")


def _answers(items: Any, numbers: Mapping[str, str]) -> Iterator[Answer]:
    """Every answer in its place. `numbers`: groups above by their linkIds, with the number that each one has here."""
    said: dict[str, int] = {}
    for item in items:
        link = item["linkId"]
        path = _in_its_list(_renumbered(link, numbers))
        if said.get(link):
            path = _next(path, said[link])
        inside = {**numbers, link: path}
        given = item.get("answer", ())
        for nth, answer in enumerate(given):
            yield link, _next(path, nth) if nth else path, answer
            yield from _answers(answer.get("item", ()), inside)
        said[link] = said.get(link, 0) + (len(given) or 1)
        yield from _answers(item.get("item", ()), inside)


def _renumbered(link: str, numbers: Mapping[str, str]) -> str:
    """The path of a linkId inside groups that repeat."""
    parts = link.split(".")
    for end in range(len(parts), 0, -1):
        if (above := numbers.get(".".join(parts[:end]))) is not None:
            return ".".join((above, *parts[end:]))
    return link


def _in_its_list(path: str) -> str:
    """The group of one more item of a list, that says why there is no value in it, by a number: it may repeat."""
    found = column("follow-up", path) if path.endswith(f".{GAP}") else None
    return found.path if found and found.holds == "group" else path


def _next(path: str, steps: int) -> str:
    """The item that many after this one; a path that ends in no number is said twice, which is refused later."""
    above, _, last = path.rpartition(".")
    return f"{above}.{int(last) + steps}" if NUMBER.fullmatch(last) else path


def _scored(answers: list[Answer], kind: Kind, canonicals: Canonicals) -> Iterator[Placed]:
    """The answers as cells. Raises FaultyInput where a linkId is not of the document or an answer not of its kind."""
    names = {path.rpartition(".")[0]: answer.get("valueString") for _, path, answer in answers if _names(path)}
    faults = []
    for link, path, answer in answers:
        if _names(path):
            continue
        above, _, rest = path.partition(".score")
        meant = f"{_SCORES}{names.get(above) or ''}{rest}" if path.startswith(_SCALE) else path
        found = column(kind, meant)
        if found is None or found.holds in ("group", "list"):
            told = "no such linkId in this form; linkIds are the paths of the interface"
            faults.append(Fault(link[:80], told, "structure"))
            continue
        try:
            yield _placed(found, link, answer, canonicals)
        except ValueError as error:
            faults.append(Fault(link, str(error), "structure"))
    if faults:
        raise FaultyInput(faults)


def _names(path: str) -> bool:
    return path.startswith(_SCALE) and path.endswith(".name")


def _placed(found: Column, link: str, answer: Mapping[str, Any], canonicals: Canonicals) -> Placed:
    value = value_of(found, answer, canonicals)
    return place(found, value, Cell(None, link, ""))


def _told_by_head(response: Mapping[str, Any], named: set[str], kind: Kind, who: Who) -> Iterator[Placed]:
    """What the answers leave out and the response says of itself: whose it is, and of which visit."""
    subject = response.get("subject", {})
    known = who(subject)
    head = {
        "centre": known and known[0],
        "patient": known[1] if known else subject.get("identifier", {}).get("value"),
        "visit": _visit_of(response) if kind == "follow-up" else None,
    }
    for name, value in head.items():
        if value is not None and name not in named:
            yield Placed((name,), value, Cell(None, name, ""))


def _visit_of(response: Mapping[str, Any]) -> str | None:
    """The visit whose Questionnaire was answered: `.../Questionnaire/follow-up-m6`."""
    name = str(response.get("questionnaire", "")).partition("|")[0].rpartition("/")[2]
    visit = name.rpartition("-")[2]
    return visit if visit in VISITS and name.startswith("follow-up-") else None
