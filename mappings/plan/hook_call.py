"""A call of a CDS Hooks service, read strictly where it decides what is compared and leniently everywhere else.

CDS Hooks 2.0.1, hooks patient-view, order-select and order-sign. Additional members are ignored, as that specification
asks. What a prefetch key does not carry is not assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mappings.plan.elements import element, elements, text
from mappings.r4.build import Element, Resource
from mappings.r4.faults import Fault, FaultyInput

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATIENT = {"patient": "Patient/{{context.patientId}}"}
_WEIGHT = {
    "weight": "Observation?patient={{context.patientId}}&code=http://loinc.org|29463-7&_sort=-date&_count=1",
}
_USAGE = (
    "Answers for patients who are enrolled in a protocol here; for everybody else there are no cards. "
    "The prefetch key patient is needed where the EHR's id of the patient was not told at enrolment."
)


@dataclass(frozen=True, slots=True)
class Service:
    """One entry of the discovery. The same id may stand for several hooks: later advice replaces earlier."""

    id: str
    hook: str
    title: str
    description: str
    prefetch: Mapping[str, str]


SERVICES = (
    Service(
        "regimen-standing",
        "patient-view",
        "Transplant regimen: how it stands",
        "Whether the plan is validated, how its gates (tapers, donor lymphocytes) stand, which visits are due.",
        _PATIENT,
    ),
    Service(
        "order-check",
        "order-select",
        "Transplant regimen: the order just chosen",
        "Compares the chosen orders with the patient's plan: drug, day, amount, gate, and the weight that doses it.",
        _PATIENT | _WEIGHT,
    ),
    Service(
        "order-check",
        "order-sign",
        "Transplant regimen: the orders to be signed",
        "Compares the orders with the patient's plan: drug, day, amount, gate, and the weight that doses it.",
        _PATIENT | _WEIGHT,
    ),
)


@dataclass(frozen=True, slots=True)
class HookCall:
    """`patient`: the EHR's id. `drafts`: the resources of draftOrders by `Type/id`; `chosen`: those asked about.

    `linked`: the same resources by every name that a reference can use. `prefetch`: what the EHR fetched; a key that is
    not there was not fetched, one that is None had no result.
    """

    hook: str
    instance: str
    patient: str
    drafts: Mapping[str, Resource]
    chosen: tuple[str, ...]
    linked: Mapping[str, Resource]
    prefetch: Mapping[str, Any]

    def fetched(self, key: str) -> Element | None:
        """A resource that was prefetched; None where it was not, or where fetching it failed."""
        said = element(self.prefetch.get(key))
        return said if said and said.get("resourceType") != "OperationOutcome" else None


def discovery() -> dict[str, Any]:
    """The answer of `GET /cds-services`."""
    shown = ("hook", "title", "description", "id")
    return {
        "services": [
            {name: getattr(one, name) for name in shown} | {"prefetch": dict(one.prefetch), "usageRequirements": _USAGE}
            for one in SERVICES
        ]
    }


def known(service: str) -> bool:
    return any(one.id == service for one in SERVICES)


def read(document: Any, service: str) -> HookCall:
    """One call of a service that is known. Raises FaultyInput with every member that is missing or wrong."""
    said = element(document)
    context, faults = element(said.get("context")), list(_faults(said, service))
    hook, patient = text(said.get("hook")), text(context.get("patientId")).removeprefix("Patient/")
    drafts: dict[str, Resource] = {}
    chosen: tuple[str, ...] = ()
    if hook.startswith("order-"):
        drafts, found = _drafts(context.get("draftOrders"), patient)
        chosen, more = _chosen(context.get("selections"), drafts) if hook == "order-select" else (tuple(drafts), [])
        faults += [*found, *more]
    if faults:
        raise FaultyInput(faults)
    linked = {**_by_url(context.get("draftOrders")), **drafts}
    return HookCall(hook, said["hookInstance"], patient, drafts, chosen, linked, element(said.get("prefetch")))


def _faults(said: Element, service: str) -> Iterator[Fault]:
    hooks = [one.hook for one in SERVICES if one.id == service]
    if said.get("hook") not in hooks:
        yield Fault("hook", f"this service is for {' and '.join(hooks)}", "value")
    if not _UUID.fullmatch(text(said.get("hookInstance"))):
        yield Fault("hookInstance", "is a UUID", "value")
    context = said.get("context")
    if not isinstance(context, dict):
        yield Fault("context", "is an object", "required")
    for name in ("userId", "patientId"):
        if isinstance(context, dict) and not text(context.get(name)).strip():
            yield Fault(f"context.{name}", "is needed", "required")
    if "prefetch" in said and not isinstance(said["prefetch"], dict):
        yield Fault("prefetch", "is an object", "structure")
    if "fhirAuthorization" in said and not text(said.get("fhirServer")):
        yield Fault("fhirServer", "is needed where there is a fhirAuthorization", "required")
    patient = element(element(said.get("prefetch")).get("patient"))
    same = text(patient.get("id")) == text(element(context).get("patientId")).removeprefix("Patient/")
    if patient.get("resourceType") == "Patient" and not same:
        yield Fault("prefetch.patient", "is another patient than the one of the context", "business-rule")


def _drafts(bundle: Any, patient: str) -> tuple[dict[str, Resource], list[Fault]]:
    """Resources by `Type/id`; one without an id by its place."""
    here = "context.draftOrders"
    if element(bundle).get("resourceType") != "Bundle":
        return {}, [Fault(here, "is a Bundle", "required")]
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        return {}, [Fault(f"{here}.entry", "is a list", "structure")]
    found: dict[str, Resource] = {}
    faults = []
    for place, entry in enumerate(entries):
        at, resource = f"{here}.entry[{place}].resource", element(element(entry).get("resource"))
        if not text(resource.get("resourceType")):
            faults.append(Fault(at, "is a resource", "structure"))
            continue
        subject = text(element(resource.get("subject")).get("reference"))
        if subject and subject.rpartition("/")[2] != patient:
            faults.append(Fault(f"{at}.subject", "is another patient than the one of the context", "business-rule"))
        found[f"{resource['resourceType']}/{text(resource.get('id')) or f'entry-{place}'}"] = resource
    return found, faults


def _by_url(bundle: Any) -> dict[str, Resource]:
    entries = elements(element(bundle).get("entry"))
    return {text(one.get("fullUrl")): element(one.get("resource")) for one in entries if text(one.get("fullUrl"))}


def _chosen(selections: Any, drafts: Mapping[str, Resource]) -> tuple[tuple[str, ...], list[Fault]]:
    """What was selected, by `Type/id` or, as older clients write it, by id."""
    if not isinstance(selections, list):
        return (), [Fault("context.selections", "is a list of references", "required")]
    faults, found = [], []
    for place, said in enumerate(selections):
        match = [key for key in drafts if text(said) and (key == said or key.rpartition("/")[2] == said)]
        found += match
        if not match:
            faults.append(Fault(f"context.selections[{place}]", "is not in draftOrders", "not-found"))
    return tuple(dict.fromkeys(found)), faults
