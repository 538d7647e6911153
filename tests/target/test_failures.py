"""Firmware that hangs, crashes or misbehaves ends in one clear error, and leaves nothing behind."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgecomp.build import Firmware
from edgecomp.errors import DataError, RunError, TargetError, ToolError
from edgecomp.run import execute
from edgecomp.run import profile as profile_module
from edgecomp.target import Target
from tests.target.fake_model import fake_inputs

Built = Callable[..., tuple[Firmware, Target]]
HANG = "volatile int go = 1; while (go) {}"
LATE_HANG = "volatile int go = arena[0] == @FIRST@; while (go) {}"
TRAP = "__builtin_trap();"


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs put their files here; it must be empty afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def run(firmware: Firmware, target: Target, samples: int = 3, *, timeout_s: float = 20, layers: int = 3) -> None:
    execute(firmware, target, fake_inputs(samples), 8, layers, timeout_s=timeout_s)


@pytest.mark.parametrize("board", ["host", "qemu_cortex_m4", "qemu_rv32imc"])
def test_a_hang_ends_at_the_limit(built: Built, temporary_folder: Path, board: str) -> None:
    firmware, target = built(board, HANG)
    with pytest.raises(RunError, match=r"no sample finished within 0\.5 s.*--timeout") as error:
        run(firmware, target, timeout_s=0.5)
    assert board in str(error.value)
    assert list(temporary_folder.iterdir()) == []


def test_a_hang_names_its_sample(built: Built) -> None:
    x = fake_inputs(3)
    firmware, target = built("host", LATE_HANG.replace("@FIRST@", str(x[1, 0])))
    with pytest.raises(RunError, match="sample 1: no sample finished"):
        run(firmware, target, timeout_s=0.5)


@pytest.mark.parametrize(
    ("board", "said"),
    [("host", "SIG"), ("qemu_cortex_m4", r"fault: exception.* in fake_run"), ("qemu_rv32imc", r"fault: cause.* in fake_run")],
)
def test_a_crash_says_what_happened(built: Built, temporary_folder: Path, board: str, said: str) -> None:
    firmware, target = built(board, TRAP)
    with pytest.raises(RunError, match=said):
        run(firmware, target)
    assert list(temporary_folder.iterdir()) == []


def test_an_unaligned_access_faults_on_the_m0(built: Built) -> None:
    firmware, target = built("qemu_cortex_m0", "*(volatile uint32_t *)(uintptr_t)(arena + 1) = 1;")
    with pytest.raises(RunError, match="fault: exception"):
        run(firmware, target)


def test_float_instructions_do_not_exist_on_rv32imc(built: Built) -> None:
    firmware, target = built("qemu_rv32imc", '__asm__ volatile(".word 0x00000053");')  # fadd.s ft0, ft0, ft0
    with pytest.raises(RunError, match="fault: cause 0x00000002"):
        run(firmware, target)


@pytest.mark.parametrize("board", ["host", "qemu_cortex_m4"])
def test_writing_behind_the_arena_is_found(built: Built, board: str) -> None:
    firmware, target = built(board, "arena[260] = 1;")
    with pytest.raises(RunError, match="behind the end of its arena of 256 bytes"):
        run(firmware, target)


@pytest.mark.parametrize("board", ["host", "qemu_cortex_m4"])
def test_reading_what_was_never_written_is_found(built: Built, board: str) -> None:
    firmware, target = built(board, "arena[0] = (uint8_t)(arena[0] + arena[250]);")
    with pytest.raises(RunError, match="depends on arena bytes that it never wrote"):
        run(firmware, target)


@pytest.mark.parametrize(
    ("before_run", "said"),
    [
        ("arena[0] = (uint8_t)(arena[0] + ((volatile uint8_t *)arena)[256]);", "AddressSanitizer: heap-buffer-overflow"),
        ("volatile int by = 40; arena[0] = (uint8_t)(arena[0] + (1 << by));", "runtime error: shift exponent 40"),
    ],
)
def test_sanitizers_report_their_finding(built: Built, before_run: str, said: str) -> None:
    try:
        firmware, target = built("host", before_run, sanitize=True)
    except ToolError as error:
        pytest.skip(f"the host compiler has no sanitizers: {error}")
    with pytest.raises(RunError, match=said):
        run(firmware, target)


def test_a_wrong_number_of_layers_is_found(built: Built) -> None:
    firmware, target = built("qemu_cortex_m4")
    with pytest.raises(RunError, match=r"called its observer 3 times an inference; it has 4 layers"):
        run(firmware, target, layers=4)


def test_a_wrong_output_size_is_found(built: Built) -> None:
    firmware, target = built("host")
    with pytest.raises(RunError, match="answered 8 bytes for 1 samples; 9 were expected"):
        execute(firmware, target, fake_inputs(1), 9, 3, timeout_s=20)


def test_samples_out_of_form_are_refused(built: Built) -> None:
    firmware, target = built("host")
    with pytest.raises(DataError, match="non-empty uint8"):
        execute(firmware, target, np.zeros((0, 64), np.uint8), 8, 3, timeout_s=20)


def test_an_interrupt_ends_the_children(built: Built, temporary_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    firmware, target = built("qemu_cortex_m4", HANG)
    processes = []
    popen = __import__("subprocess").Popen

    def remember(*arguments: object, **options: object) -> object:
        processes.append(popen(*arguments, **options))
        return processes[-1]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edgecomp.run.batches.subprocess.Popen", remember)
    with pytest.raises(KeyboardInterrupt):
        execute(firmware, target, fake_inputs(30), 8, 3, timeout_s=20, progress=interrupt)
    assert processes
    assert all(process.poll() is not None for process in processes)
    assert list(temporary_folder.iterdir()) == []


def test_without_a_host_compiler_nothing_is_counted_and_the_reason_is_said(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    firmware, target = built("qemu_cortex_m4")
    which = profile_module.shutil.which
    monkeypatch.setattr(profile_module.shutil, "which", lambda name: None if name in ("gcc", "cc", "clang") else which(name))
    execution = execute(firmware, target, fake_inputs(3), 8, 3, timeout_s=20)
    assert execution.instructions is None
    assert execution.estimated_cycles is None
    assert execution.counting_note is not None
    assert "build-essential" in execution.counting_note
    assert execution.outputs.shape == (3, 8)


def test_a_plugin_that_does_not_load_is_no_failure(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    firmware, target = built("qemu_cortex_m4")
    monkeypatch.setattr(profile_module, "_FIRST_QEMU_WITH_API_2", 99 if profile_module._qemu_major_version("qemu-system-arm") >= 9 else 0)
    execution = execute(firmware, target, fake_inputs(3), 8, 3, timeout_s=20)
    assert execution.instructions is None
    assert execution.counting_note is not None
    assert "API version" in execution.counting_note


def test_a_missing_emulator_names_its_package(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    firmware, target = built("qemu_cortex_m4")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError, match=r"qemu-system-arm, which is not installed.*apt-get install qemu-system-arm"):
        run(firmware, target)


def test_an_unknown_runner_lists_those_there_are(built: Built) -> None:
    from dataclasses import replace

    firmware, target = built("host")
    with pytest.raises(TargetError, match=r'run\.runner is "carrier-pigeon"; allowed: host, qemu'):
        run(firmware, replace(target, runner="carrier-pigeon"))
