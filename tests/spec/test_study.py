"""The study's setting, objectives and endpoints, clause by clause."""

from __future__ import annotations

from mappings.plan.definition import definitions
from mappings.protocol import load
from tests.lib.plans import a_plan

PROTOCOL = load("set-haplo-pdli")
PLAN, *_ = definitions(PROTOCOL)


def objective(key):
    (found,) = [o for o in PROTOCOL.objectives if o.key == key]
    return found


def horizons(key):
    (endpoint,) = [e for e in PROTOCOL.endpoints if e.key == key]
    return set(endpoint.measures), [(h.days, h.months) for h in endpoint.at]


def test_the_study_asks_whether_the_combination_works_and_is_safe():
    """The goal is to evaluate the efficacy and safety of the combination of an SET followed by haploidentical transplant with post-transplant immune modulation by prophylactic DLI in patients with refractory acute myeloid leukemia or relapsed."""  # noqa: E501  the protocol's sentence
    assert PLAN["description"].startswith("The goal is to evaluate the efficacy and safety")
    assert a_plan().applied.care_plan["description"] == PLAN["description"]


def test_the_study_stands_in_routine_care():
    """Multicenter study in routine care, prospective | All patients will receive, as part of the marketing authorization of the products used, the following regimen | The treatments evaluated in this strategy are all used in the usual care of patients and follow-up will not be changed."""  # noqa: E501  the protocol's sentence
    for clause in PROTOCOL.setting:
        assert clause.source in PLAN["usage"]
    assert {r["intent"] for r in a_plan().orders("MedicationRequest")} == {"option"}  # proposed, never ordered


def test_the_main_objective_is_to_be_alive_at_two_years():
    """The main objective is to assess overall survival at 2 years in these patients."""
    assert [o.key for o in PROTOCOL.objectives if o.primary] == ["overall-survival"]
    assert horizons("overall-survival") == ({"os"}, [(None, 24)])
    (goal,) = a_plan().orders("Goal")
    assert goal["target"] == [{"dueDate": "2028-03-02"}]


def test_secondary_objectives_are_five():
    """To evaluate the efficacy of this therapeutic strategy in terms of remission of disease, incidence of relapse and relapse-free survival | To evaluate the non-relapse mortality | To evaluate the incidence of acute and chronic graft against host disease (GVHD) | To assess the feasibility of prophylactic injections of donor lymphocytes (pDLI) | To analyze the post-transplant immune reconstitution"""  # noqa: E501  the protocol's sentence
    secondary = [o.source for o in PROTOCOL.objectives if not o.primary]
    assert len(secondary) == 5
    assert all(source in PLAN["purpose"] for source in secondary)


def test_remission_is_looked_at_four_times():
    """partial or complete remission rate by standard criteria at 90 days and then 6, 12 and 24 months after transplantation."""  # noqa: E501  the protocol's sentence
    assert horizons("remission") == ({"response"}, [(90, None), (None, 6), (None, 12), (None, 24)])


def test_relapse_and_disease_related_death_are_looked_at_four_times():
    """Relapse incidence and death related to the disease 90 days 6, 12 and 24 months after transplantation"""
    measures, at = horizons("relapse-and-disease-death")
    assert (measures, at) == ({"relapse", "disease-death"}, [(90, None), (None, 6), (None, 12), (None, 24)])


def test_leukaemia_free_survival_is_at_one_and_two_years():
    """Leukemia-free survival at 1 year and 2 years after transplantation"""
    assert horizons("leukaemia-free-survival") == ({"lfs"}, [(None, 12), (None, 24)])


def test_non_relapse_mortality_is_looked_at_three_times():
    """Cumulative incidence of death not related to relapse at 90 days, 1 year and 2 years after transplantation"""
    assert horizons("non-relapse-mortality") == ({"nrm"}, [(90, None), (None, 12), (None, 24)])


def test_gvhd_incidence_has_no_horizon_of_the_protocols():
    """Cumulative incidence of acute and chronic graft against host disease (GVHD)"""
    measures, at = horizons("gvhd-incidence")
    assert at == []
    assert {"agvhd-2-4", "cgvhd"} <= measures


def test_pdli_feasibility_and_the_gvhd_after_it():
    """Number of patients for whom pDLI was possible and number of pDLI / patient; incidence, severity and treatment of possible secondary GVHD in these patients"""  # noqa: E501  the protocol's sentence
    assert horizons("pdli") == ({"pdli-feasibility", "pdli-gvhd"}, [])
    assert len([r for r in a_plan().orders("ServiceRequest") if "/pdli-" in r["identifier"][0]["value"]]) == 3


def test_immune_reconstitution_is_counted_on_three_days():
    """Study of immune reconstitution post-transplant in the peripheral blood 30, 90 and 180 days after transplantation (CD4 lymphocyte levels, CD8, T regulators, Natural Killer cells and B cells)"""  # noqa: E501  the protocol's sentence
    measures, at = horizons("immune-reconstitution")
    assert [days for days, _ in at] == [30, 90, 180]
    assert measures == {"immune-cd4", "immune-cd8", "immune-treg", "immune-nk", "immune-b"}
