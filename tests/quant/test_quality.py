"""Noise by layer, accuracy, and choosing among candidates."""

from math import inf, log10, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.errors import DataError
from edgecomp.quant.quality import BadLayer, Metric, choose, first_bad_layer, layer_sqnr_db, sqnr_db, top1


def test_sqnr_of_known_noise():
    reference = np.array([3.0, 4.0])
    assert sqnr_db(reference, np.array([3.0, 4.5])) == pytest.approx(10 * log10(25 / 0.25))
    assert sqnr_db(reference, reference) == inf
    assert sqnr_db(np.zeros(2), np.zeros(2)) == inf
    assert sqnr_db(np.zeros(2), np.ones(2)) == -inf


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 9), max_size=4))
def test_sqnr_by_layer_does_not_depend_on_how_samples_are_cut(seed, cuts):
    rng = np.random.default_rng(seed)
    true = {"a": rng.normal(size=(9, 4)), "b": rng.normal(size=(9, 2, 3)), "only float": rng.normal(size=(9, 1))}
    got = {"b": true["b"] + 0.01 * rng.normal(size=(9, 2, 3)), "a": true["a"] * 1.1}
    parts = [slice(*pair) for pair in zip([0, *sorted(cuts)], [*sorted(cuts), 9], strict=True)]
    chunks = [({n: v[part] for n, v in true.items()}, {n: v[part] for n, v in got.items()}) for part in parts]
    measured = layer_sqnr_db(chunks)
    assert list(measured) == ["a", "b"]
    assert measured["a"] == pytest.approx(20.0)
    assert measured["b"] == pytest.approx(sqnr_db(true["b"], got["b"]))


@pytest.mark.parametrize(
    ("layers", "bad"),
    [
        ({"a": 40.0, "b": 35.0, "c": 12.0, "d": 11.0}, BadLayer("c", 12.0, 35.0)),
        ({"a": 8.0, "b": 7.0}, BadLayer("a", 8.0, inf)),
        ({"a": 40.0, "b": 30.0, "c": 28.0}, None),  # falls by 10 dB, but to a level that does no harm
        ({"a": 23.0, "b": 21.0, "c": 19.0, "d": 17.0}, None),  # low in the end, through no single layer
        ({"a": 40.0, "b": 22.0, "branch": 41.0, "d": 18.0}, None),  # d is little worse than b, which it may come from
        ({"a": 40.0, "b": -inf}, BadLayer("b", -inf, 40.0)),
        ({}, None),
    ],
)
def test_first_bad_layer(layers, bad):
    assert first_bad_layer(layers) == bad


def test_top1():
    outputs = np.array([[0.1, 0.9], [0.8, 0.2], [0.5, 0.5]]).reshape(3, 1, 2)
    assert top1(outputs, np.array([1, 0, 0])) == 1.0
    assert top1(outputs, np.array([1, 1, 1])) == pytest.approx(1 / 3)
    assert top1(np.array([[-3, 5], [7, -128]], np.int8), np.array([1, 0])) == 1.0


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="class 2, the model has 2 outputs"):
        top1(np.zeros((2, 2)), np.array([0, 2]))
    with pytest.raises(DataError, match="1 labels for 2 samples"):
        top1(np.zeros((2, 2)), np.array([0]))


def test_metric_is_top1_with_labels_and_sqnr_without():
    reference = np.array([[1.0, 0.0], [0.0, 1.0]])
    with_labels, without = Metric(reference, np.array([0, 0])), Metric(reference)
    assert (with_labels.name, with_labels.of(reference)) == ("top1", 0.5)
    assert (without.name, without.of(reference * 1.1)) == ("sqnr_db", pytest.approx(20.0))


def test_choose_takes_the_least_error_and_the_first_of_equals():
    assert choose({"x": 3, "y": -1, "z": 1}, error=abs) == ("y", {"x": 3, "y": 1, "z": 1})
    assert choose({"broken": nan, "whole": 5.0}, error=lambda value: value) == ("whole", {"broken": inf, "whole": 5.0})
    assert choose({"broken": nan}, error=lambda value: value)[0] == "broken"
    with pytest.raises(ValueError, match="empty"):
        choose({}, error=abs)
