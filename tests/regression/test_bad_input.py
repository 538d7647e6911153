"""Whatever is wrong with what a user gives, or with the machine: one clear error, exit code 1, nothing half-written."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgecomp import cli
from tests.golden.tiny import SIZE, tiny_model

LONGEST_MESSAGE_LINES = 6
Refuses = Callable[..., str]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A good model: image [1, 1, 6, 6] -> 3 shares."""
    path = tmp_path / "model.onnx"
    onnx.save(tiny_model(), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Good data for it."""
    path = tmp_path / "data.npz"
    random = np.random.default_rng(0)
    np.savez(path, x=random.normal(0, 1, (30, 1, SIZE, SIZE)).astype(np.float32), y=random.integers(0, 3, 30))
    return path


@pytest.fixture
def refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refuses:
    """Runs a command that must fail with one message, which holds the given words, and leave nothing behind; returns the message."""

    def check(*arguments: object, words: Sequence[str]) -> str:
        before = sorted(path.name for path in tmp_path.rglob("*"))
        assert cli.execute([str(argument) for argument in arguments]) == 1
        said = capsys.readouterr()
        assert_one_message(said.err, words)
        assert sorted(path.name for path in tmp_path.rglob("*")) == before
        return said.err

    return check


def assert_one_message(said: str, words: Sequence[str]) -> None:
    assert said.startswith("error: "), said
    assert said.count("error: ") == 1 or "boom" in said
    assert len(said.splitlines()) <= LONGEST_MESSAGE_LINES, said
    assert "Traceback" not in said
    missing = [word for word in words if word not in said]
    assert not missing, f"{missing} are not in: {said}"


def edgecomp(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "edgecomp", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload,no-any-return]


def need(*tools: str) -> None:
    """Skip the test where a tool is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


# Models


def every_command(model: Path, data: Path, out: Path) -> dict[str, list[object]]:
    """Every command that reads a model, as it would be given."""
    return {
        "analyze": ["analyze", model],
        "quantize": ["quantize", model, "--data", data, "-o", out / "q.onnx"],
        "generate": ["generate", model, "--target", "host", "--data", data, "-o", out / "c"],
        "run": ["run", model, "--target", "host", "--data", data],
        "predict": ["predict", model, "--data", data, "-o", out / "p.npz"],
    }


@pytest.mark.parametrize("command", ["analyze", "quantize", "generate", "run", "predict"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_a_truncated_model(refuses: Refuses, model: Path, data: Path, tmp_path: Path, command: str, share: float) -> None:
    content = model.read_bytes()
    model.write_bytes(content[: int(len(content) * share)])
    refuses(*every_command(model, data, tmp_path)[command], words=["model.onnx"])


@pytest.mark.parametrize("begins", [b"\x89PNG\r\n\x1a\n", b"hello", b"PK\x03\x04"], ids=["png", "text", "zip"])
def test_a_file_that_is_no_model(refuses: Refuses, model: Path, data: Path, begins: bytes) -> None:
    model.write_bytes(begins * 50)
    refuses("run", model, "--target", "host", "--data", data, words=["model.onnx"])


def test_no_such_model(refuses: Refuses, data: Path, tmp_path: Path) -> None:
    refuses("run", tmp_path / "none.onnx", "--target", "host", "--data", data, words=["none.onnx", "no such file"])


def test_a_dynamic_dimension(refuses: Refuses, model: Path, data: Path) -> None:
    proto = onnx.load(model)
    proto.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "width"
    onnx.save(proto, model)
    refuses("run", model, "--target", "host", "--data", data, words=["'x'", "width", "--shape x=1,1,6,?"])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(refuses: Refuses, model: Path, data: Path, value: float) -> None:
    proto = onnx.load(model)
    weights = numpy_helper.to_array(proto.graph.initializer[0]).copy()
    weights.flat[3] = value
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, proto.graph.initializer[0].name))
    onnx.save(proto, model)
    refuses("run", model, "--target", "host", "--data", data, words=["c0", "Conv_0", "not finite"])


def test_a_float_model_without_data(refuses: Refuses, model: Path, tmp_path: Path) -> None:
    refuses("generate", model, "--target", "host", "-o", tmp_path / "c", words=["model.onnx", "--calib"])


# Data


def arrays(kind: str) -> dict[str, np.ndarray]:
    good = np.zeros((8, 1, SIZE, SIZE), np.float32)
    bad = {
        "nan": {"x": np.where(np.arange(8).reshape(8, 1, 1, 1) == 5, np.nan, good)},
        "infinite": {"x": np.where(np.arange(8).reshape(8, 1, 1, 1) == 5, -np.inf, good)},
        "other shape": {"x": np.zeros((8, 1, SIZE, SIZE + 1), np.float32)},
        "one axis": {"x": np.zeros(8, np.float32)},
        "one number": {"x": np.float32(3)},
        "no rows": {"x": good[:0]},
        "no columns": {"x": np.zeros((8, 0), np.float32)},
        "text": {"x": np.array(["a", "b"])},
        "complex": {"x": good.astype(np.complex64)},
        "booleans": {"x": good.astype(bool)},
        "dates": {"x": np.zeros((8, 36), "datetime64[s]")},
        "objects": {"x": np.array([None, {}], object)},
        "no x": {"images": good},
        "nothing": {},
        "one row": {"x": good[:1]},
        "fewer labels": {"x": good, "y": np.zeros(7, np.int64)},
        "labels of other classes": {"x": good, "y": np.full(8, 3)},
        "negative labels": {"x": good, "y": np.full(8, -1)},
        "labels in parts": {"x": good, "y": np.full(8, 0.5)},
        "labels that are not finite": {"x": good, "y": np.full(8, np.nan)},
        "huge numbers": {"x": np.full((8, 1, SIZE, SIZE), 1e300)},
    }
    return bad[kind]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nan", ["NaN", "row 5"]),
        ("infinite", ["infinity", "row 5"]),
        ("other shape", ["1x6x7", "1x6x6"]),
        ("one axis", ["1x6x6"]),
        ("one number", ["()"]),
        ("no rows", ["empty"]),
        ("no columns", ["empty"]),
        ("text", ["<U1"]),
        ("complex", ["complex64"]),
        ("booleans", ["bool"]),
        ("dates", ["datetime64"]),
        ("objects", ["Python objects"]),
        ("no x", ["images", "--x images"]),
        ("nothing", ["no array at all"]),
        ("one row", ["1 row", "--calib"]),
        ("fewer labels", ["(7,)", "8 rows"]),
        ("labels of other classes", ["3"]),
        ("negative labels", ["-1"]),
        ("labels in parts", ["whole numbers"]),
        ("labels that are not finite", ["whole numbers"]),
        ("huge numbers", ["--std"]),
    ],
)
def test_data_that_do_not_fit(refuses: Refuses, model: Path, tmp_path: Path, kind: str, words: list[str]) -> None:
    np.savez(tmp_path / "bad.npz", **arrays(kind))
    refuses("run", model, "--target", "host", "--data", tmp_path / "bad.npz", "--outputs", tmp_path / "o.npz", words=["bad.npz", *words])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_data(refuses: Refuses, model: Path, data: Path, share: float) -> None:
    content = data.read_bytes()
    data.write_bytes(content[: int(len(content) * share)])
    refuses("run", model, "--target", "host", "--data", data, words=["data.npz"])


