"""Invariants of clinical and administrative resources, by the name of the resource or of its part."""

from __future__ import annotations

from mappings.canonicals import CONDITION_CLINICAL, CONDITION_VER_STATUS, CONSENT_SCOPE
from mappings.r4.containment import leads_to
from mappings.r4.moments import is_after
from mappings.r4.rule import Node, Rule, codes, has, has_choice, rule

_OVER = {(CONDITION_CLINICAL, code) for code in ("inactive", "resolved", "remission")}
_SCOPES = {"ppc-2": "patient-privacy", "ppc-3": "research", "ppc-4": "adr", "ppc-5": "treatment"}
_IN_ERROR = (CONDITION_VER_STATUS, "entered-in-error")


def _in_error(condition: Node) -> bool:
    return _IN_ERROR in codes(condition.get("verificationStatus"))


def _problem_without_status(condition: Node) -> bool:
    listed = any(code == "problem-list-item" for c in condition.get("category", ()) for _, code in codes(c))
    return listed and "clinicalStatus" not in condition and not _in_error(condition)


def _value_of_component(observation: Node) -> bool:
    if "component" not in observation or not has_choice(observation, "value"):
        return False
    own = [coding["code"] for coding in observation["code"].get("coding", ()) if "code" in coding]
    for component in observation["component"]:
        for coding in component["code"].get("coding", ()):
            code = coding.get("code")  # nearly always of another name; the systems are compared where it is not
            if code in own and (coding.get("system"), code) in codes(observation["code"]):
                return True
    return False


def _on_behalf(participant: Node) -> bool:
    """A reference that does not say its type may lead to a practitioner."""
    leads = leads_to(participant.get("member", {}), frozenset({"Practitioner"}))
    return "onBehalfOf" in participant and not leads


def _of_somebody(key: str, scope: str) -> Rule:
    """The published expression looks for a scope of the system `something` and so never fails: a warning."""
    return rule(key, f"a consent of the scope {scope} names its patient",
                lambda n: "patient" not in n and (CONSENT_SCOPE, scope) in codes(n["scope"]), "patient",
                severity="warning")  # fmt: skip


_VALUE_AND_REASON = rule(
    "obs-6", "a value and the reason for its absence exclude each other",
    lambda n: "dataAbsentReason" in n and has_choice(n, "value"),
)  # fmt: skip

