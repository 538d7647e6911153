"""The integer network: what the firmware computes, bit for bit.

Every tensor is a flat run of integers in the order the kernels store it (NHWC for images). An operator holds all of its own
dimensions, so a Reshape needs no node: its consumer reads the same buffer under other dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from math import prod
from typing import Annotated, Any, ClassVar, get_type_hints

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.integer[Any]]
Shape = tuple[int, ...]

INPUT_NOTE_KEY = "edgecomp.note."
"""Metadata key + input name: a sentence on how data become the input, for the generated header."""


@dataclass(frozen=True)
class CType:
    """How a parameter stands in the kernel's C struct: `name[length]`, or `const name *` for an array in flash."""

    name: str
    length: int = 0
    pointer: bool = False


U8 = Annotated[int, CType("uint8_t")]
U16 = Annotated[int, CType("uint16_t")]
U32 = Annotated[int, CType("uint32_t")]
S8 = Annotated[int, CType("int8_t")]
S16 = Annotated[int, CType("int16_t")]
S32 = Annotated[int, CType("int32_t")]
S8Array = Annotated[IntArray, CType("int8_t", pointer=True)]
U8Array = Annotated[IntArray, CType("uint8_t", pointer=True)]
S16Array = Annotated[IntArray, CType("int16_t", pointer=True)]
U16Array = Annotated[IntArray, CType("uint16_t", pointer=True)]
U32Array = Annotated[IntArray, CType("uint32_t", pointer=True)]
S32Array = Annotated[IntArray, CType("int32_t", pointer=True)]
MAX_RANK = 6
Dims = Annotated[tuple[int, ...], CType("uint32_t", length=MAX_RANK)]
Steps = Annotated[tuple[int, ...], CType("int32_t", length=MAX_RANK)]


@dataclass(frozen=True)
class Work:
    """Arithmetic of one inference, counted exactly.

    `macs` counts every tap of every window, as MLPerf Tiny and the papers do; `padding_macs` of them multiply padding, which a
    kernel may leave out. Additions and comparisons do not count padding.
    """

    macs: int = 0
    padding_macs: int = 0
    additions: int = 0
    comparisons: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(Work)))


@dataclass(frozen=True, eq=False)
class QOp:
    """One integer operator. Its fields, in order, are the members of the kernel's C struct.

    `ec_<kernel>(const ec_<kernel>_params *params, inputs..., output[, void *scratch])` is the C function; a variadic
    operator takes one array of pointers, `const int8_t *const *inputs`. An optional array that is None is NULL in C.
    `evaluate` is the reference that every kernel must equal bit for bit.
    """

    kernel: ClassVar[str]
    arity: ClassVar[int] = 1  # inputs of a call; a variadic operator takes one or more
    variadic: ClassVar[bool] = False
    in_place: ClassVar[bool] = False  # output may stand where an input of the same size stands
    in_place_from: ClassVar[int] = 0  # the first input whose place that may be; those before are read to the end
    takes_scratch: ClassVar[bool] = False

    def evaluate(self, *inputs: IntArray) -> IntArray:
        """Reference semantics. Inputs and output carry a leading axis of samples; the other axes are reshaped as needed."""
        raise NotImplementedError(type(self).__name__)

    @property
    def work(self) -> Work:
        """Arithmetic of one inference."""
        return Work()

    def executed_macs(self, *inputs: IntArray) -> int:
        """Products that remain of `work.macs` over all given samples; fewer where the operator leaves out what it predicts to be zero."""
        return len(inputs[0]) * self.work.macs

    @property
    def parts(self) -> tuple[QOp, ...]:
        """The operators that a fused one joins, in order; none for the others."""
        return ()

    @property
    def calls(self) -> int:
        """How often a fused operator calls the kernels of its parts."""
        return 1

    @property
    def describe(self) -> str:
        """The shape of the work in a few characters, such as "3x3 s1 16->16", for reports and comments."""
        return ""

    def verify(self) -> None:
        """Prove that every parameter fits its C type; each operator adds what its kernel relies on.

        Raises:
            ValueError: a parameter is out of range (a defect of lowering).
        """
        for item, ctype in parameters(type(self)).items():
            value = getattr(self, item)
            if value is None:
                continue
            if np.asarray(value).dtype.kind not in "iu":
                raise ValueError(f"{self.kernel}.{item}: must be integers, found {np.asarray(value).dtype}")
            info = np.iinfo(ctype.name.removesuffix("_t"))
            low, high = (int(np.min(value)), int(np.max(value))) if np.size(value) else (0, 0)
            if low < info.min or high > info.max:
                raise ValueError(f"{self.kernel}.{item}: {low}..{high} does not fit {ctype.name}")
            if ctype.length and len(value) > ctype.length:
                raise ValueError(f"{self.kernel}.{item}: {len(value)} values, at most {ctype.length}")

    @property
    def arrays(self) -> Mapping[str, tuple[CType, IntArray]]:
        """The constant arrays this operator keeps in flash."""
        pointers = {name: ctype for name, ctype in parameters(type(self)).items() if ctype.pointer}
        return {name: (ctype, np.asarray(getattr(self, name))) for name, ctype in pointers.items() if getattr(self, name) is not None}


