"""`POST /fhir`: a transaction, all of which happens or nothing, or a batch, each entry of which is on its own.

In a transaction entries are carried out in R4's order: what is taken back, what is told, what is read. Of what is told
the forms go first, so that a resource can name what a form tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias

from flask import Response

from adapter.errors import EngraftError, Invalid, Refused
from adapter.flows import pushed, questionnaire_response
from adapter.flows.pushed import Change, Kept
from adapter.store import Store
from adapter.store.stored import Stored
from adapter.web import access_log, auth, fhir_asked, fhir_writing
from adapter.web.bundle_entry import MOST_READS, Asked, Filled, Gone, read
from adapter.web.content import FHIR, JSON, fhir, json_body, wishes
from adapter.web.fhir_asked import Look
from adapter.web.outcome import faults_of, issue_code, operation_outcome, status_of
from adapter.web.routing import CENTRE, Route
from adapter.web.site import Site
from mappings.r4.build import Element
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.validate import validate

MOST = 1000
"""Entries of one Bundle."""

Answers: TypeAlias = dict[int, Element]
"""By the number of the entry."""


def routes(site: Site) -> list[Route]:
    return [Route("bundle", "/fhir", partial(bundle, site), CENTRE, ("POST",))]


def bundle(site: Site) -> Response:
    """The answers in the order of the entries."""
    document = json_body(FHIR, JSON)
    _require_bundle(document)
    entries: list[Element] = document.get("entry", [])
    if document["type"] == "transaction":
        answers = _transaction(site, entries)
    else:
        answers = [_alone(site, entry, n) for n, entry in enumerate(entries)]
    made = {"resourceType": "Bundle", "type": f"{document['type']}-response"}
    return fhir(made | ({"entry": answers} if answers else {}))


def _require_bundle(document: Any) -> None:
    """A Bundle of R4, its resources left aside: they have their faults by themselves."""
    kind = document.get("resourceType") if isinstance(document, Mapping) else None
    if kind != "Bundle":
        told = "POST /fhir takes a Bundle; a single resource goes to /fhir/<type>"
        raise Invalid([Fault("resourceType", told, "structure")], status=400)
    entries = document.get("entry", [])
    bare = {}
    if isinstance(entries, list) and entries:
        bare = {
            "entry": [{k: v for k, v in e.items() if k != "resource"} if isinstance(e, dict) else e for e in entries]
        }
    faults = [fault for fault in validate(document | bare) if fault.severity == "error"]
    if not faults and document["type"] not in ("transaction", "batch"):
        faults = [Fault("Bundle.type", "is transaction or batch here", "not-supported")]
    if not faults:
        faults = [*_too_many(entries)]
    if faults:
        raise Invalid(faults, status=400)


def _too_many(entries: Sequence[Element]) -> Iterator[Fault]:
    if len(entries) > MOST:
        yield Fault("Bundle.entry", f"at most {MOST} in one Bundle", "too-costly")
    if sum(entry["request"]["method"] == "GET" for entry in entries) > MOST_READS:
        yield Fault("Bundle.entry", f"at most {MOST_READS} with GET in one Bundle", "too-costly")


def _transaction(site: Site, entries: Sequence[Element]) -> list[Element]:
    asked: dict[int, Asked] = {}
    faults: list[Fault] = []
    for n, entry in enumerate(entries):
        try:
            asked[n] = read(site, entry, n)
        except Invalid as error:
            faults += error.faults
    faults += _twice(asked)
    if faults:
        raise Invalid(faults, status=400)
    _note_reads(asked.values())
    with site.store.together() as store:
        answers = _carried_out(site, asked, store)
    return [answers[n] for n in range(len(entries))]


def _carried_out(site: Site, asked: Mapping[int, Asked], store: Store) -> Answers:
    """In R4's order, whatever the order of the entries."""
    answers: Answers = {}
    for kind in (Gone, Filled):
        for n, one in asked.items():
            if isinstance(one, kind):
                with _within(one):
                    answers[n] = _one(site, one, store)
    changes = {n: one for n, one in asked.items() if isinstance(one, Change)}
    kept = pushed.take([*changes.values()], **_call(site, store)) if changes else []
    answers |= {n: _entry(site, one) for n, one in zip(changes, kept, strict=True)}
    for n, one in asked.items():
        if isinstance(one, Look):
            with _within(one):
                answers[n] = _one(site, one, store)
    return answers


