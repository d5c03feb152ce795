"""`GET /fhir/metadata`: what is served, made from the same tables as the routes, so that it claims exactly that."""

from __future__ import annotations

from datetime import datetime

from adapter.store.parameters import Parameter
from adapter.version import VERSION
from adapter.web import bulk, evaluation, served
from adapter.web.site import Site
from mappings.r4.build import Element, Resource

R4_PARAMETERS = "http://hl7.org/fhir/SearchParameter"
DELETION = "What was pushed becomes entered-in-error and stays readable; what a follow-up tells too stands."
ENTRIES = "Entries read, search, create, update and delete the types that are so served here."
READ = ("read", "vread", "history-instance", "search-type")


def statement(site: Site, started: datetime) -> Resource:
    """CapabilityStatement of this instance; `date` is `started`, aware UTC."""
    return {
        "resourceType": "CapabilityStatement",
        "url": site.settings.canonicals.url("CapabilityStatement", "engraft-server"),
        "version": site.settings.canonicals.version,
        "name": "EngraftServer",
        "title": "Engraft",
        "status": "active",
        "experimental": False,
        "date": started.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "Engraft", "version": VERSION},
        "implementation": {"description": "A transplant protocol as FHIR R4", "url": site.fhir_base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "security": _security(),
                "resource": _resources(site),
                "interaction": [
                    {"code": "transaction", "documentation": f"All or nothing. {ENTRIES}"},
                    {"code": "batch", "documentation": f"Each entry by itself. {ENTRIES}"},
                ],
                "operation": [bulk.OPERATIONS[""]],
            }
        ],
    }


def _security() -> Element:
    return {
        "cors": False,
        "description": "Every call needs a bearer token made by `engraft client add`, and sees its own centre only.",
    }


def _resources(site: Site) -> list[Element]:
    group: Element = {"type": "Group", "operation": [bulk.OPERATIONS["Group"]]}
    return [*(_resource(kind, site) for kind in sorted(served.STORED | served.DEFINED)), group]


def _resource(kind: str, site: Site) -> Element:
    out: Element = {
        "type": kind,
        "interaction": [_told(code) for code in (*READ, *_written(kind))],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": kind in served.PUSHED,
        "conditionalCreate": kind in served.PUSHED,
        "conditionalRead": "full-support" if kind in served.STORED else "not-match",
        "conditionalUpdate": kind in served.PUSHED,
        "conditionalDelete": "single" if kind in served.PUSHED else "not-supported",
        "referencePolicy": ["literal"],
        "searchInclude": list(served.includes(kind)),
        "searchRevInclude": list(served.revincludes(kind)),
        "searchParam": [_parameter(one) for one in served.searched(kind).values()],
        "operation": [
            {"name": o.name, "definition": site.settings.canonicals.pinned("OperationDefinition", o.definition)}
            for o in served.OPERATIONS
            if o.kind == kind
        ]
        + [said for of, said in (*bulk.OPERATIONS.items(), ("Measure", evaluation.OPERATION)) if of == kind],
    }
    return {name: said for name, said in out.items() if said != []}


def _written(kind: str) -> tuple[str, ...]:
    if kind in (*served.PUSHED, served.BY_FORM):
        return ("create", "update", "delete")
    return ("update",) if kind == "Patient" else ()


def _told(code: str) -> Element:
    return {"code": code} | ({"documentation": DELETION} if code == "delete" else {})


def _parameter(one: Parameter) -> Element:
    return {"name": one.name, "definition": f"{R4_PARAMETERS}/{one.definition}", "type": one.kind}
