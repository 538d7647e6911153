"""The table that papers on zero prediction have, MACs saved and points lost by network and method, with instructions saved beside it.

    python benchmarks/zero_prediction.py --data DIR [--networks cnn6,resnet8] [--methods diagonal-2x2,...] [--samples N] [--write]

DIR holds `models/*.onnx` and `datasets/*.npz`. Rules are searched on training images, which the networks know, so a search sees too small
a loss; accuracy is that of test images, which chose nothing. A diagonal without a search is applied to every convolution that ends in a
ReLU, and predicts where all of it comes out zero (Shomron and Weiser, "Exploiting Spatial Correlation in Convolutional Neural Networks").
Instructions are counted on the emulated boards against the best dense kernels; outputs there equal the reference, or the benchmark ends.
`--write` keeps the table as benchmarks/zero_prediction.json and .md; networks that were not run stay in it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import edgecomp
from edgecomp import reference
from edgecomp.data.samples import Preprocessing
from edgecomp.pipeline import QuantizedModel
from edgecomp.skip.modes import Wanted, search
from edgecomp.skip.search.patterns import diagonal
from edgecomp.skip.sites import Choice, find_sites
from edgecomp.target import load_target
from edgecomp.verify import RunOptions

TABLE = Path(__file__).with_suffix(".json")
BOARDS = {"qemu_cortex_m4": "Cortex-M4", "qemu_rv32imc": "RV32IMC"}
CALIBRATION_ROWS = 500
SEARCH_ROWS = 4000
COUNTED_ROWS = 48
RUN_ROWS = 3
MAX_LOSS_POINTS = 1.0


@dataclass(frozen=True)
class Network:
    """A trained network for CIFAR-10."""

    file: str
    preprocessing: Preprocessing


IMAGENET_MEAN, IMAGENET_STD = ((0.485 * 255, 0.456 * 255, 0.406 * 255), (0.229 * 255, 0.224 * 255, 0.225 * 255))
NETWORKS = {
    "cnn6": Network("cifar10_cnn6", Preprocessing("nhwc", (127.5,), (127.5,))),
    "resnet8": Network("ic_resnet8", Preprocessing("nhwc")),
    "keras-cnn": Network("cifar10_keras_cnn", Preprocessing("nhwc", (127.5,), (127.5,))),
    "resnet20": Network("cifar10_resnet20_convshortcut", Preprocessing("nhwc", IMAGENET_MEAN, IMAGENET_STD)),
}


@dataclass(frozen=True, eq=False)
class Images:
    """Training images that choose and test images that judge, uint8 [N, 32, 32, 3], with their classes."""

    x: np.ndarray
    y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


@dataclass(frozen=True)
class Row:
    """One network under one method. Shares 0..1; instructions of one inference by board, of the dense network beside them."""

    network: str
    method: str
    accuracy: float
    points_lost: float
    macs_saved: float
    instructions: dict[str, int]
    instructions_dense: dict[str, int]
    test_images: int

    def markdown(self) -> str:
        """The row as Markdown."""
        saved = [
            f"{1 - self.instructions[board] / self.instructions_dense[board]:.1%}" if board in self.instructions else "" for board in BOARDS
        ]
        cells = (self.network, self.method, f"{self.accuracy:.2%}", f"{self.points_lost:+.2f}", f"{self.macs_saved:.1%}", *saved)
        return f"| {' | '.join(cells)} |"


Method = Callable[[QuantizedModel, Images, float], QuantizedModel]


def plain_diagonal(patch: int, quantized: QuantizedModel, images: Images, seconds: float) -> QuantizedModel:
    """Every convolution with a ReLU predicts from the diagonal of its patches, where that comes out zero."""
    rules = {}
    for site in find_sites(quantized, patch):
        half_a_step = np.full(site.spatial.channels, np.nextafter(site.output_step / 2, 0.0))
        rules[site.tensor] = site.rule(Choice(np.full((1, 1, 1), diagonal(patch), np.uint16), half_a_step))
    return replace(quantized, rules=rules)


def searched(mode: str, board: str | None, quantized: QuantizedModel, images: Images, seconds: float) -> QuantizedModel:
    """What `edgecomp skip` finds."""
    wanted = Wanted(mode, 0.0 if "exact" in mode else MAX_LOSS_POINTS, samples=SEARCH_ROWS, seconds=seconds)
    x, y = (array[CALIBRATION_ROWS : CALIBRATION_ROWS + SEARCH_ROWS] for array in (images.x, images.y))
    return search(quantized, x, y, load_target(board) if board else None, wanted).quantized


METHODS: Mapping[str, tuple[Method, Sequence[str]]] = {
    "diagonal-2x2": (partial(plain_diagonal, 2), tuple(BOARDS)),
    "diagonal-3x3": (partial(plain_diagonal, 3), tuple(BOARDS)),
    "uniform-layer": (partial(searched, "uniform-layer", None), tuple(BOARDS)),
    "uniform-filter": (partial(searched, "uniform-filter", None), tuple(BOARDS)),
    "perforated": (partial(searched, "perforated", None), tuple(BOARDS)),
    "perforated for Cortex-M4": (partial(searched, "perforated", "qemu_cortex_m4"), ("qemu_cortex_m4",)),
    "early-exact": (partial(searched, "early-exact", None), tuple(BOARDS)),
    "early-predictive": (partial(searched, "early-predictive", None), tuple(BOARDS)),
    "exact for RV32IMC": (partial(searched, "exact", "qemu_rv32imc"), ("qemu_rv32imc",)),
    "auto for Cortex-M4": (partial(searched, "auto", "qemu_cortex_m4"), ("qemu_cortex_m4",)),
    "auto for RV32IMC": (partial(searched, "auto", "qemu_rv32imc"), ("qemu_rv32imc",)),
}
"""The search, and the boards on which its rules are measured."""


def load_images(data: Path, test_images: int) -> Images:
    """CIFAR-10."""
    train, test = (np.load(data / "datasets" / f"cifar10_{part}.npz") for part in ("train20k", "test"))
    return Images(train["x"], train["y"], test["x"][:test_images], test["y"][:test_images])


def accuracy(quantized: QuantizedModel, images: Images) -> float:
    """Top-1 on the test images, by the reference."""
    buffers = quantized.buffers(quantized.samples(images.test_x))
    return float((reference.outputs(quantized.qgraph, [buffers])[0].argmax(axis=1) == images.test_y).mean())


def instructions(quantized: QuantizedModel, images: Images, board: str) -> int:
    """Of one inference; ends the benchmark where the board differs from the reference."""
    report = quantized.run(board, images.test_x[:RUN_ROWS], options=RunOptions(profiled_samples=RUN_ROWS))
    if report.bit_exact is None or not report.bit_exact.equal or report.per_inference.instructions is None:
        sys.exit(f"{quantized.model.path} on {board}: differs from the reference, or counts no instructions")
    return report.per_inference.instructions


def rows(name: str, data: Path, images: Images, methods: Sequence[str], seconds: float) -> list[Row]:
    """All methods on one network, printed as they come."""
    network = NETWORKS[name]
    model = edgecomp.load(data / "models" / f"{network.file}.onnx")
    dense = model.quantize(images.x[:CALIBRATION_ROWS], preprocessing=network.preprocessing)
    dense_accuracy = accuracy(dense, images)
    dense_instructions = {board: instructions(dense, images, board) for board in BOARDS}
    counted = dense.buffers(dense.samples(images.test_x[:COUNTED_ROWS]))
    found = [Row(name, "dense", dense_accuracy, 0.0, 0.0, dense_instructions, dense_instructions, len(images.test_y))]
    print(found[0].markdown(), flush=True)
    for method in methods:
        build, boards = METHODS[method]
        quantized = build(dense, images, seconds)
        top1 = accuracy(quantized, images)
        macs = sum(reference.executed_macs(quantized.qgraph, [counted]).values())
        measured = {board: instructions(quantized, images, board) for board in boards}
        lost = 100 * (dense_accuracy - top1)
        found.append(Row(name, method, top1, lost, 1 - macs / dense.dense.macs, measured, dense_instructions, len(images.test_y)))
        print(found[-1].markdown(), flush=True)
    return found


def heading() -> str:
    """The table's head as Markdown."""
    names = ("network", "method", "top-1", "points lost", "MACs saved", *(f"instructions saved, {board}" for board in BOARDS.values()))
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def keep(found: Sequence[Row]) -> None:
    """Write the table; rows of other networks and methods stay."""
    table: dict[str, Any] = json.loads(TABLE.read_text()) if TABLE.is_file() else {}
    for row in found:
        table.setdefault(row.network, {})[row.method] = asdict(row)
    order = ["dense", *METHODS]
    kept = [Row(**table[name][method]) for name in NETWORKS if name in table for method in order if method in table[name]]
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    TABLE.with_suffix(".md").write_text("\n".join([heading(), *(row.markdown() for row in kept)]) + "\n")


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--samples", type=int, default=10_000, help="test images")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each search")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    images = load_images(options.data, options.samples)
    print(heading(), flush=True)
    for name in options.networks.split(","):
        found = rows(name, options.data, images, options.methods.split(","), options.seconds)
        if options.write:
            keep(found)


if __name__ == "__main__":
    main()
