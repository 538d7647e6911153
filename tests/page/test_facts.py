"""What a report says beyond sums: mistakes, pictures of samples, buffers, names and numbers for people."""

from __future__ import annotations

import zlib
from base64 import b64decode
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

import edgecomp
from edgecomp.memory_facts import arena_buffers
from edgecomp.mistakes import MOST_CLASSES, MOST_WORST, confusion, worst_samples
from edgecomp.page.axes import linear_ticks, log_ticks
from edgecomp.page.png import map_address, picture_address
from edgecomp.readable import compact, short_kernel, short_layers, size
from edgecomp.target import load_target
from edgecomp.thumbnail import IMAGE, LONGEST_SIDE, MAP, SERIES, Thumbnail, picture


def test_confusions_are_counted() -> None:
    scores = np.eye(3)[[0, 1, 1, 1, 2, 0]]
    labels = np.array([0, 0, 0, 1, 2, 2])
    found = confusion(scores, labels, ["a", "b", "c"])
    assert found.counts == ((1, 2, 0), (0, 1, 0), (1, 0, 1))
    assert [(each.label, each.predicted, each.count) for each in found.most_confused] == [(0, 1, 2), (2, 0, 1)]
    assert found.names == ("a", "b", "c")
    assert confusion(scores, labels, ["too", "few"]).names is None


def test_many_classes_keep_only_what_is_confused_most() -> None:
    count = MOST_CLASSES + 1
    labels = np.arange(count)
    found = confusion(np.roll(np.eye(count), 1, axis=1), labels)
    assert found.counts is None and found.most_confused[0].count == 1


def test_the_worst_have_the_least_margin() -> None:
    random = np.random.default_rng(1)
    scores, labels = random.random((50, 4)), random.integers(0, 4, 50)
    x, rows = random.integers(0, 256, (50, 6, 6, 1), np.uint8), np.arange(100, 150)
    found = worst_samples(x, rows, scores, scores[:, ::-1], labels)
    margins = [score[label] - np.delete(score, label).max() for score, label in zip(scores, labels, strict=True)]
    assert [each.row for each in found] == [100 + int(at) for at in np.argsort(margins)[:MOST_WORST]]
    assert found[0].margin == pytest.approx(min(margins), abs=1e-6)
    worst = int(np.argmin(margins))
    assert (found[0].predicted, found[0].float_predicted) == (scores[worst].argmax(), 3 - scores[worst].argmax())
    assert found[0].input is not None and found[0].input.kind == IMAGE


def test_without_labels_the_furthest_from_the_float_model() -> None:
    floats = np.ones((5, 8), np.float32)
    scores = floats + np.array([0.1, 0.4, 0.0, 0.2, 0.3])[:, None]
    found = worst_samples(np.random.default_rng(0).random((5, 20)), np.arange(5), scores, floats, None)
    assert [each.row for each in found] == [1, 4, 3, 0, 2]
    assert found[0].label is None and found[0].sqnr_db == pytest.approx(20 * np.log10(1 / 0.4), abs=1e-3)


@pytest.mark.parametrize(
    ("shape", "dtype", "kind", "shown"),
    [
        ((32, 32, 3), np.uint8, IMAGE, (32, 32, 3)),
        ((3, 32, 40), np.float32, IMAGE, (32, 40, 3)),
        ((28, 28), np.uint8, IMAGE, (28, 28, 1)),
        ((1, 8, 8), np.uint8, IMAGE, (8, 8, 1)),
        ((49, 10), np.int8, MAP, (10, 49)),
        ((8, 16, 16), np.float32, MAP, (8, LONGEST_SIDE)),
        ((224, 224, 3), np.uint8, IMAGE, (LONGEST_SIDE, LONGEST_SIDE, 3)),
        ((640,), np.float32, SERIES, (320,)),
        ((1, 12), np.float32, SERIES, (12,)),
    ],
)
def test_a_sample_is_shown_as_what_it_is(shape: tuple[int, ...], dtype: type, kind: str, shown: tuple[int, ...]) -> None:
    row = (np.arange(np.prod(shape)) % 97).reshape(shape).astype(dtype)
    found = picture(row, 0.0, 96.0)
    assert found is not None and (found.kind, found.shape) == (kind, shown)
    assert found.levels().shape == shown


