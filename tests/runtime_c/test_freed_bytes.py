"""Generated C gives the reference's bits although every byte that the plan calls free is overwritten after each layer."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from edgecomp import reference
from edgecomp.build import find_compiler
from edgecomp.emit import emit
from edgecomp.plan import Plan, plan
from edgecomp.plan.kernels import OPTIMIZE
from edgecomp.qgraph import IntArray, QGraph
from edgecomp.target import load_target
from tests.plan.image_networks import networks, renamed, side_by_side

NETWORKS = 12
SAMPLES = 2
POISON = 0xA5
Observer = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t)


class Context(ctypes.Structure):
    """`ec_context`."""

    _fields_ = (("arena", ctypes.c_void_p), ("observer", Observer), ("observer_user", ctypes.c_void_p))


def drawn() -> QGraph:
    """The same networks every time, side by side in one."""
    found: list[QGraph] = []

    @settings(max_examples=NETWORKS, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(networks())
    def collect(graph: QGraph) -> None:
        found.append(renamed(graph, f"n{len(found)}_"))

    collect()
    return side_by_side(found)


def free_bytes(planned: Plan, step: int) -> IntArray:
    """Which bytes of the model's memory nobody will read once a step is done."""
    free = np.ones(planned.memory_bytes, bool)
    kept = {port.tensor for port in planned.qgraph.outputs}
    for name, buffer in planned.buffers.items():
        if buffer.first_step <= step and (buffer.last_step > step or name in kept):
            free[buffer.offset_bytes : buffer.end_bytes] = False
    return free


def shared_library(planned: Plan, folder: Path) -> ctypes.CDLL:
    sources = emit(planned, "model")
    for path, text in sources.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    includes = sorted({f"-I{(folder / path).parent}" for path in sources.files if path.endswith(".h")})
    units = [str(folder / path) for path in sources.files if path.endswith(".c")]
    library = folder / "model.so"
    command = [find_compiler(planned.target), "-std=c11", "-O2", "-shared", "-fPIC", *includes, "-o", str(library), *units]
    subprocess.run(command, check=True, timeout=300)
    return ctypes.CDLL(str(library))


@pytest.mark.parametrize("optimize", OPTIMIZE)
def test_freed_bytes_are_read_by_nobody(optimize: str, tmp_path: Path) -> None:
    qgraph = drawn()
    planned = plan(qgraph, load_target("host"), optimize)
    library = shared_library(planned, tmp_path)
    poisonable = [free_bytes(planned, step) for step in range(len(planned.steps))]
    assert any(free.any() for free in poisonable)
    random = np.random.default_rng(11)
    inputs = [random.integers(-128, 128, (SAMPLES, qgraph.tensors[port.tensor].bytes)).astype(np.int8) for port in qgraph.inputs]
    expected = reference.outputs(qgraph, inputs)

    room = np.zeros(planned.memory_bytes + planned.arena_alignment, np.uint8)
    start = -room.ctypes.data % planned.arena_alignment
    memory = room[start : start + planned.memory_bytes]

    def poison(_user: int, layer: int, _output: int, _bytes: int) -> None:
        memory[poisonable[layer]] = POISON

    context, observer = Context(), Observer(poison)
    assert library.model_init(ctypes.byref(context), ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(memory.size)) == 0
    context.observer = observer
    for sample in range(SAMPLES):
        memory[:] = POISON
        for port, values in zip(qgraph.inputs, inputs, strict=True):
            buffer = planned.buffers[port.tensor]
            memory[buffer.offset_bytes : buffer.end_bytes] = values[sample].view(np.uint8)
        library.model_run(ctypes.byref(context))
        for port, wanted in zip(qgraph.outputs, expected, strict=True):
            buffer = planned.buffers[port.tensor]
            np.testing.assert_array_equal(memory[buffer.offset_bytes : buffer.end_bytes].view(np.int8), wanted[sample])
