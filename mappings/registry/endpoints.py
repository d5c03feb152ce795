"""The endpoints of the protocol, in its order, and how a cohort is analysed.

Each is one function over one patient, in the module of its family. Days are whole days from day zero, the calendar date
of the first transplant; only who was grafted by the cut-off counts. Definitions in words: docs/endpoints.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from functools import partial

from mappings.r4.faults import Fault, FaultyInput
from mappings.registry import gvhd_endpoints as gvhd
from mappings.registry import pdli_endpoints as pdli
from mappings.registry import survival_endpoints as survival
from mappings.registry.blood_facts import SUBSETS
from mappings.registry.course import Course
from mappings.registry.followed import follow
from mappings.registry.immune_endpoints import enough_cd4, enough_cd4_rows, subset, subset_rows
from mappings.registry.judged import BY_ONSET, Analysis, Excluded
from mappings.registry.recovery import neutrophil_engraftment, platelet_engraftment
from mappings.registry.response_endpoints import chimerism, chimerism_rows, response_rows, responses
from mappings.registry.tallies import AALEN_JOHANSEN, KAPLAN_MEIER, Counted, Endpoint, Tally, TimeToEvent, tally

_DATES = (90, 180, 365, 730)
_YEARS = (365, 730)
_KM, _AJ = KAPLAN_MEIER, AALEN_JOHANSEN
_CELLS = {"cd4": "CD4", "cd8": "CD8", "treg": "Regulatory T", "nk": "NK", "b": "B"}

ENDPOINTS: dict[str, Endpoint] = {
    "os": TimeToEvent("Overall survival", (730,), _KM, survival.overall_survival),
    "response": Counted("Complete or partial remission", _DATES, responses, response_rows),
    "relapse": TimeToEvent("Relapse incidence", _DATES, _AJ, survival.relapse),
    "disease-death": TimeToEvent("Disease-related death", _DATES, _AJ, survival.disease_death),
    "lfs": TimeToEvent("Leukaemia-free survival", _YEARS, _KM, survival.leukaemia_free_survival),
    "nrm": TimeToEvent("Non-relapse mortality", (90, 365, 730), _AJ, survival.non_relapse_mortality),
    "agvhd-2-4": TimeToEvent("Acute GVHD grade II-IV", _DATES, _AJ, partial(gvhd.acute, grade="II"), (BY_ONSET,)),
    "agvhd-3-4": TimeToEvent("Acute GVHD grade III-IV", _DATES, _AJ, partial(gvhd.acute, grade="III"), (BY_ONSET,)),
    "cgvhd": TimeToEvent("Chronic GVHD", _DATES, _AJ, partial(gvhd.chronic, severity="mild"), (BY_ONSET,)),
    "cgvhd-moderate-severe": TimeToEvent(
        "Chronic GVHD, moderate or severe", _DATES, _AJ, partial(gvhd.chronic, severity="moderate"), (BY_ONSET,)
    ),
    "grfs": TimeToEvent("GVHD-free, relapse-free survival", _YEARS, _KM, gvhd.relapse_free_survival, (BY_ONSET,)),
    "neutrophil-engraftment": TimeToEvent("Neutrophil engraftment", (28, 42), _AJ, neutrophil_engraftment),
    "platelet-engraftment": TimeToEvent("Platelet engraftment", (100,), _AJ, platelet_engraftment),
    "pdli-feasibility": Counted(
        "Prophylactic donor lymphocytes", (None,), pdli.feasibility, pdli.feasibility_rows, fixed=True
    ),
    "pdli-gvhd": TimeToEvent(
        "GVHD after the first prophylactic donor lymphocytes", _DATES, _AJ, pdli.gvhd_after, more=pdli.severity_after
    ),
    **{
        f"immune-{cells}": Counted(
            f"Immune reconstitution: {_CELLS[cells]} cells", (30, 90, 180), partial(subset, cells=cells), subset_rows
        )
        for cells in SUBSETS
    },
    "chimerism": Counted("Donor chimerism", (30, *_DATES), chimerism, chimerism_rows),
    "relapse-molecular": TimeToEvent("Molecular relapse (sensitivity)", _DATES, _AJ, survival.molecular),
    "disease-death-by-cause": TimeToEvent(
        "Disease-related death, by the cause told (sensitivity)", _DATES, _AJ, survival.disease_death_by_cause
    ),
    "agvhd-2-4-death-alone": TimeToEvent(
        "Acute GVHD grade II-IV, death alone competing", _DATES, _AJ, partial(gvhd.acute_death_alone, grade="II")
    ),
    "agvhd-3-4-death-alone": TimeToEvent(
        "Acute GVHD grade III-IV, death alone competing", _DATES, _AJ, partial(gvhd.acute_death_alone, grade="III")
    ),
    "cgvhd-death-alone": TimeToEvent(
        "Chronic GVHD, death alone competing", _DATES, _AJ, partial(gvhd.chronic_death_alone, severity="mild")
    ),
    "cgvhd-moderate-severe-death-alone": TimeToEvent(
        "Chronic GVHD, moderate or severe, death alone competing",
        _DATES,
        _AJ,
        partial(gvhd.chronic_death_alone, severity="moderate"),
    ),
    "immune-cd4-recovered": Counted(
        "CD4 above 50/uL at two consecutive dates before day 100", (100,), enough_cd4, enough_cd4_rows, fixed=True
    ),
}
"""Ids of the public interface first, then the sensitivity tables."""


def known() -> tuple[str, ...]:
    """Ids of the endpoints."""
    return tuple(ENDPOINTS)


def title(endpoint: str) -> str:
    """The endpoint in words."""
    return ENDPOINTS[endpoint].title


def require_known(endpoints: Iterable[str]) -> None:
    """Raises FaultyInput for each id that is no endpoint, naming those that are."""
    wrong = [endpoint for endpoint in endpoints if endpoint not in ENDPOINTS]
    if wrong:
        names = ", ".join(ENDPOINTS)
        raise FaultyInput(
            [Fault("endpoint", f"no endpoint is called {each}; known: {names}", "not-found") for each in wrong]
        )


class Cohort:
    """Patients one by one into every endpoint asked for. Raises FaultyInput naming what cannot be asked for.

    `horizons` (days) take the place of each endpoint's own; `keep`: subjects too, not only rows.
    """

    def __init__(
        self, endpoints: Iterable[str], as_of: date, horizons: Collection[int] = (), *, keep: bool = True
    ) -> None:
        wanted = tuple(endpoints)
        require_known(wanted)
        if impossible := sorted(day for day in horizons if day < 0):
            raise FaultyInput([Fault("horizons", f"{day} is no day after the transplant") for day in impossible])
        self.as_of = as_of
        self.patients = 0
        self.since: date | None = None
        self.latest: date | None = None
        self.left_out: list[Excluded] = []
        self.tallies: list[Tally] = [tally(each, ENDPOINTS[each], tuple(horizons), keep=keep) for each in wanted]

    def add(self, course: Course) -> None:
        """One patient."""
        self.patients += 1
        self.latest = max((day for day in (self.latest, course.latest) if day), default=None)
        followed = follow(course, self.as_of)
        if isinstance(followed, Excluded):
            self.left_out.append(followed)
            return
        self.since = min(self.since or followed.axis.zero, followed.axis.zero)
        for each in self.tallies:
            each.add(followed)

    def take_over(self, other: Cohort) -> None:
        """The patients of another that was asked the same, after its own: as if they had been added one by one."""
        self.patients += other.patients
        self.latest = max((day for day in (self.latest, other.latest) if day), default=None)
        self.since = min((day for day in (self.since, other.since) if day), default=None)
        self.left_out += other.left_out
        for mine, theirs in zip(self.tallies, other.tallies, strict=True):
            mine.take_over(theirs)

    def analyses(self) -> tuple[Analysis, ...]:
        """What came of everybody so far."""
        return tuple(each.analysis(self.left_out) for each in self.tallies)


def analyse(endpoint: str, courses: Iterable[Course], as_of: date, horizons: Collection[int] = ()) -> Analysis:
    """One endpoint of one cohort. Raises FaultyInput."""
    cohort = Cohort([endpoint], as_of, horizons)
    for course in courses:
        cohort.add(course)
    (analysis,) = cohort.analyses()
    return analysis
