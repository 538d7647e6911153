"""What a compression did: layer by layer, step by step, and as one picture of accuracy against size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgecomp.compress.budget import LAYERS, Size, macs_of, size_of
from edgecomp.compress.footprint import footprint
from edgecomp.compress.goals import Trial
from edgecomp.compress.run import Compressed
from edgecomp.graph import Graph, Node
from edgecomp.ops.gemm import MatMul
from edgecomp.target import Target

DPI = 150


@dataclass(frozen=True)
class LayerReport:
    """A layer with weights, by its name in either network; None where that network has no such layer."""

    name: str
    op: str
    width_before: int | None
    width_after: int | None
    macs_before: int | None
    macs_after: int | None
    parameters_before: int | None
    parameters_after: int | None


def layers(before: Graph, after: Graph) -> tuple[LayerReport, ...]:
    """All layers of both networks, those of the smaller one in their order, those that are gone behind."""
    old, new = _by_name(before), _by_name(after)
    names = [*new, *(name for name in old if name not in new)]
    return tuple(
        LayerReport(
            name,
            (new.get(name) or old[name]).kind,
            *(_width(graph, nodes.get(name)) for graph, nodes in ((before, old), (after, new))),
            *(macs_of(graph, nodes[name]) if name in nodes else None for graph, nodes in ((before, old), (after, new))),
            *(_parameters(graph, nodes.get(name)) for graph, nodes in ((before, old), (after, new))),
        )
        for name in names
    )


def _by_name(graph: Graph) -> dict[str, Node]:
    return {node.name: node for node in graph.nodes if isinstance(node.op, LAYERS) and graph.constant(node.inputs[1]) is not None}


def _width(graph: Graph, node: Node | None) -> int | None:
    if node is None:
        return None
    shape = graph.tensors[node.outputs[0]].shape
    return shape[-1 if isinstance(node.op, MatMul) else 1]


def _parameters(graph: Graph, node: Node | None) -> int | None:
    constants = [] if node is None else [graph.constant(name) for name in node.inputs]
    return None if node is None else sum(data.size for data in constants if data is not None)


def document(
    before: Graph, result: Compressed, accuracy: tuple[float, float] | None, trials: Sequence[Trial], board: Target | None
) -> dict[str, Any]:
    """The figures of `edgecomp.compress/1` that come from the networks; `accuracy` is that on the test data, before and after."""
    sizes = size_of(before), size_of(result.graph)
    return {
        "parameters": _pair([size.parameters for size in sizes]),
        "macs": _pair([size.macs for size in sizes]),
        "accuracy": _pair(accuracy or (None, None)),
        "judged": {
            "accuracy": _pair([result.before.accuracy, result.after.accuracy]),
            "loss": _pair([result.before.loss, result.after.loss]),
        },
        "board": None if board is None else {"name": board.name, **_footprints(before, result.graph, board)},
        "layers": [_layer(layer) for layer in layers(before, result.graph)],
        "steps": [
            {
                "method": step.method,
                "parameters": _pair([step.before.parameters, step.after.parameters]),
                "macs": _pair([step.before.macs, step.after.macs]),
                "accuracy": step.quality.accuracy,
                "seconds": round(step.seconds, 1),
            }
            for step in result.steps
        ],
        "trials": [asdict(trial) for trial in trials],
    }


def _pair(values: Sequence[Any]) -> dict[str, Any]:
    return {"before": values[0], "after": values[1]}


def _layer(layer: LayerReport) -> dict[str, Any]:
    pairs = {what: _pair([getattr(layer, f"{what}_{when}") for when in ("before", "after")]) for what in ("width", "macs", "parameters")}
    return {"name": layer.name, "op": layer.op, **pairs}


def _footprints(before: Graph, after: Graph, board: Target) -> dict[str, Any]:
    found = [asdict(footprint(graph, board)) for graph in (before, after)]
    limits = {"ram_limit_bytes": board.ram_bytes, "flash_limit_bytes": board.flash_bytes}
    return {name: _pair([item[name] for item in found]) for name in found[0]} | limits


def draw(before: Size, result: Compressed, trials: Sequence[Trial], path: Path) -> Path:
    """Accuracy on the judging rows against MACs and against parameters: the network given, every step, every size that was tried.

    Raises:
        ToolError: matplotlib is missing.
    """
    from edgecomp.skip.figures import require_matplotlib

    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, what, label in zip(figure.subplots(1, 2), ("macs", "parameters"), ("MACs", "parameters"), strict=True):
        whole = getattr(before, what)
        chain = [(1.0, result.before.accuracy), *((getattr(step.after, what) / whole, step.quality.accuracy) for step in result.steps)]
        axes.plot(*zip(*[(100 * x, 100 * y) for x, y in chain], strict=True), "o-", color="C0", label="steps")
        if trials:
            axes.plot([100 * getattr(t, what) / whole for t in trials], [100 * t.accuracy for t in trials], "x", color="C7", label="tried")
        for (x, y), name in zip(chain, ["given", *(step.method for step in result.steps)], strict=True):
            axes.annotate(name, (100 * x, 100 * y), textcoords="offset points", xytext=(4, 4), fontsize=8)
        axes.set_xlabel(f"{label} left, %")
        axes.set_ylabel("accuracy on the judging rows, %")
        axes.set_xlim(0, 105)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.savefig(path, dpi=DPI)
    return path
