"""`$apply`: a protocol and a patient's facts make a CarePlan, its RequestGroup and one request per step.

What no FHIR engine does of itself is done here: dates from day zero, milligrams from the measures, the protocol's cap,
ids that are the same on every machine. It fails closed: without the facts there is no plan, or, when a draft is asked
for, one that carries no dose and says so. Before anything is handed out, `recheck` reckons it again another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property, lru_cache

from mappings.canonicals import DEFAULT, Canonicals
from mappings.facts.plausible import DEFAULT_LIMITS, Limits
from mappings.plan import measures, origin, recheck
from mappings.plan.definition import definitions, frame
from mappings.plan.dosing import Body
from mappings.plan.inputs import NOTHING_KNOWN, Patient, check, check_day_zero
from mappings.plan.orders import Placed, leaves, orders, placed
from mappings.plan.rows import Row, rows
from mappings.plan.sheet import Sheet, doses
from mappings.plan.timeline import Group, Step, months_after, tree
from mappings.protocol.model import Objective, Protocol, Taper
from mappings.protocol.overlay import NOTHING, Overlay
from mappings.r4.build import Element, Ids, Resource, quantity, reference, transaction
from mappings.r4.faults import FaultyInput
from mappings.r4.frozen import frozen

SOFTWARE = "Engraft"
WINDOW = "http://hl7.org/fhir/uv/vulcan-schedule/StructureDefinition/AcceptableOffsetRangeSoa"
"""Vulcan's extension for the days between which a visit may take place."""


@dataclass(frozen=True, slots=True)
class Order:
    """What `$apply` is asked for.

    `subject` is a literal reference (`Patient/<id>`), `course` the uuid that all ids hang on. `intent` is `proposal`
    for `$apply` and `plan` for the stored course, which stays draft until a person validates it.
    `subject_resource` travels with the plan where the receiver cannot know the patient. `made` is the moment that the
    plan's Provenance names; without one there is none, and no measure is looked at for being dated ahead. `flags`:
    sentences that each drug order carries of which something is given on `flagged_from` or later, e.g. that the weight
    has changed.
    """

    protocol: Protocol
    day_zero: date | None
    body: Body
    subject: str
    course: str
    bsa_formula: str = "mosteller"
    centre: str | None = None
    draft: bool = False
    intent: str = "proposal"
    canonicals: Canonicals = DEFAULT
    subject_resource: Resource | None = None
    overlay: Overlay = NOTHING
    limits: Limits = DEFAULT_LIMITS
    patient: Patient = NOTHING_KNOWN
    made: datetime | None = None
    software: str = SOFTWARE
    flags: tuple[str, ...] = ()
    flagged_from: date | None = None


