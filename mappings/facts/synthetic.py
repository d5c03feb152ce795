"""Synthetic patients in the words of the public contract, for trying out, demonstrations and benchmarks.

Nothing here is taken from a patient or a study: rates and times are made up to exercise the software, and every
patient number begins with `SYN-`. Equal `rng` states give equal documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

Document = dict[str, Any]

VISITS = (("m1", 30), ("m3", 91), ("m6", 182), ("m12", 365), ("m24", 730))
_DIES = 0.35
_GVHD = 0.4
_GRADED = (("I", 2), ("II", 3), ("III", 1))
"""Overall grade and skin stage that fit each other by MAGIC; grade III comes from the liver."""


def documents(
    patients: int, rng: random.Random, centre: str = "FR-SYN", *, as_of: date
) -> Iterator[tuple[Document, list[Document]]]:
    """(enrolment, follow-ups) of each patient, nothing dated after `as_of`."""
    for number in range(1, patients + 1):
        patient = f"SYN-{number:04d}"
        graft = as_of - timedelta(days=rng.randint(60, 1100))
        death = graft + timedelta(days=rng.randint(20, 900)) if rng.random() < _DIES else None
        yield _enrolment(centre, patient, graft, rng), list(_visits(centre, patient, graft, death, as_of, rng))


def _enrolment(centre: str, patient: str, graft: date, rng: random.Random) -> Document:
    measured = (graft - timedelta(days=16)).isoformat()
    return {
        "centre": centre,
        "patient": patient,
        "protocol": "set-haplo-pdli",
        "birth_date": f"{graft.year - rng.randint(19, 68)}-{rng.randint(1, 12):02d}",
        "sex": rng.choice(["female", "male"]),
        "consent": {
            "status": "active",
            "date": (graft - timedelta(days=30)).isoformat(),
            "registry": rng.random() < 0.9,
        },
        "disease": {
            "diagnosis": "aml",
            "status": rng.choice(["refractory", "relapsed"]),
            "blasts_percent": rng.randint(5, 80),
        },
        "measurements": {
            "weight": {"value": rng.randint(45, 110), "unit": "kg", "date": measured},
            "height": {"value": rng.randint(150, 195), "unit": "cm", "date": measured},
        },
        "transplant": {"date": graft.isoformat(), "planned": False, "donor": "haploidentical", "graft": "pbsc"},
    }


def _visits(
    centre: str, patient: str, graft: date, death: date | None, as_of: date, rng: random.Random
) -> Iterator[Document]:
    gvhd = graft + timedelta(days=rng.randint(15, 28)) if rng.random() < _GVHD else None
    grade = rng.choice(_GRADED)
    for visit, after in VISITS:
        day = graft + timedelta(days=after + rng.randint(-3, 3))
        died = death is not None and death <= day
        day = death if died and death else day
        if day > as_of:
            return
        form: Document = {"centre": centre, "patient": patient, "visit": visit, "date": day.isoformat()}
        form["vital_status"] = _vital(day, died, rng)
        if not died:
            form |= _findings(visit, graft, day, rng)
        if gvhd and gvhd <= day:
            form["gvhd"] = {"assessed": day.isoformat(), "acute": [_gvhd(gvhd, day, grade)]}
        elif not died:
            form["gvhd"] = {"assessed": day.isoformat(), "acute": []}
        yield form
        if died:
            return


def _vital(day: date, died: bool, rng: random.Random) -> Document:
    if died:
        cause = rng.choice(["relapse", "infection", "toxicity", "gvhd"])
        return {"status": "dead", "date": day.isoformat(), "cause": cause}
    return {"status": "alive", "date": day.isoformat()}


def _findings(visit: str, graft: date, day: date, rng: random.Random) -> Document:
    on = day.isoformat()
    form: Document = {
        "response": {"date": on, "category": rng.choice(["CR", "CR", "CRi", "PR"])},
        "immune_reconstitution": {
            "date": on,
            **{cells: {"value": rng.randint(5, 500), "unit": "/uL"} for cells in ("cd4", "cd8", "treg", "nk", "b")},
        },
    }
    if visit == "m1":
        neutrophils, platelets = (graft + timedelta(days=rng.randint(a, b)) for a, b in ((13, 20), (14, 26)))
        form["engraftment"] = {
            "neutrophils": {"status": "engrafted", "date": neutrophils.isoformat()},
            "platelets": {"status": "engrafted", "date": platelets.isoformat()},
        }
    return form


def _gvhd(onset: date, day: date, graded: tuple[str, int]) -> Document:
    grade, skin = graded
    episode: Document = {"onset": onset.isoformat(), "grade": grade, "skin": skin, "liver": 2 if grade == "III" else 0}
    episode |= {"upper_gi": 0, "lower_gi": 0}
    resolved = onset + timedelta(days=40)
    return episode | ({"resolved": resolved.isoformat()} if resolved <= day else {})
