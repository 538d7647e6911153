"""Reading samples, turning rows into model inputs, choosing rows."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgecomp.data.npz import save_samples
from edgecomp.data.samples import Preprocessing, load_samples, select_samples
from edgecomp.errors import DataError


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def ramp(*shape: int, dtype: Any = np.float32) -> Any:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


# --- load_samples ----------------------------------------------------------------------------------------------------------


def test_x_and_y_come_back(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    save_samples(path, ramp(3, 2, dtype=np.uint8), np.array([0, 2, 1]))
    x, y = load_samples(path)
    assert x.dtype == np.uint8
    assert x.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert y is not None
    assert y.tolist() == [0, 2, 1]


def test_y_may_be_absent_or_a_column_or_whole_floats(tmp_path: Path) -> None:
    assert load_samples(saved(tmp_path / "a.npz", x=ramp(2, 2)))[1] is None
    for y in ([[1], [3]], [1.0, 3.0]):
        found = load_samples(saved(tmp_path / "b.npz", x=ramp(2, 2), y=y))[1]
        assert found is not None
        assert (found.dtype, found.tolist()) == (np.int64, [1, 3])


def test_the_same_samples_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        save_samples(tmp_path / name, ramp(3, 2), None)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x_train": ramp(4, 2), "x_test": ramp(2, 2), "y_test": [0, 1]}, "only x_train .4, 2.*--x x_test --y y_test"),
        ({"pixels": ramp(4, 2)}, "only pixels .4, 2.*edgecomp data npz --from .*--x KEY -o"),
        ({"x": np.empty((0, 3))}, "is empty"),
        ({"x": np.float32(1)}, "is empty|at least one row"),
        ({"x": [[1.0, np.nan], [1.0, 2.0]]}, "NaN or infinity, first in row 0"),
        ({"x": [[1.0, 2.0], [np.inf, 2.0]]}, "NaN or infinity, first in row 1"),
        ({"x": np.array(["a", "b"])}, "is of type <U1"),
        ({"x": np.array([1j])}, "is of type complex"),
        ({"x": np.array([{}])}, "Python objects"),
        ({"x": ramp(3, 2), "y": [0, 1]}, r"y has shape \(2,\) where x has 3 rows"),
        ({"x": ramp(2, 2), "y": [[0, 1], [1, 0]]}, "one class a row"),
        ({"x": ramp(2, 2), "y": [0.5, 1]}, "other than whole numbers"),
        ({"x": ramp(2, 2), "y": [np.nan, 1]}, "other than whole numbers"),
        ({"x": ramp(2, 2), "y": [-1, 1]}, "holds -1"),
    ],
)
def test_wrong_contents_are_named(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    path = saved(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=said) as caught:
        load_samples(path)
    assert "bad.npz" in str(caught.value)


def test_files_that_are_no_npz_are_named(tmp_path: Path) -> None:
    cases = {"text.npz": b"x,y\n1,2\n", "empty.npz": b"", "zip.npz": b"PK\x03\x04 and no more"}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.*npz"):
            load_samples(tmp_path / name)
    np.save(tmp_path / "one.npy", ramp(2, 2))
    with pytest.raises(DataError, match=r"one.npy: is a single .npy array"):
        load_samples(tmp_path / "one.npy")
    for missing in (tmp_path / "missing.npz", tmp_path):
        with pytest.raises(DataError, match=rf"{re.escape(str(missing))}: cannot be read"):
            load_samples(missing)


@given(data=st.data())
def test_damaged_files_never_end_in_anything_but_a_data_error(tmp_path: Path, data: st.DataObject) -> None:
    whole = tmp_path / "whole.npz"
    save_samples(whole, ramp(5, 3), np.arange(5))
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        x, _ = load_samples(damaged)
    except DataError as error:
        said = str(error)
    else:
        said = "damaged.npz" if np.isfinite(x).all() else "not finite"
    assert "damaged.npz" in said


# --- Preprocessing ---------------------------------------------------------------------------------------------------------


def test_channels_last_data_become_channels_first() -> None:
    x = ramp(2, 4, 5, 3, dtype=np.uint8)
    result = Preprocessing("nhwc", (1, 2, 3), (2, 4, 8)).apply(x, (3, 4, 5))
    wanted = ((x - np.array([1.0, 2, 3])) / np.array([2.0, 4, 8])).transpose(0, 3, 1, 2)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, wanted.astype(np.float32))


@pytest.mark.parametrize("layout", [None, "nchw"])
def test_channels_first_data_stay(layout: Any) -> None:
    x = ramp(2, 3, 4, 5)
    result = Preprocessing(layout, (1, 2, 3)).apply(x, (3, 4, 5))
    np.testing.assert_array_equal(result, x - np.array([1, 2, 3]).reshape(3, 1, 1))


@pytest.mark.parametrize(
    ("layout", "rows", "input_shape", "axes"),
    [
        ("nhwc", (8, 6), (1, 8, 6), None),
        ("nhwc", (8, 6, 1), (1, 8, 6), None),
        ("nhwc", (8, 6), (8, 6, 1), None),
        ("nhwc", (8, 6, 1), (8, 6, 1), None),
        ("nhwc", (8, 6, 3), (8, 6, 3), None),
        ("nhwc", (4, 4, 4), (4, 4, 4), (0, 3, 1, 2)),
        ("nhwc", (49, 3), (3, 49), (0, 2, 1)),
        ("nhwc", (49, 3), (3, 49, 1), (0, 2, 1)),
        ("nhwc", (72,), (3, 4, 6), (0, 3, 1, 2)),
        ("nhwc", (10,), (10,), None),
        (None, (49, 10), (1, 49, 10), None),
        (None, (490,), (1, 49, 10), None),
        (None, (1, 49, 10), (490,), None),
        (None, (4, 16), (1, 8, 8), None),
        (None, (), (1,), None),
    ],
)
def test_axes_of_length_one_are_inserted_and_equal_counts_reshaped(
    layout: Any, rows: tuple[int, ...], input_shape: tuple[int, ...], axes: tuple[int, ...] | None
) -> None:
    x = ramp(2, *rows)
    channels_last = (2, *input_shape[1:], input_shape[0])
    wanted = x if axes is None else x.reshape(channels_last).transpose(0, len(channels_last) - 1, *range(1, len(channels_last) - 1))
    np.testing.assert_array_equal(Preprocessing(layout).apply(x, input_shape), wanted.reshape(2, *input_shape))


def test_channels_last_models_take_one_mean_a_channel() -> None:
    x = ramp(2, 4, 5, 3)
    np.testing.assert_array_equal(Preprocessing("nhwc", (1, 2, 3)).apply(x, (4, 5, 3)), x - np.array([1, 2, 3], np.float32))


@pytest.mark.parametrize(
    ("layout", "rows", "input_shape", "said"),
    [
        (None, (49, 10), (3, 32, 32), "49x10.*3x32x32.*490 values a row, not 3072"),
        (None, (32, 32, 3), (3, 32, 32), "try --layout nhwc"),
        ("nchw", (32, 32, 3), (3, 32, 32), "try --layout nhwc"),
        ("nhwc", (32, 16, 3), (3, 16, 32), "axes are in another order"),
        (None, (10, 49), (1, 49, 10), "axes are in another order"),
    ],
)
def test_shapes_that_do_not_fit_are_named(layout: Any, rows: tuple[int, ...], input_shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        Preprocessing(layout).apply(ramp(2, *rows), input_shape, source="kws.npz")
    assert str(caught.value).startswith("kws.npz: ")


def test_integer_inputs_are_rounded_and_saturated() -> None:
    x = np.array([[-1000.0, -1.5, -0.5, 0.5, 1.5, 2.4, 127.6, 1000.0]])
    result = Preprocessing().apply(x, (8,), np.int8)
    assert result.dtype == np.int8
    assert result.tolist() == [[-128, -2, 0, 0, 2, 2, 127, 127]]
    assert Preprocessing(mean=(128,)).apply(np.array([[0, 255]], np.uint8), (2,), np.int8).tolist() == [[-128, 127]]
    big = np.array([[2**31 - 1, -(2**31)]], np.int64)
    assert Preprocessing().apply(big, (2,), np.int32).tolist() == big.tolist()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"layout": "chw"}, "chw.*nhwc, nchw"),
        ({"mean": ()}, "--mean"),
        ({"mean": (float("nan"),)}, "--mean nan"),
        ({"std": (1.0, 0.0)}, "--std 1,0: must be greater than 0"),
        ({"std": (-1.0,)}, "--std -1"),
        ({"std": (float("inf"),)}, "--std inf"),
    ],
)
def test_impossible_preprocessing_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Preprocessing(**fields)


def test_as_many_means_as_channels() -> None:
    with pytest.raises(DataError, match="--mean 1,2: 2 values where the data has 3 channels"):
        Preprocessing("nhwc", (1, 2)).apply(ramp(1, 4, 4, 3), (3, 4, 4))


def test_values_beyond_float32_are_named() -> None:
    with pytest.raises(DataError, match=r"leaves the range of float32.*--std"):
        Preprocessing(std=(1e-30,)).apply(np.full((1, 2), 1e30), (2,))


def test_preprocessing_goes_through_json_and_back() -> None:
    whole = Preprocessing("nhwc", (1.5, 2, 3), (4, 5, 6))
    assert Preprocessing.from_dict(whole.to_dict()) == whole
    assert Preprocessing.from_dict({}) == Preprocessing()
    with pytest.raises(DataError, match="stored preprocessing"):
        Preprocessing.from_dict({"mean": ["a"]})


@given(
    x=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=4, max_dims=4, max_side=5)),
    mean=st.floats(-200, 200, width=32),
    std=st.floats(0.125, 300, width=32),
)
def test_layouts_agree(x: Any, mean: float, std: float) -> None:
    shape = (x.shape[3], x.shape[1], x.shape[2])
    last = Preprocessing("nhwc", (mean,), (std,)).apply(x, shape)
    if x.shape[1:] != shape:
        first = Preprocessing("nchw", (mean,), (std,)).apply(x.transpose(0, 3, 1, 2), shape)
        np.testing.assert_array_equal(last, first)
    assert last.shape == (len(x), *shape)


# --- select_samples --------------------------------------------------------------------------------------------------------


@pytest.fixture
def ten_rows(tmp_path: Path) -> Path:
    return saved(tmp_path / "ten.npz", x=ramp(10, 2), y=np.arange(10))


@pytest.mark.parametrize(
    ("options", "calibrated", "index"),
    [
        ({}, 5, range(5, 10)),
        ({"calib_samples": 3}, 3, range(3, 10)),
        ({"calib_samples": 3, "samples": 2}, 3, range(3, 5)),
        ({"calib_samples": 3, "samples": 100}, 3, range(3, 10)),
        ({"calibrate": False}, None, range(10)),
        ({"calibrate": False, "calib_samples": 3, "samples": 4}, None, range(4)),
    ],
)
def test_rows_for_calibration_are_left_out(ten_rows: Path, options: dict[str, Any], calibrated: int | None, index: range) -> None:
    chosen = select_samples(ten_rows, **options)
    assert chosen.index.tolist() == list(index)
    assert chosen.y is not None
    assert chosen.y.tolist() == list(index)
    np.testing.assert_array_equal(chosen.x, ramp(10, 2)[list(index)])
    assert (None if chosen.calibration_x is None else len(chosen.calibration_x)) == calibrated


def test_a_file_of_its_own_for_calibration_leaves_all_rows(ten_rows: Path, tmp_path: Path) -> None:
    other = saved(tmp_path / "calib.npz", x=ramp(300, 2) + 1)
    chosen = select_samples(ten_rows, calib=other, calib_samples=7)
    assert chosen.index.tolist() == list(range(10))
    assert chosen.calibration_x is not None
    np.testing.assert_array_equal(chosen.calibration_x, (ramp(300, 2) + 1)[:7])
    assert (chosen.source, chosen.calibration_source) == (str(ten_rows), str(other))
    unlimited = select_samples(ten_rows, calib=other).calibration_x
    assert unlimited is not None
    assert len(unlimited) == 200


def test_a_quantized_model_does_not_read_the_calibration_file(ten_rows: Path) -> None:
    assert select_samples(ten_rows, calibrate=False, calib="nowhere.npz").calibration_x is None


def test_no_row_left_is_an_error(ten_rows: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has 10 rows and calibration takes the first 10.*--calib"):
        select_samples(ten_rows, calib_samples=10)
    with pytest.raises(DataError, match="has 1 rows"):
        select_samples(saved(tmp_path / "one.npz", x=ramp(1, 2)))
