"""The keys that an EHR publishes: fetched, kept for a while, and never from where a redirection points."""

from __future__ import annotations

import pytest
import requests
import responses

from adapter.errors import Unavailable
from adapter.hospital import jwks
from adapter.hospital.jwks import FRESH, LARGEST, PAUSE, KeySet, read
from tests.lib.cut_short import cut_short

URL = "https://ehr.example/jwks.json"
ONE, TWO = {"kty": "EC", "kid": "k1"}, {"kty": "EC", "kid": "k2"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys(clock):
    return KeySet(URL, monotonic=clock)


@responses.activate
def test_a_set_is_fetched_once_and_again_when_it_is_old(keys, clock):
    responses.get(URL, json={"keys": [ONE, TWO]})
    assert keys.named("k1") == [ONE]
    assert keys.named("k2") == [TWO]
    clock.now = FRESH - 1
    keys.named("k1")
    assert len(responses.calls) == 1
    clock.now = FRESH
    keys.named("k1")
    assert len(responses.calls) == 2


@responses.activate
def test_a_new_name_is_looked_for_and_invented_ones_make_no_traffic(keys, clock):
    responses.get(URL, json={"keys": [ONE]})
    assert keys.named("k1") == [ONE]
    assert keys.named("k2") == []
    assert len(responses.calls) == 1
    responses.replace(responses.GET, URL, json={"keys": [TWO]})
    clock.now = PAUSE
    assert keys.named("k2") == [TWO]
    assert keys.named("k1") == []
    assert len(responses.calls) == 2


@responses.activate
@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/jwks.json"}},
        {"body": b"<html>"},
        {"json": ["k1"]},
        {"json": {"keys": ["k1"]}},
        {"body": b" " * (LARGEST + 1)},
        {"body": requests.ConnectionError("no way")},
    ],
)
def test_what_is_no_set_is_an_outage(keys, answer):
    responses.get(URL, **answer)
    with pytest.raises(Unavailable, match=r"ehr\.example"):
        keys.named("k1")


@responses.activate
def test_after_an_outage_it_is_asked_again_but_not_by_everybody_who_waits(keys, clock):
    responses.get(URL, status=503)
    for _ in range(2):
        with pytest.raises(Unavailable, match="503"):
            keys.named("k1")
    assert len(responses.calls) == 1
    responses.replace(responses.GET, URL, json={"keys": [ONE]})
    clock.now = PAUSE
    assert keys.named("k1") == [ONE]
    assert len(responses.calls) == 2


def test_a_set_that_breaks_off_is_an_outage():
    with cut_short() as url, pytest.raises(Unavailable, match="cannot be had"):
        KeySet(url).named("k1")


@responses.activate
def test_a_set_that_dribbles_is_broken_off(keys, monkeypatch):
    monkeypatch.setattr(jwks, "LONGEST", -1.0)
    responses.get(URL, json={"keys": [ONE]})
    with pytest.raises(Unavailable, match="too slow"):
        keys.named("k1")


def test_a_set_is_an_object_with_keys():
    assert read(b'{"keys": [{"kid": "k1"}]}') == [{"kid": "k1"}]
    with pytest.raises(ValueError, match="not JSON"):
        read(b"\xff")
