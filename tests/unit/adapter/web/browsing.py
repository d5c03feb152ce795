"""A person at a browser, for the tests of the pages; the account names say who they are."""

from __future__ import annotations

import re
from html import unescape

from flask.testing import FlaskClient

from adapter.app import create_app
from adapter.config import Centre, Settings
from adapter.web.session import COOKIE
from tests.unit.adapter.web.conftest import NOW, OURS, PASSWORD

SITE = "https://engraft.test"


class Browser:
    """A person at a browser: keeps cookies, reads pages, fills in the forms that it was given."""

    def __init__(self, app) -> None:
        self.client: FlaskClient = app.test_client()
        self.text = ""
        self.answer = None

    def open(self, path):
        self.answer = self.client.get(path, base_url=SITE)
        self.text = self.answer.get_data(as_text=True)
        return self

    def send(self, action, **said):
        """Fills in the form of the last page that has this action."""
        form = re.search(rf'<form method="post" action="{re.escape(action)}".*?</form>', self.text, re.DOTALL)
        assert form, f"no form {action} on this page"
        given = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
        fields = {name: unescape(value) for name, value in given} | said
        self.answer = self.client.post(action, data=fields, base_url=SITE)
        self.text = self.answer.get_data(as_text=True)
        return self

    def follow(self):
        assert self.answer.status_code == 303
        return self.open(self.answer.headers["Location"])

    def words(self):
        """What a person reads, without the markup."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", self.text)).split())


def signed_in(ward, name="ada"):
    browser = Browser(ward.app).open("/sign-in").send("/sign-in", name=name, password=PASSWORD)
    return browser.follow()


def row(browser, label):
    """The cells of one day of the calendar, as words."""
    bodies = re.findall(r"<tbody.*?</tbody>", browser.text, re.DOTALL)
    (found,) = [body for body in bodies if re.search(rf'class="day"[^>]*>{re.escape(label)}<', body)]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found)).split())


def give(ward, course, **sections):
    visit = {"centre": OURS, "patient": "P-0001", "visit": "baseline", "date": "2026-09-01"}
    thiotepa = {"action": "thiotepa", "day": "D-13", "date": "2026-02-17", "given": {"value": 350, "unit": "mg"}}
    with ward.store.transaction() as tx:
        tx.follow_ups.put(
            id="baseline",
            centre=OURS,
            patient="P-0001",
            course=course,
            key="FR-037/P-0001/baseline",
            content=visit | (sections or {"administrations": [thiotepa]}),
            at=NOW,
        )


def later(ward, token, when) -> Browser:
    """A browser that holds a session, at another time of the same server."""
    settings = Settings(public_url=SITE, centres={OURS: Centre(OURS, "CHU A")})
    browser = Browser(create_app(settings, ward.store, lambda: when))
    browser.client.set_cookie(COOKIE, token, domain="engraft.test")
    return browser


def token_of(browser) -> str:
    return browser.client.get_cookie(COOKIE, domain="engraft.test").value
