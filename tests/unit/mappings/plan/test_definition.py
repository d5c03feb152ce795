"""The protocol as FHIR definitions: every leaf can be built by a plain engine, everything hangs on day zero."""

from __future__ import annotations

import pytest
import yaml

from mappings.plan.definition import definitions
from mappings.protocol import definition, load, parse
from mappings.r4.validate import validate

PLAN, *ACTIVITIES = definitions(load("set-haplo-pdli"))


@pytest.fixture
def document():
    return yaml.safe_load(definition("set-haplo-pdli"))


def leaves(actions):
    for action in actions:
        if "action" in action:
            yield from leaves(action["action"])
        else:
            yield action


def test_definitions_are_valid_r4():
    for resource in (PLAN, *ACTIVITIES):
        assert [f for f in validate(resource) if f.severity == "error"] == []


def test_every_leaf_cites_an_activity_that_exists_pinned():
    known = {f"{a['url']}|{a['version']}" for a in ACTIVITIES}
    cited = {leaf["definitionCanonical"] for leaf in leaves(PLAN["action"])}
    assert cited == known


def test_every_leaf_but_the_baseline_hangs_on_the_graft():
    loose = [
        leaf["id"]
        for leaf in leaves(PLAN["action"])
        if "graft" not in [related["actionId"] for related in leaf.get("relatedAction", [])]
    ]
    assert loose == ["graft", "visit-baseline"]


def test_offsets_are_positive_and_say_before_or_after():
    by_id = {leaf["id"]: leaf["relatedAction"][0] for leaf in leaves(PLAN["action"]) if "relatedAction" in leaf}
    thiotepa, ptcy = by_id["thiotepa-D-13"], by_id["ptcy-D5"]
    assert (thiotepa["relationship"], thiotepa["offsetDuration"]["value"]) == ("before-start", 13)
    assert (ptcy["relationship"], ptcy["offsetDuration"]["value"]) == ("after-start", 5)
    assert by_id["visit-m3"]["offsetDuration"]["code"] == "mo"
    window = by_id["mycophenolate-taper"]["offsetRange"]
    assert (window["low"]["value"], window["high"]["value"]) == (35, 56)


def test_days_that_count_from_the_graft_are_no_days_of_a_cycle():
    """D-11 as day 3 of a cycle would stand beside the D+3 of cyclophosphamide."""
    assert "daysOfCycle" not in str(PLAN)


def test_action_ids_are_unique():
    def ids(actions):
        for action in actions:
            yield action["id"]
            yield from ids(action.get("action", []))

    found = list(ids(PLAN["action"]))
    assert len(found) == len(set(found))


def test_drug_activities_keep_the_protocols_words():
    (mmf,) = [a for a in ACTIVITIES if a["id"].endswith("-mycophenolate")]
    (dosage,) = mmf["dosage"]
    assert dosage["text"] == "30 mg/kg/day, at most 1 g 2 times a day"
    limit = dosage["maxDosePerPeriod"]["numerator"]
    assert (limit["value"], limit["code"]) == (2, "g")


def test_what_the_protocol_leaves_to_the_centre_and_what_we_read_into_it_is_said():
    assert "Supportive care follows each centre's own protocol" in PLAN["usage"]
    assert "Read as the three days D-8 to D-6" in PLAN["usage"]


def test_goal_is_alive_at_two_years():
    (goal,) = PLAN["goal"]
    assert goal["target"][0]["due"]["value"] == 24


def test_a_protocol_without_a_goal_sets_none(document):
    for objective in document["objectives"]:
        objective.pop("goal", None)
    plan, *_ = definitions(parse(yaml.safe_dump(document, allow_unicode=True)))
    assert "goal" not in plan


def test_a_goal_may_have_no_date(document):
    del document["objectives"][0]["due"]
    plan, *_ = definitions(parse(yaml.safe_dump(document, allow_unicode=True)))
    assert "target" not in plan["goal"][0]
