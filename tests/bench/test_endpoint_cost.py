"""Endpoints of many patients: the estimating part beside R's survfit in one run, and the memory of a whole report."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest

from mappings.registry.estimators import aalen_johansen, kaplan_meier
from tests.bench.table import show
from tests.bench.test_intake_cost import peak

pytestmark = pytest.mark.bench

PATIENTS = 100_000
LONGEST = 1_100
ROUNDS = 5
FEW, MANY = 250, 1_000
FLAT = 1.2

R = """
suppressPackageStartupMessages(library(survival))
d <- read.csv(commandArgs(trailingOnly = TRUE)[1])
for (round in 1:{rounds}) {{
  cat(system.time(survfit(Surv(time, status > 0) ~ 1, data = d, conf.type = "log-log"))[["elapsed"]],
      system.time(survfit(Surv(time, factor(status, 0:2)) ~ 1, data = d, conf.type = "log-log"))[["elapsed"]], "\\n")
}}
"""


def observed() -> list[tuple[int, int]]:
    rng = random.Random(1)
    return [(rng.randint(0, LONGEST), rng.choice((0, 0, 1, 2))) for _ in range(PATIENTS)]


def ours(patients: list[tuple[int, int]]) -> tuple[float, float]:
    """Median seconds of survival and of incidence, counting the patients included."""
    taken: dict[str, list[float]] = {"survival": [], "incidence": []}
    for _ in range(ROUNDS):
        start = perf_counter()
        kaplan_meier(Counter((day, int(status > 0)) for day, status in patients))
        middle = perf_counter()
        aalen_johansen(Counter(patients))
        taken["survival"].append(middle - start)
        taken["incidence"].append(perf_counter() - middle)
    return median(taken["survival"]), median(taken["incidence"])


@pytest.mark.skipif(not shutil.which("Rscript"), reason="R is not installed: nothing to compare the estimators with")
def test_estimating_is_no_slower_than_r(tmp_path: Path):
    patients = observed()
    table, script = tmp_path / "table.csv", tmp_path / "time.R"
    table.write_text("time,status\n" + "".join(f"{day},{status}\n" for day, status in patients))
    script.write_text(R.format(rounds=ROUNDS))
    survival, incidence = ours(patients)
    done = subprocess.run(["Rscript", script, table], capture_output=True, text=True, check=True)
    lines = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    r_survival, r_incidence = (median(column) for column in zip(*lines, strict=True))
    show(
        f"estimating, {PATIENTS:,} patients, {LONGEST} days",
        ("Kaplan-Meier, here", f"{survival * 1e3:.0f} ms"),
        ("Kaplan-Meier, R's survfit", f"{r_survival * 1e3:.0f} ms"),
        ("Aalen-Johansen, here", f"{incidence * 1e3:.0f} ms"),
        ("Aalen-Johansen, R's survfit", f"{r_incidence * 1e3:.0f} ms"),
        ("both, here / R, at most 1", f"{(survival + incidence) / (r_survival + r_incidence):.2f}"),
    )
    assert survival + incidence <= r_survival + r_incidence


def test_a_report_needs_no_more_memory_for_more_patients(tmp_path: Path):
    found = {}
    for patients in (FEW, MANY):
        folder = tmp_path / str(patients)
        peak(tmp_path, "cohort", "synth", "--patients", patients, "--seed", 1, "--out", folder)
        peak(tmp_path, "map", *sorted(folder.glob("*.ndjson")), "--as-of", "2026-01-02", "--out", folder / "fhir")
        start = perf_counter()
        words = ("registry", "report", "--from", folder / "fhir", "--format", "json")
        found[patients] = peak(tmp_path, *words), perf_counter() - start
    rows = [
        (f"{n} patients", f"{kib // 1024} MB, {took / n * 1e3:.1f} ms a patient") for n, (kib, took) in found.items()
    ]
    ratio = found[MANY][0] / found[FEW][0]
    show("a whole report from NDJSON, every endpoint", *rows, (f"memory, ratio, at most {FLAT}", f"{ratio:.2f}"))
    assert ratio <= FLAT
