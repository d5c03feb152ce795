"""What cannot all be true is found, and nothing else is. Synthetic patients only."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from mappings.facts import (
    AcuteGvhd,
    AcuteStep,
    ChronicGvhd,
    ChronicStep,
    Dli,
    DliWithheld,
    Measured,
    Missing,
    PartialDate,
    Relapse,
    Response,
    VitalStatus,
    Word,
)
from mappings.registry.blood_facts import Reported, Result
from mappings.registry.contradictions import ERROR, WARNING, contradictions
from mappings.registry.course import Course, Dated, read
from mappings.registry.course_facts import NOTHING
from mappings.registry.pieces import Told
from tests.unit.mappings.registry.patients import M3, course_of, died, enrolled, seen

UNKNOWN = Missing("unknown")


def dated(text, source="Observation/x"):
    return Dated(date.fromisoformat(f"{text}-15"[:10]), text, source)


GRAFT = Dated(date(2026, 3, 2), "2026-03-02", "Procedure/graft")


def course(day_zero=GRAFT, death=None, contacts=(), death_undated=None, **facts):
    told = {name: tuple(Told(fact, f"{name}/{n}") for n, fact in enumerate(said)) for name, said in facts.items()}
    return Course("p", day_zero, death, death_undated, contacts, (), replace(NOTHING, **told))


def rules(said):
    return [(one.rule, one.severity) for one in contradictions(said)]


def day(text):
    return PartialDate(text)


def test_a_course_that_is_right_has_none():
    (clean,) = read(course_of(enrolled(), M3, died("2026-08-15")))
    assert contradictions(clean) == []


def test_what_engraft_itself_wrote_is_judged():
    late = seen("m12", "2027-03-01", relapse={"date": "2026-02-20", "kind": "haematological"})
    (found,) = read(course_of(enrolled(), M3, died("2026-08-15"), late))
    told = {one.rule: one for one in contradictions(found)}
    assert {"alive-after-death", "relapse-before-graft"} <= told.keys()
    assert told["alive-after-death"].text == "Seen alive on 2027-03-01, after the death on 2026-08-15."
    assert told["relapse-before-graft"].text == "Relapse on 2026-02-20, before the transplant on 2026-03-02."
    assert all(source.count("/") == 1 for one in told.values() for source in one.sources)


class TestDeath:
    def test_without_a_day_it_is_a_warning(self):
        assert rules(course(death_undated="Patient/p")) == [("death-undated", WARNING)]

    @pytest.mark.parametrize(
        ("first", "second", "found"),
        [("2026-08-15", "2026-08-16", True), ("2026-08-15", "2026-08", False), ("2026-08", "2026-09", True)],
    )
    def test_on_two_days_it_is_an_error(self, first, second, found):
        said = course(vital_status=[VitalStatus(Word("dead"), day(text)) for text in (first, second)])
        assert rules(said) == ([("two-deaths", ERROR)] if found else [])

    @pytest.mark.parametrize("status", ["alive", "lost"])
    def test_nobody_is_seen_afterwards(self, status):
        said = course(
            death=dated("2026-08-15"),
            contacts=(dated("2026-08-20", "vital_status/0"),),
            vital_status=[VitalStatus(Word(status), day("2026-08-20"))],
        )
        assert rules(said) == [("alive-after-death", ERROR)]

    def test_a_finding_afterwards_is_told_by_its_own_resource(self):
        said = course(death=dated("2026-08-15", "Patient/p"), contacts=(dated("2026-08-16"), dated("2026-08-15")))
        (found,) = contradictions(said)
        assert (found.rule, found.sources) == ("fact-after-death", ("Observation/x", "Patient/p"))

    def test_a_month_that_reaches_the_death_is_no_contradiction(self):
        said = course(death=dated("2026-08"), contacts=(dated("2026-08-31"),))
        assert rules(said) == []
        assert rules(course(death=dated("2026-08-15"), contacts=(dated("2026-08"),))) == []

    def test_of_relapse_needs_one(self):
        said = [VitalStatus(Word("dead"), UNKNOWN, Word("relapse"))]
        assert rules(course(vital_status=said)) == [("relapse-death-without-relapse", WARNING)]
        assert rules(course(vital_status=said, relapses=[Relapse(day("2026-05-01"), UNKNOWN)])) == []
        assert rules(course(vital_status=said, responses=[Response(day("2026-05-01"), Word("PR"))])) == []
        assert rules(course(vital_status=[VitalStatus(Word("dead"), UNKNOWN, Word("gvhd"))])) == []


class TestBeforeTheGraft:
    @pytest.mark.parametrize(
        ("rule", "facts"),
        [
            ("relapse", {"relapses": [Relapse(day("2026-03-01"), UNKNOWN)]}),
            ("acute-gvhd", {"acute_gvhd": [AcuteGvhd(day("2026-02"))]}),
            ("chronic-gvhd", {"chronic_gvhd": [ChronicGvhd(day("2026-02"))]}),
            ("recovery-of-platelets", {"recoveries": [Reported("platelets", Word("engrafted"), day("2026-03-01"))]}),
            ("an-infusion-of-donor-lymphocytes", {"infusions": [Dli(1, day("2026-03-01"))]}),
        ],
    )
    def test_nothing_of_afterwards_is_told(self, rule, facts):
        assert rules(course(**facts)) == [(f"{rule}-before-graft", ERROR)]
        assert rules(course(day_zero=None, **facts)) == []

    def test_nobody_died(self):
        assert rules(course(death=dated("2026-03-01"))) == [("death-before-graft", ERROR)]

    def test_what_may_have_been_afterwards_is_none(self):
        assert rules(course(relapses=[Relapse(day("2026-03"), UNKNOWN), Relapse(UNKNOWN, UNKNOWN)])) == []


def acute(*steps, **more):
    return AcuteGvhd(day("2026-04-01"), course=tuple(AcuteStep(day(on), Word(g)) for on, g in steps), **more)


class TestGvhd:
    def test_a_grade_does_not_fall_while_the_episode_goes_on(self):
        falls = acute(("2026-04-01", "III"), ("2026-05-01", "II"))
        (found,) = contradictions(course(acute_gvhd=[falls]))
        assert found.rule == "acute-gvhd-falling"
        assert found.text == "Acute GVHD falls from III to II on 2026-05-01, and its end is not told."
        assert rules(course(acute_gvhd=[replace(falls, resolved=day("2026-05-20"))])) == []
        assert rules(course(acute_gvhd=[acute(("2026-04-01", "II"), ("2026-05-01", "III"))])) == []

    def test_the_order_of_steps_is_that_of_their_dates(self):
        assert rules(course(acute_gvhd=[acute(("2026-05-01", "III"), ("2026-04-01", "II"))])) == []

    def test_chronic_ones_do_neither(self):
        steps = (ChronicStep(day("2026-09-01"), Word("severe")), ChronicStep(day("2026-10-01"), Word("mild")))
        assert rules(course(chronic_gvhd=[ChronicGvhd(day("2026-09-01"), course=steps)])) == [
            ("chronic-gvhd-falling", ERROR)
        ]

    def test_the_worst_is_at_least_what_was_reached(self):
        said = course(acute_gvhd=[acute(("2026-04-01", "III"), grade=Word("II"))])
        assert rules(said) == [("acute-gvhd-worst", ERROR)]
        assert rules(course(acute_gvhd=[acute(("2026-04-01", "III"), grade=Word("III"))])) == []

    def test_it_ends_after_it_began(self):
        assert rules(course(acute_gvhd=[AcuteGvhd(day("2026-05-01"), resolved=day("2026-04-01"))])) == [
            ("acute-gvhd-ends-first", ERROR)
        ]

    def test_an_episode_ends_before_the_next_begins(self):
        first, second = AcuteGvhd(day("2026-04-01")), AcuteGvhd(day("2026-06-01"))
        assert rules(course(acute_gvhd=[first, second])) == [("acute-gvhd-overlaps", WARNING)]
        assert rules(course(acute_gvhd=[replace(first, resolved=day("2026-05-01")), second])) == []
        assert rules(course(acute_gvhd=[first, AcuteGvhd(UNKNOWN)])) == []

    def test_a_course_that_is_missing_is_no_contradiction(self):
        assert rules(course(acute_gvhd=[AcuteGvhd(UNKNOWN, course=UNKNOWN)])) == []


class TestRecovery:
    @pytest.fixture
    def counts(self):
        """Below, then three days above 0.5: recovered on 2026-03-20."""
        values = ("0.1", "0.6", "0.7", "0.8")
        days = ("2026-03-10", "2026-03-20", "2026-03-21", "2026-03-22")
        return [
            Result("neutrophils", day(on), Measured(Decimal(value), "10*9/L"))
            for on, value in zip(days, values, strict=True)
        ]

    @pytest.mark.parametrize(
        ("status", "on", "found"),
        [
            ("engrafted", "2026-03-20", False),
            ("engrafted", "2026-03", False),
            ("engrafted", "2026-03-25", True),
            ("primary-graft-failure", "2026-04-20", True),
            ("never-below", None, True),
            ("secondary-graft-failure", "2026-08-20", False),
            ("not-evaluable", None, False),
        ],
    )
    def test_what_is_reported_is_held_against_the_counts(self, counts, status, on, found):
        said = Reported("neutrophils", Word(status), day(on) if on else None)
        told = rules(course(counts=counts, recoveries=[said]))
        assert told == ([("recovery-against-counts", WARNING)] if found else [])

    def test_without_counts_or_an_exact_graft_nothing_is_held_against_anything(self, counts):
        said = [Reported("neutrophils", Word("engrafted"), day("2026-03-25"))]
        assert rules(course(recoveries=said)) == []
        vague = Dated(date(2026, 3, 15), "2026-03", "Procedure/graft")
        assert rules(course(day_zero=vague, counts=counts, recoveries=said)) == []
        assert rules(course(day_zero=None, counts=counts, recoveries=said)) == []
        other = [Reported("platelets", Word("engrafted"), day("2026-03-25"))]
        assert rules(course(counts=counts, recoveries=other)) == []


def test_infusions_come_in_their_order():
    assert rules(course(infusions=[Dli(2, day("2026-08-01")), Dli(1, day("2026-09-01"))])) == [
        ("infusions-out-of-order", ERROR)
    ]
    assert rules(course(infusions=[Dli(1, day("2026-08-01")), Dli(2, day("2026-09-01")), Dli(3, UNKNOWN)])) == []


def test_one_infusion_was_given_or_was_not():
    given = [Dli(1, day("2026-08-01"))]
    reason = Word("donor")
    both = course(infusions=given, withheld=[DliWithheld(1, day("2026-08-01"), reason)])
    assert rules(both) == [("infusion-given-and-withheld", ERROR)]
    later = [DliWithheld(1, day("2026-07-01"), reason), DliWithheld(2, day("2026-08-01"), reason)]
    assert rules(course(infusions=given, withheld=[*later, DliWithheld(UNKNOWN, UNKNOWN, reason)])) == []


class TestRemission:
    @pytest.mark.parametrize(
        ("category", "blasts", "found"),
        [("CR", "5", True), ("CRi", "30", True), ("MLFS", "5.0", True), ("CR", "4.9", False), ("PR", "20", False)],
    )
    def test_it_has_fewer_than_5_percent_of_blasts(self, category, blasts, found):
        said = Response(day("2026-06-01"), Word(category), Decimal(blasts))
        assert rules(course(responses=[said])) == ([("remission-with-blasts", WARNING)] if found else [])
        untold = Response(day("2026-06-01"), Word(category), UNKNOWN)
        assert rules(course(responses=[untold])) == []

    @pytest.mark.parametrize(
        ("kind", "on", "found"),
        [
            ("haematological", "2026-06-01", True),
            ("molecular", "2026-06-01", False),
            ("haematological", "2026-06", False),
        ],
    )
    def test_it_is_no_day_of_relapse(self, kind, on, found):
        said = [Response(day("2026-06-01"), Word("CR")), Response(day("2026-06"), Word("CR"))]
        told = rules(course(responses=said, relapses=[Relapse(day(on), Word(kind))]))
        assert told == ([("remission-with-relapse", WARNING)] if found else [])


@pytest.mark.parametrize(
    ("needed", "treatment", "found"),
    [
        (False, (Word("topical"), Word("systemic-steroids")), True),
        (False, (Word("topical"),), False),
        (True, (Word("systemic-steroids"),), False),
        (None, (Word("ruxolitinib"),), False),
        (False, UNKNOWN, False),
    ],
)
def test_what_needed_no_systemic_treatment_had_none(needed, treatment, found):
    said = ChronicGvhd(day("2026-07-30"), Word("mild"), systemic_treatment=needed, treatment=treatment)
    assert rules(course(chronic_gvhd=[said])) == ([("chronic-gvhd-treatment", WARNING)] if found else [])
