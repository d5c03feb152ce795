"""A ward on which tapers are confirmed: what is done there, and how the course then stands. Synthetic patients only."""

from __future__ import annotations

from adapter.flows import follow_up, gates, tapers
from mappings.r4.validate import validate
from tests.lib.centre import OURS

MMF, CSA = "mycophenolate-taper", "ciclosporin-taper"
DR = "Dr A. Example"
WELL = {"assessed": "2026-04-02", "acute": [], "chronic": []}
ILL = {"assessed": "2026-04-20", "acute": [{"onset": "2026-04-20", "grade": "II", "skin": 3}], "chronic": []}


def looked(ward, day, gvhd):
    said = {"centre": OURS, "patient": "SYN-0001", "visit": "unscheduled", "date": day, "gvhd": gvhd}
    return follow_up.record(said, **ward._with())


def course(ward):
    return ward.stored("Patient")[0].course


def confirm(ward, action=MMF, **said):
    return tapers.confirm(course(ward), action, {"confirmed_by": DR, **said}, **ward._with())


def back(ward, action=MMF, **said):
    return tapers.withdraw(course(ward), action, {"confirmed_by": DR, "reason": "flare", **said}, **ward._with())


def full(ward, drug="mycophenolate"):
    """(status, first day, last day) of the full dose."""
    order = ward.one(f"{drug}/D6").content
    bounds = order["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"]
    return order["status"], bounds["start"], bounds.get("end")


def task(ward, action=MMF):
    said = ward.one(action).content
    return said["status"], said.get("executionPeriod")


def gate(ward, action, on):
    told = gates.told(course(ward), on=on, centre=OURS, store=ward.store, settings=ward.settings, now=ward.now)
    (found,) = [one for one in told["gates"] if one["action"] == action]
    return found


def sound(ward):
    resources = [one.content for kind in ("MedicationRequest", "Task", "RequestGroup") for one in ward.stored(kind)]
    return [fault for one in resources for fault in validate(one) if fault.severity == "error"] == []
