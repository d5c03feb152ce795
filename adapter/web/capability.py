"""`GET /fhir/metadata`: what is served, made from the same tables as the routes, so that it claims exactly that."""

from __future__ import annotations

from datetime import datetime

from adapter.version import number
from adapter.web import served
from adapter.web.site import Site
from mappings.r4.build import Element, Resource

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
        "software": {"name": "Engraft", "version": number()},
        "implementation": {"description": "A transplant protocol as FHIR R4", "url": site.fhir_base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "security": _security(), "resource": _resources(site)}],
    }


def _security() -> Element:
    return {
        "cors": False,
        "description": "Every call needs a bearer token made by `engraft client add`, and sees its own centre only.",
    }


def _resources(site: Site) -> list[Element]:
    kinds = sorted({**served.STORED, **served.DEFINED})
    return [_resource(kind, site) for kind in kinds]


def _resource(kind: str, site: Site) -> Element:
    out: Element = {
        "type": kind,
        "interaction": [{"code": code} for code in READ],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": False,
        "conditionalRead": "not-match",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
    }
    if kind in served.INCLUDES:
        out["searchInclude"] = [f"{kind}:{served.INCLUDES[kind]}"]
    out["searchParam"] = [{"name": name, "type": served.KINDS[name]} for name in sorted(served.parameters(kind) or ())]
    operations = [
        {"name": o.name, "definition": site.settings.canonicals.pinned("OperationDefinition", o.definition)}
        for o in served.OPERATIONS
        if o.kind == kind
    ]
    return out | ({"operation": operations} if operations else {})
