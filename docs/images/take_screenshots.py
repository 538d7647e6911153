"""Take the screenshots of docs/report.md again: python docs/images/take_screenshots.py M4.json RV32.json DIGITS.json

The first two are reports of one network on two cores, the third one whose samples may be shown. Needs chromium, chromedriver and the
extra edgecomp[test].
"""

from __future__ import annotations

import base64
import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver

from edgecomp.page import read, render

HERE = Path(__file__).parent
COLOURS = 256
SHOTS = (
    # name, reports, width, dark, first and last element shown
    ("report", (0,), 1180, False, "header", "#layers"),
    ("report-two-dark", (0, 1), 1180, True, "#roofline", "#memory"),
    ("report-accuracy", (2,), 1180, False, "#accuracy", "#accuracy"),
    ("report-phone", (0,), 390, False, "header", "#totals"),
    ("report-phone-dark", (0, 1), 390, True, "#memory", "#memory"),
)


def main(files: list[str]) -> None:
    """Write one PNG for each of SHOTS beside this file."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    with tempfile.TemporaryDirectory() as folder:
        for name, reports, width, dark, first, last in SHOTS:
            page = Path(folder) / "page.html"
            page.write_text(render([each for at in reports for each in read(Path(files[at]).read_text(), files[at])]))
            shot = Image.open(io.BytesIO(taken(browser, page, width, dark, first, last)))
            shot.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(HERE / f"{name}.png", optimize=True)
    browser.quit()


def taken(browser: Any, page: Path, width: int, dark: bool, first: str, last: str) -> bytes:
    """A PNG of the page's whole width from the top of one element to the bottom of another."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get(page.as_uri())
    edges = "return [...arguments].map((name) => document.querySelector(name).getBoundingClientRect()).map((box) => [box.top, box.bottom])"
    (top, _), (_, bottom) = browser.execute_script(edges, first, last)
    clip = {"x": 0, "y": top, "width": width, "height": bottom - top + 24, "scale": 1}
    found = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip})
    return base64.b64decode(found["data"])


if __name__ == "__main__":
    main(sys.argv[1:])
