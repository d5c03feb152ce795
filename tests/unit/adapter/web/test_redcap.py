"""A REDCap export by HTTP: what the command line takes is taken here, with the same report; nothing else is kept."""

from __future__ import annotations

from io import BytesIO

import pytest
from click.testing import CliRunner

from adapter.cli import main
from mappings.r4.wire import decode
from tests.lib.tree import ROOT

EXAMPLE = ROOT / "examples" / "redcap"
FILES = {name: (EXAMPLE / file).read_bytes() for name, file in (("mapping", "mapping.toml"), ("export", "export.csv"))}
FILES["dictionary"] = (EXAMPLE / "dictionary.csv").read_bytes()


def parts(**changes):
    said = {name: data for name, data in (FILES | changes).items() if data is not None}
    return {name: (BytesIO(data), f"{name}.csv") for name, data in said.items()}


@pytest.fixture
def send(ward):
    """Posts the parts; (status, answer)."""

    def posted(data, who="centre", kind="multipart/form-data"):
        answer = ward.ask("POST", "/follow-ups/redcap", who, data=data, content_type=kind)
        return answer.status_code, decode(answer.data)

    return posted


def test_every_event_of_the_example_is_a_document(ward, send):
    status, told = send(parts())
    assert (status, told["rejected"]) == (202, [])
    assert sum(one["kind"] == "enrolment" for one in told["accepted"]) == 2
    assert "utf-8" in told["found"]
    digits = decode(ward.ask("GET", "/fhir/Observation?code=http://loinc.org|24467-3").data)["entry"]
    assert digits
    before = ward.counts()
    status, again = send(parts())
    assert {one["changed"] for one in again["accepted"]} == {False}
    assert ward.counts() == before, "a re-upload doubles nothing"


def test_the_report_is_that_of_the_command_line(send, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wrong = FILES["export"].replace(b"98.50", b"198.50").replace(b"month_3_arm_1", b"month_4_arm_1")
    assert wrong != FILES["export"]
    export = tmp_path / "export.csv"
    export.write_bytes(wrong)
    arguments = ["map", "--json", "--redcap", str(EXAMPLE / "mapping.toml"), str(export), "--as-of", "2026-09-03"]
    by_hand = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")])
    said = decode(by_hand.stdout.encode())
    status, told = send(parts(export=wrong))
    assert status == 202
    rejected = [{name: value for name, value in one.items() if name != "file"} for one in said["rejected"]]
    assert told["rejected"] == rejected
    assert {one["path"] for one in rejected} == {"chimerism.1.donor_percent", "redcap_event_name"}
    assert told["found"] == said["read"][0]["found"]


def test_what_is_sent_as_fields_is_read_too(send):
    status, told = send({name: data.decode() for name, data in FILES.items()})
    assert (status, told["rejected"]) == (202, [])


@pytest.mark.parametrize(
    ("changes", "status", "path", "told"),
    [
        ({"mapping": None}, 422, "mapping", "send it as a part of this name"),
        ({"export": b""}, 422, "export", "send it as a part of this name"),
        ({"dictionary": None}, 422, "dictionary", "the mapping names one"),
        ({"mapping": b"\xff"}, 422, "mapping", "is not UTF-8"),
        ({"mapping": b"[project"}, 422, "mapping.$", "is no TOML"),
        ({"mapping": b"[project]\ncentre = 'FR-037'\n"}, 422, "mapping.project.patient", "missing"),
        ({"dictionary": b"a,b\n"}, 422, "mapping.fields.birth_month", "is no field of the data dictionary"),
        ({"export": b"record_id;sex\nSYN-0001;1\n"}, 422, "export.redcap_event_name", "row 1: the export has no such"),
        ({"readme": b"x"}, 400, "readme", "no such part; known: mapping, dictionary, export"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_part(ward, send, changes, status, path, told):
    before = ward.counts()
    got, answer = send(parts(**changes))
    assert got == status
    (issue, *_) = [one for one in answer["issue"] if one["expression"] == [path]]
    assert told in issue["diagnostics"]
    assert ward.counts() == before


def test_another_centres_records_are_refused(ward, send):
    status, told = send(parts(), "other-centre")
    assert status == 422
    places = [issue["expression"] for issue in told["issue"] if issue["severity"] == "error"]
    assert places
    assert all(place == ["project.centre"] for place in places)


def test_only_a_centre_sends_parts(ward, send):
    assert send(parts(), "ehr")[0] == 403
    assert send(b"record_id\n", kind="text/csv")[0] == 415
    assert ward.ask("GET", "/follow-ups/redcap").status_code == 404
