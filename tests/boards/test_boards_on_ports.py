"""Boards at serial ports: two machines stand for two boards on the desk, and share the samples of the digits."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from edgecomp import load, reference
from edgecomp.build import build
from edgecomp.cli import execute
from edgecomp.data.samples import Preprocessing, load_samples
from edgecomp.emit import emit
from edgecomp.run.parallel import execute_in_parallel
from edgecomp.run.request import Request
from edgecomp.run.serial import SerialRunner
from edgecomp.target import load_target
from tests.boards.emulated_port import emulated_port

BOARDS = 2
SAMPLES = 7


@pytest.mark.parametrize("board", ["stm32f405", "hifive1"])
def test_two_boards_share_the_samples(board: str, tmp_path: Path, digits_onnx: Path, digits_npz: Path) -> None:
    images, _ = load_samples(digits_npz)
    quantized = load(digits_onnx).quantize(images[:50], preprocessing=Preprocessing(layout="nhwc", std=(16.0,)), method="min-max")
    target = load_target(board)
    plan = quantized.plan(target)
    with ExitStack() as stack:
        firmware = build(emit(plan), target, tmp_path, transport="serial")
        ports = [stack.enter_context(emulated_port(target, firmware.elf)) for _ in range(BOARDS)]
        buffers = quantized.buffers(quantized.samples(images[50 : 50 + SAMPLES]))
        expected = reference.outputs(plan.qgraph, [buffers])[0]
        request = Request(firmware, target, buffers.view(np.uint8), expected.shape[1], len(plan.steps), 60.0, 2, False, None)
        execution = execute_in_parallel(request, ports, SerialRunner())
    assert np.array_equal(execution.outputs.view(np.int8), expected)
    assert execution.stack_bytes and execution.arena_used_bytes <= plan.memory_bytes


def test_the_command_runs_on_all_boards_of_the_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits_onnx: Path, digits_npz: Path
) -> None:
    """Ports come from the map; both machines hold the program that `flash` would have written."""
    board, data = (
        "stm32f405",
        ["--data", str(digits_npz), "--layout", "nhwc", "--std", "16", "--calib-samples", "50", "--calibration", "min-max"],
    )
    monkeypatch.chdir(tmp_path)
    assert execute(["flash", str(digits_onnx), "--target", board, *data, "--image", "firmware.elf"]) == 0
    with ExitStack() as stack:
        ports = [stack.enter_context(emulated_port(load_target(board), Path("firmware.elf"))) for _ in range(BOARDS)]
        Path("boards.toml").write_text("".join(f'[[board]]\nname = "{board}"\nport = "{port}"\n' for port in ports))
        assert execute(["run", str(digits_onnx), "--target", board, *data, "--samples", "6", "--json", "run.json"]) == 0
    report = json.loads(Path("run.json").read_text())
    assert report["bit_exact"] == {"equal": True, "compared": 60, "first_difference": None}
    assert report["transport"]["kind"] == "serial" and report["samples"] == 6
