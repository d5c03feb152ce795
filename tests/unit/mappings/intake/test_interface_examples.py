"""The two examples of the interface are read whole: every value lands where it belongs, digit for digit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from mappings.facts import (
    AcuteGvhd,
    AcuteStep,
    Administration,
    BloodCount,
    BodyMeasure,
    Chimerism,
    ChronicGvhd,
    ConsentGiven,
    Disease,
    Dli,
    DliWithheld,
    Engraftment,
    Enrolment,
    FollowUp,
    Gvhd,
    Identifier,
    ImmuneReconstitution,
    Immunosuppressant,
    Immunosuppression,
    Infection,
    Measured,
    Measurements,
    MinimalResidualDisease,
    Missing,
    PartialDate,
    QualityOfLife,
    Recovery,
    Relapse,
    Response,
    Transplant,
    VitalStatus,
    Word,
)
from mappings.intake import schema
from mappings.r4.faults import FaultyInput

AS_OF = date(2026, 9, 2)
W, P, D = Word, PartialDate, Decimal


def of(value, unit, comparator=None):
    return Measured(Decimal(value), unit, comparator)


def test_every_value_of_an_enrolment_lands(enrolment):
    assert schema.enrolment(enrolment, AS_OF) == Enrolment(
        centre="FR-037",
        patient="P-0001",
        protocol="set-haplo-pdli",
        birth_date=P("1971-05-02"),
        sex="female",
        hospital_patient="Patient/abc",
        identifiers=(Identifier("urn:oid:1.2.250.1.213.1.4.8", "123456789012345"),),
        consent=ConsentGiven("active", P("2026-01-10"), registry=True),
        disease=Disease(W("aml"), W("refractory"), P("2025-03"), D(34)),
        measurements=Measurements(
            weight=BodyMeasure(of("70", "kg"), P("2026-02-10")), height=BodyMeasure(of("175", "cm"), P("2026-02-10"))
        ),
        transplant=Transplant(
            date=date(2026, 3, 2),
            planned=False,
            donor=W("haploidentical"),
            graft=W("pbsc"),
            cd34_per_kg=of("5.1", "10*6/kg"),
            cd3_per_kg=of("180", "10*6/kg"),
        ),
    )


def test_every_value_of_a_follow_up_lands(follow_up):
    assert schema.follow_up(follow_up, AS_OF) == FollowUp(
        centre="FR-037",
        patient="P-0001",
        visit="m6",
        date=P("2026-09-02"),
        vital_status=VitalStatus(W("alive"), P("2026-09-02")),
        measurements=Measurements(weight=BodyMeasure(of("66.5", "kg"), P("2026-09-02")), karnofsky=80),
        engraftment=Engraftment(
            neutrophils=Recovery(W("engrafted"), P("2026-03-17")),
            platelets=Recovery(W("engrafted"), P("2026-03-25")),
            counts=(BloodCount(P("2026-03-17"), of("0.52", "10*9/L"), of("23", "10*9/L")),),
            platelet_transfusions=(P("2026-03-16"),),
        ),
        response=Response(P("2026-08-30"), W("CR"), D("1.5"), MinimalResidualDisease(W("negative"), W("flow"))),
        relapse=Relapse(P("2026-09-01"), W("molecular")),
        immune_reconstitution=ImmuneReconstitution(
            P("2026-08-29"), of("120", "/uL"), of("340", "/uL"), of("9.5", "/uL"), of("210", "/uL"), of("15", "/uL")
        ),
        chimerism=(Chimerism(P("2026-09-01"), D("99.2"), W("blood"), W("whole-blood")),),
        gvhd=Gvhd(P("2026-09-02"), acute=(ACUTE,), chronic=(CHRONIC,)),
        infections=(Infection(P("2026-04-02"), W("viral"), W("cmv"), W("blood"), W("moderate"), P("2026-04-30")),),
        quality_of_life=QualityOfLife(W("FACT-BMT"), P("2026-09-02"), "4", (("total", D(101)),)),
        immunosuppression=Immunosuppression(
            P("2026-09-02"),
            (
                Immunosuppressant(W("mycophenolate"), P("2026-03-08"), P("2026-04-27")),
                Immunosuppressant(W("ciclosporin"), P("2026-03-08"), P("2026-05-31")),
            ),
        ),
        administrations=(Administration("thiotepa", P("2026-02-17"), "D-13", of("350", "mg")),),
        dli=(Dli(1, P("2026-07-01"), of("0.1", "10*6/kg")),),
        dli_withheld=(DliWithheld(2, P("2026-08-05"), W("active-gvhd")),),
    )


ACUTE = AcuteGvhd(
    onset=P("2026-04-20"),
    grade=W("II"),
    skin=3,
    liver=0,
    upper_gi=0,
    lower_gi=0,
    resolved=P("2026-05-15"),
    treatment=(W("systemic-steroids"),),
    steroid_refractory=False,
    course=(AcuteStep(P("2026-04-20"), W("I"), skin=1), AcuteStep(P("2026-04-24"), W("II"), skin=3)),
)
CHRONIC = ChronicGvhd(
    onset=P("2026-07-30"),
    severity=W("mild"),
    organs=(("mouth", 1),),
    systemic_treatment=False,
    treatment=(W("topical"),),
    after_dli=1,
)


def test_written_digits_stay(follow_up):
    follow_up["dli"][0]["cd3_per_kg"]["value"] = Decimal("2.50")
    assert str(schema.follow_up(follow_up, AS_OF).dli[0].cd3_per_kg.value) == "2.50"


def test_a_comparator_stays(follow_up):
    follow_up["immune_reconstitution"]["treg"] = {"value": 1, "unit": "/uL", "comparator": "<"}
    assert schema.follow_up(follow_up, AS_OF).immune_reconstitution.treg == of("1", "/uL", "<")


def test_the_least_that_can_be_said():
    least = {"centre": "FR-037", "patient": "P-1", "visit": "unscheduled", "date": "2026"}
    assert schema.follow_up(least, AS_OF) == FollowUp("FR-037", "P-1", "unscheduled", P("2026"))
    first = {"centre": "FR-037", "patient": "P-1", "protocol": "set-haplo-pdli"}
    assert schema.enrolment(first, AS_OF) == Enrolment("FR-037", "P-1", "set-haplo-pdli")


def test_not_reported_looked_and_none_and_said_missing_are_three_things(follow_up):
    follow_up["gvhd"] = {"assessed": "2026-09-02", "acute": [], "chronic": {"not_done": "unknown"}}
    follow_up["infections"] = {"not_done": "not-asked", "note": "patient seen elsewhere"}
    del follow_up["chimerism"]
    read = schema.follow_up(follow_up, AS_OF)
    assert (read.gvhd.acute, read.gvhd.chronic) == ((), Missing("unknown"))
    assert read.infections == Missing("not-asked", "patient seen elsewhere")
    assert read.chimerism is None


@pytest.mark.parametrize("section", ["disease", "measurements", "transplant"])
def test_any_section_of_an_enrolment_can_be_said_to_be_missing(enrolment, section):
    enrolment[section] = {"not_done": "temp-unknown"}
    assert getattr(schema.enrolment(enrolment, AS_OF), section) == Missing("temp-unknown")


@pytest.mark.parametrize(
    "path",
    [
        ("vital_status", "date"),
        ("measurements", "weight"),
        ("measurements", "karnofsky"),
        ("engraftment", "neutrophils"),
        ("response", "marrow_blasts_percent"),
        ("response", "mrd"),
        ("immune_reconstitution", "cd4"),
        ("gvhd", "acute"),
        ("gvhd", "assessed"),
        ("immunosuppression", "drugs"),
    ],
)
def test_any_value_of_a_follow_up_can_be_said_to_be_missing(follow_up, path):
    section, value = path
    follow_up[section][value] = {"not_done": "not-performed"}
    assert getattr(getattr(schema.follow_up(follow_up, AS_OF), section), value) == Missing("not-performed")


def test_other_carries_its_text_to_every_word_that_is_other(follow_up):
    follow_up["infections"] = [
        {"onset": "2026-04-02", "kind": "other", "agent": "other", "site": "lung", "text": "prion"}
    ]
    read = schema.follow_up(follow_up, AS_OF).infections[0]
    assert (read.kind, read.agent, read.site) == (W("other", "prion"), W("other", "prion"), W("lung"))


def test_other_in_a_list_of_treatments(follow_up):
    follow_up["gvhd"]["chronic"][0] |= {"treatment": ["topical", "other"], "text": "ibrutinib"}
    read = schema.follow_up(follow_up, AS_OF)
    assert read.gvhd.chronic[0].treatment == (W("topical"), W("other", "ibrutinib"))


def test_words_have_letters_of_every_script_and_line_breaks_and_nothing_that_no_one_sees(follow_up):
    follow_up["relapse"] |= {"kind": "other", "text": "méningé\nLCR\t2 %"}
    assert schema.follow_up(follow_up, AS_OF).relapse.kind == W("other", "méningé\nLCR\t2 %")
    follow_up["relapse"]["text"] = "méningé\x07"
    with pytest.raises(FaultyInput, match="control characters"):
        schema.follow_up(follow_up, AS_OF)


def test_unknown_is_a_word_of_every_list(follow_up):
    follow_up["response"]["category"] = "unknown"
    assert schema.follow_up(follow_up, AS_OF).response.category == W("unknown")


@pytest.mark.parametrize(("said", "read"), [("D+3", "D3"), ("D3", "D3"), ("D0", "D0"), ("D-13", "D-13")])
def test_a_day_is_kept_as_the_identifiers_of_orders_write_it(follow_up, said, read):
    follow_up["administrations"][0]["day"] = said
    assert schema.follow_up(follow_up, AS_OF).administrations[0].day == read


@pytest.mark.parametrize(
    ("said", "planned"),
    [({"date": "2026-03-02"}, False), ({}, True), ({"date": "2026-03-02", "planned": True}, True)],
)
def test_a_graft_with_a_date_was_given_unless_it_is_planned(enrolment, said, planned):
    enrolment["transplant"] = said
    assert schema.enrolment(enrolment, AS_OF).transplant.planned is planned


def test_a_planned_graft_may_lie_ahead(enrolment):
    enrolment["transplant"] = {"date": "2026-12-24", "planned": True}
    assert schema.enrolment(enrolment, AS_OF).transplant.date == date(2026, 12, 24)


def test_canonical_document_of_the_examples(enrolment, follow_up):
    assert schema.to_document(schema.enrolment(enrolment, AS_OF)) == enrolment
    del follow_up["gvhd"]["chronic"][0]["course"]  # an empty course says no more than none
    assert schema.to_document(schema.follow_up(follow_up, AS_OF)) == follow_up
