"""The follow-up, clause by clause."""

from __future__ import annotations

import pytest

from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.protocol import load
from mappings.r4.build import Ids
from tests.lib import leaves
from tests.lib.charts import AS_OF
from tests.lib.plans import COURSE, a_plan


def test_visits_are_by_calendar_months_and_the_baseline_has_no_date():
    """6. Feedback: at baseline and 1, 3, 6, 12 and 24 months after transplant (engraftment, disease response, immune reconstitution, chimerism, GVHD, infection, quality of life). | at baseline | 1, 3, 6, 12 and 24 months after transplant"""  # noqa: E501  the protocol's sentence
    plan = a_plan()
    dates = {m: plan.order(f"visit-m{m}")["occurrenceDateTime"] for m in (1, 3, 6, 12, 24)}
    assert dates == {1: "2026-04-02", 3: "2026-06-02", 6: "2026-09-02", 12: "2027-03-02", 24: "2028-03-02"}
    assert "occurrenceDateTime" not in plan.order("visit-baseline")


def test_each_visit_asks_for_seven_things():
    """engraftment | disease response | immune reconstitution | chimerism | GVHD | infection | quality of life"""
    assert [item.key for item in load("set-haplo-pdli").follow_up.items] == [
        *("engraftment", "disease-response", "immune-reconstitution", "chimerism"),
        *("gvhd", "infection", "quality-of-life"),
    ]


RESOURCES = {
    "engraftment": {"engraftment", "blood-count", "transfusion"},
    "disease-response": {"response", "marrow-blasts", "residual-disease", "relapse-kind"},
    "immune-reconstitution": {"immune-subset"},
    "chimerism": {"chimerism"},
    "gvhd": {"gvhd-assessment", "acute-gvhd", "acute-gvhd-grade", "chronic-gvhd", "chronic-gvhd-severity"},
    "infection": {"infection", "infection-agent"},
    "quality-of-life": {"quality-of-life", "performance"},
}


def test_each_of_the_seven_things_becomes_fhir():
    """engraftment | disease response | immune reconstitution | chimerism | GVHD | infection | quality of life"""
    enrolled = schema.enrolment(leaves.full("enrolment"), AS_OF)
    visit = schema.follow_up(leaves.full("follow_up"), AS_OF)
    made = [entry.resource["meta"]["profile"][0] for entry in map_course(enrolled, [visit], Ids(COURSE))]
    profiles = {profile.rpartition("/engraft-")[2].partition("|")[0] for profile in made}
    assert list(RESOURCES) == [item.key for item in load("set-haplo-pdli").follow_up.items]
    assert set.union(*RESOURCES.values()) <= profiles


@pytest.mark.parametrize(("day", "date"), [(30, "2026-04-01"), (90, "2026-05-31"), (180, "2026-08-29")])
def test_immune_panels_are_by_days(day, date):
    """in the peripheral blood 30, 90 and 180 days after transplantation"""
    assert a_plan().order(f"assay-d{day}")["occurrenceDateTime"] == date


def test_immune_panel_counts_five_subsets():
    """Study of immune reconstitution post-transplant in the peripheral blood 30, 90 and 180 days after transplantation (CD4 lymphocyte levels, CD8, T regulators, Natural Killer cells and B cells)"""  # noqa: E501  the protocol's sentence
    panel = load("set-haplo-pdli").follow_up.panel
    assert panel is not None
    assert panel.subsets == ("cd4", "cd8", "treg", "nk", "b")
