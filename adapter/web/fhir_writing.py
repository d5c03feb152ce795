"""The writing side of the FHIR server: outcomes as FHIR, from a centre whose own system speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import Response, current_app, request

from adapter.errors import Invalid
from adapter.flows import pushed, questionnaire_response
from adapter.flows.pushed import Change, Kept, Withdrawal
from adapter.store import Store
from adapter.store.criteria import Criterion
from adapter.store.stored import Stored
from adapter.web import auth, search_request
from adapter.web.content import FHIR, JSON, expected_version, fhir, json_body, wishes
from adapter.web.outcome import operation_outcome
from adapter.web.routing import CENTRE, Route
from adapter.web.served import BY_FORM, PUSHED, SHAPES
from adapter.web.site import Site
from mappings.outcomes.retract import ENTERED_IN_ERROR, standing
from mappings.r4.build import Resource
from mappings.r4.faults import Fault


def routes(site: Site) -> list[Route]:
    """Types are an explicit list. Of a Patient only an update, because enrolling is more than a Patient."""
    kinds = f"<any({', '.join(repr(kind) for kind in sorted(PUSHED))}):kind>"
    updated = f"<any({', '.join(repr(kind) for kind in sorted((*PUSHED, 'Patient')))}):kind>"
    removed = f"<any({', '.join(repr(kind) for kind in sorted((*PUSHED, BY_FORM)))}):kind>"
    return [
        Route("create", f"/fhir/{kinds}", partial(create, site), CENTRE, ("POST",), beside=True),
        Route("answer", f"/fhir/{BY_FORM}", partial(answer, site), CENTRE, ("POST",), beside=True),
        Route("update", f"/fhir/{updated}/<id_>", partial(update, site), CENTRE, ("PUT",), beside=True),
        Route("answer-correct", f"/fhir/{BY_FORM}/<id_>", partial(correct, site), CENTRE, ("PUT",), beside=True),
        Route(
            "delete",
            f"/fhir/{removed}/<id_>",
            partial(delete, site),
            CENTRE,
            ("DELETE",),
            beside=True,
            query=("reason",),
        ),
        Route(
            "delete-conditional", f"/fhir/{kinds}", partial(delete, site), CENTRE, ("DELETE",), beside=True, query=None
        ),
        Route(
            "update-conditional",
            f"/fhir/{kinds}",
            partial(update_conditional, site),
            CENTRE,
            ("PUT",),
            beside=True,
            query=None,
        ),
    ]


def create(site: Site, kind: str) -> Response:
    """201, or 200 where it was known already."""
    resource = _resource(kind)
    unless = finds(site, kind, request.headers.get("If-None-Exist", ""), "If-None-Exist")
    if not unless and "If-None-Exist" in request.headers:
        raise Invalid([Fault("If-None-Exist", "is empty: a condition is a search", "value")], status=400)
    return _told(site, _take(site, Change(kind, resource, unless=unless)))


def update(site: Site, kind: str, id_: str) -> Response:
    resource = _resource(kind)
    if resource.get("id") != id_:
        raise Invalid([Fault(f"{kind}.id", "is not the id of the address", "value")], status=400)
    return _told(site, _take(site, Change(kind, resource, target=id_, expected=expected_version())))


def update_conditional(site: Site, kind: str) -> Response:
    """The only match of the search in the address is updated; without one it is created."""
    resource, query = _resource(kind), request.query_string.decode("utf-8", "replace")
    chosen_by = finds(site, kind, query, "")
    if not chosen_by:
        raise Invalid([Fault("", f"PUT {kind} needs an id or a search in its address", "required")], status=400)
    return _told(site, _take(site, Change(kind, resource, chosen_by=chosen_by, expected=expected_version())))


def answer(site: Site) -> Response:
    """A form that was filled in with our Questionnaire, as a resource: recorded as a follow-up, and kept."""
    return _told(site, questionnaire_response.record(_resource(BY_FORM), **_call(site)))


def correct(site: Site, id_: str) -> Response:
    """Another answer for the same visit."""
    resource = _resource(BY_FORM)
    if resource.get("id") != id_:
        raise Invalid([Fault(f"{BY_FORM}.id", "is not the id of the address", "value")], status=400)
    kept = questionnaire_response.correct(id_, resource, expected=expected_version(), **_call(site))
    return _told(site, kept)


def delete(site: Site, kind: str, id_: str | None = None) -> Response:
    """Taken back: entered-in-error, and still readable. `?reason=` is kept; without an id the rest is a search."""
    query = request.query_string.decode("utf-8", "replace")
    stored = take_back(site, *withdrawal(site, kind, id_, query, "", expected_version()))
    headers = told_headers(site, stored) if stored else {}
    headers.pop("Location", None)
    if wishes("return") == "minimal":
        return current_app.response_class(status=204, headers=headers)
    return fhir(operation_outcome([withdrawn(stored)]), headers=headers)


def withdrawal(
    site: Site, kind: str, id_: str | None, query: str, place: str, expected: int | None
) -> tuple[Withdrawal, str]:
    """What an address asks to take back, and why. Raises Invalid (400) for what cannot be read."""
    said = parse_qsl(query, keep_blank_values=True)
    search = urlencode([(name, value) for name, value in said if name != "reason"])
    reason = next((value.strip() for name, value in said if name == "reason"), "")
    chosen_by = finds(site, kind, search, place) if kind in PUSHED else ()
    if bool(id_) == bool(chosen_by):
        raise Invalid([Fault(place, f"DELETE {kind} needs an id, or else a search, in its address", "value")], 400)
    return Withdrawal(place, kind, id_, chosen_by, expected), reason


def take_back(site: Site, asked: Withdrawal, reason: str, store: Store | None = None) -> Stored | None:
    """The resource as it stands then; None where the centre has none. `store`: where it is one deed of several."""
    call = _call(site, store)
    if asked.kind == BY_FORM:
        return questionnaire_response.retract(str(asked.target), reason, expected=asked.expected, **call)
    (stored,) = pushed.take_back([asked], reason=reason, **call)
    return stored


def withdrawn(stored: Stored | None) -> Fault:
    """What became of what was to be taken back, in a sentence."""
    if stored is None:
        return Fault("", "nothing of this centre is known by this: nothing was taken back", "not-found", "warning")
    if standing(stored.content) != ENTERED_IN_ERROR:
        return Fault("", "a follow-up tells this too, and what it says stands", "informational", "warning")
    return Fault("", f"is {ENTERED_IN_ERROR}; every version stays readable", "informational", "information")


def finds(site: Site, kind: str, query: str, place: str) -> tuple[Criterion, ...]:
    """What a condition in a header or an address chooses by. Raises Invalid (400) for what cannot be read."""
    said = [(name, value) for name, value in parse_qsl(query.lstrip("?"), keep_blank_values=True) if name not in SHAPES]
    found = search_request.read(kind, said, base=site.fhir_base, lenient=False).finds
    if query and not found:
        raise Invalid([Fault(place, "is a search such as identifier=system|value", "value")], status=400)
    return found


def told_headers(site: Site, one: Stored) -> dict[str, str]:
    """Where the resource is, and in which version."""
    return {
        "Location": f"{site.fhir_base}/{one.reference}/_history/{one.version}",
        "ETag": f'W/"{one.version}"',
        "Last-Modified": format_datetime(one.at, usegmt=True),
    }


def _take(site: Site, change: Change) -> Kept:
    (kept,) = pushed.take([change], **_call(site))
    return kept


def _call(site: Site, store: Store | None = None) -> dict[str, Any]:
    return {
        "sender": auth.caller(),
        "store": store or site.store,
        "settings": site.settings,
        "now": site.clock(),
    }


def _resource(kind: str) -> Resource:
    document: Any = json_body(FHIR, JSON)
    said = document.get("resourceType") if isinstance(document, Mapping) else None
    if said != kind:
        raise Invalid([Fault("resourceType", f"the address is for {kind}", "structure")], status=400)
    resource: Resource = document
    return resource


def _told(site: Site, kept: Kept) -> Response:
    headers, status = told_headers(site, kept.stored), 201 if kept.created else 200
    wish = wishes("return")
    if kept.found or wish == "minimal":
        return current_app.response_class(status=status, headers=headers)
    if wish == "OperationOutcome":
        done = Fault("", "created" if kept.created else "kept", "informational", "information")
        return fhir(operation_outcome([done]), status, headers)
    return fhir(kept.stored.content, status, headers)
