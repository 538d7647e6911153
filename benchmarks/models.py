"""The MLPerf Tiny models on every emulated board: instructions an inference, RAM and flash, beside the peers' figures.

    python benchmarks/models.py --data DIR [--write]      prints Markdown; --write keeps it in benchmarks/models.json

DIR holds `models/*.onnx` and `datasets/*.npz`. Open peers were measured by instruction counting in QEMU 7.2 with gcc 12.2 on the official
int8 models: CMSIS-NN on Cortex-M, muRISCV-NN on RV32IMC. The closed products' cycles are the best of all submitters' MLPerf Tiny results on
real boards with that core (Cortex-M4 at 120 MHz).
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


CLOSED_MCYCLES = {
    "qemu_cortex_m0": (97.4, 30.4, 2.62),
    "qemu_cortex_m4": (19.8, 5.18, 0.486),
    "qemu_cortex_m7": (11.4, 3.17, 0.303),
    "qemu_cortex_m33": (16.7, 4.64, 0.495),
}
"""Millions of cycles an inference on boards: IC, KWS, AD."""
MEMORY_BOARD = "qemu_cortex_m4"
PEERS_RAM = {"IC": (52_204, 55_928), "KWS": (16_972, 23_752), "AD": (1_116, 3_224)}
"""Arena + scratch + stack on Cortex-M4: CMSIS-NN called directly, and with TFLite Micro."""
PEERS_FLASH = {"IC": (104_084, 150_636), "KWS": (56_048, 108_308), "AD": (278_512, 305_156)}


def figures(report: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a report."""
    kept = {key: report["per_inference"][key] for key in ("instructions", "estimated_cycles")}
    return kept | {key: report["memory"][key] for key in ("arena_bytes", "scratch_bytes", "stack_bytes", "flash_bytes", "code_bytes")}


def speed_table(table: dict[str, Any]) -> list[str]:
    """Instructions beside the open peers, and estimated cycles beside the closed products."""
    lines = ["| core | IC | KWS | AD | peer: IC | KWS | AD |", "|---|---|---|---|---|---|---|"]
    for board, (peer, *theirs) in PEERS_M.items():
        ours = " | ".join(f"**{each['instructions'] / 1e6:.3g} M**" for each in table[board].values())
        beside = " | ".join("" if figure is None else f"{figure:.3g} M" for figure in theirs)
        lines.append(f"| {board.removeprefix('qemu_')} | {ours} | {f'{peer}: {beside}' if theirs[0] else ' | | '} |")
    lines += ["", "| core | IC | KWS | AD | best closed product: IC | KWS | AD |", "|---|---|---|---|---|---|---|"]
    for board, closed in CLOSED_MCYCLES.items():
        cycles = [each["estimated_cycles"] for each in table[board].values()]
        ours = " | ".join("" if each is None else f"{each / 1e6:.3g} M" for each in cycles)
        lines.append(f"| {board.removeprefix('qemu_')} | {ours} | {' | '.join(f'{figure:.3g} M' for figure in closed)} |")
    return lines


def memory_table(least: dict[str, Any]) -> list[str]:
    """RAM by `--optimize ram` and flash by `--optimize size`."""
    lines = [
        "| model | RAM | CMSIS-NN alone | with TFLite Micro | flash | CMSIS-NN alone | with TFLite Micro |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, each in least.items():
        ram = sum(each["ram"][key] for key in ("arena_bytes", "scratch_bytes", "stack_bytes"))
        peers_ram, peers_flash = (" | ".join(f"{value:,}" for value in of[name]) for of in (PEERS_RAM, PEERS_FLASH))
        lines.append(f"| {name} | **{ram:,}** | {peers_ram} | **{each['size']['flash_bytes']:,}** | {peers_flash} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    networks = models(options.data)
    table: dict[str, Any] = {
        board: {name: figures(run(arguments, board, "speed")) for name, arguments in networks.items()} for board in PEERS_M
    }
    least = {
        name: {optimize: figures(run(arguments, MEMORY_BOARD, optimize)) for optimize in ("ram", "size")}
        for name, arguments in networks.items()
    }
    print("\n".join([*speed_table(table), "", *memory_table(least)]))
    if options.write:
        TABLE.write_text(json.dumps({"speed": table, MEMORY_BOARD: least}, indent=1) + "\n")


if __name__ == "__main__":
    main()
