"""Students and layer-wise compression: sizes are met, training teaches, pieces are as they should be, seeds make the same network again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")

from edgecomp.compress.budget import size_of  # noqa: E402
from edgecomp.compress.channels import channels, keep_channels  # noqa: E402
from edgecomp.compress.cramnet import _from_output, _unbuilt, noise  # noqa: E402
from edgecomp.compress.filters_l1 import norms  # noqa: E402
from edgecomp.compress.fitnet import middle_layer, until, with_regressor  # noqa: E402
from edgecomp.compress.hints import part_behind, same_tensors  # noqa: E402
from edgecomp.compress.judge import outputs  # noqa: E402
from edgecomp.compress.registry import method  # noqa: E402
from edgecomp.compress.resolution import at_resolution, enlargement  # noqa: E402
from edgecomp.compress.selection import best_first  # noqa: E402
from edgecomp.compress.student import best_units, kept_at, thinner  # noqa: E402
from edgecomp.errors import DataError  # noqa: E402
from edgecomp.frontend.onnx_export import to_model  # noqa: E402
from edgecomp.graph import Graph  # noqa: E402
from edgecomp.interpret import evaluate  # noqa: E402
from tests.compress.drawn_networks import Drawing  # noqa: E402
from tests.compress.small_networks import images, job, small_network  # noqa: E402

METHODS = ("distill", "fitnet", "width", "cramnet", "resolution")
X = images()
EPOCHS = 30
"""Of four batches each."""


def _agreement(graph: Graph, other: Graph) -> float:
    return float((outputs(graph, X).argmax(1) == outputs(other, X).argmax(1)).mean())


@pytest.mark.parametrize("name", METHODS)
def test_a_budget_is_met_and_training_teaches(name: str) -> None:
    graph, compress = small_network(), method(name).function()
    untrained, trained = (compress(graph, job(name, graph, epochs, budget={"keep_macs": 0.5})) for epochs in (0, EPOCHS))
    assert size_of(trained) == size_of(untrained)
    assert 0.3 * size_of(graph).macs < size_of(trained).macs <= 0.5 * size_of(graph).macs
    assert _agreement(graph, trained) > _agreement(graph, untrained)
    model = to_model(trained)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": X[:1]})[0].shape == (1, 4)


@pytest.mark.parametrize("name", METHODS)
def test_the_same_seed_makes_the_same_network(name: str) -> None:
    graph = small_network()
    first, second = (method(name).function()(graph, job(name, graph, 1, budget={"keep_macs": 0.5})) for _ in range(2))
    assert to_model(first).SerializeToString(deterministic=True) == to_model(second).SerializeToString(deterministic=True)


@pytest.mark.parametrize("name", METHODS)
def test_an_impossible_budget_is_refused(name: str) -> None:
    graph = small_network()
    with pytest.raises(DataError, match="least possible"):
        method(name).function()(graph, job(name, graph, budget={"keep_macs": 0.0001}))


@pytest.mark.parametrize("widths", ["0", "1.5", "x", "0.5,0.5"])
def test_wrong_widths_are_refused(widths: str) -> None:
    graph = small_network()
    with pytest.raises(DataError, match="widths"):
        method("distill").function()(graph, job("distill", graph, widths=widths))


def test_widths_are_as_given() -> None:
    graph = small_network()
    made = method("width").function()(graph, job("width", graph, widths="0.5,0.4,0.25,0.75"))
    found = [made.tensors[node.outputs[0]].shape[1] for node in made.nodes if node.kind in ("Conv", "Gemm")]
    assert found == [4, 4, 3, 18, 4]


def test_a_student_of_full_width_is_the_teacher() -> None:
    graph = small_network()
    made = method("distill").function()(graph, job("distill", graph, widths="1"))
    np.testing.assert_allclose(outputs(made, X), outputs(graph, X), atol=1e-3)


def test_fitting_a_thinner_network_makes_it_better() -> None:
    graph = small_network()
    found = channels(graph)
    kept = kept_at({group.name: 0.5 for group in found.groups}, best_units(found, found.groups, job("width", graph)))
    wanted = outputs(graph, X)
    plain, fitted = (outputs(made, X) for made in (keep_channels(found, kept), thinner(found, kept, job("width", graph))))
    assert np.square(fitted - wanted).mean() < 0.5 * np.square(plain - wanted).mean()


def test_a_student_from_a_file(tmp_path: Path) -> None:
    graph = small_network()
    student = method("width").function()(graph, job("width", graph, widths="0.5"))
    onnx.save(to_model(student), tmp_path / "student.onnx")
    made = method("distill").function()(graph, job("distill", graph, EPOCHS, student=str(tmp_path / "student.onnx")))
    assert size_of(made) == size_of(student)
    assert _agreement(graph, made) > _agreement(graph, student)


def test_a_student_that_answers_something_else_is_refused(tmp_path: Path) -> None:
    graph = small_network()
    onnx.save(to_model(until(graph, middle_tensor(graph))), tmp_path / "other.onnx")
    with pytest.raises(DataError, match="its output is"):
        method("distill").function()(graph, job("distill", graph, student=str(tmp_path / "other.onnx")))


def middle_tensor(graph: Graph) -> str:
    """The output of the middle layer."""
    return next(node.outputs[0] for node in graph.nodes if node.name == middle_layer(graph))


def test_a_regressor_takes_larger_maps_and_refuses_smaller_ones() -> None:
    graph = small_network()
    part = until(graph, middle_tensor(graph))
    shape = part.tensors[part.outputs[0]].shape
    grown = with_regressor(part, (1, 5, shape[2] - 2, shape[3] - 1))
    assert grown.tensors[grown.outputs[0]].shape == (1, 5, shape[2] - 2, shape[3] - 1)
    with pytest.raises(DataError, match="at least as large"):
        with_regressor(part, (1, 5, shape[2] + 1, shape[3]))


def test_an_unknown_hint_is_refused_by_name() -> None:
    graph = small_network()
    with pytest.raises(DataError, match=r"'nowhere'.*conv0"):
        method("fitnet").function()(graph, job("fitnet", graph, 1, widths="0.5", hint="nowhere"))


def _bypassed() -> Graph:
    """Two branches of one source that meet in a concatenation: the second one goes past the first."""
    made = Drawing(0, 2)
    source = made.relu(made.convolution("x", 4))
    branch = made.relu(made.convolution(source, 6))
    joined = made.add("Concat", [branch, source], 10, axis=1)
    pooled = made.add("GlobalAveragePool", [made.relu(made.convolution(joined, 4))], 4)
    flat = made.add("Flatten", [pooled], 4)
    x = made.add("Gemm", [flat, made.constant(4, 3), made.constant(3)], 3)
    from edgecomp.frontend.onnx_import import from_model
    from edgecomp.passes import simplify

    return simplify(from_model(made.model(x), "bypassed"))


def test_layers_are_solved_from_the_output_and_get_noise_across_an_unbuilt_bypass() -> None:
    graph = _bypassed()
    found = channels(graph)
    order = _from_output(found, [group.name for group in found.groups])
    place = {node.name: index for index, node in enumerate(graph.nodes)}
    assert [place[name] for name in order] == sorted((place[name] for name in order), reverse=True)
    branch = found.by_name[order[1]]
    source = next(node for node in graph.nodes if node.name == next(iter(branch.producers))).inputs[0]
    joined = next(node for node in graph.nodes if node.kind == "Concat")
    assert source in joined.inputs
    assert _unbuilt(graph, list(branch.producers), [order[2]]) == ()
    assert _unbuilt(graph, [order[0]], [order[2]]) == ()


def test_noise_has_no_mean_and_the_deviation_of_the_tensor() -> None:
    values = torch.randn(256, 5) * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]) + 7
    added = noise(values) - values
    torch.testing.assert_close(added.mean(0), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(added.std(0), 0.1 * values.std(0))


def test_a_lower_resolution_is_the_network_on_the_smaller_image() -> None:
    graph = small_network()
    assert at_resolution(graph, (10, 12)) is graph
    smooth = np.broadcast_to(np.random.default_rng(0).normal(0, 1, (20, 3, 1, 1)), (20, 3, 10, 12)).astype(np.float32)
    found, wanted = outputs(at_resolution(graph, (9, 11)), smooth), outputs(graph, smooth)
    assert found.shape == wanted.shape
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.8


def test_enlargement_keeps_constants_and_lines() -> None:
    np.testing.assert_allclose(enlargement(4, 8) @ np.ones(4), np.ones(8))
    inner = (enlargement(4, 8) @ np.arange(4.0))[1:-1]
    np.testing.assert_allclose(np.diff(inner), 0.5)


def test_labels_are_not_needed_to_imitate() -> None:
    graph = small_network()
    task = job("distill", graph, EPOCHS, budget={"keep_macs": 0.5})
    unlabelled = replace(task, train=replace(task.train, y=None))
    assert _agreement(graph, method("distill").function()(graph, unlabelled)) > 0.6


@pytest.mark.parametrize("structure", ["residual", "depthwise-separable", "separable"])
def test_layers_become_another_structure_piece_by_piece(structure: str) -> None:
    graph, compress = small_network(), method("cramnet").function()
    budget = {"keep_macs": 0.7}
    untrained, trained = (compress(graph, job("cramnet", graph, epochs, budget=budget, structure=structure)) for epochs in (0, EPOCHS))
    assert size_of(trained).macs <= 0.7 * size_of(graph).macs
    assert _agreement(graph, trained) > _agreement(graph, untrained)
    onnx.checker.check_model(to_model(trained), full_check=True)


def test_the_teacher_is_not_computed_where_the_network_is_the_same() -> None:
    graph = small_network()
    found = channels(graph)
    last = _from_output(found, [group.name for group in found.groups])[0]
    smaller = keep_channels(found, {last: np.arange(5)})
    shared = same_tensors(smaller, graph)
    layer = next(node for node in graph.nodes if node.name == last)
    assert shared == (layer.inputs[0],)
    part = part_behind(graph, shared, graph.outputs[0])
    assert part.inputs == shared and len(part.nodes) == 3
    whole = evaluate(graph, {"x": X[:2]}, all_tensors=True)
    np.testing.assert_allclose(evaluate(part, {shared[0]: whole[shared[0]]})[graph.outputs[0]], whole[graph.outputs[0]], atol=1e-6)
    assert same_tensors(graph, graph) == ()


def test_the_best_units_explain_more_than_those_of_largest_norm() -> None:
    graph = small_network()
    found = channels(graph)
    for group in found.groups:
        order = best_first(found, group, job("width", graph))
        assert sorted(order) == list(range(group.units))
        by_norm = np.argsort(-norms(found, group), kind="stable")
        errors = []
        for units in (order, by_norm):
            made = thinner(found, {group.name: np.sort(units[: group.units // 2])}, job("width", graph))
            errors.append(np.square(outputs(made, X) - outputs(graph, X)).mean())
        assert errors[0] <= 1.05 * errors[1], group.name


def test_a_copy_of_a_unit_is_chosen_among_the_last() -> None:
    graph = small_network()
    gemm = next(node for node in graph.nodes if node.kind == "Gemm")
    tensors = []
    for name in gemm.inputs[1:]:
        data = graph.constant(name).copy()
        data[5] = data[11]
        tensors.append(replace(graph.tensors[name], data=data))
    copied = graph.rebuilt(graph.nodes, tensors)
    found = channels(copied)
    order = best_first(found, found.by_name[gemm.name], job("width", copied)).tolist()
    assert max(order.index(5), order.index(11)) >= len(order) - 4
