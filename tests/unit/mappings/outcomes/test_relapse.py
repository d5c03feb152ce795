"""A relapse is told with its kind and its day, and the leukaemia stands as the newest word has it."""

from __future__ import annotations

import itertools

import pytest

from tests.lib.charts import chart, codes, mapped, of_profile, only, visit, why

AML = {"diagnosis": "aml", "status": "refractory", "diagnosed": "2025-03"}


def told(name, date, **said):
    return visit(name, date, relapse={"date": date, "kind": "haematological", **said})


def response(name, date, category):
    return visit(name, date, response={"date": date, "category": category})


class TestRelapse:
    def test_its_kind_is_an_observation_of_the_leukaemia_on_the_day_it_was_found(self):
        resources = chart(told("m6", "2026-09-01"), disease=AML)
        found = only(resources, "relapse-kind")
        assert codes(found["valueCodeableConcept"]) == {"relapse-haematological"}
        assert found["effectiveDateTime"] == "2026-09-01"
        assert found["focus"] == [{"reference": f"Condition/{only(resources, 'aml')['id']}"}]
        assert "focus" not in only(chart(told("m6", "2026-09-01")), "relapse-kind")

    def test_it_is_a_condition_of_its_own_with_that_observation_as_evidence(self):
        resources = chart(told("m6", "2026-09-01"))
        relapse, found = only(resources, "relapse"), only(resources, "relapse-kind")
        assert codes(relapse["clinicalStatus"]) == {"recurrence"}
        assert {"1259237005", "234522008"} <= codes(relapse["code"])
        assert relapse["onsetDateTime"] == "2026-09-01"
        assert relapse["evidence"] == [{"detail": [{"reference": f"Observation/{found['id']}"}]}]
        assert not any(name.startswith("abatement") for name in relapse)

    @pytest.mark.parametrize("kind", ["extramedullary", "unknown"])
    def test_only_what_is_known_to_be_in_the_blood_is_coded_as_in_the_marrow(self, kind):
        assert "234522008" not in codes(only(chart(told("m6", "2026-09-01", kind=kind)), "relapse")["code"])

    def test_a_molecular_relapse_is_observed_and_nobody_is_said_to_be_ill_again(self):
        """Endpoint definitions: molecular relapse is no LFS event."""
        cr, mrd = response("m3", "2026-06-02", "CR"), told("m6", "2026-09-01", kind="molecular")
        resources = chart(cr, mrd, disease=AML)
        assert codes(only(resources, "relapse-kind")["valueCodeableConcept"]) == {"relapse-molecular"}
        assert of_profile(resources, "relapse") == []
        assert codes(only(resources, "aml")["clinicalStatus"]) == {"remission"}

    def test_a_relapse_after_which_remission_came_back_is_in_remission(self):
        forms = [told("m3", "2026-06-02"), response("m6", "2026-09-01", "CR"), told("m12", "2026-10-30")]
        first, second = of_profile(chart(*forms), "relapse")
        assert [codes(each["clinicalStatus"]) for each in (first, second)] == [{"remission"}, {"recurrence"}]

    @pytest.mark.parametrize(("relapsed", "remission"), [("2026-06", "2026-06-20"), ("2026-06-02", "2026-06")])
    def test_a_remission_that_may_lie_before_it_does_not_end_it(self, relapsed, remission):
        forms = [
            visit("m3", "2026-07-02", relapse={"date": relapsed, "kind": "haematological"}),
            visit("m6", response={"date": remission, "category": "CR"}),
        ]
        assert codes(only(chart(*forms), "relapse")["clinicalStatus"]) == {"recurrence"}

    def test_missing_is_said_at_each_depth(self):
        said = {"date": {"not_done": "unknown", "note": "elsewhere"}, "kind": {"not_done": "not-performed"}}
        resources = chart(visit(relapse=said))
        found, relapse = only(resources, "relapse-kind"), only(resources, "relapse")
        assert why(found["_effectiveDateTime"]) == why(relapse["_onsetDateTime"]) == "unknown"
        assert codes(found["dataAbsentReason"]) == {"not-performed"}
        assert relapse["note"] == [{"text": "elsewhere"}]

    def test_one_whose_kind_nobody_told_is_a_relapse_and_no_kind(self):
        resources = chart(visit(relapse={"date": "2026-09-01"}))
        assert of_profile(resources, "relapse-kind") == []
        relapse = only(resources, "relapse")
        assert (codes(relapse["clinicalStatus"]), relapse["onsetDateTime"]) == ({"recurrence"}, "2026-09-01")
        assert "evidence" not in relapse

    def test_its_kind_told_later_is_its_evidence(self):
        again = visit("m12", "2026-10-30", relapse={"date": "2026-09-01", "kind": "extramedullary"})
        resources = chart(visit(relapse={"date": "2026-09-01"}), again)
        evidence = only(resources, "relapse")["evidence"]
        assert evidence == [{"detail": [{"reference": f"Observation/{only(resources, 'relapse-kind')['id']}"}]}]

    def test_one_whose_day_nobody_told_has_none_and_no_reason_for_it(self):
        resources = chart(visit(relapse={"kind": "haematological"}))
        assert not [name for name in only(resources, "relapse") if "onset" in name]
        assert not [name for name in only(resources, "relapse-kind") if "effective" in name]

    def test_a_section_said_to_be_missing_claims_no_relapse(self):
        resources = chart(visit(relapse={"not_done": "not-performed", "note": "no marrow"}), disease=AML)
        found = only(resources, "relapse-kind")
        assert (codes(found["dataAbsentReason"]), found["effectiveDateTime"]) == ({"not-performed"}, "2026-09-02")
        assert of_profile(resources, "relapse") == []
        assert codes(only(resources, "aml")["clinicalStatus"]) == {"active"}

    def test_what_a_later_visit_says_of_the_same_day_holds(self):
        again = visit("m12", "2026-10-30", relapse={"date": "2026-09-01", "kind": "molecular"})
        resources = chart(told("m6", "2026-09-01"), again)
        assert codes(only(resources, "relapse-kind")["valueCodeableConcept"]) == {"relapse-molecular"}
        assert of_profile(resources, "relapse") == []


