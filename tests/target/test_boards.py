"""Every board runs the handmade model: outputs, trace and measurements."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecomp.build import Firmware, Sources, build
from edgecomp.run import Execution, execute
from edgecomp.target import Target, list_targets
from tests.target import fake_model

Built = Callable[..., tuple[Firmware, Target]]
QEMU_BOARDS = [name for name in list_targets() if name.startswith("qemu_")]


def run(firmware: Firmware, target: Target, samples: int = 24, *, trace: bool = False) -> tuple[Execution, list[fake_model.Bytes]]:
    x = fake_model.fake_inputs(samples)
    execution = execute(firmware, target, x, fake_model.OUTPUT_BYTES, fake_model.LAYERS, timeout_s=30, trace=trace, profiled_samples=3)
    return execution, fake_model.reference_layers(x)


@pytest.mark.parametrize("board", ["host", *QEMU_BOARDS])
def test_outputs_and_trace_equal_the_reference(built: Built, board: str) -> None:
    execution, expected = run(*built(board), trace=True)
    assert np.array_equal(execution.outputs, expected[-1])
    assert execution.trace is not None
    assert len(execution.trace) == fake_model.LAYERS
    for got, wanted in zip(execution.trace, expected, strict=True):
        assert np.array_equal(got, wanted)


@pytest.mark.parametrize("board", QEMU_BOARDS)
def test_layers_add_up_and_memory_is_measured(built: Built, board: str) -> None:
    execution, expected = run(*built(board))
    assert np.array_equal(execution.outputs, expected[-1])
    assert execution.profiled_samples == 3
    assert execution.counting_note is None
    assert execution.instructions is not None
    assert execution.layer_instructions is not None
    assert len(execution.layer_instructions) == fake_model.LAYERS
    # Each layer's loop runs 64 times over at least 4 instructions; the fold has two such loops.
    assert min(execution.layer_instructions) >= 64 * 4
    assert execution.layer_instructions[2] > 1.5 * execution.layer_instructions[1]
    assert sum(execution.layer_instructions) == pytest.approx(execution.instructions, rel=0.02)
    assert execution.stack_bytes is not None
    assert 64 <= execution.stack_bytes < 512  # the fold keeps 64 bytes there
    assert execution.arena_used_bytes == fake_model.ARENA_USED_BYTES


@pytest.mark.parametrize("board", QEMU_BOARDS)
def test_estimated_cycles_name_their_model_or_say_why_there_are_none(built: Built, board: str) -> None:
    execution, _ = run(*built(board))
    assert execution.instructions is not None
    assert execution.cycle_model_note
    if execution.estimated_cycles is None:
        assert execution.cycle_model is None
        assert board in ("qemu_cortex_m7", "qemu_cortex_m55")
        return
    assert execution.cycle_model is not None
    assert execution.instructions <= execution.estimated_cycles <= 3 * execution.instructions
    assert execution.layer_estimated_cycles is not None
    assert sum(execution.layer_estimated_cycles) == pytest.approx(execution.estimated_cycles, rel=0.02)


@pytest.mark.parametrize("board", QEMU_BOARDS)
def test_large_weights_fit(available_board: Callable[[str], Target], tmp_path: Path, board: str) -> None:
    target = available_board(board)
    weights = "extern const unsigned char fake_weights[1300000];\nconst unsigned char fake_weights[1300000] = {[1299999] = 7};\n"
    sources = fake_model.fake_sources("extern const unsigned char fake_weights[]; arena[0] = (uint8_t)(fake_weights[1299999] * 3u);")
    firmware = build(Sources("fake", {**sources.files, "weights.c": weights}), target, tmp_path)
    assert firmware.flash_bytes > 1_300_000
    x = fake_model.fake_inputs(2)
    execution = execute(firmware, target, x, fake_model.OUTPUT_BYTES, fake_model.LAYERS, timeout_s=30)
    x[:, 0] = 21
    assert np.array_equal(execution.outputs, fake_model.reference_layers(x)[-1])


def test_the_host_counts_nothing(built: Built) -> None:
    execution, expected = run(*built("host"))
    assert np.array_equal(execution.outputs, expected[-1])
    assert execution.instructions is None
    assert execution.estimated_cycles is None
    assert execution.stack_bytes is None
    assert execution.arena_used_bytes == fake_model.ARENA_USED_BYTES


def test_counts_do_not_depend_on_the_number_of_samples(built: Built) -> None:
    firmware, target = built("qemu_cortex_m4")
    few, _ = run(firmware, target, 1)
    many, _ = run(firmware, target, 24)
    assert few.instructions == many.instructions  # the model's work does not depend on its data
    assert few.layer_instructions == many.layer_instructions


def test_progress_ends_at_all_samples(built: Built) -> None:
    firmware, target = built("host")
    seen: list[tuple[int, int]] = []
    x = fake_model.fake_inputs(50)
    execute(firmware, target, x, 8, 3, timeout_s=30, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (50, 50)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
