"""What a hospital refuses, changes, is too small for, or names by its own ids. Synthetic patients only."""

from __future__ import annotations

import pytest

from adapter.flows.delivery import BREAKS, Policy
from adapter.hospital.sandbox.habits import Habits
from adapter.store.sent import Given
from tests.lib.post import THERE, observation, patient, post

BAD = {"effectiveDateTime": "2026-03-17T12:00:00Z", "encounter": {"reference": "Encounter/nowhere"}}
"""R4 allows it; a server that keeps its references does not."""


@pytest.fixture
def office(store):
    with post(store) as office:
        yield office


@pytest.fixture
def own_ids(store):
    """A hospital that gives ids itself."""
    with post(store, habits=Habits(client_ids=False)) as office:
        yield office


def known(office, *names):
    with office.store.reading() as tx:
        return tx.sent.known(THERE, names)


class TestOneTransaction:
    def test_the_small_changes_of_a_patient_go_together(self, office):
        ids = [office.queue(patient()), *(office.queue(observation(f"o{n}")) for n in range(4))]
        assert office.deliver().delivered == 5
        assert office.sent() == [("POST", "")]
        assert {office.row(id_).state for id_ in ids} == {"delivered"}

    def test_each_version_arrives_and_in_order(self, office):
        office.queue(patient(), observation("o", "1"))
        office.queue(observation("o", "2"))
        office.queue(observation("o", "3"))
        assert office.deliver().delivered == 3
        assert (office.values(), office.versions()) == ({"o": "3"}, {"o": "3"})

    def test_what_is_there_is_not_sent_again(self, office):
        office.queue(patient(), observation("o"))
        office.deliver()
        office.sent()
        office.queue(patient(), observation("o"))
        assert office.deliver().delivered == 1
        assert office.sent() == []
        office.queue(patient(), observation("o", "0.5"))
        office.deliver()
        assert (office.values(), office.sent()) == ({"o": "0.5"}, [("POST", "")])

    def test_what_is_too_large_is_halved_and_the_size_remembered(self, store):
        with post(store, habits=Habits(entries=5)) as office:
            office.queue(patient(), *(observation(f"o{n}") for n in range(15)))
            assert office.deliver().delivered == 1
            assert len(office.there()) == 15
            assert len(office.sent()) <= 8


class TestAnAnswerThatGotLost:
    def test_what_arrived_is_found_and_not_sent_again(self, office):
        sent = office.queue(patient(), observation("o"))
        office.hospital.drop()
        assert office.deliver().retried == 1
        office.sent()
        office.later()
        assert office.deliver().delivered == 1
        assert office.row(sent).attempts == 2
        assert sorted(office.sent()) == [("GET", "Observation/o"), ("GET", "Patient/p")]
        assert office.versions() == {"o": "1"}

    def test_what_the_hospital_changed_meanwhile_is_not_overwritten(self, office):
        sent = office.queue(patient(), observation("o"))
        office.hospital.drop()
        office.deliver()
        office.hospital.put(observation("o", "0.70"))
        office.later()
        assert office.deliver().parked == 1
        assert office.values() == {"o": "0.70"}
        assert "changed at the hospital" in office.row(sent).error

    def test_of_a_correction_too(self, office):
        office.queue(patient(), observation("o", "1"))
        office.deliver()
        office.queue(observation("o", "2"))
        office.hospital.drop()
        office.deliver()
        office.later()
        assert office.deliver().delivered == 1
        assert office.versions() == {"o": "2"}
        office.queue(observation("o", "3"))
        assert office.deliver().delivered == 1, "we know by now which version is ours"
        assert office.values() == {"o": "3"}


