"""What a centre may send, as plain frozen values that every other room reads.

Each is imported when it is first asked for: the values of a form are many, and a plan needs one of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mappings.facts.enrolment import (
        BodyMeasure,
        ConsentGiven,
        Disease,
        Enrolment,
        Identifier,
        Measurements,
        Transplant,
    )
    from mappings.facts.follow_up import (
        AcuteGvhd,
        AcuteStep,
        Administration,
        BloodCount,
        Chimerism,
        ChronicGvhd,
        ChronicStep,
        Dli,
        DliWithheld,
        Engraftment,
        FollowUp,
        Gvhd,
        ImmuneReconstitution,
        Immunosuppressant,
        Immunosuppression,
        Infection,
        MinimalResidualDisease,
        QualityOfLife,
        Recovery,
        Relapse,
        Response,
        VitalStatus,
    )
    from mappings.facts.values import Measured, Missing, PartialDate, Said, Word

__all__ = [
    "AcuteGvhd",
    "AcuteStep",
    "Administration",
    "BloodCount",
    "BodyMeasure",
    "Chimerism",
    "ChronicGvhd",
    "ChronicStep",
    "ConsentGiven",
    "Disease",
    "Dli",
    "DliWithheld",
    "Engraftment",
    "Enrolment",
    "FollowUp",
    "Gvhd",
    "Identifier",
    "ImmuneReconstitution",
    "Immunosuppressant",
    "Immunosuppression",
    "Infection",
    "Measured",
    "Measurements",
    "MinimalResidualDisease",
    "Missing",
    "PartialDate",
    "QualityOfLife",
    "Recovery",
    "Relapse",
    "Response",
    "Said",
    "Transplant",
    "VitalStatus",
    "Word",
]

_PLACES = {
    "enrolment": ("BodyMeasure", "ConsentGiven", "Disease", "Enrolment", "Identifier", "Measurements", "Transplant"),
    "values": ("Measured", "Missing", "PartialDate", "Said", "Word"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"mappings.facts has no {name}")
    place = next((place for place, names in _PLACES.items() if name in names), "follow_up")
    return getattr(import_module(f"mappings.facts.{place}"), name)
