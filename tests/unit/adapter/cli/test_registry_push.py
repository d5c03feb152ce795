"""`engraft registry push`: what a person at a centre types."""

from __future__ import annotations

import pytest

from adapter.hospital.sandbox import Sandbox
from mappings.r4.wire import decode
from tests.lib.centre import Ward


@pytest.fixture
def configured(tmp_path):
    def write(*sections):
        (tmp_path / "pseudonym.key").write_text("0f" * 32)
        file = tmp_path / "engraft.toml"
        file.write_text('[privacy]\nkey = { file = "pseudonym.key" }\n' + "\n".join(sections))
        return {"ENGRAFT_CONFIG": str(file)}

    return write


def national(url="http://127.0.0.1:9/fhir", **more):
    return f'[registries.national]\nbase_url = "{url}"\n' + "".join(f"{k} = {v}\n" for k, v in more.items())


def test_pushed_and_delivered_once(run, database, configured):
    Ward(database).enrol()
    with Sandbox() as registry:
        environ = configured(national(registry.base_url))
        told = decode(run("registry", "push", "--json", **environ).stdout)
        assert told["national"].pop("resources") > 5
        assert told == {"national": {"queued": 1, "retracted": 0, "unchanged": 0, "left": {}}}
        assert run("deliver", "--json", **environ).exit_code in (0, 3)
        assert len(registry.all("Composition")) == 1
        again = run("registry", "push", "national", **environ)
        assert (again.exit_code, again.stdout) == (
            0,
            "national: 0 patients with 0 resources queued, 0 taken back, 1 unchanged\n",
        )
        assert b"SYN-0001" not in str(registry.all("Patient")).encode()


def ids(bundle):
    return {entry["resource"]["id"] for entry in bundle["entry"]}


def composition(bundle):
    (found,) = [e["resource"]["id"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Composition"]
    return found


def test_two_registries_have_nothing_to_match_patients_by(run, database, configured, tmp_path):
    Ward(database).enrol()
    environ = configured(national(), national("http://127.0.0.1:8/fhir").replace("national", "other"))
    said = {name: run("registry", "bundle", "--registry", name, **environ).stdout for name in ("national", "other")}
    plain = run("registry", "bundle", **environ).stdout
    made = [decode(text) for text in (*said.values(), plain)]
    assert not (ids(made[0]) & ids(made[1])) | (ids(made[0]) & ids(made[2]))
    grafts = [next(e["resource"] for e in one["entry"] if e["resource"]["resourceType"] == "Procedure") for one in made]
    assert len({graft["performedDateTime"] for graft in grafts}) == 3
    run("registry", "push", **environ)
    with database.reading() as tx:
        for name, text in said.items():
            (row,) = tx.outbox.listing(destination=name)
            assert {one["id"] for one in row.content} == ids(decode(text))
    for name, text in said.items():
        assert run("export", "--deidentified", "--registry", name, "--out", tmp_path / name, **environ).exit_code == 0
        files = [decode(line) for file in (tmp_path / name).glob("*.ndjson") for line in file.read_text().splitlines()]
        assert {one["id"] for one in files} == ids(decode(text)) - {composition(decode(text))}
    assert run("export", "--registry", "national", "--out", tmp_path / "x", **environ).exit_code == 2
    assert run("export", "--deidentified", "--registry", "x", "--out", tmp_path / "x", **environ).exit_code == 1
    refused = run("registry", "bundle", "--registry", "third", **environ)
    assert (refused.exit_code, "known: national, other" in refused.stderr) == (1, True)


def test_a_key_that_changed_unannounced_takes_nothing_back(run, database, configured, tmp_path):
    Ward(database).enrol()
    environ = configured(national())
    run("registry", "push", **environ)
    (tmp_path / "pseudonym.key").write_text("f0" * 32)
    refused = run("registry", "push", **environ)
    assert (refused.exit_code, "pseudonyms of another key" in refused.stderr) == (1, True)
    told = decode(run("registry", "push", "--new-key", "--json", **environ).stdout)
    assert told["national"]["queued"] == 1


def test_without_a_registry_or_with_another_name_it_is_refused(run, database, configured):
    assert "no registry is configured" in run("registry", "push", **configured()).stderr
    result = run("registry", "push", "other", **configured(national()))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no registry is called other; known: national" in result.stderr


def test_a_registry_of_forms_is_named_as_what_it_is(run, database, configured):
    forms = '[registries.ebmt]\ndialect = "ebmt"\nwindows = { day-100 = 15 }'
    result = run("registry", "push", "ebmt", **configured(forms))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "ebmt: nothing is pushed in the dialect ebmt; engraft registry export" in result.stderr


def test_without_a_key_nothing_is_queued(run, database, tmp_path):
    Ward(database).enrol()
    (tmp_path / "engraft.toml").write_text(national())
    result = run("registry", "push", ENGRAFT_CONFIG=str(tmp_path / "engraft.toml"))
    assert result.exit_code == 1
    assert "pseudonym key" in result.stderr
    with database.reading() as tx:
        assert tx.outbox.listing(destination="national") == []