class TestALaterEditOfTheHospital:
    def edited(self, office, policy):
        office.policy = Policy(conflict=policy)
        office.queue(patient(), observation("o", "1"), observation("other", "1"))
        office.deliver()
        office.hospital.put(observation("o", "9"))
        return office.queue(observation("o", "2"), observation("other", "2"))

    def test_waits_for_a_person_and_stops_nothing_else(self, office):
        sent = self.edited(office, "park")
        assert office.deliver().parked == 1
        assert office.values() == {"o": "9", "other": "2"}
        parked = office.row(sent)
        assert ([one["id"] for one in parked.content], parked.status) == (["o"], 412)
        assert "version 2 there" in parked.error
        office.queue(observation("third", "1"))
        assert office.deliver().delivered == 1

    def test_ours_wins_where_that_is_the_policy(self, office):
        self.edited(office, "ours")
        assert office.deliver().delivered == 1
        assert office.values() == {"o": "2", "other": "2"}
        assert office.versions() == {"o": "3", "other": "2"}

    def test_theirs_wins_where_that_is_the_policy(self, office):
        sent = self.edited(office, "theirs")
        assert office.deliver().delivered == 1
        assert office.values() == {"o": "9", "other": "2"}
        assert "keeps its own later version of Observation/o" in office.row(sent).error
        office.queue(observation("o", "3"))
        office.deliver()
        assert office.values()["o"] == "9", "it is theirs from now on"

    def test_a_deletion_is_one_too(self, office):
        office.queue(patient(), observation("o", "1"))
        office.deliver()
        office.client._session.delete(f"{office.hospital.base_url}/Observation/o", timeout=5)
        sent = office.queue(observation("o", "2"))
        assert office.deliver().parked == 1
        assert office.values() == {}
        assert "deleted there" in office.row(sent).error
        office.policy = Policy(conflict="ours")
        office.retry(sent)
        assert office.deliver().delivered == 1
        assert office.values() == {"o": "2"}

    def test_an_edit_that_says_what_we_say_is_none(self, office):
        office.queue(patient(), observation("o", "1"))
        office.deliver()
        office.hospital.put(observation("o", "2"))
        office.queue(observation("o", "2"))
        assert office.deliver().delivered == 1
        assert office.versions() == {"o": "2"}

    def test_a_server_that_calls_a_version_old_and_shows_none_is_asked_again_later(self, office):
        office.queue(patient(), observation("o", "1"))
        office.deliver()
        sent = office.queue(observation("o", "2"))
        office.hospital.fail(status=412, says="synthetic")
        report = office.deliver()
        assert (report.retried, report.parked) == (1, 0)
        assert "shows no newer version" in office.row(sent).error


class TestOneBadEntry:
    def test_stands_alone_at_last_and_the_rest_goes_through(self, office):
        good = [observation(f"o{n}") for n in range(12)]
        sent = office.queue(patient(), *good[:5], observation("bad", **BAD), *good[5:])
        report = office.deliver()
        assert (report.parked, report.waiting) == (1, 0)
        assert set(office.there()) == {one["id"] for one in good}
        parked = office.row(sent)
        assert ([one["id"] for one in parked.content], parked.state, parked.status) == (["bad"], "parked", 400)
        assert "Encounter/nowhere" in parked.error
        assert parked.outcome["resourceType"] == "OperationOutcome"
        with office.store.reading() as tx:
            through = tx.outbox.listing(["delivered"])
        assert [len(row.content) for row in through] == [13]

    def test_what_refers_to_it_waits_with_it(self, office):
        member = observation("panel", hasMember=[{"reference": "Observation/bad"}])
        sent = office.queue(patient(), observation("bad", **BAD), member, observation("o"))
        office.deliver()
        assert set(office.there()) == {"o"}
        assert [one["id"] for one in office.row(sent).content] == ["bad", "panel"]

    def test_once_mended_there_everything_arrives(self, office):
        member = observation("panel", hasMember=[{"reference": "Observation/bad"}])
        sent = office.queue(patient(), observation("bad", **BAD), member)
        office.deliver()
        encounter = {"status": "finished", "class": {"code": "IMP"}}
        office.hospital.put({"resourceType": "Encounter", "id": "nowhere"} | encounter)
        office.retry(sent)
        assert office.deliver().delivered == 1
        assert set(office.there()) == {"bad", "panel"}

    def test_its_correction_is_sent_and_the_bad_one_never_again(self, office):
        sent = office.queue(patient(), observation("o", "1", **BAD))
        assert office.deliver().parked == 1
        office.queue(observation("o", "2"))
        assert office.deliver().delivered == 1
        assert office.row(sent).state == "delivered"
        office.retry(sent)
        office.deliver()
        assert office.values() == {"o": "2"}

    def test_among_the_rows_of_a_patient_only_its_own_is_parked(self, office):
        rows = [office.queue(patient()), office.queue(observation("bad", **BAD)), office.queue(observation("o"))]
        report = office.deliver()
        assert (report.delivered, report.parked) == (2, 1)
        assert [office.row(id_).state for id_ in rows] == ["delivered", "parked", "delivered"]

    def test_those_in_a_ring_stay_together(self, office):
        one = observation("one", hasMember=[{"reference": "Observation/two"}])
        two = observation("two", hasMember=[{"reference": "Observation/one"}], **BAD)
        sent = office.queue(patient(), one, two, observation("o"))
        office.deliver()
        assert set(office.there()) == {"o"}
        assert {each["id"] for each in office.row(sent).content} == {"one", "two"}


