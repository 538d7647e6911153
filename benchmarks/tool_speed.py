"""How long the tool itself takes: wall seconds of whole commands, the median of several runs.

    .venv/bin/python benchmarks/tool_speed.py --data DIR [--runs 5] [-o benchmarks/tool_speed.json]

DIR holds `models/ic_resnet8.onnx`, `models_int8/ic_resnet8_int8.qdq.onnx`, `datasets/cifar10_test.npz` and `cifar10_train20k.npz`.
Times on a shared machine are noisy: run it on a quiet one, compare medians of one run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EDGECOMP = str(Path(sys.executable).with_name("edgecomp"))
GOALS_S = {"help": 0.3, "analyze IC": 1.5, "generate IC from QDQ": 3.0, "run IC on host, 10,000 images": 120.0}


def commands(data: Path, work: Path) -> dict[str, list[str]]:
    """The measured command lines."""
    images = ["--layout", "nhwc", "--mean", "0", "--std", "1"]
    calibration = ["--calib", str(data / "datasets/cifar10_train20k.npz"), "--calib-samples", "500"]
    quantized = str(data / "models_int8/ic_resnet8_int8.qdq.onnx")
    model = str(data / "models/ic_resnet8.onnx")
    return {
        "help": ["--help"],
        "analyze IC": ["analyze", model, "--target", "qemu_cortex_m4"],
        "generate IC from QDQ": ["generate", quantized, "--target", "qemu_cortex_m4", "-o", str(work / "generated")],
        "run IC on host, 10,000 images": [
            *("run", model, "--target", "host", "--data", str(data / "datasets/cifar10_test.npz")),
            *calibration,
            *images,
        ],
    }


def seconds(arguments: list[str]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    subprocess.run([EDGECOMP, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as work:
        for name, arguments in commands(options.data, Path(work)).items():
            long = "10,000" in name
            if not long:
                seconds(arguments)  # warm caches
            times = sorted(seconds(arguments) for _ in range(1 if long else options.runs))
            found[name] = {"median_s": round(statistics.median(times), 3), "max_s": round(times[-1], 3), "goal_s": GOALS_S[name]}
            print(f"{name:32} median {found[name]['median_s']:8.3f} s, max {times[-1]:8.3f} s, goal {GOALS_S[name]:g} s", flush=True)
    if options.output:
        options.output.write_text(json.dumps({"cores": os.cpu_count(), "commands": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
