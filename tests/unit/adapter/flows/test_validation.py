"""A stored plan is a draft until a named pharmacist or physician signs it, and again once a dose or date changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapter.errors import Conflict, Invalid, NotFound
from adapter.flows import regimen, registry, validation
from adapter.flows.validation import Signer
from mappings.r4.validate import require_valid
from tests.lib.centre import ENROLMENT, OTHERS, OURS, document

ADA = Signer("Ada Example", "pharmacist", "user:ada")
BEN = Signer("Dr Ben Example", "physician", "client:forms")
GRAFT = document(ENROLMENT)["transplant"]
MEASURES = document(ENROLMENT)["measurements"]
MOVED = GRAFT | {"date": "2026-03-09"}
HEAVIER = MEASURES | {"weight": {"value": 80, "unit": "kg", "date": "2026-02-10"}}
SHORTER = MEASURES | {"height": {"value": 174, "unit": "cm", "date": "2026-02-10"}}
WAITING = {"mycophenolate-taper", "ciclosporin-taper", "pdli-1", "pdli-2", "pdli-3", "visit-baseline"}
LIVE = {"MedicationRequest": "active", "ServiceRequest": "active", "Task": "requested"}


@pytest.fixture
def course(ward):
    return ward.enrol().course


def around(ward, centre=OURS):
    ward.now += timedelta(minutes=1)
    return {"centre": centre, "store": ward.store, "settings": ward.settings, "now": ward.now}


def state(ward, id_, **more):
    return validation.state(id_, **around(ward, **more))


def sign(ward, id_, signer=ADA, shown=None, **more):
    return validation.validate(id_, signer, shown=shown, **around(ward, **more))


def withdraw(ward, id_, signer=ADA, reason="wrong patient"):
    return validation.withdraw(id_, signer, reason, **around(ward))


def statuses(ward):
    kinds = ("CarePlan", "RequestGroup", *LIVE)
    return {one.content["status"] for kind in kinds for one in ward.stored(kind)}


def live(ward):
    """The items of the plan that are to be carried out now."""
    return {
        one.content["identifier"][0]["value"].split("/")[1]
        for kind, word in LIVE.items()
        for one in ward.stored(kind)
        if one.content["status"] == word
    }


def provenances(ward):
    """Of the signatures; that of the plan's making is another."""
    found = [one.content for one in ward.stored("Provenance") if "activity" not in one.content]
    return sorted(found, key=lambda one: one["recorded"])


def deeds(ward, course):
    with ward.store.reading() as tx:
        return [one.deed for one in tx.validations.of(course)]


def test_a_stored_plan_is_a_draft(ward, course):
    plan = state(ward, course)
    assert (plan.status, plan.holding, plan.issues) == ("draft", (), ())
    assert statuses(ward) == {"draft"}


def test_once_it_is_signed_it_is_active_but_for_what_waits(ward, course):
    plan = sign(ward, course)
    assert plan.status == "active"
    assert ward.stored("RequestGroup")[0].content["status"] == "active"
    all_items = {one.content["identifier"][0]["value"].split("/")[1] for kind in LIVE for one in ward.stored(kind)}
    assert all_items - live(ward) == WAITING
    assert {one.content["intent"] for kind in ("CarePlan", *LIVE) for one in ward.stored(kind)} == {"plan"}


def test_who_signed_what_and_when_is_kept(ward, course):
    before = state(ward, course)
    plan = sign(ward, course, Signer("  Ada Example ", "pharmacist", "user:ada"))
    (kept,) = plan.holding
    assert (kept.name, kept.role, kept.by, kept.at) == ("Ada Example", "pharmacist", "user:ada", ward.now)
    assert kept.digest == before.digest == plan.digest
    with ward.store.reading() as tx:
        (deed,) = tx.audit.of(course)
    assert (deed.who, deed.action, deed.detail) == ("user:ada", "signed", "Ada Example, pharmacist")


def test_a_provenance_of_the_signed_version_names_the_verifier(ward, course):
    plan = sign(ward, course)
    (provenance,) = provenances(ward)
    require_valid(provenance)
    (care_plan,) = ward.stored("CarePlan")
    assert provenance["target"] == [{"reference": f"{care_plan.reference}/_history/2"}]
    assert care_plan.version == 2
    assert provenance["agent"][0]["type"]["coding"][0]["code"] == "verifier"
    assert provenance["agent"][0]["who"]["display"] == "Ada Example, pharmacist"
    assert provenance["entity"][0]["what"]["identifier"]["value"] == plan.digest


def test_a_plan_is_found_by_its_course_and_by_its_care_plan(ward, course):
    (care_plan,) = ward.stored("CarePlan")
    assert state(ward, care_plan.id).ids.course == course
    assert sign(ward, care_plan.id).status == "active"


@pytest.mark.parametrize("id_", ["nothing", "", "00000000-0000-0000-0000-000000000000"])
def test_a_plan_that_is_not_there(ward, course, id_):
    with pytest.raises(NotFound):
        state(ward, id_)
    with pytest.raises(NotFound):
        sign(ward, id_)