class TestAServerThatBreaks:
    def test_over_one_row_is_given_some_tries_and_then_the_row_is_parked(self, office):
        sent = office.queue(patient(), observation("o"))
        office.hospital.fail(next=99, status=500, says="synthetic stack trace")
        for tried in range(1, BREAKS + 1):
            assert office.deliver().retried == 1
            assert office.row(sent).strikes == tried
            office.later()
        assert office.deliver().parked == 1
        assert (office.row(sent).status, "synthetic stack trace" in office.row(sent).error) == (500, True)

    def test_over_one_entry_loses_that_entry_only(self, office, monkeypatch):
        sent = office.queue(patient(), observation("o"), observation("poison"))
        real = office.client.apply

        def apply(changes, *others):
            if any(one.reference == "Observation/poison" for one in changes):
                office.hospital.fail(status=500)
            return real(changes, *others)

        monkeypatch.setattr(office.client, "apply", apply)
        for _ in range(BREAKS):
            assert office.deliver().retried == 1
            office.later()
        assert office.deliver().parked == 1
        assert (set(office.there()), [one["id"] for one in office.row(sent).content]) == ({"o"}, ["poison"])

    def test_over_everybody_is_down_and_nobody_is_blamed(self, office):
        rows = [office.queue(patient(f"p{n}"), course=f"c{n}") for n in range(5)]
        office.hospital.fail(next=99, status=500)
        report = office.deliver()
        assert (report.retried, report.waiting) == (3, 5)
        assert [office.row(id_).strikes for id_ in rows] == [1, 1, 0, 0, 0]

    def test_between_two_halves_what_went_through_is_remembered(self, store):
        with post(store, habits=Habits(entries=8)) as office:
            office.queue(patient(), *(observation(f"o{n}") for n in range(9)))
            real, calls = office.client.apply, []

            def apply(changes, *others):
                calls.append(len(changes))
                if len(calls) == 3:
                    office.hospital.fail(status=502)
                return real(changes, *others)

            office.client.apply = apply
            assert office.deliver().retried == 1
            there = known(office, ("Patient", "p"), *(("Observation", f"o{n}") for n in range(9)))
            assert len(there) == calls[1] == 5
            office.later()
            assert office.deliver().delivered == 1
            assert set(office.versions().values()) == {"1"}


