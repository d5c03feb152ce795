"""A data manager at a real browser, with scripts off: fills in a visit by mouse and keyboard, mends it, hands it in."""

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
from tests.lib.centre import M1, NOW, OURS, Ward
from tests.lib.servers import free_port

pytestmark = pytest.mark.contract

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """(URL, the patient's page) of a server with one synthetic patient of whom the first month was told."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('forms')}/engraft.sqlite")
    store.migrate()
    port = free_port()
    settings = Settings(public_url=f"http://127.0.0.1:{port}", centres={OURS: Centre(OURS, "CHU A")})
    ward = Ward(store, settings=settings)
    ward.enrol()
    ward.visit(M1)
    (patient,) = ward.stored("Patient")
    with store.transaction() as tx:
        tx.people.add("dana", "Dana Example", "data-manager", OURS, PASSWORD, NOW)
    with serving(create_app(settings, store, lambda: NOW), port) as url:
        yield url, f"{url}/patients/{patient.id}"
    store.close()


@pytest.fixture(scope="module")
def browser(site):
    """Signed in the way a person does it."""
    with chromium() as driver:
        driver.get(site[1])
        driver.find_element(By.ID, "name").send_keys("dana")
        driver.find_element(By.ID, "password").send_keys(PASSWORD, Keys.ENTER)
        until(driver, seen.presence_of_element_located((By.ID, "visits")))
        yield driver


def test_a_visit_is_filled_in_mended_and_handed_in(browser, site):
    browser.get(f"{site[1]}/visits/m6")
    field(browser, "date").send_keys("2026-09-02")
    Select(field(browser, "vital_status.status")).select_by_visible_text("Alive")
    field(browser, "vital_status.date").send_keys("2026-09-02")
    field(browser, "immune_reconstitution.date").send_keys("2026-08-32")
    field(browser, "immune_reconstitution.cd4.value").send_keys("120.50")
    Select(field(browser, "immune_reconstitution.cd4.unit")).select_by_value("/uL")
    press(browser, "add:gvhd.acute")
    assert active(browser) == "gvhd.acute.1.id", "the new episode is where the typing goes on"
    field(browser, "gvhd.acute.1.onset").send_keys("2026-04-20")
    Select(field(browser, "gvhd.acute.1.grade")).select_by_value("I")
    field(browser, "gvhd.acute.1.lower_gi").send_keys("3")
    field(browser, "gvhd.acute.1.treatment.2").click()
    press(browser, "send")
    alert = browser.find_element(By.CSS_SELECTOR, ".alert")
    assert alert.get_attribute("role") == "alert"
    assert "Not sent" in alert.text
    assert browser.title.startswith("Errors")
    assert active(browser) == "immune_reconstitution.date", "the first field to be mended has the focus"
    browser.switch_to.active_element.clear()
    browser.switch_to.active_element.send_keys("2026-08-29")
    grade = field(browser, "gvhd.acute.1.grade")
    assert "by MAGIC these make III or IV" in field(browser, grade.get_attribute("aria-describedby").split()[0]).text
    assert field(browser, "immune_reconstitution.cd4.value").get_attribute("value") == "120.50"
    assert field(browser, "gvhd.acute.1.treatment.2").is_selected()
    Select(grade).select_by_value("III")
    press(browser, "send")
    until(browser, seen.url_to_be(f"{site[1]}/visits/m6/stored"))
    words = browser.find_element(By.TAG_NAME, "main").text
    assert "Visit m6 is handed in" in words
    assert "120.50 /uL" in words
    assert "Acute GVHD grade III (MAGIC)" in words


def test_the_draft_is_there_when_the_form_is_opened_again(browser, site):
    browser.get(f"{site[1]}/visits/m12")
    browser.find_element(By.ID, "relapse").find_element(By.CSS_SELECTOR, "summary").click()
    Select(field(browser, "relapse.not_done")).select_by_value("not-performed")
    field(browser, "response.marrow_blasts_percent").send_keys("2.50", Keys.ENTER)
    until(browser, seen.presence_of_element_located((By.CSS_SELECTOR, ".note")))
    browser.get(f"{site[1]}/visits/m12")
    assert field(browser, "response.marrow_blasts_percent").get_attribute("value") == "2.50"
    assert Select(field(browser, "relapse.not_done")).first_selected_option.text == "not performed"
    assert field(browser, "relapse.not_done").is_displayed(), "what is said stands open"


def test_the_keyboard_reaches_every_field_in_the_order_of_the_page(browser, site):
    browser.get(f"{site[1]}/visits/m24")
    field(browser, "date").click()
    order = ["vital_status.status", "vital_status.date", "vital_status.cause"]
    reached = []
    for _ in range(10):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(active(browser))
    assert [name for name in reached if name in order] == order


def test_every_field_has_a_name_for_who_cannot_see_it(browser, site):
    browser.get(f"{site[1]}/visits/m6")
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    fields = [node for node in tree if node.get("role", {}).get("value") in ("textbox", "combobox", "checkbox")]
    assert len(fields) > 80
    assert [node for node in fields if not node.get("name", {}).get("value", "").strip()] == []


def test_the_browser_says_nothing_against_the_pages(browser, site):
    for path in ("", "/visits/m6", "/visits/m6/stored"):
        browser.get(f"{site[1]}{path}")
    said = [entry["message"] for entry in browser.get_log("browser")]
    assert [message for message in said if "favicon" not in message and "422" not in message] == []


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("path", ["", "/visits/m6", "/visits/m6/stored"])
def test_nothing_is_cut_off_on_a_telephone_or_a_screen(browser, site, path, width):
    browser.get(f"{site[1]}{path}")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_course_shows_visits_and_plots(browser, site):
    browser.get(site[1])
    rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#visits + table tbody tr")]
    assert any(row.startswith("Visit at 6 months done 2026-09-02") for row in rows)
    assert any(row.startswith("Visit at 3 months overdue 2026-06-02") for row in rows)
    assert any(row.startswith("Visit at 12 months not due yet, draft begun 2027-03-02") for row in rows)
    (figure,) = browser.find_elements(By.CSS_SELECTOR, "figure.plot")
    bar = figure.find_element(By.CSS_SELECTOR, "rect.bar-of")
    assert bar.size["width"] > 50
    figure.find_element(By.TAG_NAME, "summary").click()
    assert "acute, grade III" in figure.find_element(By.TAG_NAME, "table").text