def test_another_centres_plan_is_as_missing_as_none(ward, course):
    (care_plan,) = ward.stored("CarePlan")
    for id_ in (course, care_plan.id):
        with pytest.raises(NotFound, match="no such regimen"):
            state(ward, id_, centre=OTHERS)
        with pytest.raises(NotFound, match="no such regimen"):
            sign(ward, id_, centre=OTHERS)
    assert statuses(ward) == {"draft"}


def test_what_was_shown_must_be_what_stands(ward, course):
    shown = state(ward, course).digest
    ward.enrol(measurements=HEAVIER)
    with pytest.raises(Conflict, match="not the one that was shown") as caught:
        sign(ward, course, shown=shown)
    assert caught.value.status == 409
    assert statuses(ward) == {"draft"}
    assert sign(ward, course, shown=state(ward, course).digest).status == "active"


@pytest.mark.parametrize("changes", [{"measurements": HEAVIER}, {"measurements": SHORTER}, {"transplant": MOVED}])
def test_any_change_of_a_dose_or_a_date_asks_again(ward, course, changes):
    signed = sign(ward, course)
    ward.enrol(**changes)
    plan = state(ward, course)
    assert (plan.status, plan.holding) == ("draft", ())
    assert plan.digest != signed.digest
    assert statuses(ward) == {"draft"}
    assert deeds(ward, course) == ["signed", "lapsed"]


def test_going_back_to_what_was_signed_asks_again_too(ward, course):
    signed = sign(ward, course)
    ward.enrol(transplant=MOVED)
    ward.enrol()
    plan = state(ward, course)
    assert (plan.digest, plan.status) == (signed.digest, "draft")
    assert sign(ward, course).status == "active"
    assert deeds(ward, course) == ["signed", "lapsed", "signed"]
    assert len(provenances(ward)) == 2


def test_what_changes_no_dose_and_no_date_asks_nothing(ward, course):
    sign(ward, course)
    before = ward.versions()
    ward.enrol(sex="male", consent=None)
    assert state(ward, course).status == "active"
    kept = {ref: version for ref, version in ward.versions().items() if ref.split("/")[0] in ("CarePlan", *LIVE)}
    assert kept.items() <= before.items()
    assert deeds(ward, course) == ["signed"]


def test_a_weight_that_changes_no_dose_on_paper_asks_nothing(ward, course):
    """The digest is over what is ordered: 70.50 kg and 70.500 kg order the same milligrams."""
    sign(ward, course)
    from decimal import Decimal

    same = MEASURES | {"weight": {"value": Decimal("70.500"), "unit": "kg", "date": "2026-02-10"}}
    ward.enrol(measurements=same)
    assert state(ward, course).status == "active"


def test_an_unsigned_plan_that_changes_notes_nothing(ward, course):
    ward.enrol(transplant=MOVED)
    assert deeds(ward, course) == []


def test_pharmacist_and_physician_may_both_sign(ward, course):
    sign(ward, course)
    plan = sign(ward, course, BEN)
    assert [(one.name, one.role) for one in plan.holding] == [
        ("Ada Example", "pharmacist"),
        ("Dr Ben Example", "physician"),
    ]
    assert plan.status == "active"
    first, second = provenances(ward)
    assert first["target"] == second["target"]
    assert first["id"] != second["id"]
    ward.enrol(measurements=HEAVIER)
    assert state(ward, course).holding == ()


def test_the_same_signature_again_writes_nothing(ward, course):
    sign(ward, course)
    before = ward.rows()
    assert sign(ward, course).status == "active"
    assert ward.rows() == before


def test_a_signature_can_be_taken_back_with_a_reason(ward, course):
    sign(ward, course)
    sign(ward, course, BEN)
    plan = withdraw(ward, course, BEN, " dose of busulfan to be discussed ")
    assert (plan.status, plan.holding) == ("draft", ())
    assert statuses(ward) == {"draft"}
    assert (plan.events[-1].name, plan.events[-1].reason) == ("Dr Ben Example", "dose of busulfan to be discussed")
    with ward.store.reading() as tx:
        assert tx.audit.of(course)[-1].detail == "Dr Ben Example, physician: dose of busulfan to be discussed"
    assert sign(ward, course).status == "active"


def test_there_must_be_a_signature_to_take_back_and_a_reason(ward, course):
    with pytest.raises(Conflict, match="not signed"):
        withdraw(ward, course)
    sign(ward, course)
    with pytest.raises(Invalid) as caught:
        withdraw(ward, course, reason="  ")
    assert [fault.path for fault in caught.value.faults] == ["reason"]
    assert state(ward, course).status == "active"