RULES: dict[str, tuple[Rule, ...]] = {
    "CarePlanActivity": (
        rule("cpl-3", "an activity has a detail or a reference, not both",
             lambda n: "detail" in n and "reference" in n),
    ),
    "RequestGroupAction": (
        rule("rqg-1", "an action has either a resource or actions below it",
             lambda n: ("resource" in n) == ("action" in n)),
    ),
    "GoalTarget": (
        rule("gol-1", "a target with a detail names its measure",
             lambda n: "measure" not in n and has_choice(n, "detail")),
    ),
    "Observation": (
        _VALUE_AND_REASON,
        rule("obs-7", "an observation with the code of one of its components has no value of its own",
             _value_of_component),
    ),
    # R4 says it of the whole Observation only; of a component it is as contradictory.
    "ObservationComponent": (_VALUE_AND_REASON,),
    "ObservationReferenceRange": (
        rule("obs-3", "a range has a low, a high or a text", lambda n: not has(n, "low", "high", "text")),
    ),
    "Condition": (
        rule("con-3", "an item of the problem list has a clinical status", _problem_without_status, "clinicalStatus",
             severity="warning"),
        rule("con-4", "a condition that has abated is inactive, resolved or in remission",
             lambda n: has_choice(n, "abatement") and not codes(n.get("clinicalStatus")) & _OVER, "clinicalStatus"),
        rule("con-5", "what was entered in error has no clinical status",
             lambda n: "clinicalStatus" in n and _in_error(n), "clinicalStatus"),
    ),
    "ConditionStage": (
        rule("con-1", "a stage has a summary or an assessment", lambda n: not has(n, "summary", "assessment")),
    ),
    "ConditionEvidence": (
        rule("con-2", "evidence has a code or a detail", lambda n: not has(n, "code", "detail")),
    ),
    "MedicationAdministrationDosage": (
        rule("mad-1", "a dosage has a dose or a rate", lambda n: "dose" not in n and not has_choice(n, "rate")),
    ),
    "ServiceRequest": (
        rule("prr-1", "order details need a code", lambda n: "orderDetail" in n and "code" not in n, "orderDetail"),
    ),
    "Task": (
        rule("inv-1", "a task is not modified before it was written",
             lambda n: "authoredOn" in n and "lastModified" in n and is_after(n["authoredOn"], n["lastModified"]),
             "lastModified"),
    ),
    "Consent": (
        rule("ppc-1", "a consent names a policy or a policy rule", lambda n: not has(n, "policy", "policyRule")),
        *(_of_somebody(key, scope) for key, scope in _SCOPES.items()),
    ),
    "Group": (
        rule("grp-1", "only an actual group has members", lambda n: "member" in n and n.get("actual") is not True,
             "member"),
    ),
    "Organization": (
        rule("org-1", "an organization has a name or an identifier", lambda n: not has(n, "name", "identifier")),
        Rule("org-2", "an organization has no home address",
             lambda n: [f"address[{i}].use" for i, a in enumerate(n.get("address", ())) if a.get("use") == "home"]),
        Rule("org-3", "an organization is not called at home",
             lambda n: [f"telecom[{i}].use" for i, t in enumerate(n.get("telecom", ())) if t.get("use") == "home"]),
    ),
    "CareTeamParticipant": (
        rule("ctm-1", "only a practitioner takes part on behalf of somebody", _on_behalf, "onBehalfOf"),
    ),
    "AuditEventEntity": (
        rule("sev-1", "an entity has a name or a query, not both", lambda n: has(n, "name") and has(n, "query")),
    ),
    "PatientContact": (
        rule("pat-1", "a contact has a name, an address, a contact point or an organization",
             lambda n: not has(n, "name", "telecom", "address", "organization")),
    ),
    "List": (
        rule("lst-1", "a list gives the reason of being empty only when it is empty",
             lambda n: "emptyReason" in n and "entry" in n, "emptyReason"),
        Rule("lst-2", "only a list of changes marks an entry as deleted",
             lambda n: [f"entry[{i}].deleted" for i, e in enumerate(n.get("entry", ()))
                        if has(e, "deleted") and n.get("mode") != "changes"]),
        Rule("lst-3", "only a working list dates its entries",
             lambda n: [f"entry[{i}].date" for i, e in enumerate(n.get("entry", ()))
                        if has(e, "date") and n.get("mode") != "working"]),
    ),
    "MeasureReport": (
        rule("mrp-1", "a data collection has no groups",
             lambda n: n.get("type") == "data-collection" and "group" in n, "group"),
    ),
    "MeasureReportGroupStratifierStratum": (
        rule("mrp-2", "a stratum has a value or components, one of them and not both",
             lambda n: ("value" in n) == ("component" in n)),
    ),
    "QuestionnaireResponseItem": (
        rule("qrs-1", "items stand below an item or below its answers, not both",
             lambda n: "answer" in n and "item" in n),
    ),
    "CompositionSection": (
        rule("cmp-1", "a section has a text, entries or sections", lambda n: not has(n, "text", "entry", "section")),
        rule("cmp-2", "a section is empty or has entries, not both", lambda n: "emptyReason" in n and "entry" in n),
    ),
    "ParametersParameter": (
        rule("inv-1", "a parameter has a value, a resource or parts, and only one of them",
             lambda n: has_choice(n, "value") + ("resource" in n) + ("part" in n) != 1),
    ),
}  # fmt: skip
