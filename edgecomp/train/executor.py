"""A float `Graph` in PyTorch: its weights are parameters, its nodes torch functions; after training it is a `Graph` again.

network = TorchGraph(model.simplified)
loss = network.run(x)[network.logits].square().mean()
loss.backward()
trained = network.to_graph()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgecomp.errors import DataError, UnsupportedError
from edgecomp.graph import Array, Graph, Node
from edgecomp.ops.arithmetic import Add, Div, Max, Min, Mul, Sub
from edgecomp.ops.batch_normalization import BatchNormalization
from edgecomp.ops.softmax import LogSoftmax, Softmax
from edgecomp.train.installation import require_torch

if TYPE_CHECKING:
    from torch import Tensor

Change = Callable[["Tensor"], "Tensor"]
"""What is done to a tensor of the network while it runs; the result takes its place for all that reads it."""


@dataclass(frozen=True)
class _Step:
    """One node, with the function that computes it."""

    function: Callable[..., Any]
    node: Node


class TorchGraph:
    """A network of torch functions over torch parameters.

    `parameters` are the constants that training may change, by name (see `trained_constants`); every other constant stays. A first axis
    longer than the graph declares is a batch, as in `interpret.evaluate`. Images are [N, C, H, W] in PyTorch's channels-last layout,
    which its CPU kernels run twice as fast.
    """

    def __init__(self, graph: Graph, device: str = "cpu") -> None:
        """Prepare a network.

        Raises:
            ToolError: PyTorch is missing.
            UnsupportedError: an operator has no form in torch here.
        """
        require_torch()
        self.graph = graph
        self.device = device
        self.steps = _steps(graph)
        learned = frozenset(trained_constants(graph))
        arrays = {name: tensor.data for name, tensor in graph.tensors.items() if tensor.data is not None}
        self.constants = {name: self.tensor(values) for name, values in arrays.items() if name not in learned}
        self.parameters = {name: self.tensor(values).requires_grad_() for name, values in arrays.items() if name in learned}

    @property
    def logits(self) -> str:
        """The first output, or what its Softmax or LogSoftmax reads: what a cross-entropy is computed from."""
        return logits_of(self.graph)

    def tensor(self, values: Array) -> Tensor:
        """A copy of an array as torch has it, images channels last."""
        import torch

        made = torch.tensor(np.ascontiguousarray(values), device=self.device)
        return made.contiguous(memory_format=torch.channels_last) if made.ndim == 4 else made

    def run(
        self,
        inputs: Tensor | Mapping[str, Tensor],
        wanted: Sequence[str] | None = None,
        behind: Mapping[str, Change] | None = None,
        constants: Mapping[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Tensors by name; gradients reach `parameters`.

        Args:
            inputs: [N, *input shape without its batch axis] of the only input, or one such tensor an input.
            wanted: names to return, the graph's outputs without it; nodes that none of them needs are not computed.
            behind: changes to tensors by name, made as soon as a tensor is there.
            constants: take the place of parameters and constants, such as quantized weights.

        Raises:
            DataError: an input is missing.
        """
        names = tuple(self.graph.outputs if wanted is None else wanted)
        changes = behind or {}
        values: dict[str, Any] = {**self.constants, **self.parameters, **(constants or {}), **self._feeds(inputs)}
        for name in self.graph.inputs:
            if name in changes:
                values[name] = changes[name](values[name])
        needed = self._needed(names)
        last_read = {name: index for index, step in enumerate(self.steps) if index in needed for name in step.node.inputs if name}
        for index, step in enumerate(self.steps):
            if index not in needed:
                continue
            node = step.node
            results = step.function(node.op, *(None if name is None else values[name] for name in node.inputs))
            for name, result in zip(node.outputs, results if isinstance(results, tuple) else (results,), strict=True):
                values[name] = changes[name](result) if name in changes else result
            for name in {name for name in node.inputs if name and last_read[name] == index and name not in names}:
                del values[name]
        return {name: values[name] for name in names}

    def _feeds(self, inputs: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
        given = dict(inputs) if isinstance(inputs, Mapping) else {self.graph.inputs[0]: inputs}
        missing = [name for name in self.graph.inputs if name not in given]
        if missing:
            raise DataError(f"{self.graph.name}: no data for inputs {missing}; given: {', '.join(given) or 'none'}")
        return given

    def _needed(self, names: Sequence[str]) -> frozenset[int]:
        """The steps that lead to tensors."""
        wanted, found = set(names), set()
        for index in reversed(range(len(self.steps))):
            node = self.steps[index].node
            if not wanted.isdisjoint(node.outputs):
                found.add(index)
                wanted.update(name for name in node.inputs if name)
        return frozenset(found)

    def state(self) -> dict[str, Array]:
        """A copy of the parameters' values."""
        return {name: np.array(value.detach().cpu().numpy(), order="C") for name, value in self.parameters.items()}

    def load(self, state: Mapping[str, Array]) -> None:
        """Give the parameters the values of an earlier `state`."""
        import torch

        with torch.no_grad():
            for name, values in state.items():
                self.parameters[name].copy_(torch.from_numpy(values))

    def to_graph(self) -> Graph:
        """The graph with the parameters as they are now."""
        tensors = self.graph.tensors
        return self.graph.rebuilt(self.graph.nodes, [replace(tensors[name], data=values) for name, values in self.state().items()])


def logits_of(graph: Graph) -> str:
    """The first output, or what its Softmax or LogSoftmax reads: what a cross-entropy is computed from."""
    name = graph.outputs[0]
    producer = graph.producers.get(name)
    return str(producer.inputs[0]) if producer is not None and isinstance(producer.op, (Softmax, LogSoftmax)) else name


def trained_constants(graph: Graph) -> tuple[str, ...]:
    """Floating constants that training may change: weights, biases, slopes and factors a channel.

    What stays are mean and variance of batch normalization, and arithmetic with one number, which is a formula's, not a network's.
    """
    found: dict[str, None] = {}
    kept: set[str] = set()
    for node in graph.nodes:
        for index, name in enumerate(node.inputs):
            data = graph.constant(name)
            if name is None or data is None or not np.issubdtype(data.dtype, np.floating):
                continue
            statistics = isinstance(node.op, BatchNormalization) and index >= 3
            formula = isinstance(node.op, (Add, Div, Max, Min, Mul, Sub)) and data.size == 1
            if statistics or formula:
                kept.add(name)
            found[name] = None
    return tuple(name for name in found if name not in kept)


def _steps(graph: Graph) -> tuple[_Step, ...]:
    from edgecomp.train.functions import FUNCTIONS

    steps = []
    for node in graph.nodes:
        function = FUNCTIONS.get(node.kind)
        if function is None:
            known = ", ".join(sorted(FUNCTIONS))
            raise UnsupportedError(
                f"node {node.name!r} ({node.kind}): found an operator that cannot be trained; allowed: {known}; "
                "rewrite: train the float network, before it is quantized, or export it with these operators"
            )
        steps.append(_Step(function, node))
    return tuple(steps)
