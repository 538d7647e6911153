"""What an ONNX operator is to edgecomp: how it is read, what it means in float, how it is written, how it becomes integers.

One file an operator or family in this package, one line each in `edgecomp.ops.OPERATORS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from edgecomp.errors import UnsupportedError
from edgecomp.graph import Array, Graph, Node, Op, Shape

if TYPE_CHECKING:
    from edgecomp.quant.lowering import Lowering
    from edgecomp.quant.scheme import Quant


@dataclass(frozen=True)
class OnnxNode:
    """One ONNX node with what is known around it: attributes, shapes of its tensors, values of its constant inputs."""

    name: str
    op_type: str
    opset: int
    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    shapes: Mapping[str, Shape]
    constants: Mapping[str, Array]

    def input(self, index: int) -> str | None:
        """Name of an input, None where it is omitted."""
        return self.inputs[index] if index < len(self.inputs) else None

    def shape(self, index: int) -> Shape:
        """Static shape of an input."""
        name = self.input(index)
        if name is None:
            raise self.reject(f"input {index} is omitted", f"input {index} present", "give the input")
        return self.shapes[name]

    def constant(self, index: int, what: str) -> Array | None:
        """Value of an input that must be constant; None where it is omitted.

        Raises:
            UnsupportedError: the input is computed at run time.
        """
        name = self.input(index)
        if name is None:
            return None
        if name not in self.constants:
            raise self.reject(
                f"{what} computed at run time (tensor {name!r})", f"a constant {what}", f"export the model with a fixed {what}"
            )
        return self.constants[name]

    def reject(self, found: str, allowed: str, rewrite: str) -> UnsupportedError:
        """The error for a form that edgecomp does not take."""
        return UnsupportedError(f"node {self.name!r} ({self.op_type}): found {found}; allowed: {allowed}; rewrite: {rewrite}")


@dataclass(frozen=True)
class OnnxCall:
    """How an operator is written to ONNX: its data inputs come first, then `constants` (None: omitted)."""

    op_type: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    constants: tuple[Array | None, ...] = ()


Imported = tuple["Operator", tuple[str | None, ...]]


@dataclass(frozen=True)
class Operator(Op):
    """An ONNX operator. Its fields are the attributes, under their ONNX names and with their ONNX defaults."""

    onnx_types: ClassVar[tuple[str, ...]] = ()  # default: the class's name
    limits: ClassVar[str] = ""  # one line for `edgecomp ops`
    keeps_scale: ClassVar[bool] = False  # output shares the quantization of input 0: it only moves or selects values
    fuses_clamp: ClassVar[bool] = False  # its kernel can apply a Relu or Clip that follows
    fixed_quant: ClassVar[tuple[float, int] | None] = None  # scale and zero point that its kernel prescribes for the output
    has_weights: ClassVar[bool] = False  # inputs are x, weights, bias; a constant input 1 is quantized symmetrically along `weight_axis`
    spatial: ClassVar[bool] = False  # its kernel wants channels innermost
    reorders: ClassVar[bool] = False  # its output's axes are not its input's

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Imported:
        """The operator and its data inputs. Constants that are attributes in spirit (shapes, axes) become fields.

        Raises:
            UnsupportedError: an attribute or form is not supported.
        """
        known = {item.name for item in fields(cls)}
        values = {name: as_field(value) for name, value in node.attributes.items() if name in known}
        unknown = sorted(set(node.attributes) - known)
        if unknown:
            raise node.reject(f"attributes {unknown}", f"attributes {sorted(known)}", "remove them or export without them")
        return cls(**values), node.inputs

    def to_onnx(self) -> OnnxCall:
        """The same operator as ONNX, opset 17."""
        attributes = {item.name: getattr(self, item.name) for item in fields(self)}
        return OnnxCall(type(self).__name__, {name: value for name, value in attributes.items() if value is not None})

    def weight_axis(self, rank: int) -> int | None:
        """Axis of the output channels in weights of this rank; None: one scale for all of them."""
        return 0 if rank > 1 else None

    def integer_operands(self, node: Node, graph: Graph) -> tuple[str, ...]:
        """Constants that the kernel reads as int8 tensors, weights and biases aside."""
        return ()

    @property
    def clamp(self) -> tuple[float, float] | None:
        """(low, high) where the operator is a clamp that the producer's kernel can apply at no cost, else None."""
        return None

    def kept_quant(self, quant: Quant) -> Quant:
        """The output's quantization where `keeps_scale`, from that of input 0."""
        return quant

    def lower(self, node: Node, lowering: Lowering) -> None:
        """Emit the integer operators that compute this node.

        Raises:
            UnsupportedError: no integer kernel takes this form.
        """
        raise UnsupportedError(f"node {node.name!r} ({node.kind}): no integer kernel; run `edgecomp ops` for what there is")


def refusal(node: Node, found: str, allowed: str, rewrite: str) -> UnsupportedError:
    """The error for a form that no integer kernel takes."""
    return UnsupportedError(f"node {node.name!r} ({node.kind}): found {found}; allowed: {allowed}; rewrite: {rewrite}")


def as_field(value: Any) -> Any:
    """An ONNX attribute value as an immutable field."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, np.ndarray)):
        return tuple(as_field(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value
