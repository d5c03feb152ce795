"""Made-up patients full of ties, as the forms of a centre, and as bare days from the graft for who reckons again.

Days are drawn from the edges of windows, horizons and rules, so that much falls on one day.
Synthetic: rates mean nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

EDGES = (0, 1, 7, 14, 28, 30, 42, 60, 75, 90, 97, 105, 106, 119, 120, 121, 150, 180, 210, 320, 365, 366, 500, 730, 790)
GRAFTS = tuple(date(2023, 1, 1) + timedelta(days=days) for days in (0, 30, 58, 59, 89))
"""With ends of months among them."""

GRADES = ("0", "I", "II", "III", "IV")
SEVERITIES = ("none", "mild", "moderate", "severe")
ANC = ("0.1", "0.2", "0.49", "0.5", "0.6", "1.0")
PLATELETS = ("5", "19", "20", "21", "40")
CATEGORIES = ("CR", "CRh", "CRi", "MLFS", "PR", "no-response", "relapse", "not-evaluable")
TREATMENTS = ("topical", "ecp", "ruxolitinib", "systemic-steroids")
STATUSES = ("engrafted", "engrafted", "never-below", "primary-graft-failure")


@dataclass
class Episode:
    """`height`: place of the worst grade; `steps`: (day, place) where a grade was first reached."""

    onset: int
    height: int
    resolved: int | None
    steps: list[tuple[int, int]] = field(default_factory=list)
    systemic: bool = False


@dataclass
class Story:
    """What is known of one patient, in days from the graft. `last`: the day of the last form."""

    zero: date
    last: int
    died: int | None = None
    cause: str = ""
    seen: set[int] = field(default_factory=set)
    relapses: list[tuple[int, str]] = field(default_factory=list)
    responses: list[tuple[int, str]] = field(default_factory=list)
    acute: list[Episode] = field(default_factory=list)
    chronic: list[Episode] = field(default_factory=list)
    looked: int | None = None
    anc: dict[int, float] = field(default_factory=dict)
    platelets: dict[int, float] = field(default_factory=dict)
    transfused: list[int] = field(default_factory=list)
    reported: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    drugs: list[tuple[int, int | None]] = field(default_factory=list)
    asked: int | None = None
    infused: list[int] = field(default_factory=list)
    cd4: dict[int, int] = field(default_factory=dict)
    donor: dict[int, float] = field(default_factory=dict)


class Teller:
    """Draws one patient: the forms, and the story that they tell."""

    def __init__(self, patient: str, rng: random.Random) -> None:
        self.rng, self.patient = rng, patient
        self.story = Story(rng.choice(GRAFTS), rng.choice(EDGES))
        self.forms: dict[int, dict[str, Any]] = {}

    def tell(self) -> list[dict[str, Any]]:
        """The enrolment and the visits."""
        story, rng = self.story, self.rng
        status = {"status": rng.choice(["alive", "lost"]), "date": self.on(story.last)}
        if rng.random() < 0.5:
            story.died, story.cause = story.last, rng.choice(["relapse", "gvhd", "unknown"])
            status = {"status": "dead", "date": self.on(story.last), "cause": story.cause}
        self.form(story.last)["vital_status"] = status
        for section in (self.responses, self.relapse, self.gvhd, self.engraftment, self.drugs, self.dli, self.assays):
            section()
        transplant = {"date": self.on(0), "planned": False, "donor": "haploidentical", "graft": "pbsc"}
        head = {"centre": "FR-037", "patient": self.patient, "protocol": "set-haplo-pdli", "transplant": transplant}
        return [head | {"disease": {"diagnosis": "aml", "status": "relapsed"}}, *self.forms.values()]

    def on(self, day: int) -> str:
        return (self.story.zero + timedelta(days=day)).isoformat()

    def day(self, least: int = 0) -> int:
        return self.rng.choice([day for day in EDGES if least <= day <= self.story.last] or [self.story.last])

    def form(self, day: int) -> dict[str, Any]:
        self.story.seen.add(day)
        visit = {"centre": "FR-037", "patient": self.patient, "visit": "unscheduled", "date": self.on(day)}
        return self.forms.setdefault(day, visit)

    def responses(self) -> None:
        for day in {self.day() for _ in range(self.rng.randint(0, 4))}:
            category = self.rng.choice(CATEGORIES)
            self.form(day)["response"] = {"date": self.on(day), "category": category}
            self.story.responses.append((day, category))

    def relapse(self) -> None:
        if self.rng.random() < 0.3:
            day, kind = self.day(), self.rng.choice(["haematological", "molecular", "extramedullary"])
            self.form(self.story.last)["relapse"] = {"date": self.on(day), "kind": kind}
            self.story.relapses.append((day, kind))

    def gvhd(self) -> None:
        rng, said = self.rng, {}
        if rng.random() < 0.7:
            self.story.looked = self.story.last
            said["assessed"] = self.on(self.story.last)
        for day in {self.day() for _ in range(rng.choice([0, 0, 1, 2]))}:
            episode = Episode(day, rng.randrange(len(GRADES)), self.maybe(day))
            told = self.told(episode, "grade", GRADES)
            days = sorted({day, *(self.day(day) for _ in range(episode.height - 1))})
            if episode.height and len(days) == episode.height and episode.resolved is None and rng.random() < 0.6:
                episode.steps = list(zip(days, range(1, episode.height + 1), strict=True))
                told["course"] = [{"date": self.on(on), "grade": GRADES[place]} for on, place in episode.steps]
            said.setdefault("acute", []).append(told)
            self.story.acute.append(episode)
        if rng.random() < 0.4:
            day = self.day()
            episode, treatment = Episode(day, rng.randrange(len(SEVERITIES)), self.maybe(day)), rng.choice(TREATMENTS)
            episode.systemic = treatment in ("ruxolitinib", "systemic-steroids")
            said["chronic"] = [self.told(episode, "severity", SEVERITIES) | {"treatment": [treatment]}]
            self.story.chronic.append(episode)
        if said:
            self.form(self.story.last)["gvhd"] = {"acute": [], "chronic": []} | said if "assessed" in said else said

    def maybe(self, least: int) -> int | None:
        return self.day(least) if self.rng.random() < 0.5 else None

    def told(self, episode: Episode, name: str, scale: tuple[str, ...]) -> dict[str, Any]:
        end = {} if episode.resolved is None else {"resolved": self.on(episode.resolved)}
        return {"onset": self.on(episode.onset), name: scale[episode.height]} | end

    def engraftment(self) -> None:
        story, rng = self.story, self.rng
        span = range(min(story.last, 40) + 1)
        counts = []
        for day in sorted(rng.sample(span, min(len(span), rng.randint(0, 14)))):
            anc, platelets = rng.choice(ANC[:3] if day < 8 else ANC), rng.choice(PLATELETS)
            story.anc[day], story.platelets[day] = float(anc), float(platelets)
            unit, value = rng.choice([("10*9/L", Decimal(anc)), ("/uL", int(Decimal(anc) * 1000))])
            neutrophils = {"value": value, "unit": unit}
            both = {"neutrophils": neutrophils, "platelets": {"value": int(platelets), "unit": "10*3/uL"}}
            counts.append({"date": self.on(day)} | both)
        story.transfused = sorted({rng.choice(span) for _ in range(rng.choice([0, 1, 3]))})
        said: dict[str, Any] = {"counts": counts, "platelet_transfusions": list(map(self.on, story.transfused))}
        for line in ("neutrophils", "platelets"):
            if rng.random() < 0.4:
                status = rng.choice(STATUSES)
                day = min(self.day(), 42) if status == "engrafted" else None
                day = day if day is None else min(day, story.last)
                story.reported[line] = (status, day)
                said[line] = {"status": status} | ({} if day is None else {"date": self.on(day)})
        self.form(story.last)["engraftment"] = said

    def drugs(self) -> None:
        story = self.story
        if self.rng.random() < 0.2:
            return
        story.asked = story.last
        told = []
        for drug in self.rng.sample(["ciclosporin", "mycophenolate", "tacrolimus"], self.rng.randint(0, 3)):
            start = min(6, story.last)
            stop = self.day(start) if self.rng.random() < 0.7 else None
            story.drugs.append((start, stop))
            end = {} if stop is None else {"stopped": self.on(stop)}
            told.append({"drug": drug, "started": self.on(start)} | end)
        self.form(story.last)["immunosuppression"] = {"assessed": self.on(story.last), "drugs": told}

    def dli(self) -> None:
        days = sorted({self.day() for _ in range(self.rng.randint(1, 3))} - {0}) if self.rng.random() < 0.4 else []
        self.story.infused = days
        if days:
            numbered = [{"number": number, "date": self.on(day)} for number, day in enumerate(days, 1)]
            self.form(self.story.last)["dli"] = numbered

    def assays(self) -> None:
        for day in {self.day() for _ in range(self.rng.randint(0, 5))}:
            cd4, share = self.rng.choice([5, 49, 50, 51, 80]), self.rng.choice(["4.9", "5", "50", "95", "95.1"])
            self.story.cd4[day], self.story.donor[day] = cd4, float(share)
            panel = {"date": self.on(day), "cd4": {"value": cd4, "unit": "/uL"}}
            sample = {"sample": "blood", "lineage": "whole-blood", "donor_percent": Decimal(share)}
            self.form(day).update(immune_reconstitution=panel, chimerism=[{"date": self.on(day)} | sample])


def cohort(patients: int, seed: int) -> list[tuple[list[dict[str, Any]], Story]]:
    """Forms and story of each patient."""
    rng = random.Random(seed)
    tellers = [Teller(f"T-{number:04}", rng) for number in range(patients)]
    return [(teller.tell(), teller.story) for teller in tellers]