def standing(*forms, status="refractory"):
    """How the leukaemia stands, and the visit that says so, in whatever order the forms come."""
    found = {
        (codes(entry.resource["clinicalStatus"]).pop(), entry.sources[1:])
        for order in itertools.permutations(forms)
        for entry in mapped(*order, disease=AML | {"status": status})
        if "/engraft-aml|" in entry.resource["meta"]["profile"][0]
    }
    (only_one,) = found
    return only_one


class TestStandingOfTheLeukaemia:
    @pytest.mark.parametrize(("status", "word"), [("refractory", "active"), ("relapsed", "relapse")])
    def test_at_enrolment(self, status, word):
        assert standing(status=status) == (word, ())

    @pytest.mark.parametrize("category", ["CR", "CRh", "CRi"])
    def test_in_remission(self, category):
        assert standing(response("m3", "2026-06-02", category)) == ("remission", ("FR-SYN/SYN-0001/m3",))

    @pytest.mark.parametrize("category", ["MLFS", "not-evaluable", "unknown"])
    def test_what_settles_neither_leaves_it_as_it_was(self, category):
        assert standing(response("m3", "2026-06-02", category)) == ("active", ())
        assert standing(response("m1", "2026-04-02", "CR"), response("m3", "2026-06-02", category))[0] == "remission"

    @pytest.mark.parametrize(("status", "word"), [("refractory", "active"), ("relapsed", "relapse")])
    def test_that_persists_stands_as_it_stood(self, status, word):
        lost = response("m1", "2026-04-02", "CR"), response("m3", "2026-06-02", "no-response")
        assert standing(*lost, status=status) == (word, ("FR-SYN/SYN-0001/m3",))

    def test_in_relapse_by_the_relapse_or_by_the_response(self):
        cr = response("m1", "2026-04-02", "CR")
        assert standing(cr, told("m3", "2026-06-02")) == ("relapse", ("FR-SYN/SYN-0001/m3",))
        assert standing(cr, response("m3", "2026-06-02", "relapse")) == ("relapse", ("FR-SYN/SYN-0001/m3",))

    def test_that_persists_after_a_relapse_is_in_relapse(self):
        forms = told("m3", "2026-06-02"), response("m6", "2026-09-01", "CR"), response("m12", "2026-10-30", "PR")
        assert standing(*forms)[0] == "relapse"

    def test_of_two_words_of_one_day_the_worse_holds(self):
        both = visit("m6", response={"date": "2026-09-01", "category": "CR"}) | {
            "relapse": {"date": "2026-09-01", "kind": "extramedullary"}
        }
        assert standing(both)[0] == "relapse"

    def test_a_relapse_on_an_unknown_day_is_of_its_visit(self):
        unknown = visit("m6", relapse={"date": {"not_done": "unknown"}, "kind": "haematological"})
        assert standing(response("m3", "2026-06-02", "CR"), unknown)[0] == "relapse"
        assert standing(unknown, response("m12", "2026-10-30", "CR"))[0] == "remission"

    def test_a_category_said_to_be_missing_is_no_remission(self):
        said = visit("m3", "2026-06-02", response={"date": "2026-06-02", "category": {"not_done": "unknown"}})
        assert standing(said) == ("active", ())

    def test_it_has_no_end(self):
        """R4 con-4: an abatement would have to come with it."""
        aml = only(chart(response("m3", "2026-06-02", "CR"), disease=AML), "aml")
        assert not any("abatement" in name for name in aml)
