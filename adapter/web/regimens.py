"""The stored plan of a patient for programs: how it stands, and the signature of a pharmacist or physician."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from flask import Response

from adapter.errors import Invalid
from adapter.flows import validation
from adapter.flows.validation import Signer, Standing
from adapter.store.validations import SIGNED, Event
from adapter.web import auth
from adapter.web.content import JSON, json_body, plain
from adapter.web.outcome import operation_outcome
from adapter.web.routing import CARE, Route
from adapter.web.site import Site
from mappings.r4.faults import Fault


def routes(site: Site) -> list[Route]:
    one = "/regimens/<id_>"
    return [
        Route("regimen", one, partial(state, site), CARE),
        Route("regimen-validate", f"{one}/validation", partial(validate, site), CARE, ("POST",)),
        Route("regimen-withdraw", f"{one}/validation/withdrawal", partial(withdraw, site), CARE, ("POST",)),
    ]


def state(site: Site, id_: str) -> Response:
    found = validation.state(id_, centre=auth.centre(), store=site.store, settings=site.settings, now=site.clock())
    return plain(told(found))


def validate(site: Site, id_: str) -> Response:
    """Signs what is stored now; `shown`, the digest of what the signer saw, guards against signing something else."""
    said = _said(("name", "role"), ("shown",))
    plan = validation.validate(
        id_,
        _signer(said),
        shown=said.get("shown"),
        centre=auth.centre(),
        store=site.store,
        settings=site.settings,
        now=site.clock(),
    )
    return plain(told(plan))


def withdraw(site: Site, id_: str) -> Response:
    """Takes every signature back, with a reason."""
    said = _said(("name", "role", "reason"))
    plan = validation.withdraw(
        id_,
        _signer(said),
        said["reason"],
        centre=auth.centre(),
        store=site.store,
        settings=site.settings,
        now=site.clock(),
    )
    return plain(told(plan))


def told(plan: Standing) -> dict[str, Any]:
    """How a plan stands, as JSON. `status`: open (no dated plan yet), draft, active, revoked."""
    return {
        "course": plan.ids.course,
        "patient": f"Patient/{plan.ids('patient')}",
        "care_plan": f"CarePlan/{plan.ids('care-plan')}" if plan.digest else None,
        "protocol": plan.enrolment.protocol,
        "status": plan.status,
        "digest": plan.digest,
        "validations": [_event(one, plan) for one in plan.events if one.deed == SIGNED],
        "history": [_event(one, plan) for one in plan.events],
        "issues": operation_outcome(plan.issues)["issue"],
    }


def _event(one: Event, plan: Standing) -> dict[str, Any]:
    said = {name: getattr(one, name) for name in ("deed", "name", "role", "digest", "by", "reason")}
    return said | {"at": one.at.isoformat(), "holds": one in plan.holding}


def _said(needed: Collection[str], optional: Collection[str] = ()) -> dict[str, str]:
    """The document that was sent: texts, under these keys and no others. Raises Invalid with every fault."""
    document = json_body(JSON)
    if not isinstance(document, dict):
        raise Invalid([Fault("$", "a JSON object is needed", "structure")], status=400)
    known = ", ".join((*needed, *optional))
    faults = [
        Fault(key[:80], f"unknown key; known: {known}", "structure")
        for key in document
        if key not in {*needed, *optional}
    ]
    faults += [Fault(key, "is needed", "required") for key in needed if key not in document]
    named = [key for key in (*needed, *optional) if key in document]
    faults += [Fault(key, "is a text", "value") for key in named if not isinstance(document[key], str)]
    if faults:
        raise Invalid(faults)
    return document


def _signer(said: dict[str, str]) -> Signer:
    return Signer(said["name"], said["role"], f"client:{auth.caller().name}")
