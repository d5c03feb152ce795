"""Immunosuppression: what is ongoing is active, what ended has its day, and what nobody knows opens no gate."""

from __future__ import annotations

import pytest

from tests.lib.charts import chart, codes, of_profile, only, visit, why

CICLOSPORIN = {"drug": "ciclosporin", "started": "2026-03-08"}


def taking(*drugs, name="m6", date="2026-09-02", **said):
    return visit(name, date, immunosuppression={"drugs": list(drugs), **said})


def statement(*forms):
    return only(chart(*forms), "immunosuppressant")


class TestDrug:
    def test_ongoing_is_active_from_its_start(self):
        found = statement(taking(CICLOSPORIN, assessed="2026-09-01"))
        assert (found["status"], found["effectivePeriod"]) == ("active", {"start": "2026-03-08"})
        assert "L04AD01" in codes(found["medicationCodeableConcept"])
        assert found["dateAsserted"] == "2026-09-01"

    def test_stopped_is_completed_on_that_day(self):
        found = statement(taking(CICLOSPORIN | {"stopped": "2026-05-31"}))
        assert found["status"] == "completed"
        assert found["effectivePeriod"] == {"start": "2026-03-08", "end": "2026-05-31"}
        assert found["dateAsserted"] == "2026-09-02"

    def test_dates_are_as_precise_as_they_were_said(self):
        found = statement(taking({"drug": "steroids", "started": "2026-03", "stopped": "2026-05"}))
        assert found["effectivePeriod"] == {"start": "2026-03", "end": "2026-05"}

    @pytest.mark.parametrize(("started", "stopped"), [("2026-05", "2026-05-31"), ("2026-05-03", "2026-05")])
    def test_a_stop_that_no_period_can_hold_with_its_start_is_what_is_kept(self, started, stopped):
        """R4 per-1 compares no month with one of its days; gates wait for the stop."""
        found = statement(taking({"drug": "ciclosporin", "started": started, "stopped": stopped}))
        assert found["effectivePeriod"] == {"end": stopped}
        assert found["note"] == [{"text": f"Started {started}"}]

    def test_a_stop_said_to_be_missing_is_no_stop_and_not_ongoing_either(self):
        found = statement(taking(CICLOSPORIN | {"stopped": {"not_done": "unknown", "note": "by the family doctor"}}))
        assert found["status"] == "unknown"
        assert why(found["effectivePeriod"]["_end"]) == "unknown"
        assert found["note"] == [{"text": "by the family doctor"}]

    def test_a_start_said_to_be_missing(self):
        found = statement(taking({"drug": "ciclosporin", "started": {"not_done": "unknown"}, "stopped": "2026-05-31"}))
        assert found["status"] == "completed"
        assert why(found["effectivePeriod"]["_start"]) == "unknown"
        assert found["effectivePeriod"]["end"] == "2026-05-31"

    def test_without_dates_there_is_no_period(self):
        assert "effectivePeriod" not in statement(taking({"drug": "sirolimus"}))

    def test_another_drug_is_told_by_its_words(self):
        found = statement(taking({"drug": "other", "text": "methotrexate", "started": "2026-03-08"}))
        assert codes(found["medicationCodeableConcept"]) == {"immunosuppressant-other"}
        assert found["medicationCodeableConcept"]["text"] == "methotrexate"

    def test_two_other_drugs_of_one_start_are_two(self):
        drugs = [{"drug": "other", "text": text, "started": "2026-03-08"} for text in ("methotrexate", "abatacept")]
        found = of_profile(chart(taking(drugs[0], name="m3"), taking(drugs[1])), "immunosuppressant")
        assert {one["medicationCodeableConcept"]["text"] for one in found} == {"methotrexate", "abatacept"}

    def test_a_drug_that_is_not_known(self):
        unknown = {"not_done": "unknown", "note": "trial drug"}
        found = statement(taking({"drug": unknown, "started": "2026-03-08"}))
        assert codes(found["medicationCodeableConcept"]) == {"unknown"}
        assert found["note"] == [{"text": "trial drug"}]

    def test_told_again_it_is_the_same_course_and_ends_where_a_later_form_says(self):
        first = taking(CICLOSPORIN, name="m3", date="2026-06-02")
        found = statement(first, taking(CICLOSPORIN | {"stopped": "2026-07-31"}))
        assert (found["status"], found["effectivePeriod"]["end"]) == ("completed", "2026-07-31")
        assert found["dateAsserted"] == "2026-09-02"

    def test_silence_later_on_starts_nothing_anew(self):
        first = taking(CICLOSPORIN | {"stopped": "2026-05-31"}, name="m3", date="2026-06-02")
        assert statement(first, taking(CICLOSPORIN))["status"] == "completed"

    def test_another_start_is_another_course(self):
        forms = [
            taking(CICLOSPORIN | {"stopped": "2026-05-31"}, name="m3", date="2026-06-02"),
            taking({"drug": "ciclosporin", "started": "2026-08-01"}),
        ]
        assert [one["status"] for one in of_profile(chart(*forms), "immunosuppressant")] == ["completed", "active"]

    def test_a_start_that_nobody_told_makes_no_two_visits_speak_of_one_course(self):
        """Else a second course, told without its start, would be taken for the first one, which has ended."""
        ended = taking({"drug": "ciclosporin", "stopped": "2026-05-31"}, name="m3", date="2026-06-02")
        found = of_profile(chart(ended, taking({"drug": "ciclosporin"})), "immunosuppressant")
        assert [one["status"] for one in found] == ["completed", "active"]


