"""`engraft doctor`: what it prints, and how it ends."""

from __future__ import annotations

import json


def test_without_a_database_it_says_how_to_make_one_and_makes_none(run, tmp_path):
    result = run("doctor")
    assert result.exit_code == 3
    assert "-> engraft init-db" in result.stdout
    assert not (tmp_path / "var").exists()


def test_a_sound_one_ends_well(run):
    assert run("init-db").exit_code == 0
    result = run("doctor", "--json")
    assert result.exit_code == 0
    assert {one["state"] for one in json.loads(result.stdout)} == {"well"}


def test_what_cannot_work_is_exit_1(run, tmp_path):
    run("init-db")
    (tmp_path / "e.toml").write_text(
        '[hospitals.a]\nbase_url = "http://127.0.0.1:9/fhir"\n'
        'auth = { kind = "bearer", secret = { file = "absent" } }\n'
    )
    assert run("doctor", ENGRAFT_CONFIG="e.toml").exit_code == 1
