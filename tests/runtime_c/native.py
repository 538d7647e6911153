"""Calls the portable kernels through ctypes; structs and signatures follow from the annotations of the operators alone."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgecomp.paths import runtime_dir
from edgecomp.plan.instruction_sets import KERNELS
from edgecomp.qgraph import CType, QOp, parameters

SCALARS: dict[str, Any] = {
    "int8_t": ctypes.c_int8,
    "uint8_t": ctypes.c_uint8,
    "int16_t": ctypes.c_int16,
    "uint16_t": ctypes.c_uint16,
    "int32_t": ctypes.c_int32,
    "uint32_t": ctypes.c_uint32,
}
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wcast-align", "-Wundef", "-pedantic", "-Werror"]
SOURCES = sorted((runtime_dir() / "src" / "portable").glob("ec_*.c"))
HEADERS = sorted((runtime_dir() / "include").glob("ec_*_s8.h"))
GUARD_BYTES = 64  # around every output; a kernel that writes past its end is caught
GUARD = np.int8(-86)


def build_shared_library(compiler: str, folder: Path, flags: Sequence[str] = ("-O3", "-march=native")) -> Path:
    """All portable kernels as one shared library for this machine."""
    library = folder / "kernels.so"
    include = f"-I{runtime_dir() / 'include'}"
    subprocess.run([compiler, *WARNINGS, *flags, "-shared", "-fPIC", include, "-o", library, *SOURCES], check=True, timeout=120)
    return library


def scratch_bytes(op: QOp) -> int:
    """Working memory that the portable kernel of an operator takes; most take none."""
    kernel = KERNELS["portable"].get(op.kernel)
    return kernel.scratch_bytes(op) if kernel else 0


def _member_type(ctype: CType) -> Any:
    if ctype.pointer:
        return ctypes.c_void_p
    scalar = SCALARS[ctype.name]
    return scalar * ctype.length if ctype.length else scalar


def _packed(op: QOp) -> tuple[ctypes.Structure, list[Any]]:
    """The kernel's parameter struct, and the arrays it points to, which must outlive the call."""
    kinds = parameters(type(op))
    struct = type(f"{op.kernel}_params", (ctypes.Structure,), {"_fields_": [(name, _member_type(c)) for name, c in kinds.items()]})
    values: dict[str, Any] = {}
    kept: list[Any] = []
    for name, ctype in kinds.items():
        value = getattr(op, name)
        if ctype.pointer and value is not None:
            kept.append(np.ascontiguousarray(value, ctype.name.removesuffix("_t")))
            values[name] = kept[-1].ctypes.data
        elif ctype.length:
            values[name] = _member_type(ctype)(*value)
        else:
            values[name] = value
    return struct(**values), kept


class Kernels:
    """A shared library of kernels that takes operators and numpy arrays."""

    def __init__(self, library: Path) -> None:
        self._library = ctypes.CDLL(str(library))

    def run(self, op: QOp, *inputs: np.ndarray, output_size: int, in_place: int | None = None) -> np.ndarray:
        """One inference on flat int8 inputs; with `in_place` the output stands where that input stands."""
        struct, kept = _packed(op)
        buffers = [np.ascontiguousarray(x, np.int8).reshape(-1).copy() for x in inputs]
        guarded = np.full(output_size + 2 * GUARD_BYTES, GUARD, np.int8)
        output = guarded[GUARD_BYTES : GUARD_BYTES + output_size]
        watched = [guarded[:GUARD_BYTES], guarded[GUARD_BYTES + output_size :]]
        if in_place is not None:
            output[:] = buffers[in_place]
            buffers[in_place] = output
        addresses = [ctypes.c_void_p(buffer.ctypes.data) for buffer in buffers]
        arguments: list[Any] = [(ctypes.c_void_p * len(addresses))(*addresses)] if op.variadic else addresses
        arguments = [ctypes.byref(struct), *arguments, ctypes.c_void_p(output.ctypes.data)]
        if op.takes_scratch:
            scratch = np.full(scratch_bytes(op) + GUARD_BYTES, GUARD, np.int8)
            arguments.append(ctypes.c_void_p(scratch.ctypes.data) if scratch.size > GUARD_BYTES else ctypes.c_void_p())
            watched.append(scratch[scratch.size - GUARD_BYTES :])
        function = getattr(self._library, f"ec_{op.kernel}")
        function.restype = None
        function(*arguments)
        del kept
        if np.any(np.concatenate(watched) != GUARD):
            raise AssertionError(f"ec_{op.kernel} wrote outside its output or scratch")
        return output.copy()
