"""Photographs every page of a running service, phone and desktop, in both languages.

Each login's first page is taken, for clinicians also the why-card of the first alert:

    .venv/bin/python deploy/screenshots.py http://127.0.0.1:8080 OUT login:password ...

It only looks: no button but language and log-in is pressed.
"""  # noqa: INP001 -- a script beside others, no package

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
LANGUAGES = ("zh", "en")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Take the pictures; 1 when there is no browser."""
    parser = argparse.ArgumentParser(description="photograph every page of a running service")
    parser.add_argument("url")
    parser.add_argument("out", type=Path)
    parser.add_argument("logins", nargs="+", metavar="login:password")
    arguments = parser.parse_args()
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        sys.stderr.write("no Chromium; run: sudo apt-get install -y chromium fonts-noto-cjk\n")
        return 1
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        for pair in arguments.logins:
            login, _, password = pair.partition(":")
            for size in SIZES:
                for language in LANGUAGES:
                    _visit(browser, arguments, login, password, size, language)
        browser.close()
    return 0


def _visit(
    browser: Browser,
    arguments: argparse.Namespace,
    login: str,
    password: str,
    size: str,
    language: str,
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.goto(f"{arguments.url}/login")
    _choose(page, language)
    _take(page, arguments.out / f"login-{size}-{language}.png")
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", password)
    page.click("main button")
    page.wait_for_load_state("load")
    _choose(page, language)
    _take(page, arguments.out / f"{login}-{size}-{language}.png")
    first = page.query_selector(".worklist a")
    if first is not None:
        first.click()
        page.wait_for_selector("#why-card")
        _take(page, arguments.out / f"{login}-card-{size}-{language}.png")
    context.close()


def _choose(page: Page, language: str) -> None:
    button = page.query_selector(f"button[name=language][value={language}]")
    if button is not None:
        button.click()
        page.wait_for_load_state("load")


def _take(page: Page, path: Path) -> None:
    if page.query_selector(".chart") is not None:
        page.wait_for_selector(".chart[data-drawn]")
    page.wait_for_timeout(300)
    page.screenshot(path=str(path), full_page=True)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    sys.exit(main())
