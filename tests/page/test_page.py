"""What stands on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from edgecomp.cli import execute
from edgecomp.page import read, render

Load = Callable[[str], dict[str, Any]]
VOID = {"meta", "link", "br", "img", "wbr", "input", "hr"}


class Balanced(HTMLParser):
    """Notes every tag, attribute value and text, and proves that what is opened is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href"):
                self.addresses.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} closes {self.open[-2:]} at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"] and self.open[-1:] != ["script"]:
            self.text += data


def page(*contents: dict[str, Any]) -> str:
    return render([document for at, content in enumerate(contents) for document in read(json.dumps(content), f"{at}.json")])


def parsed(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def words(text: str) -> str:
    return re.sub(r"\s+", " ", parsed(text).text)


@pytest.mark.parametrize("names", [["digits_m4"], ["older"], ["masks"], ["digits_m4", "digits_rv32"], ["masks", "older", "digits_m4"]])
def test_it_stands_alone_and_is_sound(report: Load, names: list[str]) -> None:
    text = page(*map(report, names))
    found = parsed(text)
    assert len(found.ids) == len(set(found.ids))
    assert all(address.startswith(("data:", "#")) for address in found.addresses)
    assert {address[1:] for address in found.addresses if address.startswith("#")} <= set(found.ids)
    assert not re.search(r"@import|url\((?!#)", text)
    assert text == page(*map(report, names))
    assert "nan" not in found.text.lower().replace("nano", "") and "None" not in found.text


def test_figures_of_one_run(report: Load) -> None:
    said = words(page(report("digits_m4")))
    for expected in (
        "Instructions per inference 254 k 1.21 per MAC",
        "98.89 % float 98.89 %, int8 reference 98.89 %, 360 samples",
        "Yes 3,600 outputs equal the reference",
        "3.12 KiB of 4.00 MiB",
        "residual_a+residual_a_relu",
        "81,015",
        "Lowest: 33.9 dB in layer 5",
        "4 of 360 are wrong",
        "9 taken for 4",
        "min-max + bias correction chosen",
        "-mcpu=cortex-m4",
    ):
        assert expected in said, expected


def test_differences_of_two_runs(report: Load) -> None:
    slow = report("digits_m4")
    slow["target"]["board"] = "other"
    slow["per_inference"]["instructions"] *= 2
    slow["layers"][0]["instructions"] *= 3
    slow["memory"]["flash_bytes"] //= 2
    said = words(page(report("digits_m4"), slow))
    assert "507,646 +100.0 % worse" in said
    assert re.search(r"Flash ?A 29.9 KiB ?B 15.0 KiB .50.0 % better", said)
    assert "72,807 3.0 x" in said
    assert "qemu_cortex_m4, other the same" in said


def test_a_layer_that_one_run_joined_is_told(report: Load) -> None:
    joined = report("digits_m4")
    joined["layers"][5]["name"] += "+" + joined["layers"].pop(6)["name"]
    said = words(page(report("digits_m4"), joined))
    assert said.count("not in this run, or joined with another layer") == 3


def test_names_are_text(report: Load) -> None:
    content = report("digits_m4")
    evil = "<script>alert(1)</script>\"'&"
    content["model"]["name"] = content["layers"][0]["name"] = content["target"]["notes"][0] = evil
    content["confusion"]["names"] = [evil] * 10
    content["memory"]["buffers"][0]["name"] = evil
    text = page(content)
    assert "<script>alert" not in text
    assert evil in parsed(text).text


def test_a_wrong_bit_is_told(report: Load) -> None:
    content = report("digits_m4")
    difference = {"sample": 3, "layer": 1, "layer_name": "depthwise", "index": 7, "reference": 5, "target": 6}
    content["bit_exact"] = {"equal": False, "compared": 10, "first_difference": difference}
    assert "No sample 3, layer 1 (depthwise), index 7: 6, not 5" in words(page(content))


def test_masks_and_rates(report: Load) -> None:
    said = words(page(report("masks")))
    assert "26.8 % of all MACs left out" in said
    assert "spatial: 10/01, accumulators" in said
    assert "of outputs made zero that would not be" in said


def test_too_much_for_the_board_is_seen(report: Load) -> None:
    content = report("digits_m4")
    content["target"]["ram_limit_bytes"] = 1000
    text = page(content)
    assert 'class="usage over"' in text
    assert "of 1,000 B" in words(text)


def test_the_memory_map_holds_every_buffer(report: Load) -> None:
    content = report("digits_m4")
    text = page(content)
    assert text.count('<rect class="buffer') == len(content["memory"]["buffers"])
    widths = [float(width) for width in re.findall(r'<rect class="buffer[^>]* width="([\d.]+)%"', text)]
    steps = sorted(buffer["last_layer"] - buffer["first_layer"] + 1 for buffer in content["memory"]["buffers"])
    assert sorted(round(width * len(content["layers"]) / 100) for width in widths) == steps


def test_reports_without_a_run(digits_onnx: Path, tmp_path: Path) -> None:
    analysis, page_file = tmp_path / "analysis.json", tmp_path / "page.html"
    assert execute(["analyze", str(digits_onnx), "--target", "qemu_cortex_m4", "--json", str(analysis)]) == 0
    assert execute(["report", str(analysis), "-o", str(page_file)]) == 0
    said = words(page_file.read_text())
    assert "Estimated instructions per inference" in said and "Fits the board Yes" in said and "Memory over time" in said
    assert execute(["analyze", str(digits_onnx), "--json", str(analysis)]) == 0
    assert execute(["report", str(analysis), "-o", str(page_file)]) == 0
    generated = tmp_path / "generated.json"
    library = ["generate", str(digits_onnx), "--target", "host", "-o", str(tmp_path / "c"), "--json", str(generated)]
    assert execute([*library, "--data", str(made_data(tmp_path))]) == 0
    assert execute(["report", str(generated), str(analysis), "-o", str(page_file)]) == 0


def made_data(folder: Path) -> Path:
    import numpy as np

    path = folder / "made.npz"
    np.savez(path, x=np.random.default_rng(0).random((8, 1, 8, 8), np.float32))
    return path