def test_options_that_do_not_fit(refuses: Refuses, model: Path, data: Path) -> None:
    run = ("run", model, "--target", "host", "--data", data)
    refuses(*run, "--std", "0", words=["--std", "greater than 0"])
    refuses(*run, "--mean", "nan", words=["--mean", "finite"])
    refuses(*run, "--mean", "1,2", words=["--mean", "1 channels"])
    refuses(*run, "--calib-samples", "30", words=["data.npz", "--calib"])
    refuses(*run, "--samples", "0", words=["--samples"])


# Boards and tools


def test_an_unknown_board(refuses: Refuses, model: Path, data: Path) -> None:
    refuses("run", model, "--target", "qemu_cortex_m9", "--data", data, words=["qemu_cortex_m9", "qemu_cortex_m4", "host"])


def test_a_board_folder_that_is_none(refuses: Refuses, model: Path, data: Path, tmp_path: Path) -> None:
    refuses("run", model, "--target", tmp_path, "--data", data, words=["board.toml"])
    (tmp_path / "board.toml").write_text("core = [unclosed")
    refuses("run", model, "--target", tmp_path, "--data", data, words=["board.toml"])


@pytest.mark.parametrize(
    ("board", "words"),
    [
        ("host", ["gcc", "build-essential"]),
        ("qemu_cortex_m4", ["arm-none-eabi-gcc", "apt-get install gcc-arm-none-eabi"]),
        ("qemu_rv32imc", ["riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"]),
    ],
)
def test_no_compiler(
    refuses: Refuses, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, board: str, words: list[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refuses("run", model, "--target", board, "--data", data, words=words)


def stub(folder: Path, name: str, script: str) -> None:
    """A program of that name in the folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_no_emulator(refuses: Refuses, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    (tmp_path / "bin").mkdir()
    for tool in ("arm-none-eabi-gcc", "gcc"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    words = ["qemu_cortex_m4", "qemu-system-arm", "apt-get install qemu-system-arm"]
    refuses("run", model, "--target", "qemu_cortex_m4", "--data", data, words=words)


def test_a_build_that_fails_shows_the_first_error(
    refuses: Refuses, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    complaint = "echo 'In file included from a.h:1:' >&2; echo 'b.c:3:5: error: boom' >&2; echo 'b.c:9:9: error: later' >&2; exit 1"
    stub(tmp_path / "bin", "gcc", f'[ "$1" = --version ] && echo "gcc 1.0 ({tmp_path})" && exit 0; {complaint}')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    said = refuses("run", model, "--target", "host", "--data", data, words=["compiling", "host", "b.c:3:5: error: boom"])
    assert "later" not in said


def test_an_emulator_that_hangs(refuses: Refuses, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need("arm-none-eabi-gcc")
    stub(tmp_path / "bin", "qemu-system-arm", '[ "$1" = --version ] && echo "QEMU emulator version 7.2.0" && exit 0; exec sleep 60')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    started = time.monotonic()
    refuses("run", model, "--target", "qemu_cortex_m4", "--data", data, "--timeout-s", "1", words=["qemu_cortex_m4", "1 s", "--timeout"])
    assert time.monotonic() - started < 30


# The machine


def limited_files() -> None:
    """No file may grow beyond 600 bytes: as on a disk that fills up."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))


@pytest.mark.parametrize("command", ["quantize", "generate", "run", "predict"])
def test_a_disk_that_fills_up(model: Path, data: Path, tmp_path: Path, command: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    arguments = every_command(model, data, out)[command]
    if command == "run":
        arguments += ["--outputs", out / "o.npz", "--json", out / "r.json"]
    # Python 3.11 would keep bytecode that was cut off, and stumble over it ever after.
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = edgecomp(*arguments, preexec_fn=limited_files, env=environment)
    assert done.returncode == 1, done.stderr
    assert_one_message(done.stderr, [])
    assert list(out.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_device_without_room(refuses: Refuses, model: Path, data: Path) -> None:
    refuses("quantize", model, "--data", data, "-o", "/dev/full", words=["/dev/full", "No space left on device"])
    refuses("analyze", model, "--json", "/dev/full", words=["/dev/full", "No space left on device"])


def test_a_folder_that_cannot_be_written(refuses: Refuses, model: Path, data: Path) -> None:
    refuses("quantize", model, "--data", data, "-o", "/proc/none/q.onnx", words=["/proc/none/q.onnx"])
    refuses("quantize", model, "--data", data, "-o", model / "q.onnx", words=["q.onnx"])


def wait_for(condition: Callable[[], bool], timeout_s: float = 240) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("tool", ["arm-none-eabi-gcc", "qemu-system-arm"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_everything(model: Path, data: Path, tmp_path: Path, tool: str, number: int, code: int) -> None:
    need("arm-none-eabi-gcc", "qemu-system-arm")
    pids, out = tmp_path / "pids", tmp_path / "out"
    out.mkdir()
    version = f'[ "$1" = --version ] && exec {shutil.which(tool)} --version'
    stub(tmp_path / "bin", tool, f"{version}; echo $$ >>{pids}; exec sleep 100")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "TMPDIR": str(temporary),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "edgecomp", "run", str(model), "--target", "qemu_cortex_m4", "--data", str(data)]
    command += ["--outputs", str(out / "o.npz"), "--json", str(out / "r.json")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: pids.exists() and pids.read_text().endswith("\n"))
            process.send_signal(number)
            _, said = process.communicate(timeout=20)
        finally:
            process.kill()
    children = [int(line) for line in pids.read_text().split()]
    assert process.returncode == code, said
    assert "Traceback" not in said
    wait_for(lambda: not any(map(is_running, children)), timeout_s=5)
    assert list(out.iterdir()) == []
    assert [path.name for path in temporary.iterdir() if path.name != ".ses"] == []  # which ONNX Runtime writes
