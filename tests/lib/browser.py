"""A real browser for the contract suite: Debian's Chromium and its driver, without scripts, as the pages need none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shutil import which
from typing import Any

from flask import Flask
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.wait import WebDriverWait
from werkzeug.serving import make_server

from tests.lib.beside import beside
from tests.lib.servers import need

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,900")
"""`--no-sandbox`: Chromium will not start as root otherwise, and it only visits pages of ours."""

NO_SCRIPTS = {"profile.managed_default_content_settings.javascript": 2}


@contextmanager
def chromium(*, scripts: bool = False) -> Iterator[webdriver.Chrome]:
    """A browser while the block lasts. Skips, or fails where servers are required, when it is not installed.

    `scripts`: for a test that brings one of its own into the page.
    """
    need("chromium", "chromedriver", purpose="the pages in Chromium")
    options = webdriver.ChromeOptions()
    options.binary_location = which("chromium") or ""
    for argument in ARGUMENTS:
        options.add_argument(argument)
    if not scripts:
        options.add_experimental_option("prefs", NO_SCRIPTS)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(which("chromedriver")))
    try:
        driver.set_page_load_timeout(60)
        yield driver
    finally:
        driver.quit()


@contextmanager
def serving(app: Flask, port: int) -> Iterator[str]:
    """The application at a URL of its own while the block lasts."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    with beside(server):
        yield f"http://127.0.0.1:{port}"


def until(browser: WebDriver, condition: Callable[[WebDriver], Any]) -> Any:
    return WebDriverWait(browser, 30).until(condition)


def field(browser: WebDriver, name: str) -> WebElement:
    return browser.find_element(By.ID, name)


def press(browser: WebDriver, value: str) -> None:
    """Presses the last button of this value, and waits for the page that follows."""
    button = browser.find_elements(By.CSS_SELECTOR, f"button[value='{value}']")[-1]
    button.click()
    until(browser, seen.staleness_of(button))


def active(browser: WebDriver) -> str | None:
    """Id of what would take the next key."""
    return browser.switch_to.active_element.get_attribute("id")
