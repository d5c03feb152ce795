"""Dates are as precise as they were said, and a form is known by its key."""

from __future__ import annotations

import copy
import pickle
from dataclasses import asdict, replace
from datetime import date

import pytest

from mappings import facts
from mappings.facts import Enrolment, FollowUp, PartialDate
from mappings.r4.build import Ids, collection, course_id, full_url


@pytest.mark.parametrize(
    ("said", "exact", "earliest", "latest"),
    [
        ("2026-03-02", date(2026, 3, 2), date(2026, 3, 2), date(2026, 3, 2)),
        ("2024-02", None, date(2024, 2, 1), date(2024, 2, 29)),
        ("2026", None, date(2026, 1, 1), date(2026, 12, 31)),
    ],
)
def test_a_date_means_every_day_that_it_can_mean(said, exact, earliest, latest):
    partial = PartialDate(said)
    assert (partial.exact, partial.earliest, partial.latest, str(partial)) == (exact, earliest, latest, said)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda said: pickle.loads(pickle.dumps(said))])
def test_a_copy_of_a_date_means_the_same_days(copied):
    said = PartialDate("2026-03")
    found = copied(said)
    assert (found, found.earliest, found.latest) == (said, date(2026, 3, 1), date(2026, 3, 31))
    assert asdict(found) == {"text": "2026-03"}, "the days are no part of what was said"
    assert replace(said, text="2026").latest == date(2026, 12, 31)


@pytest.mark.parametrize(
    "said", ["02/03/2026", "2026-3-2", "2026-02-30", "2026-13", "0000", "2026-03-02\n", "\uff12\uff10\uff12\uff16", ""]
)
def test_what_is_no_date_is_refused(said):
    with pytest.raises(ValueError, match=r"."):
        PartialDate(said)


def test_visits_are_kept_by_name_and_unscheduled_ones_by_date():
    at = PartialDate("2026-09-02")
    assert FollowUp("FR-037", "P-0001", "m6", at).key == "FR-037/P-0001/m6"
    assert FollowUp("FR-037", "P-0001", "unscheduled", at).key == "FR-037/P-0001/unscheduled/2026-09-02"
    assert Enrolment("FR-037", "P-0001", "set-haplo-pdli").key == "FR-037/P-0001"


def test_no_two_patients_share_a_course():
    from mappings.canonicals import DEFAULT

    one = course_id(DEFAULT, "FR/1", "2", "p")
    assert one != course_id(DEFAULT, "FR", "1/2", "p")
    assert one == course_id(DEFAULT, "FR/1", "2", "p")
    assert Ids(one)("count", "neutrophils", "2026-03-17") != Ids(one)("count", "neutrophils/2026-03-17")


def test_a_collection_names_each_entry():
    bundle = collection([{"resourceType": "Basic", "id": "1", "url": "https://engraft.example/x"}])
    assert bundle["entry"][0]["fullUrl"] == "https://engraft.example/x"
    assert collection([{"resourceType": "Basic", "id": "1"}])["entry"][0]["fullUrl"] == full_url(
        {"resourceType": "Basic", "id": "1"}
    )


def test_each_name_of_the_package_is_there_and_no_other():
    assert all(isinstance(getattr(facts, name), type) or name == "Said" for name in facts.__all__)
    with pytest.raises(AttributeError, match="has no Nothing"):
        _ = facts.Nothing
