"""The five ways to choose a range, against brute force on the values themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edgecomp.quant.calibrate import METHODS, ranges
from edgecomp.quant.clipping import averaged_min_max, divergence, kl_divergence, least_squares, min_max, percentile
from edgecomp.quant.observers import Observer
from edgecomp.quant.scheme import from_range

rng = np.random.default_rng(5)
SHAPED = {
    "gauss": rng.normal(0, 1, (64, 500)),
    "relu": np.maximum(rng.normal(0.3, 2, (64, 500)), 0),
    "laplace": rng.laplace(0, 0.01, (64, 500)),
    "skewed": rng.gamma(2, 1, (64, 500)) - 0.5,
    "negative": -rng.gamma(2, 100, (64, 500)),
    "outlier": np.append(rng.normal(0, 1, 31999), 40.0).reshape(64, 500),
}


def distribution(values):
    observer = Observer("t")
    observer.add(np.asarray(values, np.float32))
    return observer.distribution()


def int8_error(values, low, high):
    quant = from_range(low, high)
    return float(((quant.dequantize(quant.quantize(values)) - values) ** 2).mean())


@settings(derandomize=True, deadline=None, max_examples=60)
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.floats(-1e6, 1e6, width=32)))
def test_every_range_holds_zero_and_stays_within_what_was_seen(values):
    seen = distribution(values)
    widest = min_max(seen)
    for name, method in METHODS.items():
        low, high = method(seen)
        assert widest[0] <= low <= 0 <= high <= widest[1], name
        if np.any(values) and name != "averaged":
            assert high > low, name
        from_range(low, high)


@pytest.mark.parametrize("method", METHODS)
def test_dead_constant_and_one_sided_tensors(method):
    choose = METHODS[method]
    assert choose(distribution(np.zeros((4, 6)))) == (0.0, 0.0)
    low, high = choose(distribution(np.full((4, 6), 3.5)))
    assert low == 0.0
    assert high == pytest.approx(3.5, rel=1e-2)
    low, high = choose(distribution(np.full((4, 6), -1e-30)))
    assert high == 0.0
    assert low == pytest.approx(-1e-30, rel=1e-2)
    assert choose(distribution(SHAPED["relu"]))[0] == 0.0
    assert choose(distribution(SHAPED["negative"]))[1] == 0.0


def test_min_max_and_averaged():
    values = np.array([[-1, 4], [-3, 2]], np.float32)
    assert min_max(distribution(values)) == (-3, 4)
    assert averaged_min_max(distribution(values)) == (-2, 3)


@pytest.mark.parametrize("name", SHAPED)
@pytest.mark.parametrize("percent", [90.0, 99.0, 99.9])
def test_percentile_is_that_of_the_nonzero_values(name, percent):
    seen = distribution(SHAPED[name])
    nonzero = SHAPED[name][SHAPED[name] != 0]
    low, high = percentile(seen, percent)
    rank, ordered = round((1 - percent / 100) * nonzero.size), np.sort(nonzero)
    assert min(ordered[rank - 2], 0) - seen.width <= low <= min(ordered[rank + 1], 0) + seen.width
    assert max(ordered[-rank - 2], 0) - seen.width <= high <= max(ordered[-rank + 1], 0) + seen.width


def test_percentile_of_a_sparse_tensor_keeps_its_values():
    values = np.zeros((10, 100_000), np.float32)
    values[:, :10] = rng.uniform(1, 2, (10, 10))
    assert percentile(distribution(values))[1] == pytest.approx(values.max(), rel=1e-3)


@pytest.mark.parametrize("name", SHAPED)
def test_least_squares_is_as_good_as_a_search_over_the_values(name):
    values = SHAPED[name].astype(np.float32)
    sides = np.linspace(0.02, 1, 25)
    lows, highs = min(values.min(), 0) * sides, max(values.max(), 0) * sides
    pairs = {(low, high) for low in lows for high in highs if high > low}
    best = min(int8_error(values, low, high) for low, high in pairs)
    assert int8_error(values, *least_squares(distribution(values))) <= 1.02 * best


def test_least_squares_clips_an_outlier_where_that_pays_and_only_there():
    values = SHAPED["outlier"]
    assert least_squares(distribution(values))[1] > 30, "one in 32,000 at 40 sigma costs more to clip than to cover"
    many = np.append(rng.normal(0, 1, 3_199_999), 40.0).reshape(64, -1)
    assert least_squares(distribution(many))[1] < 25


def brute_divergence(x, n, low, high):
    """The textbook loop over bins and levels."""
    inside = [i for i in range(len(x)) if low <= x[i] <= high]
    reference = {i: n[i] for i in inside}
    reference[inside[0]] += sum(n[: inside[0]])
    reference[inside[-1]] += sum(n[inside[-1] + 1 :])
    step = (high - low) / 255
    levels = {}
    for i in inside:
        levels.setdefault(round(x[i] / step), []).append(i)
    spread = {}
    for members in levels.values():
        filled = [i for i in members if reference[i] > 0]
        for i in filled:
            spread[i] = sum(n[j] for j in members) / len(filled)
    total, kept = sum(n), sum(n[i] for i in inside)
    result = 0.0
    for i in inside:
        if reference[i] > 0:
            p, q = reference[i] / total, max(spread[i] / max(kept, 1), 0.5 / total)
            result += p * np.log(p / q)
    return result


@pytest.mark.parametrize("ends", [(-3.0, 3.0), (-1.0, 2.5), (-0.5, 5.0), (0.0, 1.0)])
def test_divergence_is_the_textbook_one(ends):
    seen = distribution(rng.laplace(0, 0.7, (20, 300)))
    x, n = seen.centres, seen.counts.astype(np.float64)
    assert divergence(x, n, *ends) == pytest.approx(brute_divergence(x.tolist(), n.tolist(), *ends), rel=1e-9)


@pytest.mark.parametrize("name", SHAPED)
def test_kl_range_is_no_worse_in_divergence_than_all_that_was_seen(name):
    seen = distribution(SHAPED[name])
    x, n = seen.centres, seen.counts.astype(np.float64)
    assert divergence(x, n, *kl_divergence(seen)) <= divergence(x, n, *min_max(seen))


def test_kl_clips_an_outlier():
    low, high = kl_divergence(distribution(SHAPED["outlier"]))
    assert -6 < low < -2
    assert 2 < high < 14


def test_ranges_by_name():
    statistics = {"a": distribution([[0, 1]]), "b": distribution([[-2, 2]])}
    assert ranges(statistics, "min-max") == {"a": (0, 1), "b": (-2, 2)}
