"""A course changes on the ward: a new weight flags and redoses, a stop withdraws, history tells who and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapter.errors import Conflict, Invalid, NotFound
from adapter.flows import changes, enrolment
from adapter.store.clients import Client
from tests.lib.centre import ENROLMENT, OTHERS, OURS, Ward, document
from tests.lib.plans import calculated

NAMED = {"reason": "lost weight", "confirmed_by": "Dr A. Example"}
LIGHTER = {"measurements": {"weight": {"value": 60, "unit": "kg", "date": "2026-02-24"}}}


@pytest.fixture
def ward(store):
    ward = Ward(store)
    ward.enrol()
    return ward


def course(ward):
    return ward.stored("Patient")[0].course


def asked(ward):
    ward.now += timedelta(minutes=1)
    return {"sender": ward.sender, "store": ward.store, "settings": ward.settings, "now": ward.now}


def redose(ward, id_=None, **said):
    return changes.redose(id_ or course(ward), {**NAMED, **said}, **asked(ward))


def stop(ward, **said):
    return changes.stop(course(ward), {**NAMED, **said}, **asked(ward))


def milligrams(ward, item):
    return calculated(ward.one(item).content)


def lighter(ward):
    return ward.visit(visit="unscheduled", date="2026-02-24", engraftment=None, immune_reconstitution=None,
                      vital_status={"status": "alive", "date": "2026-02-24"}, **LIGHTER)  # fmt: skip


def notes(ward, item):
    return [note["text"] for note in ward.one(item).content.get("note", ())]


def test_a_changed_weight_flags_what_is_to_be_given_and_changes_no_dose(ward):
    lighter(ward)
    assert notes(ward, "busulfan/D-5") == [
        "Weight 60 kg of 2026-02-24 differs by 14.9 % from the 70.50 kg dosed by: to be redosed?"
    ]
    assert milligrams(ward, "busulfan/D-5") == Decimal("225.6")


def test_a_changed_weight_flags_no_day_before_it_and_every_course_that_goes_on(ward):
    ward.visit(measurements={"weight": {"value": 50, "unit": "kg", "date": "2026-03-20"}})
    assert notes(ward, "busulfan/D-5") == []
    assert ward.one("busulfan/D-5").version == 1
    assert any("Weight 50 kg of 2026-03-20" in one for one in notes(ward, "ciclosporin/D6"))


def test_a_small_change_of_weight_flags_nothing(ward):
    ward.visit(measurements={"weight": {"value": 65, "unit": "kg", "date": "2026-03-20"}})
    assert notes(ward, "busulfan/D-5") == []
    assert ward.one("busulfan/D-5").version == 1


def test_an_older_weight_flags_nothing(ward):
    ward.visit(measurements={"weight": {"value": 50, "unit": "kg", "date": "2026-02-01"}})
    assert notes(ward, "busulfan/D-5") == []


def test_redosing_takes_the_newest_weight_for_the_days_from_then_on(ward):
    lighter(ward)
    told = redose(ward, since="2026-02-26")
    assert milligrams(ward, "busulfan/D-5") == Decimal("225.6")
    assert milligrams(ward, "busulfan/D-4") == 192
    assert milligrams(ward, "ciclosporin/D6") == 180
    assert notes(ward, "busulfan/D-4") == []
    order = ward.one("busulfan/D-4").content
    assert "weight 60 kg of 2026-02-24" in order["dosageInstruction"][0]["text"]
    (used,) = order["supportingInformation"]
    assert used["reference"] == ward.one("weight/2026-02-24", "Observation").reference
    changed = {
        (one["action"], one["day"]): (one["before"], one["after"]) for one in told["changes"] if one["what"] == "dose"
    }
    assert changed["busulfan", "D-4"] == ("225.6 mg", "192.0 mg")
    assert ("busulfan", "D-5") not in changed


def test_redosing_takes_a_weight_that_is_handed_in(ward):
    redose(ward, since="2026-02-17", weight={"value": 64, "unit": "kg", "date": "2026-02-16"})
    assert milligrams(ward, "thiotepa/D-13") == 320
    redose(ward, since="2026-02-26", weight={"value": 60, "unit": "kg", "date": "2026-02-25"})
    assert milligrams(ward, "thiotepa/D-13") == 320
    assert milligrams(ward, "busulfan/D-4") == 192


def test_a_later_visit_keeps_the_redosed_amounts(ward):
    redose(ward, since="2026-02-17", weight={"value": 64, "unit": "kg", "date": "2026-02-16"})
    version = ward.one("thiotepa/D-13").version
    ward.visit()
    assert (milligrams(ward, "thiotepa/D-13"), ward.one("thiotepa/D-13").version) == (320, version)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({}, "weight"),
        ({"weight": {"value": 60, "unit": "kg"}}, "weight.date"),
        ({"weight": {"value": {"not_done": "unknown"}, "unit": "kg", "date": "2026-02-16"}}, "weight.value"),
        ({"weight": {"not_done": "unknown"}}, "weight.value"),
        ({"weight": {"value": 60, "unit": "lb", "date": "2026-02-16"}}, "weight.unit"),
        ({"weight": {"value": 6, "unit": "kg", "date": "2026-02-16"}}, "weight.value"),
        ({"weight": {"value": 60, "unit": "kg", "date": "2027-02-16"}}, "weight.date"),
        ({"weight": {"value": 60, "unit": "kg", "date": "2025-02-16"}}, "measurements.weight"),
        ({"since": "soon"}, "since"),
        ({"since": 7}, "since"),
        ({"since": "2026-02"}, "since"),
        ({"reason": " "}, "reason"),
        ({"confirmed_by": None}, "confirmed_by"),
        ({"dose": 3}, "dose"),
    ],
)
def test_what_cannot_be_redosed_by_is_refused_and_nothing_is_written(ward, said, path):
    before = ward.rows()
    with pytest.raises(Invalid) as refused:
        redose(ward, **said)
    assert [fault.path for fault in refused.value.faults] == [path]
    assert ward.rows() == before


def test_a_redosing_is_an_object(ward):
    with pytest.raises(Invalid, match="JSON object"):
        changes.redose(course(ward), ["weight"], **asked(ward))


def test_a_stop_withdraws_what_was_to_come_with_its_reason(ward):
    told = stop(ward, date="2026-02-26", reason="relapse")
    assert ward.one("busulfan/D-5").content["status"] == "draft"
    assert ward.one("busulfan/D-4").content["status"] == "cancelled"
    assert ward.one("busulfan/D-4").content["statusReason"] == {"text": "relapse"}
    assert ward.stored("CarePlan")[0].content["status"] == "revoked"
    assert {one["after"] for one in told["changes"]} == {"cancelled", "revoked"}
    version = ward.one("busulfan/D-4").version
    ward.visit()
    assert ward.one("busulfan/D-4").version == version


TOMORROW = {"redose": ("since", {"weight": {"value": 64, "unit": "kg", "date": "2026-02-16"}}), "stop": ("date", {})}


@pytest.mark.parametrize("deed", TOMORROW)
def test_what_begins_tomorrow_does_not_change_immunosuppression_today(ward, deed):
    do, (name, said) = {"redose": redose, "stop": stop}[deed], TOMORROW[deed]
    ward.now = datetime(2026, 3, 20, 8, tzinfo=UTC)
    before = ward.one("ciclosporin/D6")
    with pytest.raises(Invalid, match="ciclosporin, mycophenolate would change at once") as refused:
        do(ward, **{name: "2026-03-21"}, **said)
    assert [fault.path for fault in refused.value.faults] == [name]
    assert ward.one("ciclosporin/D6") == before
    do(ward, **{name: "2026-03-20"}, **said)
    assert ward.one("ciclosporin/D6").version == before.version + 1


@pytest.mark.parametrize("deed", TOMORROW)
def test_what_begins_before_immunosuppression_may_lie_ahead(ward, deed):
    do, (name, said) = {"redose": redose, "stop": stop}[deed], TOMORROW[deed]
    ward.now = datetime(2026, 2, 26, 8, tzinfo=UTC)
    ward.enrol(transplant=document(ENROLMENT)["transplant"] | {"planned": True})
    do(ward, **{name: "2026-03-08"}, **said)
    assert ward.one("ciclosporin/D6").version == 2


def test_a_stopped_course_is_not_changed_again(ward):
    stop(ward)
    with pytest.raises(Conflict, match="stopped"):
        stop(ward)
    with pytest.raises(Conflict, match="stopped"):
        redose(ward, weight={"value": 64, "unit": "kg", "date": "2026-02-16"})


def test_history_tells_who_changed_what_and_why(ward):
    ward.enrol(transplant=document(ENROLMENT)["transplant"] | {"date": "2026-03-04"})
    redose(ward, since="2026-02-17", weight={"value": 64, "unit": "kg", "date": "2026-02-16"})
    told = changes.history(course(ward), sender=ward.sender, store=ward.store)["history"]
    assert [entry["did"] for entry in told] == ["redose", "enrol", "enrol"]
    assert told[0]["why"] == "lost weight (confirmed by Dr A. Example)"
    assert {entry["who"] for entry in told} == {"forms"}
    moved = next(c for c in told[1]["changes"] if c["action"] == "thiotepa" and c["what"] == "date")
    assert (moved["before"], moved["after"]) == ("2026-02-17", "2026-02-19")
    assert {c["what"] for c in told[2]["changes"]} == {"added"}


def test_a_preview_tells_the_changes_and_leaves_nothing(ward):
    before, moved = ward.rows(), document(ENROLMENT, transplant={"date": "2026-03-04", "planned": False})
    found = changes.preview(
        ward.store, course(ward), lambda store: enrolment.enrol(moved, **(asked(ward) | {"store": store}))
    )
    assert ("thiotepa", "2026-02-17", "2026-02-19") in {(c.action, c.before, c.after) for c in found}
    assert ward.rows() == before
    assert changes.preview(ward.store, course(ward), lambda _: None) == []


@pytest.mark.parametrize("sender", [Client("other", "centre", OTHERS), Client("forms", "centre", OURS)])
def test_another_centres_regimen_is_as_missing_as_none(ward, sender):
    own = sender.centre == OURS
    for id_ in (course(ward) if not own else "nobody", ward.stored("CarePlan")[0].id if not own else "x"):
        with pytest.raises(NotFound):
            changes.history(id_, sender=sender, store=ward.store)


def test_a_regimen_is_named_by_its_course_its_plan_or_its_enrolment(ward):
    enrolled = ward.enrol().id
    for id_ in (course(ward), ward.stored("CarePlan")[0].id, enrolled):
        assert changes.history(id_, sender=None, store=ward.store)["course"] == course(ward)


def test_the_origin_is_written_anew_only_with_what_it_speaks_of(ward):
    (first,) = ward.stored("Provenance")
    ward.enrol(sex="male")
    assert ward.stored("Provenance")[0].version == first.version == 1
    ward.enrol(transplant={"date": "2026-03-04", "planned": False})
    assert ward.stored("Provenance")[0].version == 2
