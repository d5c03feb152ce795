"""How far a numbered Subscription has come; what comes late moves nothing back."""

from __future__ import annotations

from datetime import timedelta

from adapter.store.heard import Heard

MINUTE = timedelta(minutes=1)


def heard(last, at, said="event-notification", beat=None, status="active"):
    return Heard("chu-a", "9", last, said, status, beat, at)


def test_a_late_notification_moves_neither_the_number_nor_the_moment_back(store, noon):
    with store.transaction() as tx:
        tx.heard.put(heard(7, noon, beat=60))
        tx.heard.put(heard(5, noon - MINUTE, "heartbeat", status="error"))
        assert tx.heard.of("chu-a") == [heard(7, noon, beat=60)]
        tx.heard.put(heard(8, noon + MINUTE, beat=30))
        assert tx.heard.get("chu-a", "9") == heard(8, noon + MINUTE, beat=30)
        assert tx.heard.get("chu-a", "10") is None


def test_a_handshake_begins_to_count_anew(store, noon):
    with store.transaction() as tx:
        tx.heard.put(heard(7, noon))
        tx.heard.put(heard(0, noon + MINUTE, "handshake"))
        assert tx.heard.get("chu-a", "9").last == 0


def test_silence_is_longer_than_what_was_promised(noon):
    assert not heard(1, noon, beat=60).is_silent(noon + MINUTE)
    assert heard(1, noon, beat=60).is_silent(noon + MINUTE + timedelta(seconds=1))
    assert not heard(1, noon).is_silent(noon + 1000 * MINUTE), "it promised nothing"
