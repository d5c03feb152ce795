"""A real browser for the contract suite: Debian's Chromium and its driver, without scripts, as the pages need none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which

from flask import Flask
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from werkzeug.serving import make_server

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
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
