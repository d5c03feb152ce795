"""Every endpoint of cohorts full of ties, reckoned a second time from the definitions alone, on bare days.

Forms become FHIR, FHIR becomes endpoints; beside that stands this file, which reads the same stories day by day with
nothing of ours. What it says follows the endpoint definitions and docs/endpoints.md, the slow way.
"""

from __future__ import annotations

import math
from calendar import monthrange
from datetime import date, timedelta
from itertools import pairwise
from statistics import NormalDist

import pytest

from mappings.registry.analysis_table import header, line
from mappings.registry.course import read
from mappings.registry.endpoints import ENDPOINTS, Cohort
from mappings.registry.followed import Followed, follow
from mappings.registry.judged import Row
from tests.lib.stories import cohort
from tests.unit.mappings.registry.patients import course_of

WINDOWS = {30: 7, 90: 15, 180: 30, 365: 45, 730: 60}
Z = NormalDist().inv_cdf(0.975)


def first(*days):
    return min((day for day in days if day is not None), default=None)


class Again:
    """One patient up to the cut-off."""

    def __init__(self, story, cut):
        self.story, self.cut = story, (cut - story.zero).days
        self.died = story.died if story.died is not None and story.died <= self.cut else None
        last = max([0, *story.seen, *story.anc, *(day for day, _ in story.relapses), *story.infused])
        self.end = self.died if self.died is not None else min(last, self.cut)
        self.assessed = [
            (day, word) for day, word in story.responses if day > 0 and self.known(day) and word != "not-evaluable"
        ]
        self.relapsed = self.relapse()

    def known(self, day):
        return day is not None and 0 <= day <= self.cut and (self.died is None or day <= self.died)

    def relapse(self):
        told = [day for day, kind in self.story.relapses if kind != "molecular" and self.known(day)]
        told += [day for day, word in self.story.responses if word == "relapse" and self.known(day)]
        if not any(word in ("CR", "CRh", "CRi") and day <= 105 for day, word in self.assessed):
            told.append(first(*(day for day, word in self.assessed if word in ("PR", "no-response"))))
        return first(*told)

    def ended(self, event, *rivals):
        rival = first(*rivals)
        if event is not None and (rival is None or event <= rival):
            return event, 1
        return (self.end, 0) if rival is None else (rival, 2)

    def reached(self, episodes, height):
        days = []
        for one in episodes:
            steps = [day for day, place in one.steps if place >= height]
            days += [min(steps) if steps else one.onset] if one.height >= height else []
        return first(*(day for day in days if self.known(day)))

    def recovered(self, counts, threshold, transfused):
        days = sorted(day for day in counts if self.known(day))
        safe = [counts[day] >= threshold and not any(0 <= day - given < 7 for given in transfused) for day in days]
        runs = [
            n for n in range(len(days) - 2) if all(safe[n : n + 3]) and any(counts[d] < threshold for d in days[:n])
        ]
        deepest = [n for n in runs if min(counts[d] for d in days[:n]) <= min(counts[d] for d in days[n:])]
        return days[(deepest or runs)[0]] if runs else None

    def engrafted(self, of, counts, threshold, transfused=()):
        status, day = self.story.reported.get(of, (None, None))
        counted = self.recovered(counts, threshold, transfused)
        if counted is None and status == "never-below":
            return None
        return self.ended(counted if counted is not None else day if self.known(day) else None, self.died)

    def near(self, values, day):
        inside = [(abs(on - day), on) for on in values if on > 0 and self.known(on) and abs(on - day) <= WINDOWS[day]]
        return values[min(inside)[1]] if inside else None

    def times(self):
        story, died, relapsed = self.story, self.died, self.relapsed
        worse = {"agvhd-2-4": (story.acute, 2), "agvhd-3-4": (story.acute, 3)}
        worse |= {"cgvhd": (story.chronic, 1), "cgvhd-moderate-severe": (story.chronic, 2)}
        treated = first(*(one.onset for one in story.chronic if one.height and one.systemic and self.known(one.onset)))
        severe = [self.reached(story.acute, 3), self.reached(story.chronic, 3), treated]
        molecular = first(*(day for day, kind in story.relapses if kind == "molecular" and self.known(day)))
        yield "os", self.ended(died)
        yield "lfs", self.ended(first(relapsed, died))
        yield "relapse", self.ended(relapsed, died)
        yield "nrm", self.ended(None if relapsed is not None else died, relapsed)
        after = relapsed is not None
        yield "disease-death", self.ended(died if after else None, None if after else died)
        of_relapse = story.cause == "relapse"
        yield "disease-death-by-cause", self.ended(died if of_relapse else None, None if of_relapse else died)
        yield "relapse-molecular", self.ended(molecular, relapsed, died)
        for name, (episodes, height) in worse.items():
            yield name, self.ended(self.reached(episodes, height), relapsed, died)
            yield f"{name}-death-alone", self.ended(self.reached(episodes, height), died)
        yield "grfs", self.ended(first(*severe, relapsed, died))
        yield "neutrophil-engraftment", self.engrafted("neutrophils", story.anc, 0.5)
        yield "platelet-engraftment", self.engrafted("platelets", story.platelets, 20, story.transfused)
        yield "pdli-gvhd", self.gvhd_after()

    def gvhd_after(self):
        given = first(*(day for day in self.story.infused if self.known(day)))
        if given is None or (self.relapsed is not None and self.relapsed < given):
            return None
        episodes = [*self.story.acute, *self.story.chronic]
        after = first(*(one.onset for one in episodes if one.height and one.onset > given and self.known(one.onset)))
        day, status = self.ended(after, self.relapsed, self.died)
        return day - given, status

    def open_gate(self):
        story = self.story
        looked = story.looked is not None and story.looked <= self.cut
        asked = story.asked is not None and story.asked <= self.cut
        if not (asked or story.drugs) or not all(looked or of for of in (story.acute, story.chronic)):
            return False
        return any(self.open_on(day) for day in range(120, self.end + 1))

    def open_on(self, day):
        story, on = self.story, self.story.zero + timedelta(days=day)
        over = self.reached(story.acute, 3)
        if any(end is not None and end <= day for end in (self.died, self.relapsed, over)):
            return False
        stops = story.drugs or [(0, story.asked)]
        free = all(
            start > day or (stop is not None and stop <= self.cut and self.month_after(stop) <= on)
            for start, stop in stops
        )
        ill = any(
            one.height and one.onset <= day and (one.resolved is None or one.resolved > day)
            for one in (*story.acute, *story.chronic)
        )
        return free and not ill

    def month_after(self, day):
        on = self.story.zero + timedelta(days=day)
        year, month = (on.year + 1, 1) if on.month == 12 else (on.year, on.month + 1)
        return date(year, month, min(on.day, monthrange(year, month)[1]))

    def values(self):
        told = dict(reversed(self.assessed))
        yield from ((f"response_{day}", self.near(told, day)) for day in (90, 180, 365, 730))
        counts = {day: float(cells) for day, cells in self.story.cd4.items()}
        yield from ((f"immune_cd4_{day}", self.near(counts, day)) for day in (30, 90, 180))
        shares = ((day, self.near(self.story.donor, day)) for day in WINDOWS)
        for day, share in shares:
            yield f"chimerism_{day}", share and ("full" if share > 95 else "absent" if share < 5 else "mixed")
        early = [counts[day] > 50 for day in sorted(counts) if 0 < day < 100 and self.known(day)]
        twice = any(one and other for one, other in pairwise(early))
        yield "immune_cd4_recovered_100", int(twice) if len(early) > 1 else None
        free = self.relapsed is None or self.relapsed > 120
        yield "pdli_alive_relapse_free_120", int(free and self.end >= 120 and (self.died is None or self.died > 120))
        yield "pdli_given", sum(map(self.known, self.story.infused))
        yield "pdli_possible", int(self.open_gate())

    def columns(self):
        for name, said in self.times():
            for part, value in zip(("days", "status"), said or ("", ""), strict=True):
                yield f"{name.replace('-', '_')}_{part}", str(value)
        yield from ((name, "" if value is None else str(value)) for name, value in self.values())


