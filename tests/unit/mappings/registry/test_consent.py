"""Only a yes that holds today and is fully understood lets anything out."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from mappings.facts import ConsentGiven
from mappings.intake import schema
from mappings.registry.consent import given, permits
from tests.unit.mappings.registry.patients import course_of, enrolled

TODAY = date(2026, 9, 1)


def consent(said):
    """The Consent that Engraft writes for what an enrolment says."""
    return [r for r in course_of(enrolled(consent=said)) if r["resourceType"] == "Consent"]


(YES,) = consent({"status": "active", "date": "2026-01-10", "registry": True})


def changed(**changes):
    return YES | changes


def provision(**changes):
    return changed(provision=YES["provision"] | changes)


def test_active_and_yes_to_registries_is_a_yes():
    assert permits([YES], TODAY)
    assert given(ConsentGiven("active", None, True))


@pytest.mark.parametrize(
    "said",
    [
        {"status": "inactive", "registry": True},
        {"status": "rejected", "registry": True},
        {"status": "active", "registry": False},
        {"status": "active"},
        None,
    ],
    ids=str,
)
def test_withdrawn_rejected_or_unsaid_is_a_no(said):
    assert not permits(consent(said), TODAY)
    assert not given(ConsentGiven(said["status"], None, said.get("registry")) if said else None)


UNKNOWN = {"not_done": "unknown"}


@pytest.mark.parametrize(
    "said",
    [
        UNKNOWN,
        {"status": UNKNOWN, "date": "2026-01-10", "registry": True},
        {"status": "active", "date": "2026-01-10", "registry": UNKNOWN},
    ],
    ids=str,
)
def test_a_consent_of_which_nobody_knows_whether_it_is_one_is_a_no(said):
    assert not permits(consent(said), TODAY)
    assert not given(schema.enrolment(enrolled(consent=said), TODAY).consent)


def test_a_yes_on_a_day_that_nobody_knows_is_a_yes():
    said = {"status": "active", "date": UNKNOWN, "registry": True}
    assert permits(consent(said), TODAY)
    assert given(schema.enrolment(enrolled(consent=said), TODAY).consent)


@pytest.mark.parametrize(
    "doubtful",
    [
        changed(status="draft"),
        changed(status="entered-in-error"),
        changed(
            scope={"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]}
        ),
        changed(scope={"text": "research"}),
        changed(modifierExtension=[{"url": "http://a.example"}]),
        changed(implicitRules="http://a.example"),
        provision(type="deny"),
        provision(purpose=[]),
        provision(purpose=[{"system": "http://a.example", "code": "HRESCH"}]),
        provision(actor=[{"reference": {"display": "one registry only"}}]),
        provision(provision=[{"type": "deny"}]),
        provision(period={"start": "2026-09-02"}),
        provision(period={"end": "2026-08-31"}),
        provision(period={"end": "2026"}),
        {key: value for key, value in YES.items() if key != "provision"},
    ],
    ids=itertools.count(),
)
def test_what_we_cannot_fully_understand_is_a_no(doubtful):
    assert not permits([doubtful], TODAY)


@pytest.mark.parametrize("period", [{"start": "2026-09-01", "end": "2026-09-01T23:59:59Z"}, {"end": "2027"}, {}])
def test_a_period_that_covers_the_day_is_a_yes(period):
    assert permits([provision(period=period)], TODAY)


def test_the_newest_consent_holds():
    withdrawn = changed(status="inactive", dateTime="2026-06-01")
    assert not permits([YES, withdrawn], TODAY)
    assert permits([changed(dateTime="2026-07-01"), withdrawn], TODAY)
    assert permits([YES, changed(status="proposed", dateTime="2026-06-01")], TODAY)


def test_a_no_without_a_date_holds_beside_the_newest():
    undated = {key: value for key, value in YES.items() if key != "dateTime"}
    assert not permits([YES, undated | {"status": "rejected"}], TODAY)
    assert permits([undated], TODAY)
    assert not permits([], TODAY)


@pytest.mark.parametrize("when", ["2026-07", "2026", "2026-07-01T18:00:00Z"])
def test_a_withdrawal_that_may_be_as_new_as_the_newest_holds_beside_it(when):
    """A month or a year reaches beyond its first letters; of two on one day nobody knows which came last."""
    withdrawn = changed(status="inactive", dateTime=when)
    assert not permits([changed(dateTime="2026-07-01T20:00:00+09:00"), withdrawn], TODAY)
    assert permits([changed(dateTime="2027-01-01"), withdrawn], TODAY)
