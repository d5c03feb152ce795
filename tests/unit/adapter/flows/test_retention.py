"""A centre's own period: none by default, counted from the last document, and nothing goes that is not past it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.config import Exports, Retention, Settings
from adapter.errors import NotFound
from adapter.flows import bulk, retention
from adapter.flows.crew import Crew
from adapter.flows.retention import automatic, clear, end_of, past
from adapter.store import Store
from tests.lib.centre import M1, NOW, OTHERS, OURS, SETTINGS, Ward

YEAR = Retention(12)


def keeping(**of) -> Settings:
    centres = {code: replace(one, retention=of.get(code.replace("-", "_"))) for code, one in SETTINGS.centres.items()}
    return replace(SETTINGS, centres=centres)


@pytest.fixture
def ward(tmp_path):
    """SYN-0001 was last told of on 3 November 2026, SYN-0002 half a year later."""
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    made = Ward(store)
    made.enrol()
    made.enrol(patient="SYN-0002")
    made.now = datetime(2027, 5, 3, 12, 0, tzinfo=UTC)
    made.visit(M1, patient="SYN-0002")
    yield made
    store.close()


def names(found):
    return [one.patient for one in found]


def test_without_a_word_of_the_centre_nothing_is_ever_past(ward):
    assert past(ward.store, SETTINGS, date(2999, 1, 1)) == []
    assert past(ward.store, keeping(BE_001=YEAR), date(2999, 1, 1)) == []


@pytest.mark.parametrize(
    ("on", "gone"),
    [
        (date(2027, 11, 3), []),
        (date(2027, 11, 4), ["SYN-0001"]),
        (date(2028, 5, 3), ["SYN-0001"]),
        (date(2028, 5, 4), ["SYN-0001", "SYN-0002"]),
    ],
)
def test_the_period_begins_with_the_last_document_and_its_last_day_counts(ward, on, gone):
    assert names(past(ward.store, keeping(FR_037=YEAR), on)) == gone


def test_a_visit_taken_back_is_a_document_too(ward):
    taken = ward.visit(M1)
    ward.now = datetime(2028, 1, 1, 12, 0, tzinfo=UTC)
    ward.retract(taken.id)
    assert names(past(ward.store, keeping(FR_037=YEAR), date(2028, 12, 1))) == ["SYN-0002"]


def test_a_period_begins_no_earlier_than_the_centre_says(ward):
    kept = keeping(FR_037=replace(YEAR, starts=date(2031, 6, 30)))
    assert past(ward.store, kept, date(2032, 6, 30)) == []
    assert len(past(ward.store, kept, date(2032, 7, 1))) == 2


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(1, 1200))
def test_a_period_of_months_ends_on_the_same_day_of_the_month_or_the_last(last, months):
    end = end_of(last, Retention(months))
    assert (end.year - last.year) * 12 + end.month - last.month == months
    assert end.day == last.day or (end.day < last.day and (end + timedelta(days=1)).day == 1)


def test_what_is_past_is_erased_and_nothing_else(ward):
    kept = keeping(FR_037=YEAR)
    now = datetime(2027, 11, 4, 12, 0, tzinfo=UTC)
    (gone,) = past(ward.store, kept, now.date())
    done = clear(ward.store, kept, now, who="operator:jd")
    assert ([one.course for one in done.erased], done.held) == ([gone.course], ())
    assert {one.course for one in ward.stored()} == {one.course for one in ward.stored("Patient")} != {gone.course}
    with ward.store.reading() as tx:
        (deed,) = tx.audit.of(gone.course)
    assert (deed.who, deed.action, deed.centre) == ("operator:jd", "erase", OURS)
    assert deed.detail.startswith("retention of 12 months, over on 2027-11-03; ")
    assert "SYN-0001" not in deed.detail
    assert clear(ward.store, kept, now, who="operator:jd").erased == ()


def test_of_whom_something_is_being_sent_stays_until_the_next_time(ward):
    now = datetime(2029, 1, 1, 12, 0, tzinfo=UTC)
    first = past(ward.store, keeping(FR_037=YEAR), now.date())[0]
    with ward.store.transaction() as tx:
        row = tx.outbox.lease("w", at=now, lease_seconds=300)
    done = clear(ward.store, keeping(FR_037=YEAR), now, who="x")
    assert done.held == (row.course,)
    assert len(done.erased) == 1
    assert row.course == first.course


def test_what_is_handed_in_meanwhile_keeps_the_record(ward, monkeypatch):
    now = datetime(2027, 11, 4, 12, 0, tzinfo=UTC)
    listed = past(ward.store, keeping(FR_037=YEAR), now.date())
    ward.now = now
    ward.visit(M1)
    monkeypatch.setattr(retention, "past", lambda *_: listed)
    assert clear(ward.store, keeping(FR_037=YEAR), now, who="x").erased == ()
    assert len(ward.stored("Patient")) == 2


def test_centres_are_apart(ward):
    both = keeping(FR_037=YEAR, BE_001=YEAR)
    assert past(ward.store, both, date(2029, 1, 1), OTHERS) == []
    assert len(past(ward.store, both, date(2029, 1, 1), OURS)) == 2
    with pytest.raises(NotFound, match="no centre XX"):
        past(ward.store, both, date(2029, 1, 1), "XX")


class TestTheWorker:
    def looked(self, ward, kept, monkeypatch, at):
        told = []
        monkeypatch.setattr("adapter.flows.crew.now", lambda: at)
        crew = Crew(ward.store, kept, 1, told.append)
        crew._look()
        crew._look()  # at once again: nothing is looked for
        crew.close()
        return told

    def test_erases_only_where_the_setting_says_automatic(self, ward, monkeypatch):
        at = NOW + timedelta(days=400)
        assert self.looked(ward, keeping(FR_037=YEAR), monkeypatch, at) == []
        assert len(ward.stored("Patient")) == 2
        kept = keeping(FR_037=replace(YEAR, automatic=True), BE_001=YEAR)
        assert automatic(kept) == [OURS]
        told = self.looked(ward, kept, monkeypatch, at)
        assert told == ["FR-037: 1 patients past their period erased, 0 held"]
        with ward.store.reading() as tx:
            (deed,) = tx.audit.listing(action="erase")
        assert deed.who == "retention"
        assert self.looked(ward, kept, monkeypatch, at) == []

    def test_removes_the_files_of_exports_that_are_over_though_nobody_asks_for_another(
        self, ward, monkeypatch, tmp_path
    ):
        kept = replace(keeping(), exports=Exports(tmp_path / "exports", 24))
        asked = NOW + timedelta(days=399)
        about = {"store": ward.store, "client": "c", "centre": OURS, "url": "u", "now": asked, "settings": kept}
        job = bulk.ask(bulk.Asked(("Patient",)), **about)
        elsewhere = replace(kept, exports=Exports(tmp_path / "elsewhere", 24))
        self.looked(ward, elsewhere, monkeypatch, asked + timedelta(hours=25))
        bulk.work(job.id, store=ward.store, clock=lambda: asked, settings=kept)
        assert (tmp_path / "exports" / job.id / "Patient.ndjson").is_file()
        self.looked(ward, kept, monkeypatch, asked + timedelta(hours=23))
        assert (tmp_path / "exports" / job.id / "Patient.ndjson").is_file()
        self.looked(ward, kept, monkeypatch, asked + timedelta(hours=25))
        assert list((tmp_path / "exports").iterdir()) == []
