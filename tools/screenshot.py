"""Take a screenshot of a running console: `python -m tools.screenshot [URL] [FILE]`."""

import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

URL: Final = "http://127.0.0.1:8090"
FILE: Final = Path(__file__).parent.parent / "docs" / "images" / "board.png"
FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
WAIT_MS: Final = 15_000
"""Longest wait for the first board in milliseconds."""


def main(url: str = URL, file: str = str(FILE)) -> None:
    """Open every alert's evidence and save a screenshot."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no chromium: apt-get install chromium")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 720}, device_scale_factor=1.5)
        page.goto(url)
        page.locator(".call").first.wait_for(timeout=WAIT_MS)
        page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
        page.screenshot(path=file)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
