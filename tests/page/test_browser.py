"""The page in a browser, at widths of desktops and phones, light and dark: looked at by a person once, held by these rules since.

EDGECOMP_SCREENSHOTS=FOLDER keeps the screenshots.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgecomp.page import read, render

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra edgecomp[test])")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed (Debian: chromium chromium-driver)"
)

REPORTS = Path(__file__).parent / "reports"
PAGES = {"one": ("digits_m4",), "two": ("digits_m4", "digits_rv32"), "mixed": ("masks", "older")}
DESKTOP, PHONE = 1280, 390
LEAST_CONTRAST = 4.5
"""Of text, WCAG 2.2 success criterion 1.4.3."""

PROBES = (Path(__file__).parent / "probes.js").read_text()
TIP = "const tip = document.getElementById('tip'); return [document.activeElement.dataset.layer, tip.hidden, tip.textContent]"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    files = {name: folder / f"{name}.html" for name in PAGES}
    for name, reports in PAGES.items():
        documents = [document for report in reports for document in read((REPORTS / f"{report}.json").read_text(), f"{report}.json")]
        files[name].write_text(render(documents), encoding="utf-8")
    return files


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    yield driver
    driver.quit()


def show(browser: Any, page: Path, width: int = DESKTOP, dark: bool = False, script: bool = True) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = {"prefers-color-scheme": "dark" if dark else "light", "prefers-reduced-motion": "reduce"}
    media = [{"name": name, "value": value} for name, value in features.items()]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    browser.get(page.as_uri())


def probe(browser: Any, name: str) -> Any:
    """The answer of a function of probes.js."""
    return browser.execute_script(f"{PROBES}\nreturn probe.{name}();")


def screenshot(browser: Any, width: int) -> bytes:
    height = browser.execute_script("return document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    found = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip})
    return base64.b64decode(found["data"])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_it_looks_right(browser: Any, pages: dict[str, Path], tmp_path: Path, name: str, width: int, dark: bool) -> None:
    from PIL import Image

    browser.get_log("browser")
    show(browser, pages[name], width, dark)
    picture = screenshot(browser, width)
    folder = Path(os.environ.get("EDGECOMP_SCREENSHOTS", tmp_path))
    (folder / f"{name}-{width}-{'dark' if dark else 'light'}.png").write_bytes(picture)
    image = Image.open(io.BytesIO(picture)).convert("L")
    assert image.width == width and image.height > 3000
    brightness = sum(level * count for level, count in enumerate(image.histogram())) / (image.width * image.height)
    assert brightness < 60 if dark else brightness > 200
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert probe(browser, "beyondTheEdge") == []
    assert probe(browser, "clippedText") == []
    ratio, text, style = probe(browser, "leastContrast")[0]
    assert ratio >= LEAST_CONTRAST, f"{text!r} ({style}) has a contrast of {ratio:.2f}"


@pytest.mark.parametrize("width", [320, 600, 820, 1920])
def test_nothing_sticks_out_at_other_widths(browser: Any, pages: dict[str, Path], width: int) -> None:
    for page in pages.values():
        show(browser, page, width)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert probe(browser, "beyondTheEdge") == []


def test_it_asks_for_nothing(browser: Any, pages: dict[str, Path]) -> None:
    browser.get_log("performance")
    show(browser, pages["two"])
    screenshot(browser, DESKTOP)
    entries = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
    assert pages["two"].as_uri() in asked
    assert [address for address in asked if not address.startswith("data:")] == [pages["two"].as_uri()]


def tab_stops(browser: Any) -> list[dict[str, Any]]:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    stops: list[dict[str, Any]] = []
    for _ in range(120):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        found = probe(browser, "focused")
        if found is None or (stops and not found["in_order"]):
            break
        stops.append(found)
    return stops


def test_the_keyboard_reaches_everything_in_order(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["two"])
    stops = tab_stops(browser)
    kinds = [stop["what"] for stop in stops]
    assert kinds[:2] == ["skip-link", "theme"]
    assert [stop["name"] for stop in stops if stop["what"] == "section"] == [
        "Totals", "Layers", "Roofline", "Memory", "Flash", "Accuracy", "Quantization", "Build",
    ]  # fmt: skip
    assert kinds.count("sort") == 3 and kinds.count("summary") == 2
    assert len([stop for stop in stops if stop["chart"]]) == 5, "one stop a chart"
    assert all(stop["is_seen"] and stop["name"] for stop in stops)


def test_arrow_keys_go_from_layer_to_layer(browser: Any, pages: dict[str, Path]) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    show(browser, pages["one"])
    browser.execute_script("document.querySelector('#roofline .mark[tabindex=\"0\"]').focus()")
    assert browser.execute_script(TIP)[:2] == ["0", False]
    ActionChains(browser).send_keys(Keys.ARROW_RIGHT).perform()
    layer, is_hidden, said = browser.execute_script(TIP)
    assert layer == "1" and not is_hidden and "depthwise" in said and "per MAC" in said
    assert browser.execute_script("return document.querySelector('table.layers tr[data-layer=\"1\"]').classList.contains('lit')")
    ActionChains(browser).send_keys(Keys.END).perform()
    assert browser.execute_script(TIP)[0] == "8"
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert browser.execute_script(TIP)[1]


def test_a_table_sorts_three_ways(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["one"])
    order = "return [...document.querySelectorAll('table.layers tbody tr')].map((row) => Number(row.dataset.layer))"
    click = "document.querySelectorAll('table.layers .sort')[3].click()"
    natural = browser.execute_script(order)
    assert natural == list(range(10))
    browser.execute_script(click)
    falling = browser.execute_script(order)
    assert falling[:3] == [4, 5, 2] and falling[-1] == 9
    assert browser.execute_script("return document.querySelectorAll('th[aria-sort=descending]').length") == 1
    browser.execute_script(click)
    assert browser.execute_script(order) == falling[::-1]
    browser.execute_script(click)
    assert browser.execute_script(order) == natural


def test_the_theme_can_be_chosen(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["one"], dark=True)
    ground = "return getComputedStyle(document.body).backgroundColor"
    dark = browser.execute_script(ground)
    press = "document.getElementById('theme').click(); return document.getElementById('theme').textContent"
    assert browser.execute_script(press) == "Theme: light"
    assert browser.execute_script(ground) != dark
    assert browser.execute_script(press) == "Theme: dark"
    assert browser.execute_script(ground) == dark
    assert browser.execute_script(press) == "Theme: auto"


def test_it_is_whole_without_its_script(browser: Any, pages: dict[str, Path]) -> None:
    show(browser, pages["one"], PHONE, script=False)
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    names = [node["name"]["value"] for node in tree if node.get("name", {}).get("value")]
    for expected in ("Layers", "Memory over time", "81,015", "Worst samples"):
        assert any(expected in name for name in names), expected
    assert "Theme: auto" not in names
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
