"""Over a line that goes wrong: the outputs are those of the reference, every one, or there is one clear error."""

from collections.abc import Callable

import pytest

from edgecomp.run.serial import Infer
from edgecomp.run.serial.exchange import SilenceError
from tests.serial.conftest import HostBoard, client_at
from tests.serial.proxy import Faults, Proxy
from tests.serial.summing_model import LAYERS, SummingModel

Start = Callable[[SummingModel], HostBoard]
SMALL = SummingModel()
LARGE = SummingModel(input_bytes=20_000, output_bytes=3_000, name="large")
KINDS = ("lost", "damaged", "repeated", "late", "cut", "noise")


def run_over(proxy: Proxy, model: SummingModel, samples: int) -> tuple[int, int]:
    """Run over the proxy and check every output; frames and retries."""
    with client_at(proxy.port) as client:
        for row in model.samples(samples):
            sample = row.tobytes()
            assert client.infer(sample, timeout_s=20).output == model.output(sample)
        return client.exchange.traffic.frames, client.exchange.traffic.retries


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_is_recovered_from(host_board: Start, kind: str) -> None:
    faults = Faults(**{kind: 0.1})
    with Proxy(host_board(SMALL).port, faults, faults, seed=KINDS.index(kind)) as proxy:
        run_over(proxy, SMALL, 60)
    assert proxy.to_board.inflicted + proxy.to_host.inflicted > 10


@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_frames_with_all_faults(host_board: Start, seed: int) -> None:
    faults = Faults.evenly(0.06)
    with Proxy(host_board(SMALL).port, faults, faults, seed=seed) as proxy:
        frames, retries = run_over(proxy, SMALL, 400)
    assert frames > 2000
    assert retries > 20
    assert proxy.to_board.inflicted + proxy.to_host.inflicted > 100


def test_large_inputs_and_outputs_are_loaded_and_read_in_windows(host_board: Start) -> None:
    faults = Faults.evenly(0.03)
    with Proxy(host_board(LARGE).port, faults, faults, seed=5) as proxy:
        frames, _ = run_over(proxy, LARGE, 12)
    assert frames > 12 * (20_000 // 512)


def test_layers_are_traced_over_a_bad_line(host_board: Start) -> None:
    faults = Faults.evenly(0.06)
    with Proxy(host_board(LARGE).port, faults, faults, seed=6) as proxy, client_at(proxy.port) as client:
        for row in LARGE.samples(4):
            answer, layers = client.trace(row.tobytes(), timeout_s=20)
            assert layers == LARGE.layers(row.tobytes())
            assert answer.output == layers[-1]


def test_measures_and_counts_come_over_a_bad_line(host_board: Start) -> None:
    faults = Faults.evenly(0.1)
    sample = SMALL.samples(1)[0].tobytes()
    with Proxy(host_board(SMALL).port, faults, faults, seed=7) as proxy, client_at(proxy.port) as client:
        for paint in (0xA5, 0x5A) * 10:
            assert client.infer(sample, Infer.MEASURE, timeout_s=20, paint=paint).output == SMALL.output(sample)
            measures = client.measures()
            # The last byte of the output may have the colour of the paint.
            assert measures.arena_used_bytes in (SMALL.arena_bytes, SMALL.arena_bytes - 1)
            assert measures.arena_overrun == 0
        for _ in range(10):
            answer = client.infer(sample, Infer.COUNT, repeats=3, timeout_s=20)
            assert answer.output == SMALL.output(sample)
            cycles = client.layer_cycles()
            assert len(cycles) == LAYERS
            assert 0 < sum(cycles) <= answer.cycles


def test_a_line_that_loses_nearly_everything_ends_in_one_error(host_board: Start) -> None:
    with Proxy(host_board(SMALL).port, seed=8) as proxy, client_at(proxy.port) as client:
        proxy.to_board.faults = Faults(lost=1.0)
        with pytest.raises(SilenceError, match="answered no more"):
            client.infer(SMALL.samples(1)[0].tobytes(), timeout_s=20)
