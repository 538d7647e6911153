"""The float network: ONNX semantics, ONNX axis order, static shapes, every name kept for messages.

`Graph` is what import yields and passes rewrite. It stays close to ONNX so that it can be written back as ONNX at any stage;
the physical NHWC order begins where a `Graph` becomes a `QGraph`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Op:
    """Attributes of one operator; a sub-class per operator lives in `edgecomp.ops`."""

    def evaluate(self, *inputs: Array | None) -> tuple[Array, ...]:
        """The operator's float semantics as ONNX defines it, one array an output; an omitted optional input is None."""
        raise NotImplementedError(type(self).__name__)


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value with a static shape; `data` is set for constants only."""

    name: str
    shape: Shape
    dtype: str = "float32"
    data: Array | None = None


@dataclass(frozen=True)
class Node:
    """One operator applied to named tensors; an omitted optional input is None."""

    name: str
    op: Op
    inputs: tuple[str | None, ...]
    outputs: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The operator's name, for messages."""
        return type(self.op).__name__


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in execution order over named tensors."""

    name: str
    tensors: Mapping[str, Tensor]
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)

    def verify(self) -> Graph:
        """Prove that every node reads only what was written, once, with declared tensors; return self.

        Raises:
            ValueError: a rule is broken (a defect of a pass, not of the user's model).
        """
        written = {name for name, tensor in self.tensors.items() if tensor.data is not None} | set(self.inputs)
        for node in self.nodes:
            for name in node.inputs:
                if name is not None and name not in written:
                    raise ValueError(f"{self.name}: node {node.name!r} reads {name!r} before it is written")
            for name in node.outputs:
                if name in written:
                    raise ValueError(f"{self.name}: node {node.name!r} writes {name!r} a second time")
                if name not in self.tensors:
                    raise ValueError(f"{self.name}: node {node.name!r} writes {name!r}, which is not declared")
                written.add(name)
        missing = [name for name in self.outputs if name not in written]
        if missing:
            raise ValueError(f"{self.name}: outputs {missing} are never written")
        for name, tensor in self.tensors.items():
            if tensor.data is not None and tensor.data.shape != tensor.shape:
                raise ValueError(f"{self.name}: constant {name!r} has shape {tensor.data.shape}, declared {tensor.shape}")
        return self

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """The node that writes each tensor."""
        return {name: node for node in self.nodes for name in node.outputs}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each tensor, in order, each once."""
        readers: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(n for n in node.inputs if n is not None):
                readers.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    def constant(self, name: str | None) -> Array | None:
        """The data of a constant tensor, or None."""
        return None if name is None else self.tensors[name].data

    def sole_consumer(self, name: str) -> Node | None:
        """The only node that reads a tensor which is not a graph output, or None."""
        readers = self.consumers.get(name, ())
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def rebuilt(self, nodes: Iterable[Node], tensors: Iterable[Tensor] = ()) -> Graph:
        """The same graph with other nodes and some tensors added or replaced; unused tensors are dropped."""
        nodes = tuple(nodes)
        pool = {**self.tensors, **{tensor.name: tensor for tensor in tensors}}
        used = {name for node in nodes for name in (*node.inputs, *node.outputs) if name is not None}
        used |= {*self.inputs, *self.outputs}
        kept = {name: tensor for name, tensor in pool.items() if name in used}
        return replace(self, nodes=nodes, tensors=kept).verify()

    @property
    def parameters(self) -> int:
        """Elements of all floating-point constants."""
        return sum(t.data.size for t in self.tensors.values() if t.data is not None and np.issubdtype(t.data.dtype, np.floating))