class Applied:
    """The plan, in the shapes that it is asked for in; each is made, and reckoned again, when it is first looked at."""

    def __init__(self, order_: Order) -> None:
        self._order = order_
        self._protocol = order_.overlay.laid_over(order_.protocol)

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """Stand-alone resources: CarePlan first, then RequestGroup, orders, measures, goals, Provenance, patient."""
        return tuple(self._made(self._sheet))

    @cached_property
    def care_plan(self) -> Resource:
        """Strict R4 answer of `$apply`: one CarePlan with everything contained."""
        inside = self._order.subject_resource
        subject = reference(f"#{inside['id']}") if inside else self._sheet.subject
        plan, *others = self._made(replace(self._sheet, contained=True, subject=subject))
        head = {"resourceType": "CarePlan", "id": plan["id"], "meta": plan["meta"]}
        return head | {"contained": others} | plan

    @property
    def bundle(self) -> Resource:
        """Answer of `$r5.apply`: a transaction Bundle that PUTs each resource on its own id."""
        return transaction(self.resources)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """One row per administration day and line."""
        sheet = self._sheet
        return tuple(row for step in leaves(self._protocol) for row in rows(step, sheet))

    @cached_property
    def _sheet(self) -> Sheet:
        order_, protocol = self._order, self._protocol
        return Sheet(
            protocol=protocol,
            ids=Ids(order_.course, order_.canonicals),
            subject=reference(order_.subject),
            intent="option" if order_.intent == "proposal" else order_.intent,
            live=order_.intent == "proposal" and not order_.draft,
            day_zero=order_.day_zero,
            body=order_.body,
            formula=order_.bsa_formula,
            dosed=not order_.draft,
            overlay=order_.overlay,
            flags=order_.flags,
            flagged_from=order_.flagged_from,
            doses={} if order_.draft else doses(protocol, order_.body, order_.bsa_formula, order_.overlay),
        )

    def _made(self, sheet: Sheet) -> list[Resource]:
        order_ = self._order
        steps = placed(sheet)
        # 1. a CarePlan for the subject   2. its goals
        goals = [_goal(objective, sheet) for objective in order_.protocol.objectives if objective.goal]
        # 3. a RequestGroup with one action per action of the plan   4. groups recurse
        request_group = _request_group(steps, sheet, order_)
        # 5. conditions of kind start travel on the actions, unevaluated   6. each leaf becomes a request
        requests = orders(steps, sheet)
        recheck.require_agreement(requests, _definitions(sheet.protocol, sheet.canonicals), _evidence(sheet))
        # 7. what travels together
        used = measures.observations(sheet)
        origins = [origin.provenance(sheet, order_.made, order_.software)] if order_.made else []
        patient = [order_.subject_resource] if order_.subject_resource else []
        begins = min((one.day for one in steps if one.day), default="")
        care_plan = _care_plan(begins, [request_group, *requests], goals, [*used, *origins], sheet, order_)
        return [care_plan, request_group, *requests, *used, *goals, *origins, *patient]


def apply(order_: Order) -> Applied:
    """Applies the protocol. The steps are those of the R4 specification's `$apply`.

    Raises FaultyInput naming each input that is missing, stale or implausible, unless a draft is asked for; of a draft
    only a day zero in an impossible place. A shape of the answer raises `recheck.Disagreement` where the second
    reckoning differs.
    """
    _require_inputs(order_)
    return Applied(order_)


def _require_inputs(order_: Order) -> None:
    faults = check_day_zero(order_.protocol, order_.day_zero, order_.patient, order_.limits)
    if order_.draft:
        faults = [fault for fault in faults if fault.code != "required"]
    else:
        protocol = order_.overlay.laid_over(order_.protocol)
        today = order_.made.date() if order_.made else None
        day_zero = None if faults else order_.day_zero
        faults += check(protocol, day_zero, order_.body, order_.bsa_formula, limits=order_.limits, today=today)
    if faults:
        raise FaultyInput(faults)


def _evidence(sheet: Sheet) -> recheck.Evidence:
    body = sheet.body
    return recheck.Evidence(
        day_zero=sheet.day_zero,
        weight_kg=str(body.weight_kg or 0) if sheet.dosed else None,
        height_cm=str(body.height_cm) if sheet.dosed and sheet.by_surface else None,
        formula=sheet.formula,
        steps_mg={key: str(one.step_mg) for key, one in sheet.overlay.lines.items() if one.step_mg},
        times={key: one.doses_per_day for key, one in sheet.overlay.lines.items() if one.doses_per_day},
    )


@lru_cache(maxsize=16)
def _definitions(protocol: Protocol, canonicals: Canonicals) -> recheck.Definitions:
    return recheck.read(definitions(protocol, canonicals))


