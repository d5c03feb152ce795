"""What an operator types: database, tokens, queue, delivery."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest

from adapter.hospital.sandbox import Sandbox
from adapter.store import Store
from adapter.store.delivery import Said
from adapter.trail import correlation
from mappings.r4.wire import decode

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p-1", "identifier": [{"system": "urn:test", "value": "1"}]}


def queued(store, destination="chu-a", patient="p-1", **more):
    with store.transaction() as tx:
        return tx.outbox.add(
            destination, f"course-{patient}", [PATIENT | {"id": patient} | more], source="test", at=NOW
        )


def states(store):
    with store.reading() as tx:
        return {one.id: one.state for one in tx.outbox.listing()}


def configured(tmp_path, url):
    file = tmp_path / "engraft.toml"
    file.write_text(f'[hospitals.chu-a]\nbase_url = "{url}"\n')
    return {"ENGRAFT_CONFIG": str(file)}


class TestDatabase:
    def test_it_is_made_and_made_again(self, run, tmp_path):
        assert run("init-db").exit_code == 0
        assert run("init-db").exit_code == 0
        assert (tmp_path / "var" / "engraft.sqlite").is_file()

    def test_one_that_was_never_prepared_is_exit_3(self, run):
        result = run("client", "list")
        assert (result.exit_code, result.stdout) == (3, "")
        assert "init-db" in result.stderr

    @pytest.mark.parametrize("words", [("queue", "list"), ("registry", "report", "--database"), ("deliver",)])
    def test_asking_for_one_that_is_not_there_makes_none(self, run, tmp_path, words):
        assert run(*words, ENGRAFT_DATABASE_URL=f"sqlite:///{tmp_path}/new/x.sqlite").exit_code == 3
        assert not (tmp_path / "new").exists()

    def test_one_that_is_none_is_exit_3(self, run, tmp_path):
        (tmp_path / "x.sqlite").write_text("this is no database, whatever its name says" * 100)
        assert run("init-db", ENGRAFT_DATABASE_URL=f"sqlite:///{tmp_path}/x.sqlite").exit_code == 3
        assert run("queue", "list").exit_code == 3

    def test_an_address_that_is_none_is_refused(self, run):
        assert run("init-db", ENGRAFT_DATABASE_URL="engraft").exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        ["client", "revoke", "nobody"],
        ["queue", "discard", "99", "--reason", "x"],
        ["registry", "bundle"],
        ["cohort", "synth", "--patients", "1", "--seed", "1", "--out", "/dev/null/x"],
        ["config", "init", "/dev/null/x"],
    ],
)
def test_programs_are_refused_in_json_everywhere(run, database, words):
    result = run(*words, "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    assert decode(result.stdout)["resourceType"] == "OperationOutcome"


def test_a_database_that_is_away_is_told_to_programs_too(run):
    result = run("client", "list", "--json")
    assert result.exit_code == 3
    assert decode(result.stdout)["issue"][0]["code"] == "transient"


class TestClients:
    def test_a_token_is_printed_once_and_alone(self, run, database):
        result = run("client", "add", "ehr-a", "--role", "ehr", "--centre", "FR-037")
        assert result.exit_code == 0
        token = result.stdout.strip()
        assert len(token) > 30
        with database.reading() as tx:
            assert tx.clients.find(token).name == "ehr-a"
        assert token not in run("client", "list").stdout

    def test_programs_get_it_as_json(self, run, database):
        told = decode(run("client", "add", "r", "--role", "registry", "--json").stdout)
        assert (told["name"], told["role"], told["centre"]) == ("r", "registry", None)
        assert decode(run("client", "list", "--json").stdout) == [{"name": "r", "role": "registry", "centre": None}]

    def test_a_revoked_token_is_worthless(self, run, database):
        token = run("client", "add", "a", "--role", "admin").stdout.strip()
        assert run("client", "revoke", "a").exit_code == 0
        with database.reading() as tx:
            assert tx.clients.find(token) is None
        assert run("client", "revoke", "a").exit_code == 1

    def test_a_name_is_used_once(self, run, database):
        assert run("client", "add", "a", "--role", "admin").exit_code == 0
        result = run("client", "add", "a", "--role", "admin", "--json")
        assert result.exit_code == 1
        assert decode(result.stdout)["issue"][0]["code"] == "conflict"

    @pytest.mark.parametrize(
        "words", [["--role", "ehr"], ["--role", "centre"], ["--role", "admin", "--centre", "X"], ["--role", "king"], []]
    )
    def test_a_role_and_its_centre_go_together(self, run, database, words):
        assert run("client", "add", "a", *words).exit_code == 2

    def test_a_centre_is_one_of_the_configuration(self, run, database, tmp_path):
        file = tmp_path / "e.toml"
        file.write_text("[centres.FR-037]\n")
        words = ("client", "add", "a", "--role", "ehr", "--centre")
        refused = run(*words, "FR-38", ENGRAFT_CONFIG=str(file))
        assert refused.exit_code == 1
        assert "known: FR-037" in refused.stderr
        assert run(*words, "FR-037").exit_code == 0


class TestQueue:
    def test_what_waits_is_listed_and_shown(self, run, database):
        id_ = queued(database)
        assert "chu-a" in run("queue", "list").stdout
        (row,) = decode(run("queue", "list", "--json").stdout)
        assert (row["id"], row["state"]) == (id_, "waiting")
        assert "nothing here" in run("queue", "list", "--state", "parked").stdout
        assert "Patient/p-1" in run("queue", "show", id_).stdout
        assert decode(run("queue", "show", id_, "--json").stdout)["content"] == [PATIENT]
        assert run("queue", "show", 99).exit_code == 1

    def test_a_parked_delivery_shows_the_servers_own_words(self, run, database):
        id_ = parked(database)
        assert "no such code" in run("queue", "show", id_).stdout

    def test_the_exact_request_is_shown_and_not_sent(self, run, database, tmp_path):
        id_ = queued(database)
        with Sandbox() as hospital:
            there = configured(tmp_path, hospital.base_url)
            shown = run("queue", "show", id_, "--request", **there).stdout
            head, _, body = shown.partition("\n\n")
            assert head == f"POST {hospital.base_url}\nContent-Type: application/fhir+json"
            (entry,) = decode(body)["entry"]
            assert (entry["request"], entry["resource"]) == ({"method": "PUT", "url": "Patient/p-1"}, PATIENT)
            told = decode(run("queue", "show", id_, "--json", **there).stdout)
            assert (told["url"], told["request"]) == (hospital.base_url, decode(body))
            assert not hospital.requests
            run("deliver", **there)
            assert decode(run("queue", "show", id_, "--json", **there).stdout)["request"]["entry"] == [], "it is there"

    def test_a_queue_is_listed_without_what_is_to_be_sent(self, run, database):
        """A long outage leaves more to send than a machine has memory, and health checks list it."""
        large = [PATIENT | {"text": {"status": "generated", "div": "x" * 1_000_000}}]
        with database.transaction() as tx:
            for number in range(40):
                tx.outbox.add("chu-a", f"c{number}", large, source="m1", at=NOW)
        run("queue", "list")  # what is imported on the way does not count
        tracemalloc.start()
        try:
            assert run("queue", "list", "--json").exit_code == 0
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()

    def test_how_long_the_oldest_waits_is_seen(self, run, database):
        queued(database)
        assert "chu-a: 1 not finished, the oldest for" in run("queue", "list").stderr
        assert "nothing here" in run("queue", "list", "--hospital", "chu-b").stdout

    def test_what_one_request_brought_is_found_delivered_or_not(self, run, database):
        with correlation.following("ward-7"):
            mine = queued(database)
        queued(database, patient="p-2")
        with database.transaction() as tx:
            tx.outbox.lease("w", at=NOW, lease_seconds=60)
            tx.outbox.delivered(mine, "w", NOW)
        (found,) = decode(run("queue", "list", "--correlation", "ward-7", "--json").stdout)
        assert (found["id"], found["state"], found["correlation"]) == (mine, "delivered", "ward-7")
        assert "ward-7" in run("queue", "list", "--correlation", "ward-7").stdout
        assert "nothing here" in run("queue", "list", "--correlation", "ward-7", "--state", "parked").stdout
        assert "nothing here" in run("queue", "list", "--correlation", "ward-8").stdout

    def test_all_that_is_parked_for_a_hospital_is_tried_again(self, run, database):
        one, other = parked(database), parked(database, destination="chu-b", patient="p-2")
        assert run("queue", "retry", "--all", "--hospital", "chu-b").exit_code == 0
        assert states(database) == {one: "parked", other: "waiting"}
        assert decode(run("queue", "retry", "--all", "--json").stdout) == {"retried": [one], "refused": []}

    @pytest.mark.parametrize("words", [[], ["--all", "1"], ["1", "--hospital", "chu-a"]])
    def test_retry_wants_ids_or_all(self, run, database, words):
        assert run("queue", "retry", *words).exit_code == 2

    def test_a_parked_delivery_is_tried_again(self, run, database):
        id_ = parked(database)
        assert run("queue", "retry", id_).exit_code == 0
        assert states(database) == {id_: "waiting"}
        told = decode(run("queue", "retry", id_, 99, "--json").stdout)
        assert told == {"retried": [id_], "refused": [99]}
        assert run("queue", "retry", 99).exit_code == 1

    def test_a_silent_hospital_is_to_be_asked_at_once(self, run, database):
        id_ = queued(database)
        with database.transaction() as tx:
            tx.outbox.lease("w", at=NOW, lease_seconds=60)
            tx.outbox.retry(id_, "w", Said("silent"), due=datetime(2099, 1, 1, tzinfo=UTC))
        told = run("queue", "try-now", "chu-a", "--as", "Ada")
        assert (told.exit_code, told.stderr) == (0, "chu-a will be asked at once; 1 patient waits\n")
        with database.reading() as tx:
            assert tx.outbox.show(id_).due < datetime.now(UTC)
            (deed,) = tx.audit.of("chu-a")
        assert deed.who.endswith(" for Ada")
        refused = run("queue", "try-now", "nowhere")
        assert (refused.exit_code, "nothing waits for nowhere" in refused.stderr) == (1, True)

    def test_a_delivery_is_discarded_with_a_reason(self, run, database):
        id_ = queued(database)
        assert run("queue", "discard", id_).exit_code == 2
        assert run("queue", "discard", id_, "--reason", " ").exit_code == 2
        assert run("queue", "discard", id_, "--reason", "entered by hand").exit_code == 0
        assert states(database) == {id_: "discarded"}
        assert run("queue", "discard", id_, "--reason", "again").exit_code == 1


def parked(store, **about):
    id_ = queued(store, **about)
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "value", "diagnostics": "no such code"}],
    }
    with store.transaction() as tx:
        tx.outbox.lease("w", at=NOW, lease_seconds=60)
        tx.outbox.park(id_, "w", Said("refused", 422, outcome))
    return id_


class TestDeliver:
    def test_what_waits_reaches_the_hospital(self, run, database, tmp_path):
        with Sandbox() as hospital:
            for patient in ("p-1", "p-2", "p-3"):
                queued(database, patient=patient)
            result = run("deliver", "--once", "--workers", "2", **configured(tmp_path, hospital.base_url))
            assert result.exit_code == 0, result.stderr
            assert "3 delivered" in result.stdout
            assert set(states(database).values()) == {"delivered"}
            again = decode(run("deliver", "--json").stdout)
            assert again == {
                "delivered": 0,
                "retried": 0,
                "parked": 0,
                "waiting": 0,
                "copied": 0,
                "next_due": None,
            }

    def test_nobody_there_is_exit_3_and_everything_is_kept(self, run, database, tmp_path):
        id_ = queued(database)
        result = run("deliver", "--json", **configured(tmp_path, "http://127.0.0.1:9/fhir"))
        assert result.exit_code == 3
        told = decode(result.stdout)
        assert (told["retried"], told["waiting"]) == (1, 1)
        assert told["next_due"]
        assert states(database) == {id_: "waiting"}

    def test_what_is_refused_for_good_is_exit_1(self, run, database, tmp_path):
        id_ = queued(database, gender="unsaid")
        result = run("deliver", **configured(tmp_path, "http://127.0.0.1:9/fhir"))
        assert result.exit_code == 1
        assert states(database) == {id_: "parked"}

    def test_without_a_database_it_is_exit_3(self, run):
        assert run("deliver").exit_code == 3

    def test_more_workers_than_the_database_has_connections_are_refused_with_both_numbers(
        self, run, database, tmp_path, monkeypatch
    ):
        id_ = queued(database)
        monkeypatch.setattr(Store, "room", lambda _: 60)
        result = run("deliver", "--workers", "64", **configured(tmp_path, "http://127.0.0.1:9/fhir"))
        assert result.exit_code == 1
        assert "up to 72 connections are needed, and the database gives 60" in result.stderr
        assert "say fewer --workers, or raise its max_connections" in result.stderr
        assert states(database) == {id_: "waiting"}

    @pytest.mark.parametrize(
        "words", [["--workers", "0"], ["--workers", "many"], ["--sometimes"], ["--once", "--watch"]]
    )
    def test_wrong_usage(self, run, words):
        assert run("deliver", *words).exit_code == 2


class TestQuestions:
    @pytest.fixture
    def asked(self, database):
        with database.transaction() as tx:
            into = {"merged": {"into": "Patient/b"}}
            tx.questions.settle("chu-a", "c-1", "Patient/a", into, NOW)

    def test_they_are_listed_and_answered_with_a_reason(self, run, database, asked):
        assert "chu-a has merged Patient/a into Patient/b" in run("queue", "questions").stdout
        (one,) = decode(run("queue", "questions", "--json").stdout.encode())
        assert (one["id"], one["kind"], one["course"]) == (1, "merged", "c-1")
        assert run("queue", "answer", 1, "--reason", " ").exit_code == 2
        assert run("queue", "answer", 1, "--reason", "same person", "--relink").exit_code == 0
        with database.reading() as tx:
            assert tx.links.get("chu-a", "c-1") == "Patient/b"
        assert run("queue", "questions").stdout == "nothing here\n"

    def test_one_that_is_not_there_is_refused(self, run, database):
        result = run("queue", "answer", 7, "--reason", "x")
        assert (result.exit_code, "no open question 7" in result.stderr) == (1, True)
