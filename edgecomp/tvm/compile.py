"""A float network compiled by TVM to C for bare metal: Relax, legalized and fused by TVM, its own storage plan, no TVM runtime."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph
from edgecomp.tvm.installation import require_tvm

ALIGNMENT = 16
"""Bytes; of every tensor in the arena and every piece of workspace."""
_CURE = "run it without --engine tvm"


@dataclass(frozen=True)
class Region:
    """Where a tensor lies in the arena."""

    offset: int
    bytes: int
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Call:
    """One call of a function of TVM's: a fused group of operators. `macs` counts products with padding, as TVM computes them."""

    function: str
    arguments: tuple[Region | int, ...]
    """Regions, or indices into the constants; the output is the last."""
    macs: int

    @property
    def output(self) -> Region:
        """What the call writes."""
        region = self.arguments[-1]
        assert isinstance(region, Region)
        return region


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """C of TVM's, the calls that make an inference, and the memory they need."""

    name: str
    tvm_version: str
    source: str
    """TVM's functions, without its includes."""
    constants: tuple[Array, ...]
    calls: tuple[Call, ...]
    inputs: tuple[Region, ...]
    outputs: tuple[Region, ...]
    tensor_bytes: int
    """Inputs, outputs and TVM's storages."""
    workspace_bytes: int
    """The most that one function asks for, behind the tensors."""

    @property
    def weight_bytes(self) -> int:
        """Constants in flash."""
        return sum(values.nbytes for values in self.constants)


def compile_float(graph: Graph) -> CompiledModel:
    """Compile a float network with TVM's default schedules.

    Raises:
        ToolError: TVM is missing.
        UnsupportedError: TVM cannot compile the network.
    """
    version = require_tvm()
    try:
        module = _fused(graph)
        source = _c_source(module)
    except Exception as error:  # its passes raise errors of many kinds
        reason = next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise UnsupportedError(f"{graph.name}: TVM {version} cannot compile this network: {reason}; {_CURE}") from error
    walk = _Walk(graph.name, module)
    return CompiledModel(
        name=graph.name,
        tvm_version=version,
        source=source,
        constants=tuple(walk.constants),
        calls=tuple(walk.calls),
        inputs=walk.inputs,
        outputs=walk.outputs,
        tensor_bytes=walk.used_bytes,
        workspace_bytes=_workspace_bytes(source),
    )


def _fused(graph: Graph) -> Any:
    """The network as calls of loop nests, with storage planned."""
    import tvm
    from tvm.relax import transform
    from tvm.relax.frontend.onnx import from_onnx

    from edgecomp.frontend.onnx_export import to_model

    passes = [
        transform.DecomposeOpsForInference(),
        transform.CanonicalizeBindings(),
        transform.FoldConstant(),
        transform.DeadCodeElimination(),
        transform.LegalizeOps(),
        transform.AnnotateTIROpPattern(),
        transform.FoldConstant(),
        transform.FuseOps(),
        transform.FuseTIR(),
        transform.RewriteDataflowReshape(),
        transform.DeadCodeElimination(),
        transform.ToNonDataflow(),
        transform.RemovePurityChecking(),
        transform.CallTIRRewrite(),
        transform.StaticPlanBlockMemory(),
    ]
    return tvm.transform.Sequential(passes)(from_onnx(to_model(graph)))


def _c_source(module: Any) -> str:
    import tvm
    from tvm import tirx

    functions = {
        name: function.with_attr("global_symbol", name.name_hint)
        for name, function in module.functions.items()
        if isinstance(function, tirx.PrimFunc)
    }
    options = {"tirx.disable_assert": True, "tirx.disable_vectorize": True}
    with tvm.transform.PassContext(config=options):
        built = tirx.build(tvm.IRModule(functions), target=tvm.target.Target({"kind": "c"}), pipeline="s_tir")
    return re.sub(r'^#include "tvm/.*\n', "", str(built.inspect_source()), flags=re.MULTILINE)


def _workspace_bytes(source: str) -> int:
    """The most memory the functions of a source ask for, one function at a time."""
    most = 0
    for function in source.split("TVM_DLL int32_t __tvm_ffi_"):
        asked = re.findall(r"TVMBackendAllocWorkspace\(\d+, \w+, \(uint64_t\)(\d+)ULL", function)
        if len(asked) != function.count("TVMBackendAllocWorkspace("):
            raise UnsupportedError(f"TVM's C asks for memory of a size that is not constant; {_CURE}")
        most = max(most, sum(_aligned(int(size)) for size in asked))
    return most


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


