"""How much of a serial line's rate carries model inputs and outputs, at several speeds and latencies.

    python benchmarks/serial_throughput.py

The firmware runs on this computer behind a proxy that passes bytes at the line's rate (8N1: ten bits a byte, each way on its own) and
holds them back for the latency of a USB adapter. The model does nothing but take its input, so that the line is what is measured.

"protocol" is the share of the bytes on the line that are samples and outputs: what is left where nothing ever waits. The other columns
are shares of the line's rate as measured; they hold the waiting too, of which a busy computer adds some milliseconds a sample.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgecomp.build import build
from edgecomp.run.serial import SerialClient, open_line
from edgecomp.target import load_target

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tests.serial.proxy import Proxy
from tests.serial.summing_model import SummingModel

MODELS = {"keyword spotting": (490, 12), "CIFAR-10": (3072, 10), "visual wake words": (27648, 2), "segmentation": (12288, 12288)}
BAUDS = (115_200, 460_800, 921_600)
LATENCIES_S = (0.0, 0.001)
SECONDS = 3.0


def shares_of_line(model: SummingModel, port: int, baud: int, latency_s: float) -> tuple[float, float]:
    """Bytes of samples and outputs as a share of all that went over the line, and of what it could have carried in that time."""
    with Proxy(port, bytes_per_s=baud / 10, latency_s=latency_s) as proxy, open_line(f"socket://127.0.0.1:{proxy.port}", baud) as line:
        client = SerialClient(line, baud)
        sample = model.samples(1)[0].tobytes()
        client.infer(sample, timeout_s=60)
        before, carried, start_s = on_line(proxy), 0, time.monotonic()
        while time.monotonic() - start_s < SECONDS:
            answer = client.infer(sample, timeout_s=60)
            carried += len(sample) + len(answer.output)
        elapsed_s = time.monotonic() - start_s
        if client.exchange.traffic.retries:
            print(f"  {client.exchange.traffic.retries} retries: the figure is too low", file=sys.stderr)
        return carried / (on_line(proxy) - before), carried * 10 / baud / elapsed_s


def on_line(proxy: Proxy) -> int:
    """Bytes that went over the line, both ways."""
    return proxy.to_board.carried_bytes + proxy.to_host.carried_bytes


def main() -> None:
    target = load_target("host")
    print(
        f"{'model':<20}{'in, out':>14}{'protocol':>10}"
        + "".join(f"{baud:>9} +{latency * 1000:g} ms" for baud in BAUDS for latency in LATENCIES_S)
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, (input_bytes, output_bytes) in MODELS.items():
            model = SummingModel(input_bytes=input_bytes, output_bytes=output_bytes)
            firmware = build(model.sources(), target, Path(folder) / str(input_bytes), transport="serial")
            shares, protocol = [], 0.0
            for baud in BAUDS:
                for latency_s in LATENCIES_S:
                    with subprocess.Popen([firmware.elf], stdout=subprocess.PIPE) as board:
                        assert board.stdout is not None
                        protocol, share = shares_of_line(model, int(board.stdout.readline().split()[1]), baud, latency_s)
                        shares.append(share)
                        board.kill()
            print(f"{name:<20}{f'{input_bytes}, {output_bytes}':>14}{protocol:>10.0%}" + "".join(f"{share:>14.0%} " for share in shares))


if __name__ == "__main__":
    main()
