"""Patients that are claimed together and written of together: nothing of one is lost or held up by another."""

from __future__ import annotations

import logging
from collections import Counter

import pytest
from sqlalchemy import event

from adapter.errors import StoreUnavailable
from adapter.flows.delivery import LEASE_SECONDS, ROWS
from adapter.flows.delivery import Post as Office
from adapter.flows.sending import Sending
from adapter.hospital.pace import MOST_LANES, Pace
from adapter.store.engine import WRITES
from tests.lib.post import THERE, observation, patient, post

PATIENTS = 12


@pytest.fixture
def office(store, monkeypatch):
    """Everybody is claimed at once, however fast the machine is."""
    monkeypatch.setattr(Pace, "took", lambda *_, **__: None)
    monkeypatch.setattr(Pace, "__init__", _eager(Pace.__init__))
    with post(store) as office:
        yield office


def _eager(begin):
    def begun(self, *settings):
        begin(self, *settings)
        self.lanes = MOST_LANES

    return begun


def queue(office, patients=PATIENTS, value="1"):
    return [
        office.queue(patient(f"p{n}"), observation(f"o{n}", value, of=f"p{n}"), course=f"c{n}") for n in range(patients)
    ]


def states(office, ids):
    return [office.row(id_).state for id_ in ids]


def test_the_books_of_many_patients_are_a_few_durable_writes(office):
    ids = queue(office)
    written = Counter()
    event.listen(
        office.store._engine,
        "commit",
        lambda connection: written.update([connection.get_execution_options().get(WRITES, False)]),
    )
    assert office.deliver().delivered == PATIENTS
    assert written[True] == 3, "a claim, the books, and a claim that finds nothing"
    assert states(office, ids) == ["delivered"] * PATIENTS
    assert len(office.there()) == PATIENTS
    assert office.sent() == [("POST", "")] * PATIENTS


def test_each_patients_versions_arrive_in_order_though_all_are_claimed_together(office):
    for value in ("1", "2", "3"):
        queue(office, value=value)
    assert office.deliver().delivered == 3 * PATIENTS
    assert set(office.values().values()) == {"3"}
    assert set(office.versions().values()) == {"3"}


def test_what_somebody_refused_is_parked_and_the_others_are_delivered(office):
    ids = queue(office, 3)
    bad = office.queue(patient("q"), observation("bad", of="nobody"), course="bad")
    assert (office.deliver().parked, states(office, ids)) == (1, ["delivered"] * 3)
    assert office.row(bad).state == "parked"


def test_a_hospital_that_falls_silent_has_the_rest_given_back_untried(office):
    ids = queue(office, 5)
    office.hospital.fail(next=1, status=503, retry_after=60)
    assert office.deliver().retried == 1
    assert states(office, ids) == ["waiting"] * 5
    assert sorted(office.row(id_).attempts for id_ in ids) == [0, 0, 0, 0, 1]
    office.later()
    office.sent()
    assert office.deliver().delivered == 5
    assert Counter(office.sent()) == {("POST", ""): 5, ("GET", "Patient/p0"): 1, ("GET", "Observation/o0"): 1}


def test_who_is_told_to_stop_writes_down_what_was_sent_and_gives_back_the_rest(office):
    ids = queue(office, 4)
    desk = Office(office.store, lambda: office.now, lambda: 0.5)
    sent = []

    class Client:
        def __getattr__(self, name):
            return getattr(office.client, name)

        def apply(self, *what):
            sent.append(what)
            if len(sent) == 2:
                desk.stop.set()
            return office.client.apply(*what)

    assert desk.work(THERE, lambda _: Client(), "w") == Counter(delivered=2)
    assert states(office, ids) == ["delivered", "delivered", "waiting", "waiting"]
    assert [office.row(id_).attempts for id_ in ids] == [1, 1, 0, 0]


def test_a_mistake_of_ours_over_one_patient_is_logged_without_content_and_stops_nobody_else(
    office, monkeypatch, caplog
):
    ids = queue(office, 4)
    real = Sending.send

    def send(self, resources):
        if resources[0]["id"] == "p1":
            raise KeyError("Jane Synthetic, born 1971")
        real(self, resources)

    monkeypatch.setattr(Sending, "send", send)
    with caplog.at_level(logging.ERROR):
        report = office.deliver()
    assert (report.delivered, report.retried) == (3, 1)
    assert states(office, ids) == ["delivered", "waiting", "delivered", "delivered"]
    row = office.row(ids[1])
    assert row.due > office.now, "it waits, longer each time"
    assert "KeyError" in row.error
    (said,) = [vars(record)["engraft_fields"] for record in caplog.records if record.message == "unforeseen"]
    assert (said["error"], said["delivery"]) == ("KeyError", ids[1])
    assert "test_batches.py" in said["at"][0]
    assert "Jane" not in str(said) + row.error
    monkeypatch.setattr(Sending, "send", real)
    office.later()
    assert office.deliver().delivered == 1


