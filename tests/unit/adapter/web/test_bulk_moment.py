"""An export shows the state of its transactionTime, however late its files are written."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from adapter.config import Exports, Settings
from adapter.flows import bulk as flow
from adapter.flows import bulk_files, erasure
from adapter.store.schema import erased
from tests.lib.forms import FOLLOW_UP
from tests.unit.adapter.web.conftest import NOW
from tests.unit.adapter.web.exporting import AGREES, ASYNC

LATER = NOW + timedelta(hours=1)
NEXT = "/fhir/$export?_since=2026-09-03T10:00:00.001Z"
"""What who has the export of NOW asks for next."""


def changed(exporting):
    """After the export was asked for: a resource says something else, another is gone, a visit is new."""
    ward, store = exporting.ward, exporting.ward.store
    exporting.clock.now = LATER
    visit = FOLLOW_UP | {"visit": "m12", "date": "2026-09-03"}
    assert ward.ask("POST", "/follow-ups", document=visit).status_code == 202
    with store.reading() as tx:
        mine = [one for one in tx.resources.stream(centres=["FR-037"]) if one.kind in ("Patient", "Observation")]
    (patient,) = [one for one in mine if one.kind == "Patient"]
    counts = [one for one in mine if "valueQuantity" in one.content and one.at == NOW]
    with store.transaction() as tx:
        whose = {"centre": "FR-037", "course": patient.course, "sources": [], "at": LATER}
        tx.resources.put(patient.content | {"gender": "other"}, **whose)
        tx.resources.put(counts[0].content | {"status": "amended"}, **whose)
        tx.resources.delete("Observation", counts[1].id, LATER)
    return patient.id, counts[0].id, counts[1].id


def finished(exporting, job, who):
    exporting.work()
    return exporting.ward.ask("GET", job, who).json


def withdrawn_by(exporting, **consent):
    exporting.clock.now = LATER
    said = AGREES | {"consent": {"status": "inactive", "date": "2026-09-03", "registry": True} | consent}
    assert exporting.ward.ask("POST", "/enrolments", document=said).status_code == 200


def erased_by(exporting):
    exporting.clock.now = LATER
    told = {"store": exporting.ward.store, "settings": exporting.settings, "now": LATER, "who": "operator"}
    erasure.erase("FR-037", "P-0001", "asked for", **told)


def deletions(exporting, manifest, who="registry"):
    """(type, id) of all that is told as deleted."""
    lines = [line for one in manifest["deleted"] for line in exporting.lines(one["url"], who)]
    return {tuple(entry["request"]["url"].split("/")) for line in lines for entry in line["entry"]}


def told(exporting, manifest, who="centre"):
    """(type, id) of everything that is in it."""
    found = exporting.output(manifest, who)
    return {(kind, one["id"]) for kind, all_ in found.items() for one in all_}


@pytest.mark.parametrize("who", ["centre", "registry"])
def test_what_happens_after_the_transaction_time_is_not_in_it(exporting, who):
    before = exporting.output(exporting.whole(who=who), who)
    job = exporting.begin(who=who)
    changed(exporting)
    manifest = finished(exporting, job, who)
    assert manifest["transactionTime"] == "2026-09-03T10:00:00.001+00:00"  # NOW is the one before
    assert exporting.output(manifest, who) == before
    assert manifest["deleted"] == []


def test_the_next_export_tells_everything_that_happened_since(exporting):
    job = exporting.begin()
    patient, amended, deleted = changed(exporting)
    earlier = finished(exporting, job, "centre")
    manifest = exporting.whole(NEXT)
    found = exporting.output(manifest)
    assert [one["gender"] for one in found["Patient"]] == ["other"]
    assert [one["status"] for one in found["Observation"] if one["id"] == amended] == ["amended"]
    (bundle,) = exporting.lines(manifest["deleted"][0]["url"])
    assert [entry["request"]["url"] for entry in bundle["entry"]] == [f"Observation/{deleted}"]
    assert ("Observation", deleted) in told(exporting, earlier)
    now = told(exporting, exporting.whole())
    assert now == (told(exporting, earlier) | told(exporting, manifest)) - {("Observation", deleted)}
    assert ("Patient", patient) in now


@pytest.mark.parametrize("who", ["centre", "registry"])
def test_what_was_on_its_way_is_in_the_next_one(exporting, who):
    """Its request came before the export was asked for; it was written when the export had been read."""
    exporting.clock.now = LATER
    manifest = exporting.whole(who=who)
    store = exporting.ward.store
    with store.reading() as tx:
        patient = next(one for one in tx.resources.stream(centres=["FR-037"], kinds=["Patient"]))
    with store.transaction() as tx:
        whose = {"centre": "FR-037", "course": patient.course, "sources": [], "at": LATER - timedelta(seconds=9)}
        tx.resources.put(patient.content | {"gender": "other"}, **whose)
    since = manifest["transactionTime"].replace("+", "%2B")
    found = exporting.output(exporting.whole(f"/fhir/$export?_type=Patient&_since={since}", who), who)
    assert [one["gender"] for one in found["Patient"] if one["gender"] != "female"] == ["other"]
    assert {one["gender"] for one in exporting.output(manifest, who)["Patient"]} == {"female"}


def test_a_change_since_is_asked_of_the_state_that_is_shown(exporting):
    """Changed at NOW and again after the second export was asked for: it tells the first change, of NOW."""
    exporting.clock.now = NOW + timedelta(minutes=30)
    job = exporting.begin("/fhir/$export?_since=2026-09-03T09:59:00Z&_type=Patient,Observation")
    _, amended, _ = changed(exporting)
    found = exporting.output(finished(exporting, job, "centre"))
    assert [one["status"] for one in found["Observation"] if one["id"] == amended] == ["final"]
    exporting.clock.now = NOW + timedelta(minutes=30)
    job = exporting.begin("/fhir/$export?_since=2026-09-03T10:10:00Z&_type=Patient,Observation")
    exporting.clock.now = LATER
    assert exporting.output(finished(exporting, job, "centre")) == {}


def test_who_withdraws_before_the_files_are_written_is_not_in_them(exporting):
    job = exporting.begin(who="registry")
    withdrawn_by(exporting)
    assert len(exporting.output(finished(exporting, job, "registry"), "registry")["Patient"]) == 1


def test_who_withdraws_is_in_no_file_that_a_registry_can_still_fetch(exporting):
    """And a centre keeps its own."""
    jobs = {who: exporting.begin(who=who) for who in ("registry", "centre")}
    files = {who: finished(exporting, job, who)["output"][0]["url"] for who, job in jobs.items()}
    withdrawn_by(exporting)
    for url in (jobs["registry"], files["registry"]):
        assert exporting.ward.ask("GET", url.removeprefix("https://engraft.test"), "registry").status_code == 404
    assert exporting.lines(files["centre"])
    again = exporting.output(finished(exporting, exporting.begin(who="registry"), "registry"), "registry")
    assert len(again["Patient"]) == 1


def test_a_consent_that_changes_and_stays_a_yes_ends_nothing(exporting):
    job = exporting.begin(who="registry")
    exporting.work()
    withdrawn_by(exporting, status="active")
    assert exporting.ward.ask("GET", job, "registry").status_code == 200


def test_who_never_agreed_ends_nothing(exporting):
    job = exporting.begin(who="registry")
    exporting.work()
    refuses = AGREES | {"patient": "P-0009", "consent": {"status": "rejected", "date": "2026-01-10"}}
    assert exporting.ward.ask("POST", "/enrolments", document=refuses).status_code == 201
    refuses |= {"consent": {"status": "inactive", "date": "2026-01-11"}}
    assert exporting.ward.ask("POST", "/enrolments", document=refuses).status_code == 200
    assert exporting.ward.ask("GET", job, "registry").status_code == 200


def test_an_erased_patient_is_in_no_file_any_more(exporting):
    jobs = {who: exporting.begin(who=who) for who in ("registry", "centre", "other-centre")}
    for who, job in jobs.items():
        finished(exporting, job, who)
    ward = exporting.ward
    erased_by(exporting)
    told = {who: ward.ask("GET", job, who).status_code for who, job in jobs.items()}
    assert told == {"registry": 404, "centre": 404, "other-centre": 200}
    assert [one.name for one in exporting.folder.iterdir()] == [jobs["other-centre"].rpartition("/")[2]]


def test_who_was_erased_is_told_as_deleted_to_a_registry_that_fetches(exporting):
    """And to one only; who is enrolled again is there again, under the same pseudonyms."""
    before = told(exporting, exporting.whole(who="registry"), "registry")
    erased_by(exporting)
    after = told(exporting, exporting.whole(who="registry"), "registry")
    since = exporting.whole(NEXT, "registry")
    assert deletions(exporting, since) == before - after
    assert {kind for kind, _ in before - after} >= {"Patient", "Condition", "Observation"}
    assert deletions(exporting, exporting.whole(f"{NEXT}&_type=Patient", "registry")) == {
        name for name in before - after if name[0] == "Patient"
    }
    later = (LATER + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    assert exporting.whole(f"/fhir/$export?_since={later}", "registry")["deleted"] == []
    exporting.clock.now = LATER + timedelta(hours=1)
    assert exporting.ward.ask("POST", "/enrolments", document=AGREES).status_code == 201
    again = exporting.whole(NEXT, "registry")
    assert not deletions(exporting, again)
    assert {kind for kind, _ in told(exporting, again, "registry") & before} >= {"Patient"}


def test_of_who_was_erased_no_own_name_is_kept(exporting):
    ward = exporting.ward
    with ward.store.reading() as tx:
        own = {one.id for one in tx.resources.stream(centres=["FR-037"])}
    erased_by(exporting)
    with ward.store.reading() as tx:
        rows = [tuple(map(str, row)) for row in tx._connection.execute(select(erased))]
    assert len(rows) > 3
    assert not own & {value for row in rows for value in row}


def test_a_consent_that_runs_out_before_the_files_are_written_counts_no_more(exporting):
    ward = exporting.ward
    with ward.store.reading() as tx:
        (consent,) = tx.resources.stream(centres=["FR-037"], kinds=["Consent"])
    ends = consent.content | {"provision": consent.content["provision"] | {"period": {"end": "2026-09-03"}}}
    with ward.store.transaction() as tx:
        tx.resources.put(ends, centre="FR-037", course=consent.course, sources=[], at=NOW)
    job = exporting.begin(who="registry")
    exporting.clock.now = NOW + timedelta(hours=20)
    assert len(exporting.output(finished(exporting, job, "registry"), "registry")["Patient"]) == 1


def test_a_worker_that_goes_on_after_the_deletion_leaves_no_file(exporting, monkeypatch):
    """Its folder was removed between two parts; it makes it anew before it learns that nobody wants it any more."""
    job, real, seen = exporting.begin(), bulk_files.Worker._write, []

    def deleting(self, part, written):
        seen.append(part.name)
        if len(seen) == 2:
            assert exporting.ward.ask("DELETE", job).status_code == 202
        return real(self, part, written)

    monkeypatch.setattr(bulk_files.Worker, "_write", deleting)
    exporting.work()
    assert len(seen) == 2
    assert list(exporting.folder.rglob("*")) == []


def test_a_removal_that_breaks_off_behind_the_files_is_done_again(exporting, monkeypatch):
    """Without its folder nobody would look at the expired row again."""
    job, later = exporting.begin(), exporting.clock.now + timedelta(hours=30)
    exporting.work()
    settings = Settings(exports=Exports(exporting.folder, 24))

    def sweep():
        flow.sweep(store=exporting.ward.store, now=later, settings=settings)

    def breaking(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(exporting.ward.store, "transaction", breaking)
        with pytest.raises(SystemExit):
            sweep()
    left = list(exporting.folder.rglob("*"))
    assert all(one.is_dir() for one in left), "no file of a patient stays"
    sweep()
    assert list(exporting.folder.rglob("*")) == []
    with exporting.ward.store.reading() as tx:
        assert tx.exports.expired(later) == []
    assert exporting.ward.ask("GET", job).status_code == 404


def test_one_that_fails_leaves_no_half_written_file(exporting, monkeypatch):
    job, real = exporting.begin(), bulk_files.Worker._own

    def breaking(self, kind):
        yield from real(self, kind)
        if kind == "Observation":
            raise RuntimeError("synthetic")

    monkeypatch.setattr(bulk_files.Worker, "_own", breaking)
    exporting.work()
    assert exporting.ward.ask("GET", job, headers=ASYNC).status_code == 202
    assert not [place for place in exporting.folder.rglob("*") if place.suffix == ".part"]


def test_what_a_worker_ends_between_the_files_and_their_row_goes_with_them(exporting, monkeypatch):
    job = exporting.begin("/fhir/$export?_type=Patient")
    real = flow.shutil.rmtree

    def late(place, **said):
        monkeypatch.setattr(flow.shutil, "rmtree", real)
        real(place, **said)
        exporting.work()

    monkeypatch.setattr(flow.shutil, "rmtree", late)
    assert exporting.ward.ask("DELETE", job).status_code == 202
    assert exporting.waiting == []
    assert list(exporting.folder.rglob("*")) == []