def test_one_number_is_nothing_to_look_at() -> None:
    assert picture(np.array([3.0]), 0.0, 1.0) is None


@given(array_shapes(min_dims=1, max_dims=4, max_side=9), st.sampled_from([np.uint8, np.int8, np.float32]), st.integers(0, 3))
def test_any_sample_has_a_picture_or_none(shape: tuple[int, ...], dtype: type, seed: int) -> None:
    row = np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)
    found = picture(row, 0.0, 100.0)
    if found is not None:
        assert Thumbnail.from_dict(asdict(found)) == found


def test_a_thumbnail_comes_back() -> None:
    values = np.array([[0.0, 1.0], [2.0, 4.0]])
    found = Thumbnail.from_dict(asdict(Thumbnail.of(values, MAP, 0.0, 4.0)))
    np.testing.assert_array_equal(found.levels(), [[0, 64], [128, 255]])


def test_pictures_are_png() -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)

    def opened(address: str) -> Image.Image:
        import io

        return Image.open(io.BytesIO(b64decode(address.removeprefix("data:image/png;base64,"))))

    np.testing.assert_array_equal(np.asarray(opened(picture_address(pixels))), pixels)
    np.testing.assert_array_equal(np.asarray(opened(picture_address(pixels[..., :1]))), pixels[..., 0])
    ramp = np.asarray(opened(map_address(np.arange(256, dtype=np.uint8)[None])).convert("L")).reshape(-1)
    assert (np.diff(ramp.astype(int)) >= 0).all() and ramp[-1] > ramp[0] + 150


def test_buffers_are_the_plans(digits_onnx: Path) -> None:
    quantized = edgecomp.load(digits_onnx).quantize(np.random.default_rng(0).random((8, 1, 8, 8), np.float32))
    plan = quantized.plan(load_target("qemu_cortex_m4"))
    found = arena_buffers(plan)
    assert max(buffer.offset_bytes + buffer.bytes for buffer in found) <= plan.memory_bytes
    assert {buffer.role for buffer in found} == {"input", "output", "map", "scratch"}
    assert sum(buffer.role == "scratch" for buffer in found) == sum(step.scratch is not None for step in plan.steps)
    for buffer in found:
        if buffer.role != "scratch":
            assert (buffer.offset_bytes, buffer.bytes) == (plan.buffers[buffer.name].offset_bytes, plan.buffers[buffer.name].bytes)


@given(st.floats(1e-3, 1e9))
def test_ticks_are_few_and_reach_far(largest: float) -> None:
    for binary in (False, True):
        ticks = linear_ticks(largest, binary=binary)
        assert 1 <= len(ticks) <= 6 and ticks[0] == 0 and ticks[-1] <= largest * 1.0001
    assert all(largest * 0.99 <= tick <= largest * 101 for tick in log_ticks(largest, largest * 100))


def test_names_and_numbers_for_people() -> None:
    assert short_layers(["model/a/Relu+model/b/Add", "model/c", "Conv_1"]) == ("a/Relu+b/Add", "c", "Conv_1")
    assert short_layers(["x/y"]) == ("y",) and short_layers([]) == ()
    assert short_kernel("ec_conv2d_s8_arm_dsp (arm_dsp)") == "conv2d arm_dsp"
    assert short_kernel("ec_softmax_s8 (portable)") == "softmax"
    assert [compact(value) for value in (None, 0, 999, 999.7, 1234, 99_960, 999_960, 12_345_678)] == [
        "\N{EN DASH}", "0", "999", "1.00 k", "1.23 k", "100 k", "1.00 M", "12.3 M",
    ]  # fmt: skip
    assert [size(value) for value in (16, 1024, 35_064, 4 << 20)] == ["16 B", "1.00 KiB", "34.2 KiB", "4.00 MiB"]


def test_damaged_thumbnails_are_refused() -> None:
    from edgecomp.errors import DataError

    good = asdict(Thumbnail.of(np.zeros((4, 4)), MAP, 0.0, 1.0))
    bomb = __import__("base64").b64encode(zlib.compress(bytes(1 << 24))).decode()
    for change in ({"kind": "film"}, {"shape": [4]}, {"shape": [4, 5]}, {"data": "?"}, {"data": "AAAA"}, {"data": bomb}, {"shape": [0, 4]}):
        with pytest.raises(DataError):
            Thumbnail.from_dict({**good, **change})
