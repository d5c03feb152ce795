"""`$apply`: a protocol and a patient's facts make a CarePlan, its RequestGroup and one request per step.

What no FHIR engine does of itself is done here: dates from day zero, milligrams from the measures, the protocol's cap,
ids that are the same on every machine. It fails closed: without the facts there is no plan, or, when a draft is asked
for, one that carries no dose and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mappings.canonicals import DEFAULT, Canonicals
from mappings.plan.definition import frame
from mappings.plan.dosing import Body, require_body
from mappings.plan.orders import Sheet, group_identifier, kind, order
from mappings.plan.rows import Row, rows
from mappings.plan.timeline import PLACE_DAY_ZERO, Group, Step, months_after, steps, tree
from mappings.protocol.model import Protocol, Taper
from mappings.r4.build import Element, Ids, Resource, reference, transaction
from mappings.r4.faults import Fault, FaultyInput


@dataclass(frozen=True, slots=True)
class Order:
    """What `$apply` is asked for.

    `subject` is a literal reference (`Patient/<id>`), `course` the uuid that all ids hang on. `intent` is `proposal`
    for `$apply` and `plan` for the stored course, which stays draft until a person validates it.
    `subject_resource` travels with the plan where the receiver cannot know the patient.
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


@dataclass(frozen=True, slots=True)
class Applied:
    """The plan as stand-alone resources (CarePlan first, then RequestGroup, orders, goals) and as rows."""

    resources: tuple[Resource, ...]
    rows: tuple[Row, ...]

    @property
    def care_plan(self) -> Resource:
        """Strict R4 answer of `$apply`: one CarePlan with everything contained."""
        plan, *others = self.resources
        inside = {f"{r['resourceType']}/{r['id']}": f"#{r['id']}" for r in others}
        own = f"CarePlan/{plan['id']}"
        contained = [_rewritten({k: v for k, v in r.items() if not _based_on(k, v, own)}, inside) for r in others]
        rewritten: Resource = _rewritten(plan, inside)
        return {"resourceType": "CarePlan", "id": plan["id"], "meta": plan["meta"], "contained": contained} | rewritten

    @property
    def bundle(self) -> Resource:
        """Answer of `$r5.apply`: a transaction Bundle that PUTs each resource on its own id."""
        return transaction(self.resources)


def apply(order_: Order) -> Applied:
    """Applies the protocol. The steps are those of the R4 specification's `$apply`.

    Raises FaultyInput naming each input that is missing or implausible, unless a draft is asked for.
    """
    _require_inputs(order_)
    groups = tree(order_.protocol)
    sheet = _sheet(order_)
    leaves = tuple(steps(groups))
    # 1. a CarePlan for the subject   2. its goals
    goals = [_goal(objective.key, objective.goal, objective.due_months, sheet) for objective in _goals(order_)]
    # 3. a RequestGroup with one action per action of the plan   4. groups recurse
    request_group = _request_group(groups, sheet, order_)
    # 5. conditions of kind start travel on the actions, unevaluated   6. each leaf becomes a request
    requests = [order(step, sheet) for step in leaves]
    care_plan = _care_plan([request_group, *requests], goals, sheet, order_)
    # 7. what travels together
    patient = [order_.subject_resource] if order_.subject_resource else []
    return Applied(
        resources=(care_plan, request_group, *requests, *goals, *patient),
        rows=tuple(row for step in leaves for row in rows(step, sheet)),
    )


def _require_inputs(order_: Order) -> None:
    faults = []
    low, high = PLACE_DAY_ZERO
    anchor = order_.protocol.anchor
    if order_.day_zero is None:
        if not order_.draft:
            faults.append(
                Fault("day-zero", f"the date of day zero ({anchor.title}) is needed to date this protocol", "required")
            )
    elif not low <= order_.day_zero <= high:
        faults.append(Fault("day-zero", f"day zero must lie between {low} and {high}", "value"))
    if not order_.draft:
        try:
            require_body(order_.body, order_.bsa_formula, order_.protocol.lines)
        except FaultyInput as found:
            faults += found.faults
    if faults:
        raise FaultyInput(faults)


def _sheet(order_: Order) -> Sheet:
    return Sheet(
        protocol=order_.protocol,
        ids=Ids(order_.course, order_.canonicals),
        subject=order_.subject,
        intent="option" if order_.intent == "proposal" else order_.intent,
        live=order_.intent == "proposal" and not order_.draft,
        day_zero=order_.day_zero,
        body=order_.body,
        formula=order_.bsa_formula,
        dosed=not order_.draft,
    )


def _care_plan(requests: list[Resource], goals: list[Resource], sheet: Sheet, order_: Order) -> Resource:
    mark = "" if sheet.dosed else "DRAFT, NOT DOSED: "
    out: Resource = {
        **_head("CarePlan", "engraft-care-plan", "care-plan", sheet),
        "instantiatesCanonical": [_instantiates(sheet)],
        "status": "active" if sheet.live else "draft",
        "intent": order_.intent,
        "title": mark + sheet.protocol.title,
        "description": sheet.protocol.purpose,
        "subject": reference(sheet.subject),
    }
    dates = [day for step in steps(tree(sheet.protocol)) if (day := step.on(sheet.day_zero))]
    if dates:
        out["period"] = {"start": min(dates).isoformat()}
    if goals:
        out["goal"] = [reference(f"Goal/{goal['id']}") for goal in goals]
    references = [f"{request['resourceType']}/{request['id']}" for request in requests]
    return out | {"activity": [{"reference": reference(target)} for target in references]}


def _request_group(groups: tuple[Group, ...], sheet: Sheet, order_: Order) -> Resource:
    return {
        **_head("RequestGroup", "engraft-request-group", "request-group", sheet),
        "instantiatesCanonical": [_instantiates(sheet)],
        "groupIdentifier": group_identifier(sheet.ids),
        "status": "active" if sheet.live else "draft",
        "intent": order_.intent,
        "subject": reference(sheet.subject),
        "action": [_action(node, sheet) for node in groups],
    }


def _action(node: Group | Step, sheet: Sheet) -> Element:
    out = frame(node, sheet.protocol)
    if isinstance(node, Group):
        return out | {"action": [_action(child, sheet) for child in node.children]}
    day = node.on(sheet.day_zero)
    if day and not isinstance(node.clause, Taper) and "condition" not in out:
        out["timingDateTime"] = day.isoformat()
    target = f"{kind(node)}/{sheet.ids(node.action, *node.occurrence)}"
    return out | {"resource": reference(target)}


def _goals(order_: Order) -> list[Any]:
    return [objective for objective in order_.protocol.objectives if objective.goal]


def _goal(key: str, text: str, due_months: int | None, sheet: Sheet) -> Resource:
    out: Resource = {
        **_head("Goal", "engraft-goal", f"goal-{key}", sheet),
        "lifecycleStatus": "proposed",
        "description": {"text": text},
        "subject": reference(sheet.subject),
    }
    if due_months and sheet.day_zero:
        out["target"] = [{"dueDate": months_after(sheet.day_zero, due_months).isoformat()}]
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


def _based_on(key: str, value: Any, target: str) -> bool:
    """A contained order needs no `basedOn` to its own container."""
    return key == "basedOn" and value == [{"reference": target}]


def _rewritten(value: Any, inside: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        if "reference" in value and isinstance(value["reference"], str):
            return value | {"reference": inside.get(value["reference"], value["reference"])}
        return {key: _rewritten(inner, inside) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rewritten(inner, inside) for inner in value]
    return value
