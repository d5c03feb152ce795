"""A data manager at a real browser, with scripts off: enrols a patient by keyboard, mends it, comes to the calendar."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.select import Select

from adapter.app import create_app
from adapter.config import Centre, Settings
from adapter.store import Store
from tests.lib.browser import active, chromium, field, press, serving, until
from tests.lib.centre import NOW, OURS
from tests.lib.servers import free_port

pytestmark = pytest.mark.contract

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A server on which nobody is enrolled yet."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('enrolling')}/engraft.sqlite")
    store.migrate()
    port = free_port()
    settings = Settings(public_url=f"http://127.0.0.1:{port}", centres={OURS: Centre(OURS, "CHU A")})
    with store.transaction() as tx:
        tx.people.add("dana", "Dana Example", "data-manager", OURS, PASSWORD, NOW)
    with serving(create_app(settings, store, lambda: NOW), port) as url:
        yield url
    store.close()


@pytest.fixture(scope="module")
def browser(site):
    """Signed in the way a person does it."""
    with chromium() as driver:
        driver.get(site)
        driver.find_element(By.ID, "name").send_keys("dana")
        driver.find_element(By.ID, "password").send_keys(PASSWORD, Keys.ENTER)
        until(driver, seen.presence_of_element_located((By.LINK_TEXT, "Enrol a patient")))
        yield driver


def write(browser, **said):
    """Types into fields; `__` in a name is a dot."""
    for name, text in said.items():
        field(browser, name.replace("__", ".")).send_keys(text)


def test_a_patient_is_enrolled_and_the_calendar_comes_next(browser, site):
    browser.find_element(By.LINK_TEXT, "Enrol a patient").click()
    until(browser, seen.presence_of_element_located((By.ID, "patient")))
    write(browser, patient="SYN-0001", birth_date="1971-05")
    Select(field(browser, "protocol")).select_by_value("set-haplo-pdli")
    Select(field(browser, "sex")).select_by_value("female")
    Select(field(browser, "consent.status")).select_by_value("active")
    write(browser, consent__date="2026-10-20", transplant__date="2026-11-20")
    Select(field(browser, "transplant.planned")).select_by_visible_text("yes")
    Select(field(browser, "disease.diagnosis")).select_by_visible_text("Acute myeloid leukaemia")
    write(browser, measurements__weight__value="70.5", measurements__weight__date="2026-11-02")
    write(browser, measurements__height__value="1.75", measurements__height__date="2026-11-02")
    page = browser.find_element(By.TAG_NAME, "html")
    field(browser, "measurements.height.date").send_keys(Keys.ENTER)
    until(browser, seen.staleness_of(page))
    alert = browser.find_element(By.CSS_SELECTOR, ".alert")
    assert (alert.get_attribute("role"), "Not handed in" in alert.text) == ("alert", True)
    assert browser.title.startswith("Errors")
    assert active(browser) == "measurements.height.value", "the field to be mended has the focus"
    height = field(browser, "measurements.height.value")
    assert "no plausible height" in field(browser, height.get_attribute("aria-describedby").split()[0]).text
    assert field(browser, "patient").get_attribute("value") == "SYN-0001"
    height.clear()
    height.send_keys("175")
    press(browser, "check")
    assert "Nothing is wrong with it" in browser.find_element(By.CSS_SELECTOR, "[role='status']").text
    press(browser, "send")
    until(browser, seen.url_contains("/enrolment/stored"))
    assert "Patient SYN-0001 is enrolled" in browser.find_element(By.TAG_NAME, "main").text
    browser.find_element(By.LINK_TEXT, "Calendar").click()
    until(browser, seen.url_contains("/calendar"))
    assert "Thiotepa" in browser.find_element(By.TAG_NAME, "main").text


def test_an_item_of_a_list_is_where_the_typing_goes_on(browser, site):
    browser.get(f"{site}/patients/new")
    press(browser, "add:identifiers")
    assert active(browser) == "identifiers.1.system"


def test_every_field_has_a_name_for_who_cannot_see_it(browser, site):
    browser.get(f"{site}/patients/new")
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    fields = [node for node in tree if node.get("role", {}).get("value") in ("textbox", "combobox", "checkbox")]
    assert len(fields) > 25
    assert [node for node in fields if not node.get("name", {}).get("value", "").strip()] == []


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_cut_off_on_a_telephone_or_a_screen(browser, site, width):
    browser.get(f"{site}/patients/new")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
