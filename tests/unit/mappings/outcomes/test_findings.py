"""Chimerism, infections and quality of life say what the form says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.r4.wire import encode
from tests.lib.charts import chart, codes, mapped, of_profile, only, visit, why

UNKNOWN = {"not_done": "asked-unknown", "note": "elsewhere"}


def parts(observation):
    return {part["code"]["coding"][0]["code"]: part for part in observation["component"]}


class TestChimerism:
    def of(self, *said, **section):
        return of_profile(chart(visit(chimerism=list(said), **section)), "chimerism")

    def test_is_the_donors_share_with_its_sample_and_cells(self):
        said = {"date": "2026-09-01", "sample": "blood", "lineage": "t-cell", "donor_percent": Decimal("99.20")}
        (found,) = self.of(said)
        assert codes(found["code"]) == {"donor-chimerism-percent"}
        assert (str(found["valueQuantity"]["value"]), found["valueQuantity"]["code"]) == ("99.20", "%")
        told = parts(found)
        assert codes(told["chimerism-sample"]["valueCodeableConcept"]) == {"sample-blood"}
        assert codes(told["chimerism-lineage"]["valueCodeableConcept"]) == {"t-cell"}

    def test_never_bears_a_code_that_turns_it_round_or_is_deprecated(self):
        """LOINC 103154-1 reports the recipient's share."""
        said = {"date": "2026-09-01", "sample": "blood", "lineage": "whole-blood", "donor_percent": 99}
        written = encode(self.of(said)).decode()
        assert not [code for code in ("103154-1", "103152-5", "102113-8") if code in written]

    def test_each_sample_and_fraction_is_a_result_of_its_own(self):
        said = [
            {"date": "2026-09-01", "sample": sample, "lineage": lineage, "donor_percent": 99}
            for sample, lineage in (("blood", "whole-blood"), ("blood", "t-cell"), ("marrow", "bone-marrow"))
        ]
        assert len(self.of(*said)) == 3
        (bare,) = self.of({"date": "2026-09-01", "donor_percent": 99})
        assert "component" not in bare

    def test_missing_is_said_in_each_place(self):
        (found,) = self.of({"date": UNKNOWN, "sample": UNKNOWN, "donor_percent": UNKNOWN})
        assert why(found["_effectiveDateTime"]) == "asked-unknown"
        assert codes(found["dataAbsentReason"]) == {"asked-unknown"}
        assert codes(parts(found)["chimerism-sample"]["dataAbsentReason"]) == {"asked-unknown"}

    def test_a_section_said_to_be_missing(self):
        found = only(chart(visit(chimerism={"not_done": "not-performed"})), "chimerism")
        assert (codes(found["dataAbsentReason"]), found["effectiveDateTime"]) == ({"not-performed"}, "2026-09-02")


CMV = {"onset": "2026-04-02", "kind": "viral", "agent": "cmv", "site": "blood", "severity": "moderate"}