class TestDrugOfWhichNoneIsTakenLater:
    """An empty list of an assessment says 'looked, none': what was ongoing before has ended, nobody says when."""

    def test_it_has_ended_on_a_day_that_is_not_known(self):
        found = statement(taking(CICLOSPORIN, name="m3", date="2026-06-02"), taking(assessed="2026-09-02"))
        assert found["status"] == "completed"
        assert found["effectivePeriod"]["start"] == "2026-03-08"
        assert why(found["effectivePeriod"]["_end"]) == "unknown"

    def test_a_stop_that_nobody_knew_has_its_own_reason(self):
        lost = CICLOSPORIN | {"stopped": {"not_done": "asked-unknown"}}
        found = statement(taking(lost, name="m3", date="2026-06-02"), taking(assessed="2026-09-02"))
        assert (found["status"], why(found["effectivePeriod"]["_end"])) == ("completed", "asked-unknown")

    def test_a_stop_that_is_known_stays(self):
        stopped = CICLOSPORIN | {"stopped": "2026-05-31"}
        found = statement(taking(stopped, name="m3", date="2026-06-02"), taking(assessed="2026-09-02"))
        assert (found["status"], found["effectivePeriod"]["end"]) == ("completed", "2026-05-31")

    @pytest.mark.parametrize(
        "look",
        [
            taking(assessed="2026-06"),
            taking(assessed="2026-06-02"),
            taking(assessed={"not_done": "unknown"}),
            taking(),
            taking({"drug": "steroids"}, assessed="2026-09-02"),
            visit(immunosuppression={"assessed": "2026-09-02", "drugs": {"not_done": "unknown"}}),
        ],
    )
    def test_only_a_look_for_certain_later_that_found_none_ends_it(self, look):
        found = of_profile(chart(taking(CICLOSPORIN, name="m3", date="2026-06-02"), look), "immunosuppressant")[0]
        assert (found["status"], found["effectivePeriod"]) == ("active", {"start": "2026-03-08"})

    def test_told_again_after_that_it_is_taken(self):
        """The newest word counts."""
        forms = [
            taking(CICLOSPORIN, name="m3", date="2026-06-02"),
            taking(assessed="2026-09-02"),
            taking(CICLOSPORIN, name="m12", date="2026-10-30"),
        ]
        found = statement(*forms)
        assert (found["status"], found["effectivePeriod"]) == ("active", {"start": "2026-03-08"})


class TestAssessment:
    def assessment(self, *forms):
        return only(chart(*forms), "immunosuppression")

    def test_an_empty_list_says_that_none_is_ongoing(self):
        found = self.assessment(taking(assessed="2026-09-01"))
        assert (found["valueBoolean"], found["effectiveDateTime"]) == (False, "2026-09-01")

    @pytest.mark.parametrize(
        ("stopped", "ongoing"),
        [("2026-05-31", False), ("2026-05", False), ("2026-09-01", False), (None, True), ("2026-09-02", True)],
    )
    def test_a_drug_is_ongoing_until_it_is_stopped(self, stopped, ongoing):
        drug = CICLOSPORIN | ({"stopped": stopped} if stopped else {})
        assert self.assessment(taking(drug, assessed="2026-09-01"))["valueBoolean"] is ongoing

    def test_what_is_not_known_of_one_drug_is_not_known_of_all_but_one_ongoing_is_enough(self):
        unknown = {"drug": "steroids", "stopped": {"not_done": "asked-unknown"}}
        stopped = CICLOSPORIN | {"stopped": "2026-05-31"}
        found = self.assessment(taking(unknown, stopped, assessed="2026-09-01"))
        assert codes(found["dataAbsentReason"]) == {"asked-unknown"}
        assert self.assessment(taking(unknown, CICLOSPORIN, assessed="2026-09-01"))["valueBoolean"] is True

    def test_a_stop_in_the_month_of_the_assessment_settles_nothing(self):
        found = self.assessment(taking(CICLOSPORIN | {"stopped": "2026-09"}, assessed="2026-09-01"))
        assert codes(found["dataAbsentReason"]) == {"unknown"}

    def test_a_stop_told_later_does_not_reach_back(self):
        early = taking(CICLOSPORIN, name="m3", date="2026-06-02", assessed="2026-06-02")
        late = taking(CICLOSPORIN | {"stopped": "2026-07-31"}, assessed="2026-09-02")
        found = of_profile(chart(early, late), "immunosuppression")
        assert [one["valueBoolean"] for one in found] == [True, False]

    def test_a_list_without_an_assessment_is_no_look_at_everything(self):
        assert of_profile(chart(taking(CICLOSPORIN)), "immunosuppression") == []

    @pytest.mark.parametrize(
        ("said", "reason", "day"),
        [
            ({"not_done": "not-asked"}, "not-asked", "2026-09-02"),
            ({"drugs": {"not_done": "not-asked"}}, "not-asked", "2026-09-02"),
            ({"assessed": "2026-09-01", "drugs": {"not_done": "masked"}}, "masked", "2026-09-01"),
            ({"assessed": "2026-09-01"}, "unknown", "2026-09-01"),
            ({"assessed": {"not_done": "not-performed"}}, "not-performed", "2026-09-02"),
        ],
    )
    def test_missing_is_said_and_claims_nothing(self, said, reason, day):
        found = self.assessment(visit(immunosuppression=said))
        assert (codes(found["dataAbsentReason"]), found["effectiveDateTime"]) == ({reason}, day)
        assert "valueBoolean" not in found

    def test_the_day_of_an_assessment_may_be_missing(self):
        found = self.assessment(taking(CICLOSPORIN, assessed={"not_done": "unknown"}))
        assert why(found["_effectiveDateTime"]) == "unknown"
        assert found["valueBoolean"] is True