class TestAHospitalThatGivesIdsItself:
    def test_creates_once_and_is_found_by_the_id_that_it_gave(self, own_ids):
        own_ids.queue(
            patient(), observation("o", "1"), observation("panel", hasMember=[{"reference": "Observation/o"}])
        )
        assert own_ids.deliver().delivered == 1
        (there,) = own_ids.there("Patient")
        given = known(own_ids, ("Patient", "p"), ("Observation", "o"), ("Observation", "panel"))
        assert given["Patient/p"].there == there != "p"
        panel = own_ids.there()[given["Observation/panel"].there]
        assert panel["subject"]["reference"] == f"Patient/{there}"
        assert panel["hasMember"] == [{"reference": f"Observation/{given['Observation/o'].there}"}]
        own_ids.queue(observation("o", "2"), observation("new", "5"))
        assert own_ids.deliver().delivered == 1
        assert sorted(own_ids.values().values()) == ["0.50", "2", "5"]
        assert own_ids.versions()[given["Observation/o"].there] == "2"

    def test_is_tried_once_and_then_known(self, own_ids):
        own_ids.queue(patient())
        own_ids.deliver()
        assert own_ids.sent() == [("POST", ""), ("POST", "")]
        own_ids.queue(patient("q"), course="other")
        own_ids.deliver()
        assert own_ids.sent() == [("POST", "")]
        with own_ids.store.reading() as tx:
            assert tx.sent.trait(THERE, "ids") == "conditional"

    def test_need_not_be_tried_where_it_is_configured(self, own_ids):
        own_ids.policy = Policy(ids="conditional")
        own_ids.queue(patient())
        own_ids.deliver()
        assert own_ids.sent() == [("POST", "")]

    def test_doubles_nothing_when_an_answer_is_lost(self, own_ids):
        own_ids.policy = Policy(ids="conditional")
        own_ids.queue(patient(), observation("o"))
        own_ids.hospital.drop()
        assert own_ids.deliver().retried == 1
        own_ids.later()
        assert own_ids.deliver().delivered == 1
        assert (len(own_ids.there()), len(own_ids.there("Patient"))) == (1, 1)

    def test_is_asked_by_its_ids_about_a_later_edit(self, own_ids):
        own_ids.queue(patient(), observation("o", "1"))
        own_ids.deliver()
        (there,) = own_ids.there().values()
        own_ids.hospital.put(there | {"status": "amended"})
        own_ids.queue(observation("o", "2"))
        assert own_ids.deliver().parked == 1
        own_ids.hospital.put({key: value for key, value in there.items() if key != "status"} | {"status": "final"})
        sent = own_ids.queue(observation("o", "3"))
        assert own_ids.deliver().delivered == 1, "the hospital took its edit back: what is there is ours"
        assert own_ids.row(sent).state == "delivered"

    def test_cannot_take_what_carries_no_identifier(self, own_ids):
        own_ids.policy = Policy(ids="conditional")
        bare = {key: value for key, value in observation("bare").items() if key != "identifier"}
        sent = own_ids.queue(patient(), bare, observation("o"))
        own_ids.deliver()
        assert len(own_ids.there()) == 1
        assert "no identifier" in own_ids.row(sent).error

    def test_a_refusal_of_the_content_is_not_taken_for_one_of_the_ids(self, office):
        office.queue(patient())
        office.hospital.fail(next=2, status=422)
        assert office.deliver().parked == 1
        office.queue(patient("q"), course="other")
        office.deliver()
        with office.store.reading() as tx:
            assert tx.sent.trait(THERE, "ids") == "client-id"


def test_writers_are_too_many_for_a_moment_only(store):
    with post(store) as office:
        office.queue(patient())
        office.hospital.fail(next=3, status=503)
        assert office.deliver().delivered == 1


def test_what_was_given_is_kept_in_its_newest_form(office):
    one = Given("Observation", "o", "77", "h1", "1")
    with office.store.transaction() as tx:
        tx.sent.put(THERE, [one], office.now)
        tx.sent.put(THERE, [one, Given("Observation", "o", "77", "h2", None)], office.now)
        assert tx.sent.known(THERE, [("Observation", "o"), ("Observation", "x")]) == {
            "Observation/o": Given("Observation", "o", "77", "h2", None)
        }
        assert tx.sent.known("elsewhere", [("Observation", "o")]) == {}
        assert tx.sent.trait(THERE, "ids") is None
        tx.sent.learn(THERE, "ids", "client-id")
        tx.sent.learn(THERE, "ids", "conditional")
        assert tx.sent.trait(THERE, "ids") == "conditional"