def test_a_database_that_goes_away_in_between_loses_nothing_that_was_sent(office, monkeypatch):
    ids = queue(office, 3)
    real = Sending.send

    def send(self, resources):
        if resources[0]["id"] == "p2":
            raise StoreUnavailable("the database is busy")
        real(self, resources)

    monkeypatch.setattr(Sending, "send", send)
    with pytest.raises(StoreUnavailable):
        office.deliver()
    assert states(office, ids) == ["delivered", "delivered", "leased"]
    monkeypatch.setattr(Sending, "send", real)
    office.later()
    assert office.deliver().delivered == 1
    assert set(office.versions().values()) == {"1"}


def test_leases_are_made_longer_for_all_and_one_that_was_lost_is_not_sent(office):
    ids = queue(office, 3)
    desk, sent = Office(office.store, lambda: office.now, lambda: 0.5), []

    class Slow:
        def __getattr__(self, name):
            return getattr(office.client, name)

        def apply(self, *what):
            office.later(seconds=LEASE_SECONDS / 2)
            sent.append(what)
            if len(sent) == 1:
                with office.store.transaction() as tx:  # a person's machine took it over meanwhile
                    tx.outbox.release(["w"], office.now)
                    taken = tx.outbox.claim(THERE, "w", at=office.now, lease_seconds=600, lanes=1, rows=1)
                    assert taken[0][0].id == ids[0]
                    tx.outbox.claim(THERE, "heir", at=office.now, lease_seconds=600, lanes=1, rows=1)
                    tx.outbox.claim(THERE, "w", at=office.now, lease_seconds=60, lanes=1, rows=1)
            return office.client.apply(*what)

    assert desk.work(THERE, lambda _: Slow(), "w", most=3) == Counter(delivered=2)
    assert states(office, ids) == ["delivered", "leased", "delivered"]
    assert (office.row(ids[1]).worker, set(office.there())) == ("heir", {"o0", "o2"})


def test_a_destination_that_nobody_configured_counts_one_try(office):
    ids = queue(office, 3)
    desk = Office(office.store, lambda: office.now, lambda: 0.5)
    assert desk.work(THERE, {}.__getitem__, "w") == Counter(retried=1)
    assert [office.row(id_).attempts for id_ in ids] == [1, 0, 0]
    assert "is not configured" in office.row(ids[0]).error


def test_a_long_queue_of_one_patient_is_claimed_by_pieces(office):
    for n in range(ROWS + 5):
        office.queue(observation(f"o{n}", of="p", subject={"display": "synthetic"}))
    assert office.deliver().delivered == ROWS + 5
    assert len(office.sent()) == 2


def test_what_a_later_row_said_anew_is_taken_out_of_the_parked_one(office):
    bad = office.queue(patient("p"), observation("o", "1", encounter={"reference": "Encounter/nowhere"}))
    assert office.deliver().parked == 1
    office.queue(observation("o", "2"))
    assert office.deliver().delivered == 1
    assert (office.row(bad).state, office.values()) == ("delivered", {"o": "2"})


def test_the_patient_under_whom_it_was_delivered_is_the_one_from_then_on(office):
    theirs = {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": "42"}
    office.hospital.put(patient("theirs", identifier=[theirs]))
    for n in range(2):
        with office.store.transaction() as tx:
            key = f"FR-037/P-{n}"
            content = {"centre": "FR-037", "patient": f"P-{n}", "identifiers": [theirs] if n else []}
            tx.enrolments.put(
                id=f"e{n}", centre="FR-037", patient=f"P-{n}", course=f"c{n}", key=key, content=content, at=office.now
            )
            tx.resources.put(patient(f"p{n}"), centre="FR-037", course=f"c{n}", sources=[key], at=office.now)
    queue(office, 2)
    assert office.deliver().delivered == 2
    with office.store.reading() as tx:
        assert tx.links.of(THERE, ["c0", "c1"]) == {"c0": "Patient/p0", "c1": "Patient/theirs"}
    subjects = {id_: one["subject"]["reference"] for id_, one in office.there().items()}
    assert subjects == {"o0": "Patient/p0", "o1": "Patient/theirs"}
