"""Who reads sees one state and changes nothing, on either database."""

from __future__ import annotations

import pytest

from adapter.errors import StoreUnavailable


def test_a_reader_sees_one_state_while_a_writer_goes_on(store):
    with store.reading() as before:
        assert before.links.get("chu-a", "course") is None
        with store.transaction() as tx:
            tx.links.put("chu-a", "course", "Patient/1")
        assert before.links.get("chu-a", "course") is None
    with store.reading() as after:
        assert after.links.get("chu-a", "course") == "Patient/1"


def test_a_reader_cannot_write(store):
    with pytest.raises(StoreUnavailable, match=r"read-?only"), store.reading() as tx:
        tx.links.put("chu-a", "course", "Patient/1")
    with store.transaction() as tx:  # the connection is given back fit for writing
        tx.links.put("chu-a", "course", "Patient/1")
