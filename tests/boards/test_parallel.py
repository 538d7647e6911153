"""Samples shared among several boards: outputs in order, counts together, one failure ends all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgecomp.build import Firmware
from edgecomp.elf import SectionSizes
from edgecomp.errors import RunError
from edgecomp.run.execution import Execution
from edgecomp.run.parallel import execute_in_parallel
from edgecomp.run.request import Request
from edgecomp.target import load_target

SIZES = SectionSizes(0, 0, 0, 0)


class FakeBoards:
    """A board at each port that adds one to every byte; `at(port, request)` runs before each sample."""

    def __init__(self, before: Callable[[str, int], None] = lambda port, sample: None) -> None:
        self.before = before
        self.shares: dict[str, int] = {}
        self.most_at_once = 0
        self._running = 0
        self._lock = threading.Lock()

    def execute(self, request: Request) -> Execution:
        port = request.connection.port
        assert port
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        for sample in range(len(request.inputs)):
            self.before(port, sample)
            self.shares[port] = sample + 1
            if request.progress:
                request.progress(sample + 1, len(request.inputs))
        with self._lock:
            self._running -= 1
        number = int(port[-1])
        return Execution(
            profiled_samples=len(request.inputs),
            cycles=100 * (number + 1),
            layer_cycles=(number, 2 * number),
            outputs=request.inputs + 1,
            stack_bytes=500 + number,
            arena_used_bytes=64 - number,
            trace=(request.inputs,) if request.trace else None,
            frames=10,
            retries=number,
        )


def request_of(samples: int) -> Request:
    firmware = Firmware(Path("none.elf"), SIZES, SIZES, {}, "gcc", "serial", "0")
    inputs = np.arange(samples * 4, dtype=np.uint8).reshape(samples, 4)
    return Request(firmware, load_target("stm32f405"), inputs, 4, 2, 10.0, 5, True, None)


@pytest.mark.parametrize("samples", [1, 2, 3, 10, 11])
def test_outputs_come_in_the_order_of_the_samples(samples: int) -> None:
    told: list[tuple[int, int]] = []
    request = replace(request_of(samples), progress=lambda done, total: told.append((done, total)))
    boards = FakeBoards()
    execution = execute_in_parallel(request, ["p0", "p1", "p2"], boards)
    assert np.array_equal(execution.outputs, request.inputs + 1)
    assert execution.trace and np.array_equal(execution.trace[0], request.inputs)
    assert sum(boards.shares.values()) == samples and max(boards.shares.values()) - min(boards.shares.values()) <= 1
    assert [done for done, _ in told] == list(range(1, samples + 1)) and {total for _, total in told} == {samples}


def test_what_is_counted_is_put_together() -> None:
    execution = execute_in_parallel(request_of(3), ["p0", "p1"], FakeBoards())  # two samples, and one
    assert (execution.profiled_samples, execution.cycles) == (3, round((2 * 100 + 200) / 3))
    assert execution.layer_cycles == (0, 1)
    assert (execution.stack_bytes, execution.arena_used_bytes, execution.frames, execution.retries) == (501, 64, 20, 1)


def test_boards_run_at_once() -> None:
    barrier = threading.Barrier(3, timeout=20)
    boards = FakeBoards(lambda port, sample: barrier.wait() if sample == 0 else None)  # type: ignore[func-returns-value]
    execute_in_parallel(request_of(9), ["p0", "p1", "p2"], boards)
    assert boards.most_at_once == 3


def test_a_board_that_fails_ends_all_and_is_named() -> None:
    def before(port: str, sample: int) -> None:
        if port == "p1" and sample == 2:
            raise RunError("the cable was pulled")
        time.sleep(0.01)

    boards = FakeBoards(before)
    with pytest.raises(RunError, match="p1: the cable was pulled"):
        execute_in_parallel(request_of(600), ["p0", "p1", "p2"], boards)
    assert max(boards.shares.values()) < 100