class TestInfection:
    def of(self, *said):
        return chart(visit(infections=list(said)))

    def test_is_named_by_its_agent_and_its_kind(self):
        found = only(self.of(CMV), "infection")
        assert {"28944009", "34014006", "infection-kind-viral"} == codes(found["code"])
        assert found["code"]["text"] == "Cytomegalovirus infection"
        assert codes(found["bodySite"][0]) == {"site-blood"}
        assert codes(found["severity"]) == {"infection-moderate"}
        assert codes(found["clinicalStatus"]) == {"active"}

    def test_its_agent_is_an_observation_about_it(self):
        resources = self.of(CMV)
        agent, infection = only(resources, "infection-agent"), only(resources, "infection")
        assert codes(agent["valueCodeableConcept"]) == {"agent-cmv"}
        assert agent["focus"] == [{"reference": f"Condition/{infection['id']}"}]
        assert infection["evidence"] == [{"detail": [{"reference": f"Observation/{agent['id']}"}]}]

    def test_a_kind_alone_names_no_agent(self):
        resources = self.of({"onset": "2026-04-02", "kind": "bacterial"})
        assert codes(only(resources, "infection")["code"]) == {"87628006", "infection-kind-bacterial"}
        assert of_profile(resources, "infection-agent") == []
        assert not {"evidence", "severity", "bodySite"} & set(only(resources, "infection"))

    def test_another_kind_and_agent_are_told_in_their_words(self):
        said = {"onset": "2026-04-02", "kind": "other", "agent": "other", "text": "prion"}
        resources = self.of(said)
        assert codes(only(resources, "infection")["code"]) == {"infection", "infection-kind-other"}
        assert only(resources, "infection")["code"]["text"] == "prion"
        assert only(resources, "infection-agent")["valueCodeableConcept"]["text"] == "prion"

    def test_that_is_over_is_resolved_and_one_whose_end_nobody_knows_is_not(self):
        """R4 con-4."""
        over = only(self.of(CMV | {"resolved": "2026-04-30"}), "infection")
        assert (codes(over["clinicalStatus"]), over["abatementDateTime"]) == ({"resolved"}, "2026-04-30")
        lasting = only(self.of(CMV | {"resolved": UNKNOWN}), "infection")
        assert codes(lasting["clinicalStatus"]) == {"active"}
        assert not any("abatement" in name for name in lasting)
        assert lasting["note"] == [{"text": "End of the infection not known: asked-unknown (elsewhere)"}]

    def test_told_again_by_its_end_alone_keeps_the_rest(self):
        first = visit("m3", "2026-06-02", infections=[CMV])
        again = visit("m6", infections=[{"onset": "2026-04-02", "kind": "viral", "resolved": "2026-04-30"}])
        resources = chart(first, again)
        infection = only(resources, "infection")
        assert codes(infection["clinicalStatus"]) == {"resolved"}
        assert codes(infection["severity"]) == {"infection-moderate"}
        assert len(of_profile(resources, "infection-agent")) == 1
        silent = chart(
            visit("m3", "2026-06-02", infections=[CMV | {"resolved": "2026-04-30"}]), visit(infections=[CMV])
        )
        assert codes(only(silent, "infection")["clinicalStatus"]) == {"resolved"}

    def test_missing_is_said_in_each_place(self):
        resources = self.of(dict.fromkeys(("onset", "kind", "agent", "site", "severity"), UNKNOWN))
        found = only(resources, "infection")
        assert why(found["_onsetDateTime"]) == why(found["code"]) == "asked-unknown"
        assert codes(found["code"]) == {"infection"}
        assert codes(found["severity"]) == codes(found["bodySite"][0]) == {"asked-unknown"}
        assert codes(only(resources, "infection-agent")["dataAbsentReason"]) == {"asked-unknown"}
        assert found["note"] == [{"text": "elsewhere"}] * 4

    def test_a_section_said_to_be_missing_is_no_infection(self):
        resources = chart(visit(infections={"not_done": "not-asked"}))
        assert of_profile(resources, "infection") == []
        assert codes(only(resources, "infection-assessment")["dataAbsentReason"]) == {"not-asked"}

    def test_an_empty_list_says_nothing(self):
        """Interface: only a list with a day of assessment says 'looked, none'."""
        assert mapped(visit(infections=[])) == mapped(visit())


class TestQualityOfLife:
    def of(self, **said):
        return only(
            chart(visit(quality_of_life={"date": "2026-09-01", "instrument": "FACT-BMT", **said})), "quality-of-life"
        )

    def test_scores_come_with_their_instrument_and_its_version(self):
        found = self.of(version="4", scores={"total": 101, "well-being": Decimal("20.50")})
        assert codes(found["method"]) == {"instrument-fact-bmt"}
        version, total, other = found["component"]
        assert version["valueString"] == "4"
        assert (codes(total["code"]), total["valueQuantity"]["value"]) == ({"fact-bmt-score"}, 101)
        assert other["code"] == {"text": "well-being"}
        assert (str(other["valueQuantity"]["value"]), other["valueQuantity"]["code"]) == ("20.50", "1")

    def test_scales_of_the_eq_5d_bear_their_codes_and_keep_their_names(self):
        found = self.of(instrument="EQ-5D-5L", scores={"index": Decimal("0.85"), "VAS": 75})
        assert [part["code"]["coding"][0]["code"] for part in found["component"]] == ["736534008", "736535009"]
        assert [part["code"]["text"] for part in found["component"]] == ["index", "VAS"]

    @pytest.mark.parametrize("instrument", ["SF-36", "EORTC-QLQ-C30", UNKNOWN])
    def test_the_same_name_means_another_scale_elsewhere(self, instrument):
        found = self.of(instrument=instrument, scores={"total": 50})
        assert found["component"][0]["code"] == {"text": "total"}

    def test_missing_is_said_in_each_place(self):
        found = self.of(instrument=UNKNOWN, version=UNKNOWN, scores={"total": UNKNOWN})
        assert codes(found["method"]) == {"asked-unknown"}
        assert [codes(part["dataAbsentReason"]) for part in found["component"]] == [{"asked-unknown"}] * 2
        assert codes(self.of(scores=UNKNOWN)["dataAbsentReason"]) == {"asked-unknown"}

    def test_a_later_form_adds_scales_and_undoes_none(self):
        forms = [
            visit(name, quality_of_life={"date": "2026-08-01", "instrument": "EQ-5D-5L", "scores": scores})
            for name, scores in (("m3", {"index": 1}), ("m6", {"index": UNKNOWN, "VAS": 75}))
        ]
        found = only(chart(*forms), "quality-of-life")
        assert [part["valueQuantity"]["value"] for part in found["component"]] == [1, 75]

    def test_a_section_said_to_be_missing(self):
        found = only(chart(visit(quality_of_life={"not_done": "asked-declined"})), "quality-of-life")
        assert (codes(found["dataAbsentReason"]), found["effectiveDateTime"]) == ({"asked-declined"}, "2026-09-02")
        assert "method" not in found
