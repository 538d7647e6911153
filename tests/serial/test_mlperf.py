"""The MLPerf Tiny runner's side, written from its rules: commands end with %, answers are lines up to m-ready."""

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.serial.conftest import HostBoard, client_at
from tests.serial.summing_model import SummingModel

Start = Callable[[SummingModel], HostBoard]
MODEL = SummingModel(input_bytes=490, output_bytes=12, name="kws01")
MOST_DIGITS_A_COMMAND = 62


class Runner:
    """What the performance and accuracy modes of the runner do."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._received = b""

    def answer(self) -> list[str]:
        """Lines up to m-ready, which is left out."""
        while b"m-ready\r\n" not in self._received:
            data = self._line.recv(4096)
            assert data, "the device has gone"
            self._received += data
        text, self._received = self._received.split(b"m-ready\r\n", 1)
        return text.decode("ascii").split("\r\n")[:-1]

    def command(self, text: str) -> list[str]:
        self._line.sendall(text.encode() + b"%")
        return self.answer()

    def load(self, sample: bytes) -> list[str]:
        lines = self.command(f"db load {len(sample)}")
        digits = sample.hex()
        for start in range(0, len(digits), MOST_DIGITS_A_COMMAND):
            lines += self.command(f"db {digits[start : start + MOST_DIGITS_A_COMMAND]}")
        return lines

    def infer(self, repeats: int, warmups: int) -> tuple[int, list[float]]:
        """Microseconds of all repeats, and the results."""
        lines = self.command(f"infer {repeats} {warmups}")
        stamps = [int(match[1]) for line in lines if (match := re.fullmatch(r"m-lap-us-([0-9]+)", line))]
        (results,) = [match[1] for line in lines if (match := re.fullmatch(r"m-results-\[([^]]+)\]", line))]
        assert lines[:3] == [f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{repeats}"]
        assert lines[5] == "m-infer-done"
        assert len(stamps) == 2
        return stamps[1] - stamps[0], [float(value) for value in results.split(",")]

    def close(self) -> None:
        self._line.close()


@pytest.fixture
def runner(host_board: Start) -> Iterator[Runner]:
    runner = Runner(host_board(MODEL).port)
    assert runner.answer() == ["m-init-done"]
    yield runner
    runner.close()


def test_the_device_says_what_it_is(runner: Runner) -> None:
    assert runner.command("name") == ["m-name-dut-[edgecomp]"]
    assert runner.command("profile") == ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[kws01]"]
    assert "infer [N=1] [W=10]" in "".join(runner.command("help"))


def test_time_passes(runner: Runner) -> None:
    first, second = (int(runner.command("timestamp")[0].removeprefix("m-lap-us-")) for _ in range(2))
    assert 0 < second - first < 1_000_000


def test_samples_are_loaded_inferred_and_answered(runner: Runner) -> None:
    for row in MODEL.samples(5):
        lines = runner.load(row.tobytes())
        assert lines == ["m-[Expecting 490 bytes]", "m-load-done"]
        elapsed_us, results = runner.infer(10, 2)
        assert elapsed_us > 0
        assert results == pytest.approx(MODEL.real_outputs(row.tobytes()), abs=5.01e-7)
        again = runner.command("results")[0]
        assert [float(value) for value in again.removeprefix("m-results-[").rstrip("]").split(",")] == results


def test_defaults_are_one_inference_and_ten_warm_ups(runner: Runner) -> None:
    runner.load(MODEL.samples(1)[0].tobytes())
    lines = runner.command("infer")
    assert lines[0] == "m-warmup-start-10"
    assert lines[2] == "m-infer-start-1"


def test_the_buffer_can_be_printed(runner: Runner) -> None:
    sample = bytes(range(200)) + bytes(290)
    runner.load(sample)
    assert runner.command("db print 10 3") == ["m-buffer-03-04-05-06-07-08-09-0a", "m-buffer-0b-0c"]
    runner.infer(1, 0)  # which spoils the input in the arena
    assert runner.command("db print 2 100") == ["m-buffer-64-65"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("fly", "e-[Unknown command: fly]"),
        ("", "e-[Empty command]"),
        ("db", "e-[Command 'db' requires a subcommand]"),
        ("db load", "e-[Command 'db load' requires the # of bytes]"),
        ("db load 0", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 489", "e-[The model's input has 490 bytes]"),
        ("db 00", "e-[Command 'db HH' needs 'db load' before it]"),
        ("infer 0", "e-[Inference iterations must be >0]"),
        ("infer x", "e-[Inference iterations must be >0]"),
        ("infer 1 -1", "e-[Inference warmup must be >=0]"),
        ("results", "e-[No results: load an input and infer]"),
        ("name" + "x" * 200, "e-[Command too long]"),
    ],
)
def test_what_is_wrong_is_said_and_the_device_is_ready_again(runner: Runner, command: str, said: str) -> None:
    assert runner.command(command) == [said]
    assert runner.command("name") == ["m-name-dut-[edgecomp]"]


def test_wrong_digits_are_refused(runner: Runner) -> None:
    runner.command("db load 490")
    assert runner.command("db 123") == ["e-[Insufficent number of hex digits]"]
    assert runner.command("db 0g") == ["e-[Invalid hex digit]"]
    assert runner.command("infer 1 0")[1] == "e-[No input: db load N, then db HH[HH]* until N bytes]"


@pytest.mark.parametrize(
    ("mantissa", "exponent", "zero_point"),
    [(1, -8, -128), (14680064, -28, 3), (10066330, -26, -5), (1, 3, 0), (16777215, -24, 127), (16777215, -60, 0), (8388608, -90, 0)],
)
def test_results_are_decimals_of_any_scale(host_board: Start, mantissa: int, exponent: int, zero_point: int) -> None:
    model = replace(MODEL, mantissa=mantissa, exponent=exponent, zero_point=zero_point)
    runner = Runner(host_board(model).port)
    runner.answer()
    sample = model.samples(1)[0].tobytes()
    runner.load(sample)
    assert runner.infer(1, 0)[1] == pytest.approx(model.real_outputs(sample), abs=5.01e-7)
    runner.close()


def test_text_and_frames_share_the_line_without_mixing_samples(host_board: Start) -> None:
    board = host_board(MODEL)
    first, second = (row.tobytes() for row in MODEL.samples(2))
    with client_at(board.port) as client:
        assert client.infer(first, timeout_s=5).output == MODEL.output(first)
        line = client.exchange._line
        line.write(b"db load 490%" + b"".join(b"db " + second[i : i + 31].hex().encode() + b"%" for i in range(0, 490, 31)) + b"infer 1 0%")
        while line.read(4096):
            pass
        assert client.infer(first, timeout_s=5).output == MODEL.output(first)
