"""`engraft registry crid`: a name goes to CIBMTR's service, a number comes back, and nothing of the name stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from adapter.flows import crid as flow
from adapter.store.schema import metadata
from mappings.canonicals import CIBMTR_CRID
from mappings.r4.wire import decode
from tests.lib.centre import Ward
from tests.lib.cibmtr import ACCOUNT, CLIENT, PASSWORD, SCOPE, SECRET, cibmtr

HEAD = "centre,patient,first_name,last_name\n"
ROW = "FR-037,SYN-0001,Planted,Surname\n"


@pytest.fixture
def service():
    with cibmtr() as made:
        yield made


@pytest.fixture
def environ(service, tmp_path):
    (tmp_path / "pseudonym.key").write_text("0f" * 32)
    (tmp_path / "client").write_text(SECRET)
    (tmp_path / "account").write_text(PASSWORD)
    (tmp_path / "engraft.toml").write_text(
        f"""
[registries.cibmtr]
base_url = "{service.url}/v1/r4"
dialect = "cibmtr"
ccn = {{ FR-037 = "10123" }}
crid_url = "{service.crid_url}"
[registries.cibmtr.auth]
kind = "oauth"
token_url = "{service.url}/oauth2/v1/token"
client_id = "{CLIENT}"
secret = {{ file = "client" }}
user = "{ACCOUNT}"
password = {{ file = "account" }}
scope = "{SCOPE}"
[privacy]
key = {{ file = "pseudonym.key" }}
"""
    )
    return {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}


@pytest.fixture
def names(tmp_path):
    def write(*rows, head=HEAD):
        file = tmp_path / "names.csv"
        file.write_text(head + "".join(rows))
        return file

    return write


def everything(store):
    with store._connected(writes=False) as connection:
        return str([list(connection.execute(select(table))) for table in metadata.sorted_tables])


def test_the_number_is_kept_and_the_name_is_not(run, database, service, environ, names):
    ward = Ward(database)
    ward.enrol()
    told = run("registry", "crid", names(ROW), **environ)
    assert (told.exit_code, told.stdout) == (0, "FR-037/SYN-0001: CRID 9990000\n")
    assert service.asked == [
        {
            "ccn": "10123",
            "patient": {"firstName": "Planted", "lastName": "Surname", "birthDate": "1971-05-02", "gender": "F"},
        }
    ]
    (patient,) = ward.stored("Patient")
    assert {"system": CIBMTR_CRID, "value": "9990000"} in patient.content["identifier"]
    assert [word for word in ("Planted", "Surname") if word in everything(database)] == []
    with database.reading() as tx:
        deeds = [(deed.action, deed.detail) for deed in tx.audit.of(patient.course)]
    assert deeds == [("crid-asked", "cibmtr: birthDate, firstName, gender, lastName"), ("crid-received", "cibmtr")]
    assert len(service.tokens) == 1


def test_who_has_one_is_not_asked_for(run, database, service, environ, names):
    Ward(database).enrol()
    run("registry", "crid", names(ROW), **environ)
    told = run("registry", "crid", names(ROW))
    assert (told.exit_code, told.stdout) == (0, "FR-037/SYN-0001: CRID 9990000 (known before)\n")
    assert len(service.asked) == 1


def test_with_the_number_what_can_be_sent_is_sent(run, database, service, environ, names):
    Ward(database).enrol()
    before = decode(run("registry", "push", "--json", **environ).stdout)["cibmtr"]
    assert before["queued"] == 0
    assert before["left"]["Patient: patient has no CRID"] == 1
    run("registry", "crid", names(ROW))
    assert decode(run("registry", "push", "--json").stdout)["cibmtr"]["queued"] == 1


def test_a_row_that_cannot_be_asked_for_stops_no_other(run, database, service, environ, names):
    ward = Ward(database)
    for patient, changes in (("SYN-0001", {}), ("SYN-0002", {"consent": None}), ("SYN-0003", {"birth_date": "1971"})):
        ward.enrol(patient=patient, **changes)
    ward.enrol(patient="SYN-0004")
    service.refuse["Unwanted"] = 422
    others = ("SYN-0002,A,B", "SYN-0003,A,B", "SYN-0009,A,B", "SYN-0004,A,Unwanted", "SYN-0001,A,B")
    told = run("registry", "crid", names(*(f"FR-037,{row}\n" for row in others)), "--json", **environ)
    assert told.exit_code == 1
    found = {one["patient"]: one["crid"] or one["why"] for one in decode(told.stdout)}
    assert found == {
        "SYN-0002": "the patient does not agree to registries, or no longer",
        "SYN-0003": "birth_date: CIBMTR wants the whole date of birth in the enrolment",
        "SYN-0009": "no such patient",
        "SYN-0004": "cibmtr refused it with status 422",
        "SYN-0001": "9990000",
    }
    assert [one["patient"]["lastName"] for one in service.asked] == ["Unwanted", "B"]


def test_a_centre_without_a_number_sends_no_name(run, database, service, environ, names):
    Ward(database, sender=None).enrol(centre="BE-001")
    told = run("registry", "crid", names("BE-001,SYN-0001,A,B\n"), **environ)
    assert (told.exit_code, "BE-001 has no number at cibmtr" in told.stdout, service.asked) == (1, True, [])


def test_while_the_service_is_away_nothing_is_lost(run, database, service, environ, names):
    Ward(database).enrol()
    service.refuse["Surname"] = 503
    assert run("registry", "crid", names(ROW), **environ).exit_code == 3
    service.refuse.clear()
    assert run("registry", "crid", names(ROW)).exit_code == 0


def test_without_the_right_secret_there_is_no_token(run, database, service, environ, names, tmp_path):
    Ward(database).enrol()
    (tmp_path / "account").write_text("wrong")
    told = run("registry", "crid", names(ROW), **environ)
    assert (told.exit_code, service.asked) == (3, [])
    assert "no token: invalid_grant" in told.stderr
    assert "wrong" not in told.stderr


@pytest.mark.parametrize(
    ("head", "row", "why"),
    [
        ("centre,patient,first_name\n", "FR-037,SYN-0001,A\n", "this column is needed"),
        (HEAD.replace("\n", ",diagnosis\n"), "FR-037,SYN-0001,A,B,aml\n", "no such column"),
        (HEAD, "FR-037,SYN-0001,A,B,C\n", "more cells"),
    ],
)
def test_a_table_of_another_shape_is_refused_whole(run, database, service, environ, names, head, row, why):
    Ward(database).enrol()
    told = run("registry", "crid", names(row, head=head), **environ)
    assert (told.exit_code, service.asked) == (1, [])
    assert why in told.stderr


def test_a_table_that_is_no_text_is_refused(run, database, environ, tmp_path):
    (tmp_path / "names.csv").write_bytes(b"centre\xff\n")
    assert "not UTF-8" in run("registry", "crid", tmp_path / "names.csv", **environ).stderr


@pytest.mark.parametrize("content", [f"centre,patient,first_name,last_name\nFR-037,1,{'x' * 200_000},y\n", None])
def test_a_file_that_cannot_be_read_is_refused_and_no_mistake_of_ours(run, database, environ, tmp_path, content):
    file = Path("/proc/self/mem")  # there, and nobody can read its beginning
    if content:
        file = tmp_path / "long.csv"
        file.write_text(content)
    told = run("registry", "crid", file, **environ)
    assert told.exit_code == 1
    assert "cannot be read as CSV" in told.stderr


def test_without_an_address_it_is_not_asked(run, database, service, environ, names, tmp_path):
    Ward(database).enrol()
    file = tmp_path / "engraft.toml"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("crid_url")))
    told = run("registry", "crid", names(ROW), **environ)
    assert (told.exit_code, "set registries.cibmtr.crid_url" in told.stderr) == (1, True)
    file.write_text("")
    assert "0 registries have the dialect cibmtr" in run("registry", "crid", names(ROW)).stderr


def test_what_changed_meanwhile_is_not_overwritten(run, database, service, environ, names, monkeypatch):
    ward = Ward(database)
    ward.enrol()
    real = flow.crid.assigned

    def meanwhile(answer):
        ward.enrol(disease={"diagnosis": "aml", "status": "relapsed"})
        return real(answer)

    monkeypatch.setattr(flow.crid, "assigned", meanwhile)
    told = run("registry", "crid", names(ROW), **environ)
    assert (told.exit_code, "not at version 1" in told.stdout) == (1, True)
    monkeypatch.undo()
