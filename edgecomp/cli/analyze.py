"""`edgecomp analyze`: what a model computes and needs, told before any toolchain is there."""

from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.model_options import model_argument, open_model, optimize_option
from edgecomp.cli.options import json_option, target_option, write_json

if TYPE_CHECKING:
    from edgecomp.cli.analysis_tables import Analysis
    from edgecomp.pipeline import Model
    from edgecomp.plan import Plan
    from edgecomp.qgraph import QGraph
    from edgecomp.removal import Removed

SCHEMA = "edgecomp.analyze/1"


@click.command("analyze")
@model_argument
@target_option(required=False)
@optimize_option
@json_option
def command(model_file: str, target: str | None, optimize: str, shapes: tuple[Any, ...], json_file: str | None) -> None:
    """Count a model's work and foretell its RAM and flash, per layer and feature map.

    MODEL is a float or a quantized (QDQ) ONNX file; no data and no compiler are needed. Without --target the boards it fits are
    listed. With it, a model that does not fit ends in exit code 1, after all figures.

    \b
    Example:
      edgecomp analyze examples/digits/digits.onnx --target qemu_cortex_m4
    """
    from edgecomp.cli.analysis_tables import print_analysis
    from edgecomp.cli.terminal import report_console
    from edgecomp.plan import check_fit

    analysis = analyze(open_model(model_file, shapes), target, optimize)
    write_json(json_file, document(analysis))
    print_analysis(analysis, report_console(json_file))
    if analysis.has_target:
        check_fit(analysis.plan)


def analyze(model: "Model", board: str | None, optimize: str) -> "Analysis":
    """Lower with made-up ranges, and lay out for one board, or for all of them."""
    from edgecomp.cli.analysis_tables import Analysis
    from edgecomp.plan import lay_out
    from edgecomp.plan.bookkeeping import keep_books
    from edgecomp.target import list_targets, load_target

    qgraph, parameters, removed = _integer_network(model)
    boards: tuple[Plan, ...] = ()
    if board is None:
        boards = tuple(lay_out(qgraph, load_target(name), optimize) for name in list_targets())
        plan = next(found for found in boards if found.target.name == "host")
    else:
        plan = lay_out(qgraph, load_target(board), optimize)
    return Analysis(model.name, model.sha256, parameters, plan, keep_books(plan), board is not None, boards, removed)


def _integer_network(model: "Model") -> "tuple[QGraph, int, Removed | None]":
    """The network in integers, the number of its parameters, and what was removed from it."""
    from dataclasses import replace

    if model.is_quantized:
        quantized = model.absorbed()
        return quantized.qgraph, quantized.scheme.graph.parameters, quantized.removed
    return replace(model.placeholder(), name=model.name), model.simplified.parameters, None


def document(analysis: "Analysis") -> dict[str, Any]:
    """The JSON of `run` as far as it is known without running, and the book-keeping; what is unknown is null."""
    from dataclasses import asdict, fields

    from edgecomp.plan import fits
    from edgecomp.report import ModelFacts, PerInference, Removal, RunReport, TargetFacts

    plan, book, removed = analysis.plan, analysis.book, analysis.removed
    known = {field.name: None for field in fields(RunReport) if field.name != "outputs"}
    macs = removed.macs_before if removed else book.work.macs
    facts = {"name": analysis.model_name, "sha256": analysis.model_sha256, "macs": macs, "parameters": analysis.parameters}
    target: dict[str, Any] = {"board": plan.target.name, "core": plan.target.core, "counter": plan.target.counter}
    target |= {"notes": plan.target.notes, "flash_limit_bytes": plan.target.flash_bytes, "ram_limit_bytes": plan.target.ram_bytes}
    return {
        "schema": SCHEMA,
        **known,
        "model": _nulls(ModelFacts) | facts,
        "target": _nulls(TargetFacts) | (target if analysis.has_target else {}),
        "per_inference": _nulls(PerInference) | {"macs_executed": book.work.macs},
        "removal": asdict(Removal.of(removed)) if removed else None,
        "memory": _memory(analysis),
        "layers": _layers(analysis),
        "kinds": [asdict(kind) for kind in book.kinds],
        "edges": [asdict(edge) for edge in book.edges],
        "totals": {**asdict(book.work), "estimated_instructions": book.estimated_instructions, "filter_bytes": book.filter_bytes},
        "dominance": {
            "dominant": book.dominant,
            "peak_layer": book.peak_layer,
            "first_layers_with_half_of_feature_maps": book.half_of_maps,
            "last_layers_with_half_of_filters": book.half_of_filters,
        },
        "fits": fits(plan) if analysis.has_target else None,
        "boards": [
            {"board": p.target.name, "ram_bytes": p.ram_bytes, "flash_bytes": p.flash_bytes, "fits": fits(p)} for p in analysis.boards
        ],
    }


def _nulls(kind: type) -> dict[str, Any]:
    from dataclasses import fields

    return dict.fromkeys(field.name for field in fields(kind))


def _memory(analysis: "Analysis") -> dict[str, Any]:
    from dataclasses import asdict

    from edgecomp.memory_facts import arena_buffers
    from edgecomp.report import Memory

    plan = analysis.plan
    memory = _nulls(Memory) | {"arena_bytes": plan.arena_bytes, "scratch_bytes": plan.scratch_bytes, "weight_bytes": plan.weight_bytes}
    memory["buffers"] = [asdict(buffer) for buffer in arena_buffers(plan)]
    if analysis.has_target:
        memory |= {
            "stack_bytes": plan.stack_bytes,
            "flash_bytes": plan.flash_bytes,
            "code_bytes": plan.code_bytes,
            "ram_bytes": plan.ram_bytes,
        }
    return memory


def _layers(analysis: "Analysis") -> list[dict[str, Any]]:
    from dataclasses import asdict

    from edgecomp.report import LayerFacts

    layers = []
    for layer in analysis.book.layers:
        values = asdict(layer)
        work = values.pop("work")
        layers.append(_nulls(LayerFacts) | values | work | {"dominant": layer.dominant})
    return layers
