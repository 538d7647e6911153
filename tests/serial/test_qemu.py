"""The same protocol over the UARTs that QEMU models, register by register."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecomp.build import Firmware, build
from edgecomp.errors import RunError, ToolError
from edgecomp.run import Connection, execute
from edgecomp.run.request import Request
from edgecomp.run.serial import Infer
from edgecomp.run.serial.far_end import url_of
from edgecomp.target import Target, list_targets, load_target
from tests.serial.conftest import client_at
from tests.serial.proxy import Faults, Proxy
from tests.serial.summing_model import LAYERS, SummingModel
from tests.target import fake_model

BOARDS = [name for name in list_targets() if load_target(name).runner == "qemu"]
MODELLED = [name for name in list_targets() if load_target(name).runner == "serial" and load_target(name).emulator]
FAST_BOARDS = ["qemu_cortex_m4", "qemu_rv32imc"]
MODEL = SummingModel()
QEMU_QUICK_S = 0.15


def available(name: str) -> Target:
    target = load_target(name)
    for tool in (f"{target.toolchain_prefix}gcc", target.emulator):
        if shutil.which(tool) is None:
            pytest.skip(f"{name} needs {tool}, which is not installed")
    return target


def request_for(firmware: Firmware, target: Target) -> Request:
    over = Connection(emulate=target.runner == "serial")
    return Request(firmware, target, MODEL.samples(1), MODEL.output_bytes, LAYERS, 20, 0, False, None, over)


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts a board's serial image in QEMU; gives the TCP port of its UART."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(name: str, model: SummingModel = MODEL) -> int:
            target = available(name)
            firmware = build(model.sources(), target, tmp_path / "build", transport="serial")
            url = stack.enter_context(url_of(request_for(firmware, target), tmp_path))
            return int(url.rsplit(":", 1)[1])

        yield start


@pytest.mark.parametrize("board", [pytest.param(b, marks=[] if b in FAST_BOARDS else pytest.mark.slow) for b in BOARDS + MODELLED])
def test_outputs_layers_and_memory_come_over_the_uart(board: str, tmp_path: Path) -> None:
    target = available(board)
    firmware = build(fake_model.fake_sources(), target, tmp_path, transport="serial")
    x = fake_model.fake_inputs(8)
    over = Connection(emulate=target.runner == "serial")
    layers = fake_model.reference_layers(x)
    done = execute(firmware, target, x, 8, fake_model.LAYERS, timeout_s=30, profiled_samples=3, connection=over)
    assert np.array_equal(done.outputs, layers[-1])
    assert done.arena_used_bytes == fake_model.ARENA_USED_BYTES
    assert done.stack_bytes is not None and 64 <= done.stack_bytes < 512
    assert done.instructions is not None
    assert done.layer_instructions is not None and len(done.layer_instructions) == fake_model.LAYERS
    assert done.cycles is None  # an emulator counts none
    traced = execute(firmware, target, x[:2], 8, fake_model.LAYERS, timeout_s=30, trace=True, connection=over)
    assert traced.trace is not None
    assert all(np.array_equal(got, wanted[:2]) for got, wanted in zip(traced.trace, layers, strict=True))


@pytest.mark.parametrize("board", FAST_BOARDS)
def test_the_profiler_counts_as_many_instructions_as_over_semihosting(board: str, tmp_path: Path) -> None:
    target = available(board)
    x = fake_model.fake_inputs(3)
    counts = []
    for transport in target.transports:
        firmware = build(fake_model.fake_sources(), target, tmp_path / transport, transport=transport)
        done = execute(firmware, target, x, 8, fake_model.LAYERS, timeout_s=30, profiled_samples=3)
        assert done.layer_instructions is not None
        counts.append(done.layer_instructions)
    first, second = counts
    assert first[1:] == second[1:]
    assert abs(first[0] - second[0]) <= 20  # the way from the harness to the first layer


@pytest.mark.slow
@pytest.mark.parametrize("board", FAST_BOARDS)
def test_faults_on_the_uart_change_no_output(emulated: Callable[..., int], board: str) -> None:
    faults = Faults.evenly(0.05)
    port = emulated(board)
    with Proxy(port, faults, faults, seed=3) as proxy, client_at(proxy.port, first_timeout_s=QEMU_QUICK_S) as client:
        for row in MODEL.samples(300):
            assert client.infer(row.tobytes(), timeout_s=30).output == MODEL.output(row.tobytes())
        assert client.exchange.traffic.frames > 1500
    assert proxy.to_board.inflicted + proxy.to_host.inflicted > 60


@pytest.mark.parametrize("board", FAST_BOARDS)
def test_the_board_runs_repeatedly_and_counts_a_timer(emulated: Callable[..., int], board: str) -> None:
    with client_at(emulated(board), first_timeout_s=QEMU_QUICK_S) as client:
        sample = MODEL.samples(1)[0].tobytes()
        assert client.hello.keeps_input
        assert client.hello.has_counter
        assert client.hello.knows_stack
        assert client.hello.static_bytes < 512
        answer = client.infer(sample, Infer.COUNT, repeats=20, timeout_s=30)
        assert answer.output == MODEL.output(sample)
        assert answer.cycles >= sum(client.layer_cycles()) > 0
        client.exchange.send([(9, b"")])  # restart
        assert client.infer(sample, timeout_s=30).output == MODEL.output(sample)


@pytest.mark.parametrize("board", FAST_BOARDS)
def test_a_crash_names_its_function_and_the_board_can_be_used_again(emulated: Callable[..., int], tmp_path: Path, board: str) -> None:
    crashing = replace(MODEL, before_run="if (in[0] == 0u) { __builtin_trap(); }")
    sound, fatal = b"\1" * MODEL.input_bytes, bytes(MODEL.input_bytes)
    port = emulated(board, crashing)
    with Proxy(port) as proxy, client_at(proxy.port, first_timeout_s=QEMU_QUICK_S) as client:
        assert client.infer(sound, timeout_s=30).output == MODEL.output(sound)
        with pytest.raises(RunError, match=r"fault: .* at pc 0x"):
            client.infer(fatal, timeout_s=30)
        client._greet()
        assert client.infer(sound, timeout_s=30).output == MODEL.output(sound)


def test_a_crash_in_a_run_is_one_error_with_sample_and_function(tmp_path: Path) -> None:
    target = available("qemu_cortex_m4")
    firmware = build(fake_model.fake_sources("if (arena[0] == 7u) { __builtin_trap(); }"), target, tmp_path, transport="serial")
    x = fake_model.fake_inputs(4)
    x[:, 0] = [1, 2, 7, 3]
    with pytest.raises(RunError, match=r"board qemu_cortex_m4, sample 2: fault: exception .* in fake_run"):
        execute(firmware, target, x, 8, fake_model.LAYERS, timeout_s=30, profiled_samples=0)


def test_what_the_flash_holds_is_summed_on_the_board(emulated: Callable[..., int], tmp_path: Path) -> None:
    from edgecomp.elf import ElfFile
    from edgecomp.run.serial import OtherImageError

    with client_at(emulated("qemu_cortex_m4"), first_timeout_s=QEMU_QUICK_S) as client:
        image = ElfFile(tmp_path / "build" / "firmware.elf")
        client.check_image(image.bytes_at, 1 << 20)
        with pytest.raises(OtherImageError, match="flash it again"):
            client.check_image(lambda address, size: bytes(size), 1 << 20)


def test_an_emulator_that_ends_is_told_of(tmp_path: Path) -> None:
    target = replace(available("qemu_cortex_m4"), machine=("-machine", "no-such-machine"))
    firmware = build(MODEL.sources(), target, tmp_path, transport="serial")
    with pytest.raises(ToolError, match=r"ended with code 1: .*unsupported machine type"):
        execute(firmware, target, MODEL.samples(1), MODEL.output_bytes, LAYERS, timeout_s=20, profiled_samples=0)


def test_small_boards_have_room_for_the_harness(tmp_path: Path) -> None:
    target = available("qemu_cortex_m0")
    firmware = build(MODEL.sources(), target, tmp_path, transport="serial")
    size = shutil.which("arm-none-eabi-size")
    assert size
    text = subprocess.run([size, firmware.elf], capture_output=True, text=True, check=True).stdout
    code, data, bss = map(int, text.splitlines()[1].split()[:3])
    assert data + bss <= 512
    assert code < 14 * 1024
