"""Synthetic patients in the words of the public contract, for trying out, demonstrations and benchmarks.

Nothing here is taken from a patient or a study: rates and times are made up to exercise the software, and every
patient number begins with `SYN-`. Equal `rng` states give equal documents.

What a registry would call the results (who dies and when, who relapses, how a graft takes) is drawn from simple
distributions without a source. No conclusion about the treatment can be drawn from such a cohort.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

Document = dict[str, Any]

VISITS = (("m1", 30), ("m3", 91), ("m6", 182), ("m12", 365), ("m24", 730))
_DIES = 0.35
_GVHD = 0.4
_CHRONIC = 0.3
_INFECTED = 0.3
_GRADED = (("I", 2), ("II", 3), ("III", 1))
"""Overall grade and skin stage that fit each other by MAGIC; grade III comes from the liver."""


def documents(
    patients: int, rng: random.Random, centre: str = "FR-SYN", *, as_of: date, full: bool = False
) -> Iterator[tuple[Document, list[Document]]]:
    """(enrolment, follow-ups) of each patient, nothing dated after `as_of`.

    `full`: with every section of the interface. The rest stays as it is without.
    """
    for number in range(1, patients + 1):
        patient = f"SYN-{number:04d}"
        graft = as_of - timedelta(days=rng.randint(60, 1100))
        death = graft + timedelta(days=rng.randint(20, 900)) if rng.random() < _DIES else None
        enrolment, visits = _enrolment(centre, patient, graft, rng), _visits(centre, patient, graft, death, as_of, rng)
        forms = list(visits)
        if full:
            more = _More(graft, copy.copy(rng))
            forms = [form | more.of(form) for form in forms]
        yield enrolment, forms


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
            form["gvhd"] = {"assessed": day.isoformat(), "acute": [_gvhd(gvhd, day, grade)], "chronic": []}
        elif not died:
            form["gvhd"] = {"assessed": day.isoformat(), "acute": [], "chronic": []}
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


@dataclass(frozen=True, slots=True)
class _More:
    """The other sections of one patient's forms. `rng` is a copy, so that the plain patients stay the same."""

    graft: date
    rng: random.Random

    def of(self, form: Document) -> Document:
        """What one form says beside its plain sections."""
        day = date.fromisoformat(form["date"])
        if form["vital_status"]["status"] == "dead":
            return self._before_death(form, day)
        more = self._of_every_visit(form, day)
        if form["visit"] == "m1":
            more |= self._of_the_graft(form)
        if form["visit"] == "m6":
            more |= self._lymphocytes(form)
        if form["visit"] == "m12" and self.rng.random() < _CHRONIC:
            onset = (self.graft + timedelta(days=220)).isoformat()
            chronic = {"onset": onset, "severity": "mild", "organs": {"mouth": 1}, "systemic_treatment": False}
            more["gvhd"] = form.get("gvhd", {"assessed": form["date"]}) | {"chronic": [chronic]}
        return more

    def _before_death(self, form: Document, day: date) -> Document:
        if form["vital_status"]["cause"] != "relapse":
            return {}
        relapse = max(self.graft + timedelta(days=1), day - timedelta(days=self.rng.randint(5, 60)))
        return {"relapse": {"date": relapse.isoformat(), "kind": "haematological"}}

    def _of_every_visit(self, form: Document, day: date) -> Document:
        on = form["date"]
        sample = {"date": on, "sample": "blood", "lineage": "whole-blood", "donor_percent": self.rng.randint(90, 100)}
        more: Document = {
            "measurements": {
                "weight": {"value": self.rng.randint(45, 110), "unit": "kg", "date": on},
                "karnofsky": self.rng.choice([70, 80, 90, 100]),
            },
            "chimerism": [sample],
            "infections": [],
            "quality_of_life": {"date": on, "instrument": "FACT-BMT", "scores": {"total": self.rng.randint(60, 140)}},
            "immunosuppression": {"assessed": on, "drugs": self._drugs(day)},
        }
        if self.rng.random() < _INFECTED:
            onset = (day - timedelta(days=self.rng.randint(1, 20))).isoformat()
            more["infections"] = [{"onset": onset, "kind": "viral", "agent": "cmv", "site": "blood"}]
        return more

    def _drugs(self, day: date) -> list[Document]:
        started, stopped = self.graft + timedelta(days=6), self.graft + timedelta(days=90)
        drug: Document = {"drug": "ciclosporin", "started": started.isoformat()}
        return [drug | ({"stopped": stopped.isoformat()} if stopped <= day else {})]

    def _of_the_graft(self, form: Document) -> Document:
        """Conditioning as given, and the counts by which the graft took."""
        given = [
            {"action": action, "day": f"D{days}", "date": (self.graft + timedelta(days=days)).isoformat()}
            for action, days in (("thiotepa", -13), ("etoposide", -12), ("fludarabine", -5))
        ]
        taken = date.fromisoformat(form["engraftment"]["neutrophils"]["date"])
        counts = [
            {
                "date": (taken + timedelta(days=after)).isoformat(),
                "neutrophils": {"value": 1 + after, "unit": "10*9/L"},
                "platelets": {"value": 20 + 5 * after, "unit": "10*9/L"},
            }
            for after in range(3)
        ]
        transfused = [(self.graft + timedelta(days=after)).isoformat() for after in (6, 10)]
        return {
            "administrations": given,
            "engraftment": form["engraftment"] | {"counts": counts, "platelet_transfusions": transfused},
        }

    def _lymphocytes(self, form: Document) -> Document:
        """The first prophylactic infusion, or why there was none."""
        on = (self.graft + timedelta(days=125)).isoformat()
        if any(episode["grade"] == "III" for episode in form["gvhd"]["acute"]):
            return {"dli_withheld": [{"number": 1, "date": on, "reason": "prior-agvhd-over-ii"}]}
        return {"dli": [{"number": 1, "date": on, "cd3_per_kg": {"value": 1, "unit": "10*6/kg"}}]}
