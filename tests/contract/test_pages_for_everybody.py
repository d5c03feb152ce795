"""Every page of a centre in a real browser: nothing is cut off on a telephone, and axe-core finds no barrier."""

from __future__ import annotations

import random
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.wait import WebDriverWait

from adapter.app import create_app
from adapter.config import Centre, Hospital, Settings
from adapter.flows import enrolment, follow_up, hearing
from adapter.store import Store
from adapter.store.delivery import Said
from mappings.facts.synthetic import documents
from tests.lib.browser import chromium, serving
from tests.lib.servers import free_port, need

pytestmark = pytest.mark.contract

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
CENTRE, HOSPITAL = "FR-SYN", "chu"
PASSWORD = "correct horse battery"
AXE = Path(__file__).parents[1] / "clients" / "axe"
SAID = Said('422: {"resourceType":"OperationOutcome","issue":[{"diagnostics":"' + "HAPI-1821/" * 60 + '"}]}', 422)
MERGED = {"link": [{"type": "replaced-by", "other": {"reference": "Patient/new"}}]}
FIND = """
const done = arguments[arguments.length - 1]
axe.run(document).then(found => done(found.violations.map(one => [one.id, one.help, one.nodes.map(n => n.html)])))
"""
BEYOND = """
if (document.documentElement.scrollWidth <= innerWidth) return []
return [...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth)
  .map(one => `${one.outerHTML.slice(0, 90)} ${Math.round(one.getBoundingClientRect().right)}`)
"""
PAGES = ("/", "/queue", "/quality", "/endpoints", "patient", "patient/visits/m6", "calendar", "/patients/nobody")


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The source of axe-core."""
    need("node", "npm", purpose="the pages with axe-core")
    here = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(AXE / name, here)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=here, check=True, timeout=300)
    return (here / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def urls(tmp_path_factory):
    """The pages of a centre with three synthetic patients: one delivery refused at length, two questions open."""
    port = free_port()
    settings = Settings(
        public_url=f"http://127.0.0.1:{port}",
        centres={CENTRE: Centre(CENTRE, "Synthetic centre", HOSPITAL)},
        hospitals={HOSPITAL: Hospital(HOSPITAL, "http://127.0.0.1:9/fhir")},
    )
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('pages')}/engraft.sqlite")
    store.migrate()
    told = {"sender": None, "store": store, "settings": settings, "now": NOW}
    courses = []
    for enrolled, forms in documents(3, random.Random(6), as_of=date(2026, 10, 1), full=True):
        courses.append(enrolment.enrol(enrolled, **told).course)
        for form in forms:
            follow_up.record(form, **told)
    with store.transaction() as tx:
        tx.people.add("ada", "Ada Example", "pharmacist", CENTRE, PASSWORD, NOW)
        first = tx.outbox.lease("w", at=NOW, lease_seconds=60)
        tx.outbox.park(first.id, "w", SAID)
        for course, said in zip(courses, ({"deceasedDateTime": "2026-08-30"}, MERGED), strict=False):
            tx.links.put(HOSPITAL, course, f"Patient/{course}")
            patient = {"resourceType": "Patient", "id": course, **said}
            hearing.hear(tx, HOSPITAL, ("Patient", course), patient, settings=settings, now=NOW)
        of_first = next(one.id for one in tx.resources.of_course(courses[0]) if one.kind == "Patient")
    places = {"patient": f"/patients/{of_first}", "calendar": f"/regimens/{courses[0]}/calendar"}
    with serving(create_app(settings, store, lambda: NOW + timedelta(hours=1)), port) as url:
        yield {page: url + page.replace(page.split("/")[0], places.get(page.split("/")[0], ""), 1) for page in PAGES}
    store.close()


@pytest.fixture(scope="module")
def browser(urls):
    with chromium(scripts=True) as driver:
        driver.set_script_timeout(180)
        driver.get(urls["/"])
        driver.find_element(By.ID, "name").send_keys("ada")
        driver.find_element(By.ID, "password").send_keys(PASSWORD, Keys.ENTER)
        WebDriverWait(driver, 60).until(seen.presence_of_element_located((By.CLASS_NAME, "list")))
        yield driver


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_barrier_and_nothing_is_cut_off(browser, urls, axe, page):
    browser.get(urls[page])
    assert browser.find_element(By.TAG_NAME, "h1").text
    browser.execute_script(axe)
    assert browser.execute_async_script(FIND) == []
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert browser.execute_script(BEYOND) == []
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_screen_reader_is_told_what_a_figure_shows(browser, urls):
    for page in ("/endpoints", "patient"):
        browser.get(urls[page])
        figures = browser.find_elements(By.TAG_NAME, "svg")
        assert figures
        names = browser.execute_script(
            "return [...document.querySelectorAll('svg')].map(one => one.getAttribute('aria-labelledby').split(' ')"
            ".map(id => (document.getElementById(id) || {}).textContent))"
        )
        assert all(title and description for title, description in names)