class _Walk:
    """Reads the planned `main`: where tensors lie, and which functions are called in which order."""

    def __init__(self, name: str, module: Any) -> None:
        self.name = name
        self.module = module
        self.used_bytes = 0
        self.constants: list[Array] = []
        self.calls: list[Call] = []
        self._constant_numbers: dict[tuple[str, bytes], int] = {}
        self._places: dict[Any, Any] = {}  # variable -> Region, or offset of a storage
        main = module["main"]
        for parameter in main.params:
            self._places[parameter] = self._fresh(parameter)
        self.inputs = tuple(self._places[parameter] for parameter in main.params)
        for block in main.body.blocks:
            for binding in block.bindings:
                self._bind(binding.var, binding.value)
        self.outputs = self._results(main.body.body)

    def _bind(self, variable: Any, value: Any) -> None:
        from tvm import relax
        from tvm.ir import GlobalVar

        if not isinstance(value, relax.Call):
            self._places[variable] = self._place(value)
        elif isinstance(value.op, GlobalVar):
            function = value.op.name_hint
            arguments = tuple(self._place(argument) for argument in value.args)
            self.calls.append(Call(function, arguments, _multiply_accumulates(self.module[function])))
        else:
            self._places[variable] = self._built_in(variable, value)

    def _built_in(self, variable: Any, call: Any) -> Any:
        operator = call.op.name
        if operator == "relax.memory.alloc_storage":
            offset = self.used_bytes
            self.used_bytes += _aligned(prod(int(size) for size in call.args[0].values))
            return offset
        if operator == "relax.memory.alloc_tensor":
            return _region(self._places[call.args[0]] + int(call.args[1]), variable)
        if operator == "relax.builtin.alloc_tensor":
            return self._fresh(variable)
        if operator == "relax.reshape":
            return _region(self._region(call.args[0]).offset, variable)
        raise UnsupportedError(f"{self.name}: TVM calls its runtime for {operator}; {_CURE}")

    def _place(self, value: Any) -> Region | int:
        """The region of a variable, or the index of a constant; equal constants are kept once."""
        from tvm.ir import GenericConst

        if not isinstance(value, GenericConst):
            return self._region(value)
        data = np.ascontiguousarray(value.value.numpy())
        index = self._constant_numbers.setdefault((str(data.dtype), data.tobytes()), len(self.constants))
        if index == len(self.constants):
            self.constants.append(data)
        return index

    def _region(self, value: Any) -> Region:
        place = self._places.get(value)
        if not isinstance(place, Region):
            raise UnsupportedError(f"{self.name}: TVM's program holds {type(value).__name__}; {_CURE}")
        return place

    def _results(self, value: Any) -> tuple[Region, ...]:
        """Outputs, each written by a call."""
        from tvm import relax

        if not self.calls:
            raise UnsupportedError(f"{self.name}: TVM folded the network to constants; {_CURE}")
        return tuple(self._region(field) for field in (value.fields if isinstance(value, relax.Tuple) else [value]))

    def _fresh(self, variable: Any) -> Region:
        region = _region(self.used_bytes, variable)
        self.used_bytes += _aligned(region.bytes)
        return region


def _region(offset: int, variable: Any) -> Region:
    shape = tuple(int(size) for size in variable.ty.shape.values)
    dtype = str(variable.ty.dtype.dtype)
    return Region(offset, prod(shape) * np.dtype(dtype).itemsize, shape, dtype)


def _multiply_accumulates(function: Any) -> int:
    """Products that are added up, counted from the extents of the loops."""
    import tvm_ffi
    from tvm import s_tir, tirx

    total = 0

    def count(block: Any) -> None:
        nonlocal total
        store = block.body
        if block.init is None or not isinstance(store, tirx.BufferStore) or not isinstance(store.value, tirx.Add):
            return
        if isinstance(store.value.a, tirx.Mul) or isinstance(store.value.b, tirx.Mul):
            total += prod(int(variable.dom.extent) for variable in block.iter_vars)

    tvm_ffi.structural_walk(function, [(s_tir.SBlock, count)])
    return total
