"""The baseline: TVM's C of the same float model, built for the same boards, run by the same harness."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgecomp import load
from edgecomp.cli import execute
from edgecomp.data.digits import load_digits
from edgecomp.data.samples import Preprocessing
from edgecomp.errors import FitError, ToolError, UnsupportedError
from edgecomp.pipeline import QuantizedModel
from edgecomp.qgraph import IntArray
from edgecomp.target import Target, load_target
from edgecomp.verify import RunOptions

pytest.importorskip("tvm", reason="Apache TVM is not installed: pip install 'edgecomp[tvm]'")

from edgecomp.tvm import baseline, compile
from edgecomp.tvm.c_model import sources
from edgecomp.tvm.installation import require_tvm

DATA = Preprocessing(layout="nhwc", std=(16.0,))


def board(name: str) -> Target:
    target = load_target(name)
    for tool in filter(None, [f"{target.toolchain_prefix}gcc", target.emulator]):
        if shutil.which(tool) is None:
            pytest.skip(f"{name} needs {tool}, which is not installed")
    return target


@pytest.fixture(scope="module")
def data() -> tuple[IntArray, IntArray]:
    x, y = load_digits("test")
    return x, y


@pytest.fixture(scope="module")
def quantized(digits_onnx: Path, data: tuple[IntArray, IntArray]) -> QuantizedModel:
    return load(digits_onnx).quantize(data[0][:50], preprocessing=DATA, method="min-max")


@pytest.fixture(scope="module")
def compiled(quantized: QuantizedModel) -> compile.CompiledModel:
    return baseline.compile_baseline(quantized)


def test_compiled_model_counts_work_and_memory(compiled: compile.CompiledModel, quantized: QuantizedModel) -> None:
    assert sum(call.macs for call in compiled.calls) == quantized.qgraph.macs
    assert compiled.weight_bytes == sum(4 * np.size(values) for values in compiled.constants)
    assert compiled.inputs[0].shape == (1, 1, 8, 8)
    assert compiled.outputs[0].shape == (1, 10)
    assert '#include "tvm/' not in compiled.source
    ends = [call.output.offset + call.output.bytes for call in compiled.calls]
    assert max(ends) <= compiled.tensor_bytes


def test_sources_are_deterministic(quantized: QuantizedModel, compiled: compile.CompiledModel) -> None:
    assert sources(compiled).files == sources(baseline.compile_baseline(quantized)).files


def test_host_computes_the_float_model(quantized: QuantizedModel, compiled: compile.CompiledModel, data: Any) -> None:
    x, y = data[0][50:80], data[1][50:80]
    report = baseline.run(quantized, "host", x, compiled=compiled, index=np.arange(50, 80))
    assert report.accuracy is not None
    assert report.accuracy.metric == "sqnr_db"
    assert report.accuracy.target > 100  # float32 against float32
    assert report.accuracy.quantized is None
    assert report.bit_exact is None
    assert "no bit-exact contract" in " ".join(report.warnings)
    assert report.outputs is not None
    assert list(report.outputs.index) == list(range(50, 80))
    labelled = baseline.run(quantized, "host", x, y, compiled=compiled, options=RunOptions(sanitize=True))
    assert labelled.accuracy is not None
    assert labelled.accuracy.target == labelled.accuracy.float > 0.9


def test_a_quantized_file_serves_too(quantized: QuantizedModel, data: Any, tmp_path: Path) -> None:
    path = tmp_path / "digits.qdq.onnx"
    path.write_bytes(quantized.to_onnx())
    report = baseline.run(load(path).absorbed(), "host", data[0][50:70])
    assert report.accuracy is not None
    assert 20 < report.accuracy.target < 60  # TVM rounds no activation, the file does
    assert any("QDQ" in note for note in report.warnings)


def test_command_line_compares_on_cortex_m4(
    digits_onnx: Path, digits_npz: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = board("qemu_cortex_m4")
    file = tmp_path / "run.json"
    arguments = ["run", str(digits_onnx), "--target", target.name, "--data", str(digits_npz), "--layout", "nhwc", "--std", "16"]
    arguments += ["--samples", "12", "--calibration", "min-max", "--profile-samples", "2", "--engine", "tvm", "--json", str(file)]
    assert execute(arguments) == 0
    assert "baseline / edgecomp" in capsys.readouterr().out
    ours = json.loads(file.read_text())
    theirs = ours["baseline"]
    assert ours["bit_exact"]["equal"]
    assert theirs["bit_exact"] is None
    assert theirs["baseline"] is None
    assert theirs["quantization"]["method"] == "float32 by TVM"
    assert theirs["samples"] == ours["samples"] == 12
    assert theirs["accuracy"]["float"] == theirs["accuracy"]["target"] == ours["accuracy"]["float"]
    in_layers = sum(layer["instructions"] for layer in theirs["layers"])
    assert 0 <= theirs["per_inference"]["instructions"] - in_layers < 100
    assert theirs["per_inference"]["estimated_cycles"] > theirs["per_inference"]["instructions"]
    for key in ("flash_bytes", "ram_bytes", "weight_bytes"):
        assert theirs["memory"][key] > ours["memory"][key], key
    assert theirs["memory"]["arena_used_bytes"] <= theirs["memory"]["arena_bytes"] + theirs["memory"]["scratch_bytes"]


@pytest.mark.parametrize(("name", "soft"), [("qemu_cortex_m0", True), ("qemu_rv32imc", True), ("qemu_cortex_m4", False)])
def test_soft_float_is_named(name: str, soft: bool, quantized: QuantizedModel, compiled: compile.CompiledModel, data: Any) -> None:
    report = baseline.run(quantized, board(name), data[0][:1], compiled=compiled, options=RunOptions(build_only=True))
    assert any("soft float" in note for note in report.warnings) == soft
    assert report.per_inference.instructions is None


@pytest.mark.slow
def test_soft_float_computes_the_float_model(quantized: QuantizedModel, compiled: compile.CompiledModel, data: Any) -> None:
    report = baseline.run(quantized, board("qemu_cortex_m0"), data[0][:4], compiled=compiled)
    assert report.accuracy is not None
    assert report.accuracy.target > 100


def test_what_does_not_fit_says_whose_program_it_is(
    quantized: QuantizedModel, compiled: compile.CompiledModel, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise FitError("overflowed by 9 bytes")

    monkeypatch.setattr(baseline, "build", refuse)
    with pytest.raises(FitError, match=r"TVM compiled: overflowed.*leave out --engine tvm"):
        baseline.run(quantized, "host", data[0][:1], compiled=compiled)


def test_a_model_tvm_cannot_take_is_one_clear_error(quantized: QuantizedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise ValueError("Traceback of many lines\nop Frobnicate is not supported")

    monkeypatch.setattr(compile, "_fused", refuse)
    with pytest.raises(UnsupportedError, match=r"cannot compile this network: op Frobnicate is not supported; run it without"):
        baseline.compile_baseline(quantized)


def test_memory_of_unknown_size_is_refused() -> None:
    known = "TVM_DLL int32_t __tvm_ffi_a(\nTVMBackendAllocWorkspace(1, dev_id, (uint64_t)100ULL, 2, 32)"
    assert compile._workspace_bytes(known + known.replace("100", "20")) == 112
    with pytest.raises(UnsupportedError, match="not constant"):
        compile._workspace_bytes("TVMBackendAllocWorkspace(1, dev_id, (uint64_t)n, 2, 32)")


def test_missing_extra_names_the_cure(
    monkeypatch: pytest.MonkeyPatch, digits_onnx: Path, digits_npz: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tvm", None)
    with pytest.raises(ToolError, match=r"pip install 'edgecomp\[tvm\]'"):
        require_tvm()
    assert execute(["run", str(digits_onnx), "--target", "host", "--data", str(digits_npz), "--engine", "tvm"]) == 1
    assert "pip install 'edgecomp[tvm]'" in capsys.readouterr().err
