"""What a line of the log holds, and what can never be in one."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.errors import StoreUnavailable
from adapter.trail import correlation, journal
from tests.lib.logged import logged

NAME = "Zquatl Example"


def test_a_line_has_its_moment_its_level_its_event_and_the_number_of_the_work_at_hand():
    with logged() as log, correlation.following("a-1"):
        journal.note("queued", delivery=12, destination="chu-a", codes=["invariant", "HAPI-0418"], gone=None)
    (line,) = log.lines
    assert list(line)[:4] == ["time", "level", "event", "correlation"]
    assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
    assert line == {
        "level": "info",
        "event": "queued",
        "correlation": "a-1",
        "delivery": 12,
        "destination": "chu-a",
        "codes": ["invariant", "HAPI-0418"],
    }


def test_a_line_may_be_of_other_work_than_that_at_hand():
    with logged() as log, correlation.following("a-1"):
        journal.warn("delivery", correlation="b-2")
    assert [(line["level"], line["correlation"]) for line in log.lines] == [("warning", "b-2")]


def test_a_person_may_look_on():
    with logged("text") as log, correlation.following("a-1"):
        journal.note("delivery", delivery=12, codes=["a", "b"])
    assert log.text.endswith("info    delivery correlation=a-1 delivery=12 codes=a,b\n")


@pytest.mark.parametrize(("level", "told"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_only_from_a_level_on(level, told):
    with logged(level=level) as log:
        for write in (journal.detail, journal.note, journal.warn):
            write("tried")
    assert len(log.lines) == told


@given(st.text())
def test_no_sentence_gets_into_a_line(said):
    with logged() as log:
        journal.note("tried", said=said, all=[said])
    (line,) = log.lines
    assert line["said"] in (said, "?")
    assert line["all"] == [line["said"]]
    assert len(line["said"]) <= 80
    assert not any(char.isspace() for char in line["said"])


def test_what_an_exception_says_is_never_written_only_what_it_is_and_where():
    def break_down() -> None:
        raise KeyError(NAME)

    with logged() as log:
        try:
            break_down()
        except KeyError as error:
            journal.unforeseen(error)
            logging.getLogger("some.library").exception("of %s", NAME)
            logging.getLogger("some.library").error(f"of {NAME}")
            logging.getLogger("some.library").info("said too often")
    ours, theirs, filled = log.lines
    assert (ours["level"], ours["event"], ours["error"]) == ("error", "unforeseen", "KeyError")
    assert ours["at"][0].startswith("trail/test_journal.py:")
    assert (theirs["event"], theirs["text"], theirs["error"]) == ("library", "of %s", "KeyError")
    assert filled["at"][0].startswith("test_journal.py:")
    assert "text" not in filled
    assert "Zquatl" not in log.text


def test_the_last_word_of_a_process_or_thread_is_no_traceback(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)

    def break_down() -> None:
        raise LookupError(NAME)

    with logged() as log:
        thread = threading.Thread(target=break_down)
        thread.start()
        thread.join()
        try:
            break_down()
        except LookupError as error:
            sys.excepthook(type(error), error, error.__traceback__)
        threading.excepthook(threading.ExceptHookArgs((SystemExit, None, None, None)))
    assert [line["error"] for line in log.of("unforeseen")] == ["LookupError"] * 2
    assert "Zquatl" not in log.text


def test_who_looks_at_tracebacks_already_is_left_to_it(monkeypatch):
    mine = lambda *_: None  # noqa: E731  only to be known again
    monkeypatch.setattr(sys, "excepthook", mine)
    with logged():
        assert sys.excepthook is mine


def test_the_database_says_in_one_word_why_it_is_away():
    error = StoreUnavailable('the database cannot be used: connection to server at "127.0.0.1", port 5432 failed')
    assert journal.says(error) == "the-database-cannot-be-used:-connection-to-server-at-127.0.0.1-port-5432-failed"


def test_the_log_goes_to_whatever_stderr_is(capsys, monkeypatch):
    with logged():
        journal.begin("json", "info")
        journal.note("tried")
        assert json.loads(capsys.readouterr().err)["event"] == "tried"
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        journal.note("again")
        assert json.loads(sys.stderr.getvalue())["event"] == "again"
        sys.stderr.close()
        journal.note("a line that cannot be written stops nothing")
