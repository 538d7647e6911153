"""Networks of several inputs and outputs, and of names that no ecosystem would choose."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edgecomp.artifacts import replace_directory
from edgecomp.emit import emit
from edgecomp.exports import FORMATS, export
from edgecomp.exports.known_answer import known_answer
from edgecomp.exports.library import Library
from edgecomp.frontend.onnx_import import from_model
from edgecomp.passes import simplify
from edgecomp.plan import plan
from edgecomp.qgraph import QGraph
from edgecomp.quant.lowering import lower
from edgecomp.quant.quantize import needs_range, quantize
from edgecomp.target import load_target
from tests.exports.builders import BUILDERS
from tests.exports.machines import PASS, Machine
from tests.golden.test_generated_c import ODD_NAME
from tests.golden.tiny import tiny_network


def two_in_two_out(name: str = "digits") -> QGraph:
    """Two maps [1, 2, 3, 3]; their sum and their product."""
    ports = [helper.make_tensor_value_info(port, TensorProto.FLOAT, [1, 2, 3, 3]) for port in ("x", "y", "sum", "product")]
    nodes = [helper.make_node("Add", ["x", "y"], ["sum"]), helper.make_node("Mul", ["x", "y"], ["product"])]
    model = helper.make_model(helper.make_graph(nodes, "two", ports[:2], ports[2:]), opset_imports=[helper.make_opsetid("", 17)])
    graph = simplify(from_model(model, name))
    return replace(lower(quantize(graph, dict.fromkeys(needs_range(graph), (-4.0, 4.0)))), name=name)


def made(qgraph: QGraph) -> Library:
    planned = plan(qgraph, load_target("host"))
    return Library(planned, emit(planned, "digits"), known_answer(planned.qgraph))


def odd_network() -> QGraph:
    """The tiny network, its ports and itself called by quotes, ends of comments, braces, angle brackets and other alphabets."""
    name = ODD_NAME + " <tag attr='x'> & ${VARIABLE} $(shell) # = : \t |"
    qgraph = tiny_network(name)
    ports = {kind: tuple(replace(port, name=name) for port in getattr(qgraph, kind)) for kind in ("inputs", "outputs")}
    return replace(qgraph, **ports)


@pytest.mark.parametrize("network", [two_in_two_out, odd_network])
@pytest.mark.parametrize("format_name", FORMATS)
def test_the_example_passes(machines: Callable[[str], Machine], tmp_path: Path, format_name: str, network: Callable[[], QGraph]) -> None:
    replace_directory(tmp_path / "out", export(made(network()), format_name))
    ran = BUILDERS[format_name](tmp_path / "out", machines("host"), tmp_path / "work")
    assert PASS in ran.stdout, ran.stdout


def test_made_up_inputs_touch_many_values_and_never_change() -> None:
    answer = known_answer(tiny_network())
    assert answer.source == "made-up values"
    (values,) = answer.inputs
    assert values.dtype == np.int8 and values.shape == (36,)
    assert len(set(values.tolist())) > 30
    assert values[:4].tolist() == [30, -68, 90, -8]
    first, second = known_answer(two_in_two_out()).inputs
    assert not np.array_equal(first, second)


def test_metadata_of_an_odd_name_is_in_form() -> None:
    library = made(odd_network())
    metadata = json.loads(export(library, "platformio")["library.json"])
    assert metadata["description"].startswith("Model quote ' backslash / end * / begin / *")
    (pdsc,) = (text for name, text in export(library, "cmsis-pack").items() if name.endswith(".pdsc"))
    assert "<tag attr='x'>" in (ElementTree.fromstring(pdsc).findtext("releases/release") or "")
    lines = export(library, "arduino")["library.properties"].decode().splitlines()
    assert all(re.match(r"[a-z_]+=", line) for line in lines)
    yaml = pytest.importorskip("yaml", reason="the package `pyyaml` is not installed (extra `exports`)")
    assert yaml.safe_load(export(library, "esp-idf")["idf_component.yml"])["description"] == metadata["description"]
    assert yaml.safe_load(export(library, "zephyr")["zephyr/module.yml"])["name"] == "digits"
