"""A pharmacist at a real browser: signs in, reads the calendar, validates the plan, prints it."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.wait import WebDriverWait

from adapter.app import create_app
from adapter.config import Centre, Settings
from adapter.store import Store
from tests.lib.browser import chromium, serving
from tests.lib.centre import NOW, OURS, Ward
from tests.lib.servers import free_port

pytestmark = pytest.mark.contract

PASSWORD = "correct horse battery"
LATER = NOW + timedelta(hours=1)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """(URL, course) of a server with one synthetic patient whose plan nobody has signed."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('pages')}/engraft.sqlite")
    store.migrate()
    port = free_port()
    settings = Settings(public_url=f"http://127.0.0.1:{port}", centres={OURS: Centre(OURS, "CHU A")})
    course = Ward(store, settings=settings).enrol().course
    with store.transaction() as tx:
        tx.people.add("ada", "Ada Example", "pharmacist", OURS, PASSWORD, NOW)
    with serving(create_app(settings, store, lambda: LATER), port) as url:
        yield url, course
    store.close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture
def at_calendar(browser, site):
    """The browser at the calendar, signed in the way a person does it."""
    url, course = site
    browser.set_window_size(1200, 900)
    browser.get(f"{url}/regimens/{course}/calendar")
    if browser.find_elements(By.ID, "name"):
        browser.find_element(By.ID, "name").send_keys("ada")
        browser.find_element(By.ID, "password").send_keys(PASSWORD, Keys.ENTER)
    until(browser, seen.presence_of_element_located((By.CLASS_NAME, "banner")))
    assert browser.current_url == f"{url}/regimens/{course}/calendar"
    return browser


def until(browser, condition):
    """A form that was sent is on its way for a moment."""
    return WebDriverWait(browser, 30).until(condition)


def pages_of(browser):
    """The page as it is printed: how many sheets, and their size in points."""
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert pdf.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", pdf)), re.findall(rb"/MediaBox\s*\[([^\]]*)\]", pdf)


def banner(browser):
    return browser.find_element(By.CLASS_NAME, "banner").text


def test_the_browser_says_nothing_against_the_pages(at_calendar):
    """No blocked style, script or picture, no missing file but the icon that every browser asks for."""
    said = [entry["message"] for entry in at_calendar.get_log("browser")]
    assert [message for message in said if "favicon" not in message] == []
    style = at_calendar.find_element(By.CLASS_NAME, "banner").value_of_css_property("border-top-style")
    assert style == "solid", "the style sheet is in force"


def test_the_calendar_is_read_row_by_row(at_calendar):
    rows = [row.text for row in at_calendar.find_elements(By.CSS_SELECTOR, ".calendar tbody tr")]
    assert any(re.match(r"D-13 Tue 2026-02-17 Thiotepa 352\.5 mg", row) for row in rows)
    assert any("Taper of mycophenolate, from D+35 to D+56" in row for row in rows)


@pytest.mark.parametrize("width", [390, 768, 1200])
def test_nothing_is_cut_off_on_a_telephone_or_a_screen(at_calendar, width):
    at_calendar.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        wide = at_calendar.execute_script("return document.documentElement.scrollWidth")
    finally:
        at_calendar.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_the_first_stop_of_the_keyboard_leads_to_the_content(at_calendar):
    at_calendar.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert at_calendar.switch_to.active_element.text == "To the content"


def test_a_draft_is_printed_on_a4_and_says_so(at_calendar):
    count, boxes = pages_of(at_calendar)
    assert 3 <= count <= 8
    width, height = (round(float(side)) for side in boxes[0].split()[2:])
    assert (width, height) == (595, 842), "A4 in points"


def test_a_pharmacist_validates_the_plan(at_calendar):
    assert banner(at_calendar).startswith("DRAFT")
    at_calendar.find_element(By.ID, "password").send_keys(PASSWORD)
    at_calendar.find_element(By.CSS_SELECTOR, "form.sign button").click()
    until(at_calendar, seen.presence_of_element_located((By.CSS_SELECTOR, ".banner.signed")))
    assert banner(at_calendar).startswith("Validated by Ada Example, pharmacist, 2026-11-03 13:00 UTC")
    place = at_calendar.find_element(By.XPATH, "//div[@class='place'][h3='Pharmacist']").text
    assert "signed in Engraft" in place
    at_calendar.find_element(By.LINK_TEXT, "Patients").click()
    assert "Validated" in until(at_calendar, seen.presence_of_element_located((By.CSS_SELECTOR, ".list tbody"))).text


def test_signing_out_shows_nothing_more_not_even_by_going_back(at_calendar, site):
    at_calendar.find_element(By.XPATH, "//button[text()='Sign out']").click()
    until(at_calendar, seen.url_to_be(f"{site[0]}/sign-in"))
    at_calendar.back()
    until(at_calendar, seen.presence_of_element_located((By.ID, "name")))
    assert "SYN-0001" not in at_calendar.page_source
