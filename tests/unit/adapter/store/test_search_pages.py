"""Pages keep their place: whatever others write meanwhile, nobody misses or sees twice what was there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapter.errors import Invalid
from adapter.store.criteria import read
from adapter.store.paging import Sort, Window

BY_DATE, NEWEST_FIRST, BY_ID = (Sort("date", False),), (Sort("_lastUpdated", True),), (Sort("_id", False),)
SORTS = [(), BY_DATE, (Sort("date", True),), BY_ID, (Sort("_id", True),), (Sort("date", True), Sort("_id", True))]
DATES = [None, "2026-03-02", "2026-03", "2026-03-02T10:00:00Z", "2026-04"]
STATUS = [read("Observation", "status", "final")]


def observation(number, date):
    said = {"effectiveDateTime": date} if date else {}
    return {"resourceType": "Observation", "id": f"o{number:03}", "status": "final"} | said


@pytest.fixture
def ward(store, noon):
    class Ward:
        deeds = 0

        def put(self, resource, centre="FR-037"):
            self.deeds += 1
            at = noon + timedelta(seconds=self.deeds)
            with store.transaction() as tx:
                tx.resources.put(resource, centre=centre, course="c", sources=[], at=at)

        def delete(self, id_):
            with store.transaction() as tx:
                tx.resources.delete("Observation", id_, noon)

        def page(self, count, sort=(), after=None, total=True, criteria=STATUS, centres=("FR-037",)):
            with store.reading() as tx:
                return tx.resources.search("Observation", criteria, Window(count, sort, after, total), centres=centres)

        def pages(self, count, sort=()):
            after = None
            while True:
                found = self.page(count, sort, after)
                yield [one.id for one in found.matches]
                after = found.after
                if after is None:
                    return

    return Ward()


@pytest.mark.parametrize("sort", [*SORTS, NEWEST_FIRST])
@pytest.mark.parametrize("count", [1, 2, 5, 6])
def test_every_match_is_on_one_page(ward, sort, count):
    for number in range(5):
        ward.put(observation(number, DATES[number]))
    whole = [one.id for one in ward.page(99, sort).matches]
    pages = list(ward.pages(count, sort))
    assert [id_ for page in pages for id_ in page] == whole
    assert len(whole) == 5
    assert all(len(page) == count for page in pages[:-1])
    assert pages[-1]


def test_the_last_page_leads_nowhere_and_a_page_need_not_count(ward):
    for number in range(4):
        ward.put(observation(number, None))
    first = ward.page(2, total=False)
    assert (first.total, [one.id for one in first.matches]) == (None, ["o000", "o001"])
    second = ward.page(2, after=first.after)
    assert (second.total, [one.id for one in second.matches], second.after) == (4, ["o002", "o003"], None)


def test_who_reads_on_sees_what_was_stored_meanwhile_at_the_end(ward):
    for number in (5, 3, 1):
        ward.put(observation(number, None))
    first = ward.page(2)
    ward.put(observation(0, None))
    assert [one.id for one in ward.page(9, after=first.after).matches] == ["o001", "o000"]


def test_a_place_holds_when_its_own_resource_is_gone(ward):
    for number in range(4):
        ward.put(observation(number, None))
    after = ward.page(2).after
    ward.delete("o001")
    assert [one.id for one in ward.page(2, after=after).matches] == ["o002", "o003"]


@pytest.mark.parametrize(
    ("after", "sort"),
    [
        ("nobody", ()),
        ("", ()),
        ("o000", BY_DATE),
        ("spring,o000", BY_DATE),
        ("2026-03-02T00:00:00+00:00,o000", BY_DATE),
        ("2026-03-02T00:00:00,o000", NEWEST_FIRST),
        ("o000,o000,o000", BY_ID),
        ("theirs", ()),
    ],
)
def test_a_place_that_nobody_gave_is_refused(ward, after, sort):
    ward.put(observation(0, "2026-03-02"))
    ward.put(observation(0, "2026-03-02") | {"id": "theirs"}, centre="BE-001")
    with pytest.raises(Invalid) as caught:
        ward.page(2, sort, after)
    assert (caught.value.status, caught.value.faults[0].path) == (400, "_after")
    assert ward.page(2, (), "theirs", centres=None).matches == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=st.lists(st.sampled_from(DATES), min_size=1, max_size=12),
    later=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(DATES)), max_size=12),
    count=st.integers(1, 5),
    sort=st.sampled_from([*SORTS, NEWEST_FIRST]),
)
def test_others_may_write_between_any_two_pages(ward, there, later, count, sort):
    """Others: resources that were not there when the first page was read come, change and go."""
    for number in range(60):
        ward.delete(f"o{number:03}")
    mine = [f"o{2 * number:03}" for number in range(len(there))]
    for id_, date in zip(mine, there, strict=True):
        ward.put(observation(0, date) | {"id": id_})
    writes = iter(later)
    seen: list[str] = []
    for page in ward.pages(count, sort):
        seen += page
        for number, date in (write for write, _ in zip(writes, range(3), strict=False)):
            ward.put(observation(2 * number + 1, date))
    assert sorted(id_ for id_ in seen if id_ in mine) == sorted(mine)