def parameters(kind: type[QOp]) -> Mapping[str, CType]:
    """The C type of each field of an operator, in the order of the C struct."""
    hints = get_type_hints(kind, include_extras=True)
    return {item.name: hints[item.name].__metadata__[0] for item in fields(kind)}


@dataclass(frozen=True, eq=False)
class QTensor:
    """A buffer of integers: real value = scale * (q - zero_point). `data` is set for constants in flash only.

    `permutation` says how the float network's tensor of the same name lies in it (array.transpose(permutation), row-major); None
    where there is no such tensor.
    """

    name: str
    shape: Shape
    scale: float
    zero_point: int
    dtype: str = "int8"
    data: IntArray | None = None
    permutation: tuple[int, ...] | None = None

    @property
    def bytes(self) -> int:
        """Size of the buffer."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, eq=False)
class QNode:
    """One kernel call. `layer` is the ONNX node (or fused nodes, joined by '+') it computes."""

    layer: str
    kind: str
    op: QOp
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True, eq=False)
class Port:
    """An input or output of the model: which buffer, and how the ONNX array lies in it.

    The ONNX array has shape `shape`; the buffer holds `array.transpose(permutation)` in row-major order.
    """

    name: str
    tensor: str
    shape: Shape
    permutation: tuple[int, ...]

    def to_buffer(self, values: IntArray) -> IntArray:
        """Samples [N, *shape] as buffers [N, size]."""
        axes = (0, *(axis + 1 for axis in self.permutation))
        return np.ascontiguousarray(values.reshape(-1, *self.shape).transpose(axes)).reshape(len(values), -1)

    def from_buffer(self, buffers: IntArray) -> IntArray:
        """Buffers [N, size] as samples [N, *shape]."""
        stored = tuple(self.shape[axis] for axis in self.permutation)
        axes = (0, *(int(axis) + 1 for axis in np.argsort(self.permutation)))
        return np.ascontiguousarray(buffers.reshape(-1, *stored).transpose(axes))


@dataclass(frozen=True, eq=False)
class QGraph:
    """Kernel calls in execution order over integer buffers."""

    name: str
    tensors: Mapping[str, QTensor]
    nodes: tuple[QNode, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def verify(self) -> QGraph:
        """Prove that nodes read only what was written and that all parameters fit their C types; return self.

        Raises:
            ValueError: a rule is broken (a defect of lowering, not of the user's model).
        """
        written = {name for name, tensor in self.tensors.items() if tensor.data is not None} | {p.tensor for p in self.inputs}
        for node in self.nodes:
            unread = [name for name in node.inputs if name not in written]
            if unread:
                raise ValueError(f"{self.name}: {node.layer!r} reads {unread} before it is written")
            if node.output in written:
                raise ValueError(f"{self.name}: {node.layer!r} writes {node.output!r} a second time")
            written.add(node.output)
            node.op.verify()
        for port in self.outputs:
            if port.tensor not in written:
                raise ValueError(f"{self.name}: output {port.name!r} is never written")
        return self

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(node.op.work.macs for node in self.nodes)