def survival(observed, day):
    free, spread = 1.0, 0.0
    for time in sorted({time for time, status in observed if status == 1 and time <= day}):
        at_risk, died = sum(other >= time for other, _ in observed), observed.count((time, 1))
        free *= 1 - died / at_risk
        spread += died / (at_risk * (at_risk - died)) if died < at_risk else 0.0
    return free, free * math.sqrt(spread) if 0 < free < 1 else None


def incidence(observed, day):
    """The product of transition matrices, with the covariance of its first row carried along."""
    row, spread = [1.0, 0.0, 0.0], [[0.0] * 3 for _ in range(3)]
    for time in sorted({time for time, status in observed if status and time <= day}):
        at_risk = sum(other >= time for other, _ in observed)
        one, two = (observed.count((time, status)) / at_risk for status in (1, 2))
        step = [[1 - one - two, one, two], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        carried = [
            [sum(step[a][i] * spread[a][b] * step[b][j] for a in range(3) for b in range(3)) for j in range(3)]
            for i in range(3)
        ]
        fresh = [
            [(step[0][i] * (i == j) - step[0][i] * step[0][j]) * row[0] ** 2 / at_risk for j in range(3)]
            for i in range(3)
        ]
        spread = [[carried[i][j] + fresh[i][j] for j in range(3)] for i in range(3)]
        row = [sum(row[a] * step[a][i] for a in range(3)) for i in range(3)]
    return row[1], math.sqrt(max(spread[1][1], 0.0))


def interval(estimate, se):
    if not se or not 1e-12 < estimate < 1 - 1e-12:
        return None, None
    reach = math.exp(Z * se / (estimate * abs(math.log(estimate))))
    return estimate**reach, estimate ** (1 / reach)


def expected(row, observed):
    last = max((time for time, _ in observed), default=-1)
    said = [sum(time >= row.horizon_days for time, _ in observed)]
    said.append(sum(status == 1 and time <= row.horizon_days for time, status in observed))
    if row.horizon_days > last and (not observed or (last, 0) in observed):
        return [*said, None, None, None, None]
    estimate, se = (survival if row.method == "kaplan-meier" else incidence)(observed, row.horizon_days)
    return [*said, estimate, se, *interval(estimate, se)]


@pytest.mark.parametrize(
    ("patients", "seed", "cut"),
    [(1, 1, None), (2, 2, None), (3, 3, date(2023, 5, 1)), (40, 4, date(2023, 6, 15)), (70, 5, None)],
)
def test_every_endpoint_is_what_the_definitions_say(patients, seed, cut):
    told = [(course, story) for forms, story in cohort(patients, seed) for course in read(course_of(*forms))]
    assert len(told) == patients
    cut = cut or max(course.latest for course, _ in told)
    made, observed = Cohort(ENDPOINTS, cut), {name: [] for name in ENDPOINTS}
    for course, story in told:
        made.add(course)
        followed = follow(course, cut)
        if not isinstance(followed, Followed):
            assert story.zero > cut
            continue
        patient = Again(story, cut)
        columns = dict(zip(header(), line(followed), strict=True))
        wanted = dict(patient.columns())
        assert {name: columns[name] for name in wanted} == wanted, story
        for name, said in patient.times():
            observed[name] += [said] if said else []
    rows = [row for analysis in made.analyses() for row in analysis.rows if isinstance(row, Row)]
    assert {row.endpoint for row in rows} == {name for name, _ in patient.times()}
    for row in rows:
        said = [row.at_risk, row.events, row.estimate, row.se, row.ci_low, row.ci_high]
        again = expected(row, observed[row.endpoint])
        assert said == [value if value is None else pytest.approx(value, abs=1e-9) for value in again], row
