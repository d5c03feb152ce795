"""The rows of a report once more, as Observations of a Group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mappings.r4.validate import validate
from mappings.registry.group_observations import group_observations
from mappings.registry.report import compile_report
from tests.unit.mappings.registry.grafted import ZERO, cells, course, response

NOW = datetime(2029, 6, 1, 12, tzinfo=UTC)
COHORT = [
    course(f"p{n}", alive=800, responses=[response(90, "CR")], subsets=[cells("cd4", 90, 10 * n, "/uL")])
    for n in range(6)
] + [course("dead", died=100)]


def made(release=False, **asked):
    report = compile_report(COHORT, as_of=ZERO + timedelta(days=900), release=release, **asked)
    return report, group_observations(report, NOW)


def told(observation):
    return {
        part["code"]["text"]: next(value for key, value in part.items() if key != "code")
        for part in observation["component"]
    }


def test_each_row_is_an_observation_of_the_group_and_valid():
    report, (group, *observations) = made()
    assert (group["resourceType"], group["actual"], group["type"]) == ("Group", True, "person")
    assert len(observations) == len(report.rows)
    assert {each["subject"]["reference"] for each in observations} == {f"Group/{group['id']}"}
    assert [fault for each in (group, *observations) for fault in validate(each)] == []
    assert len({each["id"] for each in observations}) == len(observations)


def test_it_says_what_the_row_says():
    _, (_, survival) = made(endpoints=["os"])
    said = told(survival)
    assert survival["code"]["text"] == "Overall survival, day 730"
    assert (said["patients"], said["events"], said["at risk"]) == (7, 1, 6)
    assert said["estimate"]["code"] == "%"
    assert round(float(said["estimate"]["value"]), 6) == round(600 / 7, 6)
    assert survival["method"]["text"] == "kaplan-meier"


def test_values_have_their_unit_and_shares_their_whole():
    _, (_, cd4) = made(endpoints=["immune-cd4"], horizons=[90])
    assert (told(cd4)["median"]["value"], told(cd4)["median"]["code"]) == (25, "/uL")
    _, (_, grafted, _) = made(endpoints=["response"], horizons=[90])
    assert (told(grafted)["counted"], told(grafted)["of patients"]) == (6, 7)


def test_what_does_not_exist_and_what_is_hidden_say_so():
    _, (_, beyond) = made(endpoints=["os"], horizons=[1000])
    assert told(beyond)["estimate"]["extension"][0]["valueCode"] == "not-applicable"
    _, (group, hidden) = made(endpoints=["os"], release=True)
    assert told(hidden)["events"]["extension"][0]["valueCode"] == "masked"
    assert (
        hidden["meta"]["security"]
        == group["meta"]["security"]
        == [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "AGGRED"}]
    )
    assert validate(hidden) == []
