"""A database restored from a copy: nothing is sent twice, led back, or written over an edit. Made-up patients only."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from adapter.config import Hospital, Settings
from adapter.flows import restored
from adapter.flows.delivery import Policy
from adapter.hospital.sandbox.habits import Habits
from adapter.store import Store
from tests.lib.post import THERE, observation, patient, post


@pytest.fixture
def store(tmp_path):
    """An SQLite file, which is copied while it is open; a dump of PostgreSQL holds the same."""
    with closing(Store(f"sqlite:///{tmp_path}/engraft.sqlite")) as store:
        store.migrate()
        yield store


@pytest.fixture(params=[True, False], ids=["takes-our-ids", "gives-ids"])
def office(store, request):
    with post(store, habits=Habits(client_ids=request.param)) as office:
        yield office


@contextmanager
def copied(office, folder):
    """The same office on a copy of its database as of now."""
    (folder / "copy.sqlite").touch()
    office.store.copy(folder / "copy.sqlite")
    with closing(Store(f"sqlite:///{folder}/copy.sqlite")) as store:
        yield replace(office, store=store)


def tell(office):
    settings = Settings(hospitals={THERE: Hospital(THERE, office.client.base_url)})
    assert restored.tell(office.store, settings, who="operator:ada", now=office.now) == [THERE]


def values(office):
    return sorted((str(one["valueQuantity"]["value"]), one["meta"]["versionId"]) for one in office.there().values())


def edit(office, value):
    (one,) = office.there().values()
    office.client.transact([one | {"valueQuantity": {"value": value, "unit": "10*9/L"}}])


def writes(office):
    return [one for one in office.sent() if one[0] == "POST" and not one[1].endswith("_search")]


def test_what_arrived_after_the_copy_is_found_and_never_led_back(office, tmp_path):
    """Two rows waited in it and both had arrived: the first would have gone over the second."""
    office.queue(patient(active=True), observation("o", "1"))
    office.queue(patient(active=False), observation("o", "2"))
    with copied(office, tmp_path) as copy:
        office.deliver()
        assert values(office) == [("2", "2")]
        before = office.there("Patient")
        tell(copy)
        assert copy.deliver().delivered == 2
        assert (values(office), office.there("Patient")) == ([("2", "2")], before)
        copy.queue(observation("o", "3"))
        assert copy.deliver().delivered == 1
        assert values(office) == [("3", "3")]


def test_what_the_hospital_edited_since_waits_for_a_person_whose_word_counts(office, tmp_path):
    office.queue(patient())
    waits = office.queue(observation("o", "1"))
    with copied(office, tmp_path) as copy:
        office.deliver()
        edit(office, 9)
        tell(copy)
        copy.deliver()
        assert values(office) == [("9", "2")]
        assert "was changed at the hospital" in copy.row(waits).error
        copy.retry(waits)
        assert copy.deliver().delivered == 1
        assert values(office) == [("1", "3")]


def test_a_form_that_was_lost_with_the_copy_and_is_handed_in_again_is_looked_for_too(office, tmp_path):
    with copied(office, tmp_path) as copy:
        office.queue(patient(), observation("o", "1"))
        office.deliver()
        edit(office, 9)
        tell(copy)
        copy.later(days=29)
        again = copy.queue(patient(), observation("o", "1"))
        copy.deliver()
        assert (values(office), copy.row(again).state) == ([("9", "2")], "parked")


def test_after_a_while_what_is_new_is_sent_unseen_as_ever(store, tmp_path):
    with post(store) as office:
        tell(office)
        office.later(days=31)
        office.queue(patient(), observation("o"))
        assert office.deliver().delivered == 1
        assert office.sent() == [("POST", "")]


def test_who_said_so_is_kept(store):
    with post(store) as office:
        tell(office)
        with store.reading() as tx:
            (one,) = tx.audit.of(THERE)
        assert (one.who, one.action) == ("operator:ada", "restored")


def test_what_an_identifier_finds_is_not_taken_for_what_we_say(store):
    """A hospital that gives ids answers a create with what it has: our newer content would have been lost unseen."""
    with post(store, habits=Habits(client_ids=False), policy=Policy(ids="conditional")) as office:
        first = office.queue(patient(), observation("o", "1"))
        office.hospital.drop()
        office.deliver()
        with store.transaction() as tx:
            tx.outbox.discard(first, "entered by hand, it was thought", office.now)
        office.queue(patient(), observation("o", "2"))
        assert office.deliver().delivered == 1
        assert values(office) == [("2", "2")]
        assert len(office.there("Patient")) == 1
        office.queue(observation("o", "3"))
        office.deliver()
        assert values(office) == [("3", "3")]
