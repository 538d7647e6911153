"""A network compiled by TVM as C with the interface of a generated model, so that the same harness runs it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgecomp import __version__
from edgecomp.build import Sources
from edgecomp.emit.c_text import comment, identifier, string_content, wrapped
from edgecomp.emit.library import render
from edgecomp.graph import Array
from edgecomp.paths import runtime_dir
from edgecomp.tvm.compile import ALIGNMENT, CompiledModel, Region

C_TYPES = {"float32": "float", "float64": "double", "bool": "uint8_t"}
LIBRARIES = ("m",)
"""TVM's kernels call expf, tanhf and the like."""


@dataclass(frozen=True)
class ConstantText:
    """`ctype symbol[length]`, its values as `text`."""

    symbol: str
    ctype: str
    length: int
    text: str


@dataclass(frozen=True)
class CallText:
    """`function` called with `arguments`, C expressions; the output is named again for the observer."""

    index: int
    function: str
    macs: int
    arguments: tuple[str, ...]
    output: str
    output_bytes: int


@dataclass(frozen=True)
class PortText:
    """An input or output in the arena."""

    name: str
    offset: int
    bytes: int
    element_bytes: int


def sources(compiled: CompiledModel) -> Sources:
    """The model as `const ec_model <prefix>_model`: TVM's functions in a header, constants and calls in one C file."""
    prefix = identifier(f"{compiled.name}_tvm")
    names = {
        "prefix": prefix,
        "name": comment(compiled.name),
        "c_name": string_content(compiled.name),
        "version": __version__,
        "tvm_version": compiled.tvm_version,
        "source": compiled.source,
        "constants": [_constant(index, values) for index, values in enumerate(compiled.constants)],
        "calls": [
            CallText(
                index,
                call.function,
                call.macs,
                tuple(f"constant_{place}" if isinstance(place, int) else f"arena + {place.offset}" for place in call.arguments),
                f"arena + {call.output.offset}",
                call.output.bytes,
            )
            for index, call in enumerate(compiled.calls)
        ],
        "most_arguments": max(len(call.arguments) for call in compiled.calls),
        "inputs": [_port(f"input_{i}", region) for i, region in enumerate(compiled.inputs)],
        "outputs": [_port(f"output_{i}", region) for i, region in enumerate(compiled.outputs)],
        "alignment": ALIGNMENT,
        "tensor_bytes": compiled.tensor_bytes,
        "arena_bytes": compiled.tensor_bytes + compiled.workspace_bytes,
    }
    files = {
        f"{prefix}_kernels.h": render("tvm_kernels.h.j2", names),
        f"{prefix}.c": render("tvm_model.c.j2", names),
        "include/ec_model.h": (runtime_dir() / "include" / "ec_model.h").read_text(encoding="utf-8"),
    }
    return Sources(prefix, files, LIBRARIES)


def _constant(index: int, values: Array) -> ConstantText:
    dtype = str(values.dtype)
    return ConstantText(f"constant_{index}", C_TYPES.get(dtype, f"{dtype}_t"), values.size, wrapped(_literal(v) for v in values.ravel()))


def _literal(value: np.generic) -> str:
    """A C literal of exactly this value."""
    if not isinstance(value, np.floating):
        return str(int(value))
    number = float(value)
    suffix = "f" if value.dtype == np.float32 else ""
    if math.isfinite(number):
        return f"{number.hex()}{suffix}"
    return "NAN" if math.isnan(number) else "INFINITY" if number > 0 else "-INFINITY"


def _port(name: str, region: Region) -> PortText:
    return PortText(name, region.offset, region.bytes, np.dtype(region.dtype).itemsize)
