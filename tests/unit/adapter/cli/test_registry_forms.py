"""`engraft registry export --dialect ebmt`: forms in a folder, de-identified."""

from __future__ import annotations

import csv

import pytest

from adapter.flows.forms import _cell
from mappings.r4.wire import decode
from tests.lib.centre import M1, M3, Ward


@pytest.fixture
def configured(tmp_path):
    def write(*lines):
        (tmp_path / "pseudonym.key").write_text("0f" * 32)
        (tmp_path / "engraft.toml").write_text(
            "\n".join(['[privacy]\nkey = { file = "pseudonym.key" }', *lines]) + "\n"
        )
        return {"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")}

    return write


FORMS = ("day-0", "day-100")
EBMT = '[registries.ebmt]\ndialect = "ebmt"\ndates = "days-from-graft"\nwindows = { day-100 = 15 }'


def test_a_table_and_a_page_for_each_patient(run, database, configured, tmp_path):
    ward = Ward(database)
    ward.enrol()
    ward.enrol(patient="SYN-0002", consent=None)
    ward.visit(M1)
    ward.visit(M3, response={"date": "2026-06-02", "category": "CR"})
    out = tmp_path / "forms"
    result = run("registry", "export", "--dialect", "ebmt", "--out", out, "--json", **configured(EBMT))
    assert decode(result.stdout) == {"day-0": 1, "day-100": 1}
    with (out / "day-100.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert (line["scheduled"], line["response_date"], line["response_status_told"]) == ("100", "92", "CR")
    assert {page.name for page in out.glob("*.html")} == {f"{line['pseudonym']}-{form}.html" for form in FORMS}
    with (out / "day-0.csv").open() as file:
        (graft,) = csv.DictReader(file)
    assert (graft["graft_date"], graft["donor_relation_told"], graft["cd34_10_6_per_kg"]) == (
        "0",
        "haploidentical",
        "5.10",
    )
    written = "".join(file.name + file.read_text() for file in out.iterdir())
    assert not [word for word in ("SYN-000", "FR-037", "2026", "1971-05-02") if word in written]
    with database.reading() as tx:
        (deed,) = tx.audit.of("ebmt")
    assert (deed.action, deed.detail) == ("registry-export", "day-0 1, day-100 1")
    told = run("registry", "export", "--dialect", "ebmt", "--out", out).stdout
    assert told == "day-0: 1 patients\nday-100: 1 patients\n"


def test_who_agrees_no_longer_is_in_no_form_that_an_earlier_call_left(run, database, configured, tmp_path):
    ward = Ward(database)
    ward.enrol()
    ward.enrol(patient="SYN-0002")
    ward.visit(M3, patient="SYN-0002")
    out, asked = tmp_path / "forms", ("registry", "export", "--dialect", "ebmt", "--out")
    assert decode(run(*asked, out, "--json", **configured(EBMT)).stdout) == {"day-0": 2, "day-100": 1}
    (out / "notes.html").write_text("of the centre")
    before = {file.name for file in out.iterdir()}
    ward.enrol(patient="SYN-0002", consent={"status": "inactive", "date": "2026-07-01", "registry": True})
    assert decode(run(*asked, out, "--json").stdout) == {"day-0": 1}
    with (out / "day-0.csv").open() as file:
        (line,) = csv.DictReader(file)
    after = {file.name for file in out.iterdir()}
    assert after == {"day-0.csv", f"{line['pseudonym']}-day-0.html", "notes.html"}
    assert after < before


def test_the_registry_is_named(run, database, configured, tmp_path):
    result = run("registry", "export", "--dialect", "ebmt", "--out", tmp_path / "x", **configured())
    assert (result.exit_code, result.stdout) == (1, "")
    assert "0 registries have the dialect ebmt" in result.stderr
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_written_is_refused(run, database, configured):
    result = run("registry", "export", "--dialect", "ebmt", "--out", "/dev/null/x", **configured(EBMT))
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize(("value", "cell"), [("-10", "-10"), ("=1+1", "'=1+1"), ("-x", "'-x"), ("CR", "CR"), ("", "")])
def test_no_cell_is_a_formula(value, cell):
    assert _cell(value) == cell
