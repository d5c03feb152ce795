"""Enrolments of a centre: one for each of its patients, corrected by sending it again."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Response, request

from adapter.flows import answers, enrolment
from adapter.flows.course import Receipt
from adapter.web import auth
from adapter.web.content import FHIR, JSON, expected_version, json_body, plain
from adapter.web.outcome import operation_outcome
from adapter.web.routing import CENTRE, Route
from adapter.web.site import Site


def routes(site: Site) -> list[Route]:
    return [
        Route("enrol", "/enrolments", partial(enrol, site), CENTRE, ("POST",)),
        Route("enrolment-correct", "/enrolments/<id_>", partial(correct, site), CENTRE, ("PUT",)),
        Route("enrolment", "/enrolments/<id_>", partial(state, site), CENTRE),
    ]


def enrol(site: Site) -> Response:
    """201 for a new patient, 200 for one who was enrolled before."""
    receipt = _taken(site, None)
    return _told(receipt, 201 if receipt.created else 200)


def correct(site: Site, id_: str) -> Response:
    """A new version of an enrolment that is there; `If-Match` is kept to."""
    return _told(_taken(site, id_), 200)


def state(site: Site, id_: str) -> Response:
    told = enrolment.state(id_, sender=auth.caller(), store=site.store)
    return plain(told, headers={"ETag": f'W/"{told["version"]}"'})


def _taken(site: Site, expected_id: str | None) -> Receipt:
    if request.mimetype != FHIR:
        return _enrolled(site, expected_id, json_body(JSON, FHIR))
    response = json_body(FHIR)
    read = answers.entry(response, "enrolment", auth.caller(), site.store, site.settings)
    receipt: Receipt = answers.explained(read, lambda: _enrolled(site, expected_id, read.document, response))
    return receipt


def _enrolled(site: Site, expected_id: str | None, document: Any, response: Mapping[str, Any] | None = None) -> Receipt:
    return enrolment.enrol(
        document,
        sender=auth.caller(),
        store=site.store,
        settings=site.settings,
        now=site.clock(),
        expected_id=expected_id,
        expected_version=expected_version(),
        response=response,
    )


def _told(receipt: Receipt, status: int) -> Response:
    document = {
        "id": receipt.id,
        "version": receipt.version,
        "changed": receipt.changed,
        "course": receipt.course,
        "resources": list(receipt.resources),
        "regimen": "dated" if not receipt.regimen_issues else "open",
        "regimen_issues": operation_outcome(receipt.regimen_issues)["issue"],
    }
    return plain(document, status, {"Location": f"/enrolments/{receipt.id}", "ETag": f'W/"{receipt.version}"'})
