"""Signing in and out, and what a session is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.app import create_app
from adapter.config import Settings
from adapter.store.people import GUESSES, IDLE, LASTS
from tests.unit.adapter.web.browsing import Browser, later, signed_in, token_of
from tests.unit.adapter.web.conftest import NOW, PASSWORD


@pytest.fixture
def browser(ward, course):
    return Browser(ward.app)


def test_who_has_not_signed_in_is_asked_to_and_comes_back_to_what_they_wanted(browser, course):
    place = f"/regimens/{course}/calendar"
    browser.open(place).follow()
    assert browser.answer.status_code == 200
    browser.send("/sign-in", name="ada", password=PASSWORD)
    assert browser.answer.headers["Location"] == place
    assert "P-0001" in browser.follow().words()


@pytest.mark.parametrize("next_", ["//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)", ""])
def test_nobody_is_led_to_another_site(browser, next_):
    browser.open("/sign-in").send("/sign-in", name="ada", password=PASSWORD, next=next_)
    assert browser.answer.headers["Location"] == "/"


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_or_password_is_told_in_one_sentence(browser, name, password):
    browser.open("/sign-in").send("/sign-in", name=name, password=password)
    assert browser.answer.status_code == 403
    assert "Name or password is wrong." in browser.words()
    assert "engraft-session" not in str(browser.answer.headers)
    assert PASSWORD not in browser.text


def test_guessing_is_slowed_down(browser):
    for _ in range(GUESSES):
        browser.open("/sign-in").send("/sign-in", name="ada", password="wrong")
    browser.open("/sign-in").send("/sign-in", name="ada", password=PASSWORD)
    assert browser.answer.status_code == 429
    assert "wait 15 min" in browser.words()


def test_signing_in_needs_our_own_form(browser):
    sent = {"name": "ada", "password": PASSWORD, "csrf": "made up"}
    assert browser.client.post("/sign-in", data=sent).status_code == 403
    browser.open("/sign-in")
    assert browser.client.post("/sign-in", data=sent, base_url="https://engraft.test").status_code == 403


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(browser):
    browser.open("/sign-in").send("/sign-in", name="ada", password=PASSWORD)
    (cookie,) = [one for one in browser.answer.headers.getlist("Set-Cookie") if one.startswith("engraft-session=")]
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_where_the_server_is_plain_http_the_cookie_is_too(ward, course):

    app = create_app(replace(Settings(), public_url="http://127.0.0.1:8080"), ward.store, lambda: NOW)
    assert "Secure" not in app.test_client().get("/sign-in").headers["Set-Cookie"]


def test_signing_out_ends_the_session_itself(ward, course):
    ada = signed_in(ward)
    token = ada.client.get_cookie("engraft-session", domain="engraft.test").value
    ada.send("/sign-out").follow()
    assert "Sign in" in ada.words()
    ada.client.set_cookie("engraft-session", token, domain="engraft.test")
    assert ada.open("/").answer.status_code == 303


@pytest.mark.parametrize(("after", "there"), [(IDLE, True), (IDLE + timedelta(seconds=1), False)])
def test_a_session_that_nobody_uses_ends(ward, course, after, there):
    browser = later(ward, token_of(signed_in(ward)), NOW + after).open("/")
    assert (browser.answer.status_code == 200) is there


def test_a_session_that_is_used_lasts_a_shift(ward, course):
    token, step, at = token_of(signed_in(ward)), IDLE - timedelta(minutes=1), timedelta()
    while at + step <= LASTS:
        at += step
        assert later(ward, token, NOW + at).open("/").answer.status_code == 200
    assert later(ward, token, NOW + LASTS + timedelta(seconds=1)).open("/").answer.status_code == 303
