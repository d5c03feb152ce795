"""Words that the other rooms understand, and that a protocol may therefore use. Tests hold them to those rooms."""

from __future__ import annotations

MEASURES = frozenset(
    """
    os lfs relapse nrm disease-death agvhd-2-4 agvhd-3-4 cgvhd cgvhd-moderate-severe grfs neutrophil-engraftment
    platelet-engraftment response immune-cd4 immune-cd8 immune-treg immune-nk immune-b pdli-feasibility pdli-gvhd
    chimerism
    """.split()
)
"""Endpoint ids of the public interface, section 5: what the registry can be asked for."""

BOUNDS = {
    "day": "at_least",
    "months-off-immunosuppression": "at_least",
    "active-gvhd": "absent",
    "worst-acute-gvhd": "at_most",
}
"""Facts that a gate may ask about, each with the one bound that its words and its evaluation know."""

GRADE = "worst-acute-gvhd"
"""The fact that is a grade, written in Roman numerals."""

ITEMS = {
    "engraftment": ("observables", "engraftment-neutrophils"),
    "disease-response": ("observables", "response"),
    "immune-reconstitution": ("observables", "immune-panel"),
    "chimerism": ("observables", "chimerism"),
    "gvhd": ("observables", "gvhd-assessment"),
    "infection": ("conditions", "infection"),
    "quality-of-life": ("observables", "quality-of-life"),
}
"""What a visit may ask for, and the row of the terminology that its answer is written with."""

VISITS = frozenset("visit-baseline visit-m1 visit-m3 visit-m6 visit-m12 visit-m24".split())
"""Visits that a follow-up document can name (public interface, section 4)."""

RESERVED = {"follow-up-visit": "visits", "immune-assay": "assays"}
"""Keys of the activities that all visits and all assays share."""
