"""`fitnet`: a student is led first by a layer in the teacher's middle, then by its outputs.

Romero et al., "FitNets: Hints for Thin Deep Nets" (ICLR 2015), section 2.2 and algorithm 1: stage 1 trains the student up to its guided
layer, whose output a regressor turns into the teacher's hint layer's; the regressor is convolutional, its kernel as large as the guided map
is larger than the hint's. Stage 2 distils the whole (section 2.1).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgecomp.compress.distill import softened
from edgecomp.compress.finetune import Tuning, finetune
from edgecomp.compress.job import Job, Samples
from edgecomp.compress.responses import Responses, moments
from edgecomp.compress.stages import FULLY_CONNECTED, Stage, stage_of, with_chain
from edgecomp.compress.student import student_of, with_weights
from edgecomp.errors import DataError
from edgecomp.graph import Array, Graph, Node, Shape, Tensor
from edgecomp.ops.base import Operator
from edgecomp.ops.conv import Conv
from edgecomp.quant.floating import FloatModel

FITTED_ROWS = 500
"""Samples that the regressor begins from."""


def compress(graph: Graph, job: Job) -> Graph:
    """A trained student. Options: those of `distill`, and the layers `hint` of the teacher and `guided` of the student.

    Raises:
        DataError: the student is not as the options or the budget ask, or a map at the guided layer is smaller than the hint's.
    """
    student = student_of(graph, job)
    hint = _behind(graph, str(job.options["hint"]) or middle_layer(graph), "hint")
    same = "" if job.options["student"] else str(job.options["hint"])
    guided = _behind(student, str(job.options["guided"]) or same or middle_layer(student), "guided")
    return finetune(led(student, graph, guided, hint, job), job, "distillation", softened(job.options))


def led(student: Graph, teacher: Graph, guided: str, hint: str, job: Job) -> Graph:
    """The student trained up to tensor `guided`, so that a regressor makes the teacher's tensor `hint` of it (stage 1)."""
    if not job.epochs:
        return student
    goal = until(teacher, hint)
    begun = with_regressor(until(student, guided), goal.tensors[hint].shape)
    begun = _fitted(begun, guided, goal, job.train.x[:FITTED_ROWS])
    task = replace(job, train=Samples(job.train.x), teacher=goal)
    trained = finetune(begun, task, "hints", Tuning())
    learned = {name: tensor for name, tensor in trained.tensors.items() if tensor.data is not None and name in student.tensors}
    return student.rebuilt(student.nodes, learned.values())


def middle_layer(graph: Graph) -> str:
    """The layer with weights that has as many before it as behind it."""
    layers = [node.name for node in graph.nodes if stage_of(graph, node) is not None]
    return layers[(len(layers) - 1) // 2]


def until(graph: Graph, tensor: str) -> Graph:
    """The part of a graph that makes a tensor, which is its output."""
    wanted, nodes = {tensor}, []
    for node in reversed(graph.nodes):
        if not wanted.isdisjoint(node.outputs):
            nodes.append(node)
            wanted.update(name for name in node.inputs if name)
    return replace(graph, outputs=(tensor,)).rebuilt(reversed(nodes))


def with_regressor(graph: Graph, wanted: Shape) -> Graph:
    """The graph with a layer behind its output that makes a tensor of another shape.

    Raises:
        DataError: no convolution or fully connected layer makes that shape.
    """
    shape, source = graph.tensors[graph.outputs[0]].shape, graph.outputs[0]
    kernel = [own - other + 1 for own, other in zip(shape[2:], wanted[2:], strict=False)]
    if len(shape) != len(wanted) or any(size < 1 for size in kernel):
        raise DataError(f"the guided layer's output {shape} cannot become the hint's {wanted}: take a layer with a map at least as large")
    rank = len(kernel)
    op = Conv(tuple(kernel), (1,) * rank, (0,) * (2 * rank), (1,) * rank) if rank else FULLY_CONNECTED
    weights = np.zeros((wanted[1], shape[1], *kernel))
    result = f"{source}__as_hint"
    grown = replace(graph, outputs=(result,), tensors={**graph.tensors, result: Tensor(result, wanted)})
    placeholder = Node(result, op, (source,), (result,))
    whole = replace(grown, nodes=(*grown.nodes, placeholder))
    return with_chain(whole, placeholder, [Stage(op, weights, np.zeros(wanted[1]))], "regressor")


def _fitted(graph: Graph, guided: str, goal: Graph, x: Array) -> Graph:
    """The regressor at the least squares over some samples; its kernel's middle only, where it has one."""
    node = graph.producers[graph.outputs[0]]
    stage = stage_of(graph, node)
    assert stage is not None
    own, wanted = FloatModel(graph, [guided]).predict(x), FloatModel(goal).predict(x)
    starts = [(size - 1) // 2 for size in stage.weights.shape[2:]]
    cut = own[(slice(None), slice(None), *(slice(start, start + size) for start, size in zip(starts, wanted.shape[2:], strict=True)))]
    read, answers = (np.moveaxis(values, 1, -1).reshape(-1, values.shape[1]).astype(np.float64) for values in (cut, wanted))
    seen = moments(Responses(read, answers))
    solved = np.linalg.solve(seen.inputs, seen.cross)
    weights = np.zeros(stage.weights.shape)
    weights[(slice(None), slice(None), *starts)] = solved.T
    return with_weights(graph, node, weights, seen.bias(solved))


def _behind(graph: Graph, layer: str, option: str) -> str:
    """A layer's output, behind its activation.

    Raises:
        DataError: there is no such layer.
    """
    found = next((node for node in graph.nodes if node.name == layer and stage_of(graph, node) is not None), None)
    if found is None:
        layers = ", ".join(node.name for node in graph.nodes if stage_of(graph, node) is not None)
        raise DataError(f"option {option} = {layer!r}: {graph.name} has no such layer; its layers: {layers}")
    reader = graph.sole_consumer(found.outputs[0])
    return reader.outputs[0] if reader is not None and isinstance(reader.op, Operator) and reader.op.clamp is not None else found.outputs[0]