@pytest.mark.parametrize(
    ("name", "role", "fields"),
    [
        ("", "pharmacist", ["name"]),
        ("  ", "pharmacist", ["name"]),
        ("-", "pharmacist", ["name"]),
        ("1234", "pharmacist", ["name"]),
        ("Ada\x00Example", "pharmacist", ["name"]),
        ("A" * 201, "pharmacist", ["name"]),
        ("Ada Example", "nurse", ["role"]),
        ("Ada Example", "Pharmacist", ["role"]),
        ("", "", ["name", "role"]),
    ],
)
def test_only_a_named_pharmacist_or_physician_signs(ward, course, name, role, fields):
    for deed in (sign, withdraw):
        with pytest.raises(Invalid) as caught:
            deed(ward, course, Signer(name, role, "client:forms"))
        assert [fault.path for fault in caught.value.faults] == fields
    assert deeds(ward, course) == []


def test_names_of_any_script_are_names(ward, course):
    assert sign(ward, course, Signer("Dr Łucja Øvergård-Nguyễn", "physician", "x")).status == "active"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"transplant": None}, "transplant.date"),
        ({"measurements": {"weight": MEASURES["weight"]}}, "measurements.height"),
    ],
)
def test_a_plan_that_is_not_dated_and_dosed_cannot_be_signed_and_says_why(ward, changes, path):
    course = ward.enrol(**changes).course
    plan = state(ward, course)
    assert (plan.status, plan.digest) == ("open", None)
    with pytest.raises(Invalid) as caught:
        sign(ward, course)
    assert [fault.path for fault in caught.value.faults] == [path]


def test_a_plan_of_which_an_order_lost_its_dose_cannot_be_signed(ward, course):
    thiotepa = ward.one("thiotepa/D-13")
    (dosage,) = thiotepa.content["dosageInstruction"]
    undosed = dosage | {"doseAndRate": dosage["doseAndRate"][:1]}
    with ward.store.transaction() as tx:
        content = thiotepa.content | {"dosageInstruction": [undosed]}
        tx.resources.put(content, centre=OURS, course=course, sources=["regimen"], at=ward.now)
    with pytest.raises(Invalid) as caught:
        sign(ward, course)
    assert [fault.path for fault in caught.value.faults] == ["thiotepa/D-13"]


def test_a_graft_that_is_called_off_ends_the_signature(ward, course):
    sign(ward, course)
    ward.enrol(transplant={"planned": True})
    assert deeds(ward, course) == ["signed", "lapsed"]
    plan = state(ward, course)
    assert plan.status == "revoked"
    with pytest.raises(Invalid):
        sign(ward, course)
    ward.enrol()
    assert state(ward, course).status == "draft"


def test_a_plan_that_was_called_off_elsewhere_is_not_signed(ward, course):
    (care_plan,) = ward.stored("CarePlan")
    with ward.store.transaction() as tx:
        gone = care_plan.content | {"status": "revoked"}
        tx.resources.put(gone, centre=OURS, course=course, sources=["regimen"], at=ward.now)
    with pytest.raises(Conflict, match="revoked"):
        sign(ward, course)


THIOTEPA = {"action": "thiotepa", "day": "D-13", "date": "2026-02-17", "given": {"value": 352.5, "unit": "mg"}}


def give(ward, course):
    with ward.store.transaction() as tx:
        tx.follow_ups.put(
            id="baseline",
            centre=OURS,
            patient="SYN-0001",
            course=course,
            key="FR-037/SYN-0001/baseline",
            content={"centre": OURS, "patient": "SYN-0001", "visit": "baseline", "date": "2026-03-01"}
            | {"administrations": [THIOTEPA]},
            at=ward.now,
        )


def test_after_a_dose_was_given_a_move_still_asks_again_for_the_rest(ward, course):
    sign(ward, course)
    give(ward, course)
    ward.enrol(transplant=MOVED, confirmed_by="Dr A. Example")
    assert ward.one("thiotepa/D-13", "MedicationRequest").content["status"] == "completed"
    assert live(ward) == set()
    again = sign(ward, course)
    assert again.status == "active"
    ward.enrol(transplant=MOVED, sex="male")
    assert state(ward, course).status == "active", "what was given stays at its old date and is part of what was signed"


def test_a_signature_goes_to_no_registry(ward, course):
    sign(ward, course)
    bundles = list(registry.bundles(ward.store, b"k" * 32, ward.now, aside=[]))
    assert bundles
    assert "Ada Example" not in str(bundles)


def test_a_signature_is_not_delivered_and_survives_the_next_document(ward, course):
    queued = len(ward.queued())
    sign(ward, course)
    assert len(ward.queued()) == queued
    ward.visit()
    assert state(ward, course).status == "active"
    assert len(provenances(ward)) == 1


def test_a_plan_that_stands_is_read_and_not_reckoned_again(ward, course, monkeypatch):
    """Its issues were told when it was stored; only where there is no plan is it asked what is missing."""
    monkeypatch.setattr(regimen, "plan", lambda known: pytest.fail("reckoned again"))
    found = validation.state(course, centre=OURS, store=ward.store, settings=ward.settings, now=ward.now)
    assert (found.status, found.issues) == ("draft", ())