def _care_plan(
    begins: str, requests: list[Resource], goals: list[Resource], support: list[Resource], sheet: Sheet, order_: Order
) -> Resource:
    mark = "" if sheet.dosed else "DRAFT, NOT DOSED: "
    out: Resource = {
        **_head("CarePlan", "engraft-care-plan", "care-plan", sheet),
        "instantiatesCanonical": [_instantiates(sheet)],
        "status": "active" if sheet.live else "draft",
        "intent": order_.intent,
        "title": mark + sheet.protocol.title,
        "description": sheet.protocol.purpose,
        "subject": sheet.subject,
    }
    if begins:
        out["period"] = {"start": begins}
    if support:
        out["supportingInfo"] = [_to(one, sheet) for one in support]
    if goals:
        out["goal"] = [_to(goal, sheet) for goal in goals]
    out["activity"] = [{"reference": _to(request, sheet)} for request in requests]
    care = [{"text": f"Supportive care of {order_.overlay.centre}: {said}"} for said in order_.overlay.supportive_care]
    return out | ({"note": care} if care else {})


def _to(resource: Resource, sheet: Sheet) -> Element:
    return {"reference": sheet.link(resource["resourceType"], resource["id"])}


def _request_group(steps: list[Placed], sheet: Sheet, order_: Order) -> Resource:
    return {
        **_head("RequestGroup", "engraft-request-group", "request-group", sheet),
        "instantiatesCanonical": [_instantiates(sheet)],
        "groupIdentifier": sheet.group,
        "status": "active" if sheet.live else "draft",
        "intent": order_.intent,
        "subject": sheet.subject,
        "action": _actions(steps, sheet),
    }


def _actions(steps: list[Placed], sheet: Sheet) -> list[Element]:
    """The actions of one patient: what no patient changes, filled in."""
    following = iter(steps)
    return [_action(one, following, sheet) for one in _frames(sheet.protocol)]


@dataclass(frozen=True, slots=True)
class Frame:
    """What no patient changes in an action; of a group with its `inside`, of a step None."""

    frame: Element
    inside: tuple[Frame, ...] | None


@lru_cache(maxsize=16)
def _frames(protocol: Protocol) -> tuple[Frame, ...]:
    return tuple(_framed(node, protocol) for node in tree(protocol))


def _framed(node: Group | Step, protocol: Protocol) -> Frame:
    inside = tuple(_framed(child, protocol) for child in node.children) if isinstance(node, Group) else None
    return Frame(frozen(frame(node, protocol)), inside)


def _action(one: Frame, steps: Iterator[Placed], sheet: Sheet) -> Element:
    """One action and what is inside of it; the steps come in the order of the plan."""
    out = one.frame.copy()
    if one.inside is None:
        _fill(out, next(steps), sheet)
    else:
        out["action"] = [_action(child, steps, sheet) for child in one.inside]
    return out


def _fill(out: Element, one: Placed, sheet: Sheet) -> None:
    """The action of one patient: its date, the centre's window, and what it orders."""
    step = one.step
    window = sheet.overlay.visits.get(step.action)
    if window and window.first is not None and window.last is not None and out.get("relatedAction"):
        range_ = {"low": quantity(window.first, "d"), "high": quantity(window.last, "d")}
        first, *others = out["relatedAction"]
        out["relatedAction"] = [first | {"extension": [{"url": WINDOW, "valueRange": range_}]}, *others]
    if one.day and not isinstance(step.clause, Taper) and "condition" not in out:
        out["timingDateTime"] = one.day
    out["resource"] = {"reference": sheet.link(one.still.kind, one.id)}


def _goal(objective: Objective, sheet: Sheet) -> Resource:
    out: Resource = {
        **_head("Goal", "engraft-goal", f"goal-{objective.key}", sheet),
        "lifecycleStatus": "proposed",
        "description": {"text": objective.goal},
        "subject": sheet.subject,
    }
    if objective.due_months and sheet.day_zero:
        out["target"] = [{"dueDate": months_after(sheet.day_zero, objective.due_months).isoformat()}]
    return out


def _head(resource_type: str, profile: str, item: str, sheet: Sheet) -> Resource:
    return {
        "resourceType": resource_type,
        "id": sheet.ids(item),
        "meta": sheet.ids.meta(profile),
        "identifier": [sheet.ids.identifier(item, system="plan")],
    }


def _instantiates(sheet: Sheet) -> str:
    return sheet.ids.canonicals.pinned("PlanDefinition", sheet.protocol.key)
