"""The protocol as FHIR definitions: one PlanDefinition, and one ActivityDefinition per thing that it orders.

Every action is placed relative to the graft (`relatedAction` with a positive offset, before or after); each leaf cites
an ActivityDefinition, so that a plain engine can build an order from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.canonicals import DEFAULT, EXT_DAYS_OF_CYCLE, PLAN_DEFINITION_TYPE, Canonicals
from mappings.plan import dosage, gates
from mappings.plan.timeline import Course, DoseDay, Graft, Group, Infusion, OpenDay, Step, day_zero_action, steps, tree
from mappings.protocol import terms
from mappings.protocol.model import Assay, Clause, Objective, Protocol, Rest, Taper, Visit
from mappings.r4.build import Element, Resource, coding, concept, quantity


def definitions(protocol: Protocol, canonicals: Canonicals = DEFAULT) -> tuple[Resource, ...]:
    """PlanDefinition first, then its ActivityDefinitions, each once."""
    activities = {a["id"]: a for a in (_activity(s, protocol, canonicals) for s in steps(tree(protocol)))}
    return (_plan(protocol, canonicals), *activities.values())


def activity_name(step: Step, protocol: Protocol) -> str:
    """Id of the ActivityDefinition that a step follows; days of one line share it, and so do visits."""
    return f"{protocol.key}-{_activity_key(step)}"


def relations(step: Step, protocol: Protocol) -> list[Element]:
    """`relatedAction`: where the step stands relative to day zero, and after which taper it comes."""
    anchor = day_zero_action(protocol)
    out = [] if step.id == anchor or not _placed(step) else [{"actionId": anchor, **_offset(step)}]
    if isinstance(step.clause, Taper) and step.clause.after:
        out.append({"actionId": step.clause.after, "relationship": "after-end"})
    return out


def gate_of(step: Step, protocol: Protocol) -> list[Element]:
    """`condition` of a gated step, else nothing."""
    if isinstance(step.clause, Taper):
        return [gates.condition(protocol.gate(step.clause.gate))]
    if isinstance(step.clause, Infusion):
        return [gates.condition(protocol.gate(step.clause.of.gate))]
    return []


def frame(node: Group | Step, protocol: Protocol) -> Element:
    """What an action of a PlanDefinition and of a RequestGroup have in common."""
    if isinstance(node, Group):
        behaviour = {"groupingBehavior": "logical-group", "selectionBehavior": "all", "requiredBehavior": "must"}
        return {"id": node.id, "title": node.title, "description": node.source, **_length(node), **behaviour}
    gate = gate_of(node, protocol)
    out: Element = {"id": node.id, **_day_of_cycle(node), "title": node.title, "description": _source(node)}
    if gate:
        out["condition"] = gate
    related = relations(node, protocol)
    if related:
        out["relatedAction"] = related
    return out | {"requiredBehavior": "could" if gate else "must"}


def _length(group: Group) -> Element:
    """How long a cycle is: a day of a cycle counts in the nearest action above it that has a timing."""
    if group.days is None:
        return {}
    return {"timingTiming": {"repeat": {"count": 1, "duration": group.days, "durationUnit": "d"}}}


def _day_of_cycle(step: Step) -> Element:
    """R4's extension for a day that the protocol counts in cycles; its contexts are actions, and no order."""
    if step.cycles is None:
        return {}
    day = {"url": "day", "valueInteger": step.cycles.day(step.day or 0)}
    return {"extension": [{"url": EXT_DAYS_OF_CYCLE, "extension": [day]}]}


def _plan(protocol: Protocol, canonicals: Canonicals) -> Resource:
    goals = [_goal(objective) for objective in protocol.objectives if objective.goal]
    purpose, usage = " ".join(objective.source for objective in protocol.objectives), _usage(protocol)
    return {
        "resourceType": "PlanDefinition",
        "id": protocol.key,
        "meta": _meta(canonicals, "engraft-plan-definition"),
        "url": canonicals.url("PlanDefinition", protocol.key),
        "identifier": [{"system": canonicals.sid("definition"), "value": protocol.key}],
        "version": canonicals.version,
        "name": protocol.name,
        "title": protocol.title,
        "type": concept(coding(PLAN_DEFINITION_TYPE, "clinical-protocol")),
        "status": "active",
        "experimental": False,
        "description": protocol.purpose,
        **({"purpose": purpose} if purpose else {}),
        **({"usage": usage} if usage else {}),
        **({"goal": goals} if goals else {}),
        "action": [_action(node, protocol, canonicals) for node in tree(protocol)],
    }


def _usage(protocol: Protocol) -> str:
    """What a user must know that is no action: the setting, and what the protocol leaves to the centre."""
    open_parts = [phase.centre_decides for phase in protocol.phases if phase.centre_decides]
    readings = [f"{node.title or node.key}: {node.interpretation}" for node in _interpreted(protocol)]
    return "\n\n".join([*(clause.source for clause in protocol.setting), *open_parts, *readings])


