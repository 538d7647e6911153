"""What happens to boards on desks: resets, noise, wrong speed, other firmware, pulled cables, crashes. Recovery, or one clear error."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecomp.build import Firmware, build
from edgecomp.errors import RunError, TargetError
from edgecomp.run import Connection, execute
from edgecomp.run.serial import OtherImageError, open_line
from edgecomp.run.serial.frames import SYNC, Frame, encode
from edgecomp.run.serial.messages import Kind
from edgecomp.target import load_target
from tests.serial.conftest import BAUD, HostBoard, client_at
from tests.serial.proxy import Faults, Proxy
from tests.serial.summing_model import LAYERS, SummingModel

Start = Callable[[SummingModel], HostBoard]
MODEL = SummingModel()
RESTART = encode(Frame(Kind.RESTART, 0, b""))


def check(client_output: bytes, sample: bytes) -> None:
    assert client_output == MODEL.output(sample)


def test_a_board_that_is_reset_between_samples_is_greeted_again(host_board: Start) -> None:
    with Proxy(host_board(MODEL).port) as proxy, client_at(proxy.port) as client:
        for row in MODEL.samples(6):
            proxy.inject([RESTART])
            check(client.infer(row.tobytes(), timeout_s=20).output, row.tobytes())
        assert client.exchange.traffic.retries >= 6


def test_a_board_that_is_reset_while_it_loads_starts_over(host_board: Start) -> None:
    large = SummingModel(input_bytes=20_000, output_bytes=3_000, name="large")
    with Proxy(host_board(large).port, bytes_per_s=200_000) as proxy, client_at(proxy.port) as client:
        import threading

        sample = large.samples(1)[0].tobytes()
        timer = threading.Timer(0.05, proxy.inject, [[bytes(600), RESTART]])
        timer.start()
        assert client.infer(sample, timeout_s=20).output == large.output(sample)
        timer.join()


def test_noise_before_the_greeting_is_passed_over(host_board: Start) -> None:
    noise = bytes(range(256)) + SYNC + b"\x05\x00" + b"boot: ok\r\n" + encode(Frame(Kind.HELLO | 0x80, 3, b"an answer to nobody"))[:-1]
    with Proxy(host_board(MODEL).port) as proxy:
        proxy.noise_to_host(noise)
        proxy.inject([noise, b"half a comm", encode(Frame(Kind.LOAD, 1, bytes(100)))[:50]])
        with client_at(proxy.port) as client:
            sample = MODEL.samples(1)[0].tobytes()
            check(client.infer(sample, timeout_s=20).output, sample)


def test_bytes_without_meaning_say_that_the_baud_rate_may_be_wrong(host_board: Start) -> None:
    with Proxy(host_board(MODEL).port, to_host=Faults(damaged=1.0)) as proxy:
        proxy.noise_to_host(bytes(range(100)))
        with (
            pytest.raises(RunError, match=r"bytes came that mean nothing: is the baud rate the board's own \(--baud\)"),
            client_at(proxy.port),
        ):
            pass


def test_a_board_that_says_nothing_is_one_error_within_seconds(host_board: Start) -> None:
    start_s = time.monotonic()
    proxy = Proxy(host_board(MODEL).port, to_board=Faults(lost=1.0))
    with proxy, pytest.raises(RunError, match=r"no.* answer.*edgecomp flash"), client_at(proxy.port):
        pass
    assert time.monotonic() - start_s < 15


def test_another_image_is_refused_and_both_are_named(host_board: Start, firmware_of: Callable[[SummingModel], Firmware]) -> None:
    other = replace(MODEL, seed=77, name="other")
    board = host_board(other)
    said = r'another program \(model "other".*edgecomp flash'
    with pytest.raises(OtherImageError, match=said), client_at(board.port, firmware_of(MODEL).image_id):
        pass


def test_a_board_that_was_exchanged_for_another_is_found_out(host_board: Start, firmware_of: Callable[[SummingModel], Firmware]) -> None:
    """The second board was greeted by nobody of this session, so it takes no sample before it has said what it is."""
    firmware, sample = firmware_of(MODEL), MODEL.samples(1)[0].tobytes()
    with Proxy(host_board(MODEL).port) as proxy, client_at(proxy.port, firmware.image_id) as client:
        check(client.infer(sample, timeout_s=20).output, sample)
        proxy.exchange_board(host_board(replace(MODEL, seed=5, name="twin")).port)
        with pytest.raises(OtherImageError, match='model "twin"'):
            client.infer(sample, timeout_s=5)


def test_a_pulled_cable_is_one_error(host_board: Start) -> None:
    with Proxy(host_board(MODEL).port) as proxy, client_at(proxy.port) as client:
        proxy.pull()
        with pytest.raises(RunError, match=r"serial line socket://.*(disconnected|reset|pipe|refused)"):
            client.infer(MODEL.samples(1)[0].tobytes(), timeout_s=20)


def test_a_wire_that_came_off_is_one_error_within_seconds(host_board: Start) -> None:
    with Proxy(host_board(MODEL).port) as proxy, client_at(proxy.port) as client:
        sample = MODEL.samples(1)[0].tobytes()
        check(client.infer(sample, timeout_s=20).output, sample)
        proxy.mute()
        start_s = time.monotonic()
        with pytest.raises(RunError, match="answered no more"):
            client.infer(sample, timeout_s=20)
        assert time.monotonic() - start_s < 30


def test_a_hang_ends_at_the_limit(host_board: Start) -> None:
    hanging = replace(MODEL, name="hanging", before_run="volatile int go = 1; while (go) {}")
    with client_at(host_board(hanging).port) as client, pytest.raises(RunError, match=r"no sample finished within 0\.5 s.*--timeout-s"):
        client.infer(MODEL.samples(1)[0].tobytes(), timeout_s=0.5)


def test_writing_behind_the_arena_and_reading_what_was_never_written_are_found(tmp_path: Path) -> None:
    target = load_target("host")
    x = MODEL.samples(2)
    overrun = replace(MODEL, before_run=f"in[{MODEL.arena_bytes + 3}] = 1;")
    unwritten = replace(MODEL, before_run=f"sum += in[{MODEL.arena_bytes - 1}];")
    for number, (model, said) in enumerate([(overrun, "behind the end of its arena of 710 bytes"), (unwritten, "that it never wrote")]):
        firmware = build(model.sources(), target, tmp_path / str(number), transport="serial")
        with pytest.raises(RunError, match=said):
            execute(firmware, target, x, MODEL.output_bytes, LAYERS, timeout_s=20)


def test_the_runner_runs_samples_and_says_what_went_over_the_line(tmp_path: Path) -> None:
    target = load_target("host")
    firmware = build(MODEL.sources(), target, tmp_path, transport="serial")
    x = MODEL.samples(5)
    done = execute(firmware, target, x, MODEL.output_bytes, LAYERS, timeout_s=20)
    assert np.array_equal(done.outputs, np.stack([np.frombuffer(MODEL.output(row.tobytes()), np.uint8) for row in x]))
    assert done.frames is not None and done.frames > 20
    assert done.retries == 0
    assert done.cycles is None
    with pytest.raises(RunError, match="has 700 input bytes; 699 were expected"):
        execute(firmware, target, x[:, :-1].copy(), MODEL.output_bytes, LAYERS, timeout_s=20)


@pytest.mark.parametrize("board", ["stm32f405", "nucleo_f446re"])
def test_a_real_board_without_a_port_says_what_to_give(tmp_path: Path, board: str) -> None:
    target = load_target("host")
    firmware = build(MODEL.sources(), target, tmp_path, transport="serial")
    with pytest.raises(TargetError, match=r"--port.*hardware map") as error:
        execute(firmware, load_target(board), MODEL.samples(1), MODEL.output_bytes, LAYERS, timeout_s=20)
    assert ("--emulate" in str(error.value)) == bool(load_target(board).emulator)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("/dev/nothing-here", "is the board plugged in"),
        ("socket://127.0.0.1:1", "is the other end there"),
        ("carrier://pigeon", "carrier"),
        ("rfc2217://127.0.0.1:1", "is the other end there"),
    ],
)
def test_a_line_that_cannot_be_opened_is_one_error(url: str, said: str) -> None:
    with pytest.raises(RunError, match=f"serial line {url}.*{said}"), open_line(url, BAUD):
        pass


def test_a_port_of_a_real_board_is_used(host_board: Start, firmware_of: Callable[[SummingModel], Firmware], tmp_path: Path) -> None:
    board = host_board(MODEL)
    x = MODEL.samples(3)
    over = Connection(port=f"socket://127.0.0.1:{board.port}")
    done = execute(board.firmware, load_target("host"), x, MODEL.output_bytes, LAYERS, timeout_s=20, connection=over)
    assert [row.tobytes() for row in done.outputs] == [MODEL.output(row.tobytes()) for row in x]
