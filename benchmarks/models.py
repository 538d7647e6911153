"""The MLPerf Tiny models on every emulated board: instructions an inference, RAM and flash, beside the peers' figures.

    python benchmarks/models.py --data DIR [--write]      prints Markdown; --write keeps it in benchmarks/models.json

DIR holds `models/*.onnx` and `datasets/*.npz`. Peers were measured by instruction counting in QEMU 7.2 with gcc 12.2 on the official int8
models: CMSIS-NN on Cortex-M, muRISCV-NN on RV32IMC.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

EDGECOMP = str(Path(sys.executable).with_name("edgecomp"))
TABLE = Path(__file__).with_name("models.json")
PEERS_M = {
    "qemu_cortex_m0": ("CMSIS-NN", 97.56, 29.01, 1.759),
    "qemu_cortex_m3": ("CMSIS-NN", 41.75, 10.54, 0.953),
    "qemu_cortex_m4": ("CMSIS-NN", 29.87, 7.84, 0.579),
    "qemu_cortex_m7": ("CMSIS-NN", 29.93, 7.76, 0.580),
    "qemu_cortex_m33": ("CMSIS-NN", None, None, None),
    "qemu_cortex_m55": ("CMSIS-NN", 4.806, 1.783, 0.147),
    "qemu_rv32imc": ("muRISCV-NN", 54.67, 14.91, 1.338),
}
"""Millions of instructions an inference: IC, KWS, AD."""


def models(data: Path) -> dict[str, list[str]]:
    """Arguments of `edgecomp run` for each model."""
    sets = data / "datasets"
    images = ["--data", str(sets / "cifar10_test.npz"), "--calib", str(sets / "cifar10_train20k.npz"), "--calib-samples", "500"]
    return {
        "IC": [str(data / "models/ic_resnet8.onnx"), *images, "--layout", "nhwc", "--mean", "0", "--std", "1"],
        "KWS": [
            *(str(data / "models/kws_dscnn.onnx"), "--data", str(sets / "kws01.npz"), "--calib-samples", "100"),
            *("--mean", "83", "--std", "1.7102703"),
        ],
        "AD": [str(data / "models/ad_fc_autoencoder.onnx"), "--data", str(sets / "ad_made.npz"), "--calib-samples", "100"],
    }


def run(arguments: list[str], board: str, optimize: str) -> dict[str, Any]:
    """One report of `edgecomp run`; a difference from the reference ends the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "run.json"
        command = [EDGECOMP, "run", *arguments, "--target", board, "--samples", "3", "--optimize", optimize, "--json", str(report)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads(report.read_text())
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    table: dict[str, Any] = {}
    print("| board | IC | KWS | AD | peer: IC | KWS | AD |\n|---|---|---|---|---|---|---|")
    for board, (peer, *figures) in PEERS_M.items():
        row = {}
        for name, arguments in models(options.data).items():
            report = run(arguments, board, "speed")
            row[name] = {
                "instructions": report["per_inference"]["instructions"],
                "estimated_cycles": report["per_inference"]["estimated_cycles"],
            }
            row[name] |= {
                key: report["memory"][key] for key in ("arena_bytes", "scratch_bytes", "stack_bytes", "flash_bytes", "code_bytes")
            }
        table[board] = row
        ours = " | ".join(f"{row[name]['instructions'] / 1e6:.3g} M" for name in row)
        theirs = " | ".join("" if figure is None else f"{figure:.3g} M" for figure in figures)
        print(f"| {board.removeprefix('qemu_')} | {ours} | {peer}: {theirs} |", flush=True)
    if options.write:
        TABLE.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
