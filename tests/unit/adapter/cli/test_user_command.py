"""`engraft user`: accounts of the people who sign in to the pages."""

from __future__ import annotations

import io

import pytest

from adapter.cli import user as command
from mappings.r4.wire import decode

PASSWORD = "correct horse battery"


@pytest.fixture
def engraft(database, tmp_path, monkeypatch):
    """`engraft("user", "list")`, with a line on stdin."""
    from click.testing import CliRunner

    from adapter.cli import main

    def run(*words, line="", **environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(main, [str(word) for word in words], input=line)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def add(engraft, name="ada", *more, line=PASSWORD + "\n"):
    return engraft("user", "add", name, "--centre", "FR-037", *more, line=line)


def test_an_account_is_made_with_a_password_from_stdin(engraft, database):
    result = add(engraft, "ada", "--full-name", "Ada Example", "--role", "pharmacist")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Ada Example, pharmacist, may sign in as ada" in result.stderr
    assert PASSWORD not in result.output
    with database.reading() as tx:
        assert tx.people.check("ada", PASSWORD).full_name == "Ada Example"


def test_who_is_given_no_role_may_look_and_sign_nothing(engraft, database):
    add(engraft)
    with database.reading() as tx:
        (made,) = tx.people.listing()
    assert (made.role, made.full_name) == ("data-manager", "ada")


def test_a_person_at_a_terminal_is_asked_unseen_and_twice(engraft, database, monkeypatch):
    asked = {}

    def prompt(text, **how):
        asked.update(how)
        return PASSWORD

    monkeypatch.setattr(command.click, "prompt", prompt)
    monkeypatch.setattr(command.sys, "stdin", _Terminal())
    assert command._password() == PASSWORD
    assert (asked["hide_input"], asked["confirmation_prompt"]) == (True, True)


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("line", "role", "field"), [("short\n", "physician", "password"), ("", "physician", "password")]
)
def test_a_password_that_can_be_guessed_is_refused(engraft, line, role, field):
    result = add(engraft, "ada", "--role", role, line=line)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(field)


def test_programs_get_json(engraft):
    made = add(engraft, "ada", "--role", "physician", "--json")
    row = {"name": "ada", "full_name": "ada", "role": "physician", "centre": "FR-037"}
    assert decode(made.stdout) == row
    assert decode(engraft("user", "list", "--json").stdout) == [row]
    refused = add(engraft, "ada", "--json")
    assert refused.exit_code == 1
    assert decode(refused.stdout)["resourceType"] == "OperationOutcome"


def test_the_list_is_a_table_of_who_may_sign_in(engraft):
    add(engraft)
    add(engraft, "ben")
    assert [line.split()[0] for line in engraft("user", "list").stdout.splitlines()] == ["name", "------", "ada", "ben"]
    assert engraft("user", "revoke", "ada").exit_code == 0
    assert "ada" not in engraft("user", "list").stdout


def test_revoking_nobody_is_refused(engraft):
    result = engraft("user", "revoke", "ada")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no active user is called ada" in result.stderr


def test_a_centre_that_the_settings_do_not_know_is_refused(engraft, tmp_path):
    file = tmp_path / "engraft.toml"
    file.write_text("[centres.BE-001]\nname = 'UZ B'\n")
    result = engraft("user", "add", "ada", "--centre", "FR-037", line=PASSWORD, ENGRAFT_CONFIG=str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "known: BE-001" in result.stderr


@pytest.mark.parametrize(
    "words", [["add", "ada"], ["add", "--centre", "x"], ["add", "ada", "--centre", "x", "--role", "admin"], ["nothing"]]
)
def test_wrong_usage_is_exit_2(engraft, words):
    assert engraft("user", *words).exit_code == 2


@pytest.mark.parametrize("words", [[], ["add"], ["list"], ["revoke"]])
def test_every_command_has_help_with_an_example(engraft, words):
    assert "Example: engraft user" in engraft("user", *words, "--help").stdout
