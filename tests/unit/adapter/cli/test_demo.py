"""The demonstration does the whole job, says so in figures, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest
import requests
from click.testing import CliRunner

from adapter.cli import demo as story
from adapter.cli import main


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr("click.pause", lambda *_args, **_named: None)
    monkeypatch.setattr(story, "_has_terminal", lambda: True)

    def run(*args):
        result = CliRunner().invoke(main, ["demo", *args], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    return run


def test_it_shows_each_step_with_its_result(shown):
    text = shown()
    assert "[set-haplo-pdli" not in text
    assert "set-haplo-pdli" in text
    assert "1000" in text or "2000.0" in text  # mycophenolate of 70 kg, capped
    assert "gvhd.acute.1.grade" in text
    assert "0 delivered, 21 change sets wait" in text or "change sets wait, none lost" in text
    assert "0 parked, 0 wait" in text
    assert "1 CarePlan (draft) and 39 included orders" in text
    assert "overall survival at 730 days" in text


def test_kept_up_it_says_where_to_look_and_stops_when_told(shown):
    before = threading.active_count()
    text = shown("--keep")
    assert "/fhir/metadata" in text
    assert "Authorization: Bearer" in text
    assert "sign in as demo" in text
    assert threading.active_count() == before


def test_without_a_terminal_it_stays_up_until_it_is_told_to_end():
    command = [sys.executable, "-c", "from adapter.cli import main; main()", "demo", "--keep"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        lines = list(iter(process.stdout.readline, "   SIGTERM or SIGINT stops it.\n"))
        (page,) = [line.split()[1] for line in lines if line.strip().startswith("pages ")]
        assert requests.get(page, timeout=30).ok
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_an_unexpected_answer_stops_the_story(monkeypatch):
    monkeypatch.setattr(story, "CENTRE", "FR-SYN")
    monkeypatch.setattr("mappings.facts.synthetic.documents", lambda *_a, **_k: iter([({"centre": "FR-SYN"}, [])]))
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "POST /enrolments answered 422" in result.output
