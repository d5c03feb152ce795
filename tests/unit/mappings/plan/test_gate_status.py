"""How gated actions are told: a sentence for people, an extension of the action for programs, and news only."""

from __future__ import annotations

from datetime import date

import pytest

from mappings.canonicals import DEFAULT
from mappings.plan import gate_status
from mappings.plan.readiness import standings
from mappings.plan.verdict import Told
from mappings.r4.validate import validate
from tests.lib.plans import a_plan
from tests.lib.records import D120, D122, a_record, form, ready, standing

URL = DEFAULT.extension("gate-status")
(GROUP,) = a_plan(intent="plan").orders("RequestGroup")


def nowhere(_: Told) -> str | None:
    return None


def published(record, on, before=None, where=nowhere):
    status = {one.action: gate_status.extension(one, on, where, URL) for one in standings(record, on)}
    return gate_status.published(GROUP, before, status, URL)


def leaves(actions):
    return [leaf for one in actions for leaf in (leaves(one["action"]) if "action" in one else [one])]


def parts(group, action):
    (leaf,) = [one for one in leaves(group["action"]) if one["id"] == action]
    (extension,) = leaf["extension"]
    assert extension["url"] == URL
    found: dict[str, list] = {}
    for part in extension["extension"]:
        (value,) = [said for key, said in part.items() if key.startswith("value")]
        found.setdefault(part["url"], []).append(value)
    return found


def test_the_sentence_names_each_criterion_with_its_facts_and_dates():
    sick = form("2026-07-01", gvhd={"acute": [{"onset": "2026-06-20", "grade": "III", "liver": 2}]})
    record = a_record(ready(immunosuppression=None), sick, enrolment="FR-SYN/SYN-0001")
    assert gate_status.sentence(standing(record, "pdli-1", D122)) == (
        "Gate not met. "
        "Not met: no active GVHD (acute GVHD from 2026-06-20, no end told);"
        " to be told: the end of acute GVHD from 2026-06-20. "
        "Not met: acute GVHD never above grade II (acute GVHD grade III of the episode from 2026-06-20;"
        " acute GVHD looked for: none, 2026-06-30). "
        "Unknown: immunosuppression stopped for at least 1 month"
        " (Ciclosporin in the plan, in no list, 2026-03-08;"
        " Mycophenolate mofetil in the plan, in no list, 2026-03-08);"
        " to be told: whether and when Ciclosporin was stopped: no form lists it;"
        " whether and when Mycophenolate mofetil was stopped: no form lists it;"
        " a day since the last stop on which immunosuppression was looked at (`assessed`). "
        "Met: day 120 or later (graft given, 2026-03-02)."
    )


def test_what_is_done_asks_for_nothing():
    record = a_record(ready(), form("2026-07-02", dli=[{"number": 1, "date": "2026-07-01"}]))
    done = standing(record, "pdli-1", D122)
    assert gate_status.sentence(done) == "Done: injection 1 given, 2026-07-01."
    assert parts(published(record, D122), "pdli-1")["done"] == ["2026-07-01"]


def test_every_gated_action_carries_its_status_and_its_condition_as_before():
    group = published(a_record(ready()), D120)
    assert [fault for fault in validate(group) if fault.severity == "error"] == []
    before = {leaf["id"]: leaf for leaf in leaves(GROUP["action"])}
    for leaf in leaves(group["action"]):
        assert ("condition" in leaf) == ("extension" in leaf)
        assert {k: v for k, v in leaf.items() if k != "extension"} == before[leaf["id"]]
    assert parts(group, "pdli-1")["status"] == ["met"]
    assert parts(group, "pdli-1")["asOf"] == ["2026-06-30"]
    assert parts(group, "ciclosporin-taper")["status"] == ["not-met"]


def test_each_fact_names_the_resource_that_it_became_once():
    stored = {"gvhd-assessment": "Observation/look", "transplant": "Procedure/graft"}
    group = published(a_record(ready()), D120, where=lambda fact: stored.get(fact.about[0]) if fact.about else None)
    assert parts(group, "pdli-1")["fact"] == [{"reference": "Procedure/graft"}, {"reference": "Observation/look"}]


@pytest.mark.parametrize(
    ("later", "news"),
    [
        (ready(), False),
        (ready(gvhd=None), True),
    ],
)
def test_a_later_day_alone_is_no_news(later, news):
    first = published(a_record(ready()), D120)
    second = published(a_record(later), date(2026, 7, 15), first)
    assert (parts(second, "pdli-1") != parts(first, "pdli-1")) is news
    assert parts(second, "pdli-1")["asOf"] == ["2026-07-15" if news else "2026-06-30"]


def test_other_extensions_of_an_action_stay():
    other = {"url": "https://example.org/other", "valueBoolean": True}
    action = {"id": "pdli-1", "title": "x", "extension": [other], "resource": {"reference": "Task/1"}}
    group = {"resourceType": "RequestGroup", "action": [action]}
    status = {"pdli-1": {"url": URL, "extension": []}}
    assert gate_status.published(group, None, status, URL)["action"][0]["extension"] == [other, status["pdli-1"]]


def test_the_extension_says_what_its_definition_says():
    import json
    from importlib.resources import files

    definition = json.loads(files("profiles").joinpath("StructureDefinition-gate-status.json").read_text("utf-8"))
    slices = {one["sliceName"]: one for one in definition["differential"]["element"] if "sliceName" in one}
    record = a_record(ready(), form("2026-07-02", dli=[{"number": 1, "date": "2026-07-01"}]))
    found = parts(published(record, D122, where=lambda _: "Observation/x"), "pdli-1")
    assert set(found) == set(slices)
    assert {name for name, one in slices.items() if one["min"] == 1} == {"status", "asOf", "text"}
    assert definition["context"] == [{"type": "element", "expression": "RequestGroup.action"}]


def test_a_taper_that_was_confirmed_says_so_first():
    record = a_record(ready(), begun={"mycophenolate-taper": date(2026, 4, 6)})
    told = gate_status.sentence(standing(record, "mycophenolate-taper", date(2026, 4, 6)))
    assert told.startswith("Confirmed to have begun on 2026-04-06. Gate ")
    assert "begun" not in gate_status.sentence(standing(record, "mycophenolate-taper", date(2026, 4, 5)))


def test_a_taper_that_began_in_its_window_may_go_on_after_it():
    """The window is D+35 to D+56, 2026-04-06 to 2026-04-27."""
    later = date(2026, 6, 30)
    begun = a_record(ready(), begun={"mycophenolate-taper": date(2026, 4, 6)})
    assert standing(begun, "mycophenolate-taper", later).verdict.value == "met"
    assert standing(a_record(ready()), "mycophenolate-taper", later).verdict.value == "not-met"