def _interpreted(protocol: Protocol) -> Iterator[Clause]:
    parts: list[Clause] = []
    for phase in protocol.phases:
        anchors = [phase.anchor] if phase.anchor else []
        parts += [*phase.lines, *phase.open_lines, *phase.rests, *anchors, *phase.tapers, *phase.infusions]
    parts += [*protocol.gates, protocol.follow_up]
    return (part for part in parts if part.interpretation)


def _goal(objective: Objective) -> Element:
    goal: Element = {"id": objective.key, "description": {"text": objective.goal}}
    if objective.due_months:
        goal["target"] = [{"due": quantity(objective.due_months, "mo")}]
    return goal


def _action(node: Group | Step, protocol: Protocol, canonicals: Canonicals) -> Element:
    out = frame(node, protocol)
    if isinstance(node, Group):
        return out | {"action": [_action(child, protocol, canonicals) for child in node.children]}
    if isinstance(node.clause, Rest):
        out["timingDuration"] = quantity(len(node.clause.days.listed), "d")
    return out | {"definitionCanonical": canonicals.pinned("ActivityDefinition", activity_name(node, protocol))}


def _activity(step: Step, protocol: Protocol, canonicals: Canonicals) -> Resource:
    name = activity_name(step, protocol)
    return {
        "resourceType": "ActivityDefinition",
        "id": name,
        "meta": _meta(canonicals, "engraft-activity-definition"),
        "url": canonicals.url("ActivityDefinition", name),
        "identifier": [{"system": canonicals.sid("definition"), "value": name}],
        "version": canonicals.version,
        "name": "".join(word.capitalize() for word in name.split("-")),
        "title": _activity_title(step),
        "status": "active",
        "experimental": False,
        "description": _source(step),
        **_ordered_thing(step, protocol, canonicals),
    }


def _ordered_thing(step: Step, protocol: Protocol, canonicals: Canonicals) -> Element:
    clause = step.clause
    if isinstance(clause, DoseDay | Course):
        line = clause.line
        product = terms.concept(protocol, "drugs", line.drug, canonicals)
        dosages = [dosage.for_definition(line)]
        return {"kind": "MedicationRequest", "productCodeableConcept": product, "dosage": dosages}
    kind = "Task" if isinstance(clause, Rest | Taper | OpenDay) else "ServiceRequest"
    out: Element = {"kind": kind, "code": code_of(step, protocol, canonicals)}
    if isinstance(clause, OpenDay):
        drug = terms.concept(protocol, "drugs", clause.line.drug, canonicals)
        out |= {"usage": clause.line.open, "productCodeableConcept": drug}
    return out


def code_of(step: Step, protocol: Protocol, canonicals: Canonicals) -> Element:
    """Code of a step that is no drug; the graft's own code is ours alone, so what it is a kind of stands beside it."""
    key = procedure_key(step)
    kinds = step.clause.anchor.kind_of if isinstance(step.clause, Graft) else ()
    codings = [c for one in (key, *kinds) for c in terms.codings(protocol, "procedures", one, canonicals)]
    return concept(*codings, text=terms.text(protocol, "procedures", key))


def procedure_key(step: Step) -> str:
    """Key in the terminology's `procedures` of a step that is no drug."""
    match step.clause:
        case Rest(procedure=key) | Taper(procedure=key):
            return key
        case Graft(anchor=anchor):
            return anchor.procedure
        case Infusion(of=infusions):
            return infusions.procedure
        case OpenDay():
            return "open-dose"
        case Visit():
            return "follow-up-visit"
        case _:
            return "immune-assay"


def _activity_key(step: Step) -> str:
    match step.clause:
        case DoseDay(line=line) | Course(line=line) | OpenDay(line=line):
            return line.key
        case Infusion(of=infusions):
            return infusions.key
        case Visit() | Assay():
            return procedure_key(step)
        case _:
            return step.action


def _activity_title(step: Step) -> str:
    match step.clause:
        case DoseDay(line=line) | Course(line=line) | OpenDay(line=line):
            return line.title
        case Infusion(of=infusions):
            return infusions.title
        case Visit():
            return "Follow-up visit"
        case Assay():
            return "Immune panel"
        case _:
            return step.title


def _source(step: Step) -> str:
    match step.clause:
        case DoseDay(line=line) | Course(line=line) | OpenDay(line=line):
            return line.source
        case Infusion(of=infusions):
            return infusions.source
        case Graft(anchor=anchor):
            return anchor.source
        case clause:
            return clause.source


def _placed(step: Step) -> bool:
    return step.day is not None or step.months is not None


def _offset(step: Step) -> Element:
    if step.months is not None:
        return {"relationship": "after-start", "offsetDuration": quantity(step.months, "mo")}
    day = step.day or 0
    if isinstance(step.clause, Taper):
        window = {"low": quantity(step.clause.first, "d"), "high": quantity(step.clause.last, "d")}
        return {"relationship": "after-start", "offsetRange": window}
    if day == 0:
        return {"relationship": "concurrent-with-start"}
    relationship = "before-start" if day < 0 else "after-start"
    return {"relationship": relationship, "offsetDuration": quantity(abs(day), "d")}


def _meta(canonicals: Canonicals, profile: str) -> Element:
    return {"source": canonicals.source, "profile": [canonicals.profile(profile)]}
