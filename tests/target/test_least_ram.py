"""Plans for least RAM: kernels whose output takes the place of the input, on the host and on a core, bit for bit."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from benchmarks.measure import measure
from benchmarks.shapes import conv, depthwise
from edgecomp import reference
from edgecomp.build import build
from edgecomp.emit import emit
from edgecomp.plan import plan
from edgecomp.qgraph import Port, QGraph, QNode, QOp, QTensor
from edgecomp.run import execute
from edgecomp.target import load_target

BOARDS = [("host", "cc"), ("qemu_cortex_m4", "arm-none-eabi-gcc"), ("qemu_rv32imc", "riscv64-unknown-elf-gcc")]


def chain(*ops: QOp, sizes: tuple[int, ...]) -> QGraph:
    """Operators one behind the other; `sizes` has the elements between them."""
    tensors = {f"t{i}": QTensor(f"t{i}", (size,), 1.0, 0) for i, size in enumerate(sizes)}
    nodes = tuple(QNode(f"layer{i}", op.kernel, op, (f"t{i}",), f"t{i + 1}") for i, op in enumerate(ops))
    last = f"t{len(ops)}"
    return QGraph("chain", tensors, nodes, (Port("t0", "t0", (sizes[0],), (0,)),), (Port(last, last, (sizes[-1],), (0,)),)).verify()


def require(tool: str, board: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    emulator = load_target(board).emulator
    if emulator and shutil.which(emulator) is None:
        pytest.skip(f"{emulator} is not installed")


@pytest.mark.parametrize("optimize", ["ram", "speed"])
@pytest.mark.parametrize(("board", "tool"), BOARDS)
def test_outputs_over_inputs_lose_nothing(board: str, tool: str, optimize: str, tmp_path: object) -> None:
    """And for least RAM a separable network runs in little more than one map."""
    require(tool, board)
    size = 11 * 7 * 12
    ops = (
        conv(11, 7, 3, 12),
        depthwise(11, 7, 12),
        conv(11, 7, 12, 12, (1, 1)),
        depthwise(11, 7, 12, (5, 3)),
        depthwise(11, 7, 12, dilation=2),
    )
    qgraph = chain(*ops, sizes=(11 * 7 * 3, size, size, size, size, size))
    target = load_target(board)
    laid = plan(qgraph, target, optimize)
    if optimize == "ram":
        assert laid.memory_bytes < 2 * size
        assert sum(step.overlap is not None for step in laid.steps) >= 4
    firmware = build(emit(laid), target, tmp_path, optimize=optimize)  # type: ignore[arg-type]
    x = np.random.default_rng(3).integers(-128, 128, (5, 11 * 7 * 3)).astype(np.int8)
    got = execute(firmware, target, x.view(np.uint8), size, len(ops), timeout_s=60).outputs.view(np.int8)
    np.testing.assert_array_equal(got, reference.outputs(qgraph, [x])[0])


@pytest.mark.parametrize(("board", "tool"), BOARDS)
def test_least_ram_kernels_equal_the_reference(board: str, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    require(tool, board)
    monkeypatch.setattr("edgecomp.plan.planner.MOST_EXTRA_RAM", -1.0)  # none of them may make place for a faster one
    ops = [depthwise(9, 8, 5), depthwise(6, 13, 7, (5, 5)), depthwise(1, 40, 3, (1, 7)), depthwise(10, 10, 4, dilation=3)]
    results = measure(ops, board, optimize="ram")
    assert all(result.exact for result in results)
    assert "in_place" in {result.isa for result in results}