def _twice(asked: Mapping[int, Asked]) -> Iterator[Fault]:
    """What two entries of a transaction change. R4 lets them come in any order, so that neither would be the last."""
    named = [(one, target) for one in asked.values() if (target := _target(one))]
    count = Counter(target for _, target in named)
    for one, target in named:
        if count[target] > 1:
            place = f"{one.place}.request.url" if isinstance(one, Gone) else f"{one.place}.id"
            yield Fault(place, "is changed twice in one transaction", "duplicate")


def _target(asked: Asked) -> tuple[str, str] | None:
    """Type and id of what an entry changes by its address."""
    match asked:
        case Change(target=str(id_)) | Filled(target=str(id_)):
            return asked.resource["resourceType"], id_
        case Gone() if asked.withdrawal.target:
            return asked.withdrawal.kind, asked.withdrawal.target
    return None


def _alone(site: Site, entry: Element, n: int) -> Element:
    """One entry of a batch: what it became, or why not."""
    try:
        asked = read(site, entry, n)
        _note_reads([asked])
        return _one(site, asked, site.store)
    except (EngraftError, FaultyInput) as error:
        status = status_of(error)
        outcome = operation_outcome(faults_of(error))
        return {"response": {"status": _status(status), "outcome": outcome}}


def _note_reads(asked: Iterable[Asked]) -> None:
    """What entries read is in the access log, as if each had been asked by its address."""
    access_log.also(f"/fhir/{'/'.join(one.parts)}" for one in asked if isinstance(one, Look))


def _one(site: Site, asked: Asked, store: Store) -> Element:
    match asked:
        case Look():
            with store.reading() as tx:
                return fhir_asked.answer(asked, site, tx, auth.centre())
        case Gone():
            return _withdrawn(site, fhir_writing.take_back(site, asked.withdrawal, asked.reason, store))
        case Filled():
            return _entry(site, _filled(site, asked, store))
        case Change():
            (kept,) = pushed.take([asked], **_call(site, store))
            return _entry(site, kept)


def _filled(site: Site, asked: Filled, store: Store) -> Kept:
    try:
        if asked.target is None:
            return questionnaire_response.record(asked.resource, **_call(site, store))
        call = _call(site, store) | {"expected": asked.expected}
        return questionnaire_response.correct(asked.target, asked.resource, **call)
    except Invalid as error:
        raise Invalid([_in_form(asked.place, fault) for fault in error.faults], error.status) from error


def _in_form(place: str, fault: Fault) -> Fault:
    """A fault of an answer, which has its linkId, by its place in the Bundle."""
    kind, dot, rest = fault.path.partition(".")
    inside = dot + rest if kind == "QuestionnaireResponse" else f".item.where(linkId='{fault.path}')"
    return replace(fault, path=place + inside)


@contextmanager
def _within(asked: Look | Gone | Filled) -> Iterator[None]:
    """A refusal that names no place names the entry: a transaction has many."""
    try:
        yield
    except Invalid as error:
        if isinstance(asked, Filled):
            raise
        told = [f"{fault.path}: {fault.message}" if fault.path else fault.message for fault in error.faults]
        faults = zip(told, error.faults, strict=True)
        place = f"{asked.place}.request.url"
        raise Invalid([Fault(place, text, fault.code) for text, fault in faults], error.status) from error
    except Refused as error:
        status = status_of(error)
        place = asked.place if isinstance(asked, Filled) else f"{asked.place}.request.url"
        raise Invalid([Fault(place, str(error), issue_code(status))], status) from error


def _call(site: Site, store: Store) -> dict[str, Any]:
    return {"sender": auth.caller(), "store": store, "settings": site.settings, "now": site.clock()}


def _entry(site: Site, kept: Kept) -> Element:
    said = {"status": _status(201 if kept.created else 200), **_stands(site, kept.stored)}
    whole = {"resource": kept.stored.content} if wishes("return") == "representation" else {}
    return whole | {"response": said}


def _withdrawn(site: Site, stored: Stored | None) -> Element:
    said = _stands(site, stored) if stored else {}
    return {
        "response": {"status": _status(200), **said, "outcome": operation_outcome([fhir_writing.withdrawn(stored)])}
    }


def _stands(site: Site, stored: Stored) -> Element:
    headers = fhir_writing.told_headers(site, stored)
    modified = stored.content["meta"]["lastUpdated"]
    return {"location": headers["Location"], "etag": headers["ETag"], "lastModified": modified}


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"
