"""Where a visit's resources come from, and every version of it as it was sent."""

from __future__ import annotations

import pytest

from adapter.errors import NotFound
from adapter.flows import follow_up
from adapter.store.clients import Client
from tests.lib.centre import M1, OTHERS, document


def origin_of(ward, key):
    (found,) = [one for one in ward.origins() if one.content["entity"][0]["what"]["identifier"]["value"] == key]
    return found


def test_each_document_has_one_provenance_with_a_version_for_each_of_its_own(enrolled):
    receipt = enrolled.visit(M1)
    first = origin_of(enrolled, "FR-037/SYN-0001/m1")
    assert {one["reference"] for one in first.content["target"]} == set(receipt.resources)
    assert first.content["activity"]["coding"][0]["code"] == "CREATE"
    assert first.content["entity"][0]["what"]["display"] == "version 1"
    enrolled.visit(M1)
    assert origin_of(enrolled, "FR-037/SYN-0001/m1").version == 1
    enrolled.visit(M1, immune_reconstitution=None)
    corrected = origin_of(enrolled, "FR-037/SYN-0001/m1")
    assert (corrected.id, corrected.version) == (first.id, 2)
    assert corrected.content["activity"]["coding"][0]["code"] == "UPDATE"
    cd4 = enrolled.one("cd4/2026-04-01").reference
    assert cd4 in {one["reference"] for one in corrected.content["target"]}
    enrolled.retract(receipt.id, "form of another patient")
    taken_back = origin_of(enrolled, "FR-037/SYN-0001/m1").content
    assert taken_back["activity"]["coding"][0]["code"] == "NULLIFY"
    assert taken_back["reason"] == [{"text": "form of another patient"}]


def test_the_enrolment_has_its_provenance_too(enrolled):
    targets = {one["reference"] for one in origin_of(enrolled, "FR-037/SYN-0001").content["target"]}
    assert enrolled.stored("Patient")[0].reference in targets


def test_the_history_of_a_visit_has_every_version_as_it_was_sent(enrolled):
    receipt = enrolled.visit(M1)
    enrolled.visit(M1, engraftment=None)
    enrolled.retract(receipt.id, "twice told")
    told = follow_up.history(receipt.id, sender=enrolled.sender, store=enrolled.store)
    assert [(one["version"], one["status"], one["reason"]) for one in told["history"]] == [
        (3, "retracted", "twice told"),
        (2, "recorded", None),
        (1, "recorded", None),
    ]
    assert told["history"][2]["document"] == document(M1)
    assert {one["who"] for one in told["history"]} == {"forms"}


def test_another_centres_history_is_as_missing_as_none(enrolled):
    receipt = enrolled.visit(M1)
    with pytest.raises(NotFound):
        follow_up.history(receipt.id, sender=Client("others", "centre", OTHERS), store=enrolled.store)
