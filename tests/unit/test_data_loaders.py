"""Loaders of public datasets, on small files made here."""

import gzip
import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgecomp.cli import execute
from edgecomp.data.cifar10 import RECORD_BYTES, load_cifar10
from edgecomp.data.digits import TRAIN_ROWS, load_digits
from edgecomp.data.idx import TYPES, load_idx_dataset, read_idx
from edgecomp.data.imagenet import load_imagenet, load_tiny_imagenet
from edgecomp.data.samples import Preprocessing, load_samples
from edgecomp.data.stl10 import IMAGE_BYTES, load_stl10
from edgecomp.errors import DataError

IDX_CODES = {np.dtype(name).newbyteorder("="): code for code, name in TYPES.items()}
MNIST_NAMES = {"train": "train", "test": "t10k"}


def idx_bytes(array: Any) -> bytes:
    head = bytes([0, 0, IDX_CODES[array.dtype], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def put_mnist(folder: Path, split: str, images: Any, labels: Any, pack: bool = False) -> None:
    folder.mkdir(exist_ok=True)
    for name, array in ((f"{MNIST_NAMES[split]}-images-idx3-ubyte", images), (f"{MNIST_NAMES[split]}-labels-idx1-ubyte", labels)):
        content = idx_bytes(array)
        (folder / f"{name}{'.gz' if pack else ''}").write_bytes(gzip.compress(content, mtime=0) if pack else content)


def cifar_records(labels: list[int], seed: int = 0) -> tuple[bytes, Any]:
    """Records and the images [N, 32, 32, 3] they hold."""
    images = np.random.RandomState(seed).randint(0, 256, (len(labels), 32, 32, 3)).astype(np.uint8)
    records = [bytes([label]) + image.transpose(2, 0, 1).tobytes() for label, image in zip(labels, images, strict=True)]
    return b"".join(records), images


# --- IDX -------------------------------------------------------------------------------------------------------------------


@given(array=hnp.arrays(st.sampled_from(sorted(IDX_CODES, key=str)), hnp.array_shapes(max_dims=4, max_side=4)), pack=st.booleans())
def test_idx_comes_back(tmp_path: Path, array: Any, pack: bool) -> None:
    content = idx_bytes(array)
    (tmp_path / "a.idx").write_bytes(gzip.compress(content, mtime=0) if pack else content)
    found = read_idx(tmp_path / "a.idx")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@given(data=st.data(), pack=st.booleans())
def test_damaged_idx_never_ends_in_anything_but_a_data_error(tmp_path: Path, data: st.DataObject, pack: bool) -> None:
    content = idx_bytes(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    content = bytearray(gzip.compress(content, mtime=0) if pack else content)
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.idx"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] + data.draw(st.binary(max_size=3)))
    said = "damaged.idx"
    try:
        read_idx(path)
    except DataError as error:
        said = str(error)
    assert "damaged.idx" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not an IDX file: it starts with nothing"),
        (b"\x89PNG\r\n", "is not an IDX file: it starts with 89 50 4e 47"),
        (b"\0\0\x07\x01\0\0\0\x01x", "is not an IDX file"),
        (b"\0\0\x08\x02\0\0\0\x01", "ends within its header"),
        (b"\0\0\x08\x01\0\0\0\x05abc", "needs 5 bytes, the file has 3"),
        (b"\0\0\x08\x01\0\0\0\x02abc", "needs 2 bytes, the file has more"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "cannot be right"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x02ab", mtime=0)[:-6], "damaged or incomplete gzip"),
    ],
    ids=["nothing", "another-format", "unknown-type", "cut-header", "too-short", "too-long", "absurd-shape", "cut-gzip"],
)
def test_wrong_idx_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "f.idx").write_bytes(content)
    with pytest.raises(DataError, match=f"f.idx: .*{said}"):
        read_idx(tmp_path / "f.idx")


@pytest.mark.parametrize("pack", [False, True])
def test_mnist_is_read_by_split(tmp_path: Path, pack: bool) -> None:
    images = np.random.RandomState(0).randint(0, 256, (5, 4, 3)).astype(np.uint8)
    labels = np.array([3, 1, 4, 1, 5], np.uint8)
    put_mnist(tmp_path, "train", images[:3], labels[:3], pack)
    put_mnist(tmp_path, "test", images[3:], labels[3:], pack)
    for split, rows in (("train", slice(0, 3)), ("test", slice(3, 5)), ("all", slice(0, 5))):
        x, y = load_idx_dataset(tmp_path, split)  # type: ignore[arg-type]
        assert x.shape[1:] == (4, 3, 1)
        np.testing.assert_array_equal(x[..., 0], images[rows])
        assert y.tolist() == labels[rows].tolist()


def test_wrong_mnist_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz"):
        load_idx_dataset(tmp_path, "test")
    put_mnist(tmp_path, "test", np.zeros((2, 4, 4), np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(DataError, match=r"labels.*shape \(3,\): uint8 \[2\] is needed"):
        load_idx_dataset(tmp_path, "test")
    put_mnist(tmp_path, "test", np.zeros((2, 4), np.uint8), np.zeros(2, np.uint8))
    with pytest.raises(DataError, match=r"images.*shape \(2, 4\)"):
        load_idx_dataset(tmp_path, "test")


# --- CIFAR-10 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_cifar10_is_read_by_split(tmp_path: Path, inner: str) -> None:
    folder = tmp_path / inner
    folder.mkdir(exist_ok=True)
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    parts = [cifar_records([index, 9], seed=index) for index in range(6)]
    for name, (content, _) in zip(names, parts, strict=True):
        (folder / name).write_bytes(content)
    images = np.concatenate([image for _, image in parts])
    for split, rows in (("train", slice(0, 10)), ("test", slice(10, 12)), ("all", slice(0, 12))):
        x, y = load_cifar10(tmp_path, split)  # type: ignore[arg-type]
        np.testing.assert_array_equal(x, images[rows])
        assert y.tolist() == [label for index in range(6) for label in (index, 9)][rows]


def test_one_cifar10_file_is_read(tmp_path: Path) -> None:
    content, images = cifar_records([7])
    (tmp_path / "some.bin").write_bytes(content)
    x, y = load_cifar10(tmp_path / "some.bin", "test")
    np.testing.assert_array_equal(x, images)
    assert y.tolist() == [7]


def test_wrong_cifar10_files_are_named(tmp_path: Path) -> None:
    batch = tmp_path / "test_batch.bin"
    with pytest.raises(DataError, match=r"test_batch.bin: is missing: unpack cifar-10-binary"):
        load_cifar10(tmp_path, "test")
    for content in (b"", bytes(RECORD_BYTES - 1), bytes(RECORD_BYTES + 1)):
        batch.write_bytes(content)
        with pytest.raises(DataError, match=rf"has {len(content)} bytes, not a multiple of {RECORD_BYTES}"):
            load_cifar10(tmp_path, "test")
    batch.write_bytes(cifar_records([1, 10])[0])
    with pytest.raises(DataError, match="record 1 has label 10"):
        load_cifar10(tmp_path, "test")


def test_cifar10_pickles_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "test_batch").write_bytes(pickle.dumps({"data": 1}, protocol=2))
    for source in (tmp_path, tmp_path / "test_batch"):
        with pytest.raises(DataError, match="pickles, which can run any code when read: download the binary version"):
            load_cifar10(source, "test")


# --- Images ----------------------------------------------------------------------------------------------------------------


def put_image(file: Path, pixels: Any) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra `data`)")
    file.parent.mkdir(exist_ok=True, parents=True)
    image.fromarray(pixels).save(file)


def test_folders_of_images_become_classes(tmp_path: Path) -> None:
    red, blue = (np.zeros((4, 6, 3), np.uint8) + np.array(colour, np.uint8) for colour in ([255, 0, 0], [0, 0, 255]))
    for name, pixels in (("dog/b.png", blue), ("dog/a.png", red), ("cat/1.bmp", blue)):
        put_image(tmp_path / name, pixels)
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    assert execute(["data", "images", "--from", str(tmp_path), "-o", str(tmp_path / "d.npz")]) == 0
    x, y = load_samples(tmp_path / "d.npz")
    assert y is not None
    assert y.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(x, np.stack([blue, red, blue]))
    assert np.load(tmp_path / "d.npz")["classes"].tolist() == ["cat", "dog"]


def test_images_are_scaled_and_made_grey(tmp_path: Path) -> None:
    put_image(tmp_path / "a" / "1.png", np.full((4, 6, 3), 200, np.uint8))
    put_image(tmp_path / "a" / "2.png", np.full((9, 5), 200, np.uint8))
    arguments = ["data", "images", "--from", str(tmp_path), "-o", str(tmp_path / "d.npz")]
    assert execute([*arguments, "--size", "8x10", "--grey"]) == 0
    x, _ = load_samples(tmp_path / "d.npz")
    assert x.shape == (2, 8, 10, 1)
    assert set(x.ravel()) == {200}


def test_wrong_image_folders_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "d.npz"
    arguments = ["data", "images", "--from", str(tmp_path / "in"), "-o", str(out)]

    def said() -> str:
        assert execute(arguments) == 1
        return capsys.readouterr().err

    assert "is not a folder" in said()
    put_image(tmp_path / "in" / "top.png", np.zeros((2, 2), np.uint8))
    assert "holds no image in a sub-folder" in said()
    put_image(tmp_path / "in" / "a" / "1.png", np.zeros((2, 2), np.uint8))
    put_image(tmp_path / "in" / "a" / "2.png", np.zeros((2, 3), np.uint8))
    assert "2.png: is 3x2 pixels where" in said()
    (tmp_path / "in" / "a" / "2.png").write_bytes(b"\x89PNG and no more")
    assert "2.png: is not an image that can be read" in said()
    assert not out.exists()


# --- STL-10 ----------------------------------------------------------------------------------------------------------------


def put_stl10(folder: Path, part: str, labels: list[int], seed: int) -> Any:
    """Both files of a part; returns its images [N, 96, 96, 3]."""
    folder.mkdir(exist_ok=True)
    images = np.random.RandomState(seed).randint(0, 256, (len(labels), 96, 96, 3)).astype(np.uint8)
    planes = [image[:, x, c].tobytes() for image in images for c in range(3) for x in range(96)]
    (folder / f"{part}_X.bin").write_bytes(b"".join(planes))
    (folder / f"{part}_y.bin").write_bytes(bytes(labels))
    return images


@pytest.mark.parametrize("inner", ["", "stl10_binary"])
def test_stl10_is_read_by_split(tmp_path: Path, inner: str) -> None:
    images = np.concatenate([put_stl10(tmp_path / inner, "train", [1, 10], 0), put_stl10(tmp_path / inner, "test", [3], 1)])
    for split, rows in (("train", slice(0, 2)), ("test", slice(2, 3)), ("all", slice(0, 3))):
        x, y = load_stl10(tmp_path, split)  # type: ignore[arg-type]
        np.testing.assert_array_equal(x, images[rows])
        assert y.tolist() == [0, 9, 2][rows]


def test_wrong_stl10_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test_X.bin: is missing: unpack stl10_binary.tar.gz"):
        load_stl10(tmp_path, "test")
    put_stl10(tmp_path, "test", [1, 2], 0)
    for content in (b"", bytes(IMAGE_BYTES - 1)):
        (tmp_path / "test_X.bin").write_bytes(content)
        with pytest.raises(DataError, match=rf"test_X.bin: has {len(content)} bytes, not a multiple of {IMAGE_BYTES}"):
            load_stl10(tmp_path, "test")
    (tmp_path / "test_X.bin").write_bytes(bytes(IMAGE_BYTES))
    with pytest.raises(DataError, match=r"test_y.bin: has 2 labels where test_X.bin has 1 images"):
        load_stl10(tmp_path, "test")
    for label in (0, 11):
        (tmp_path / "test_y.bin").write_bytes(bytes([label]))
        with pytest.raises(DataError, match=rf"label 0 is {label}: STL-10 has labels 1 to 10"):
            load_stl10(tmp_path, "test")


# --- ImageNet and Tiny ImageNet --------------------------------------------------------------------------------------------


def plain_image(value: int, height: int = 64, width: int = 64) -> Any:
    return np.full((height, width, 3), value, np.uint8)


def put_tiny_imagenet(root: Path) -> None:
    """Two classes, named out of order, with two images to train and three to test."""
    root.mkdir(exist_ok=True)
    (root / "wnids.txt").write_text("n02\nn01\n")
    for name, value in (("n01", 10), ("n02", 20)):
        for index in range(2):
            put_image(root / "train" / name / "images" / f"{name}_{index}.png", plain_image(value + index))
    for index in range(3):
        put_image(root / "val" / "images" / f"val_{index}.png", plain_image(100 + index))
    lines = [f"val_{index}.png\t{name}\t0\t0\t9\t9\n" for index, name in enumerate(("n02", "n01", "n02"))]
    (root / "val" / "val_annotations.txt").write_text("".join(lines))


@pytest.mark.parametrize("inner", ["", "tiny-imagenet-200"])
def test_tiny_imagenet_is_read_by_split(tmp_path: Path, inner: str) -> None:
    put_tiny_imagenet(tmp_path / inner)
    for split, values, labels in (
        ("train", [10, 11, 20, 21], [0, 0, 1, 1]),
        ("test", [100, 101, 102], [1, 0, 1]),
        ("all", [10, 11, 20, 21, 100, 101, 102], [0, 0, 1, 1, 1, 0, 1]),
    ):
        x, y, classes = load_tiny_imagenet(tmp_path, split)  # type: ignore[arg-type]
        assert x.shape == (len(values), 64, 64, 3)
        assert x[:, 5, 7, 1].tolist() == values
        assert (y.tolist(), classes) == (labels, ("n01", "n02"))
    x, y, _ = load_tiny_imagenet(tmp_path, "all", per_class=1)
    assert (x[:, 0, 0, 0].tolist(), y.tolist()) == ([10, 20, 100, 101], [0, 1, 1, 0])


def test_tiny_imagenet_from_the_command_line(tmp_path: Path) -> None:
    put_tiny_imagenet(tmp_path / "in")
    arguments = ["data", "tiny-imagenet", "--from", str(tmp_path / "in"), "--per-class", "1", "-o", str(tmp_path / "t.npz")]
    assert execute(arguments) == 0
    assert load_samples(tmp_path / "t.npz")[0].shape == (2, 64, 64, 3)
    assert np.load(tmp_path / "t.npz")["classes"].tolist() == ["n01", "n02"]


def test_wrong_tiny_imagenet_folders_are_named(tmp_path: Path) -> None:
    def said(split: str) -> str:
        with pytest.raises(DataError) as raised:
            load_tiny_imagenet(tmp_path, split)  # type: ignore[arg-type]
        return str(raised.value)

    assert "wnids.txt: is missing: unpack tiny-imagenet-200.zip" in said("test")
    put_tiny_imagenet(tmp_path)
    (tmp_path / "wnids.txt").write_text(" \n")
    assert "wnids.txt: is empty" in said("test")
    (tmp_path / "wnids.txt").write_bytes(b"\xff\xfe\xff")
    assert "wnids.txt: cannot be read as text" in said("test")
    (tmp_path / "wnids.txt").write_text("n01\nn02\nn03\n")
    assert "n03/images: holds no image of a class that wnids.txt names" in said("train")
    (tmp_path / "wnids.txt").write_text("n01\nn02\n")
    for line in ("val_0.png\tn09", "val_0.png", "../val_0.png\tn01"):
        (tmp_path / "val" / "val_annotations.txt").write_text(f"val_1.png\tn01\n{line}\n")
        assert "val_annotations.txt: line 2 is" in said("test")
    (tmp_path / "val" / "val_annotations.txt").write_text("val_9.png\tn01\n")
    assert "val_9.png: is not an image that can be read" in said("test")
    put_image(tmp_path / "val" / "images" / "val_9.png", plain_image(0, 64, 63))
    assert "val_9.png: is 63x64 pixels: Tiny ImageNet's images are 64x64" in said("test")


def test_imagenet_folders_are_read_by_split(tmp_path: Path) -> None:
    for part, value in (("train", 10), ("val", 50)):
        for label, name in enumerate(("cat", "dog")):
            for index in range(2):
                put_image(tmp_path / part / name / f"{index}.png", plain_image(value + 10 * label + index, 40, 30 + index))
    for split, values in (("train", [10, 11, 20, 21]), ("test", [50, 51, 60, 61]), ("all", [10, 11, 20, 21, 50, 51, 60, 61])):
        x, y, classes = load_imagenet(tmp_path, split, (16, 16))  # type: ignore[arg-type]
        assert x.shape == (len(values), 16, 16, 3)
        assert x[:, 3, 4, 2].tolist() == values
        assert (y.tolist(), classes) == ([0, 0, 1, 1] * (len(values) // 4), ("cat", "dog"))
    arguments = ["data", "imagenet", "--from", str(tmp_path), "--size", "8x12", "--per-class", "1", "-o", str(tmp_path / "i.npz")]
    assert execute(arguments) == 0
    assert load_samples(tmp_path / "i.npz")[0].shape == (2, 8, 12, 3)


def test_the_middle_of_an_image_is_kept_without_distortion(tmp_path: Path) -> None:
    wide = plain_image(0, 20, 60)
    wide[:, 20:40] = 255
    put_image(tmp_path / "val" / "a" / "1.png", wide)
    x, _, _ = load_imagenet(tmp_path, "test", (10, 10))
    assert set(x[:, :, 1:-1].ravel().tolist()) == {255}, "black beside the middle may reach its edge only"


def test_wrong_imagenet_folders_are_named(tmp_path: Path) -> None:
    def said(split: str) -> str:
        with pytest.raises(DataError) as raised:
            load_imagenet(tmp_path, split, (8, 8))  # type: ignore[arg-type]
        return str(raised.value)

    assert "has no folder val: ImageNet's images are expected in val/CLASS/IMAGE" in said("test")
    (tmp_path / "val").mkdir()
    assert "val: has no sub-folder of a class, it is empty" in said("test")
    put_image(tmp_path / "val" / "loose.png", plain_image(0))
    assert "val: has no sub-folder of a class, 1 images lie in it: move every image" in said("test")
    (tmp_path / "val" / "cat").mkdir()
    assert "cat: holds no image" in said("test")
    put_image(tmp_path / "val" / "cat" / "1.png", plain_image(0))
    put_image(tmp_path / "train" / "dog" / "1.png", plain_image(0))
    assert "val: has other classes than" in said("all")
    (tmp_path / "val" / "cat" / "1.png").write_bytes(b"\x89PNG and no more")
    assert "1.png: is not an image that can be read" in said("test")


# --- npz with other names, and the command line ----------------------------------------------------------------------------


def test_arrays_of_other_names_are_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "in.npz", images=np.ones((3, 2)), labels=[0, 1, 2])
    arguments = ["data", "npz", "--from", str(tmp_path / "in.npz"), "-o", str(tmp_path / "out.npz"), "--json", "-"]
    assert execute([*arguments, "--x", "images", "--y", "labels"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["shape"], document["dtype"], document["classes"]) == ([3, 2], "float64", 3)
    assert load_samples(tmp_path / "out.npz")[0].shape == (3, 2)
    assert execute([*arguments, "--x", "pixels"]) == 1
    assert "has no array pixels, only images (3, 2), labels (3,)" in capsys.readouterr().err


def test_mnist_from_the_command_line(tmp_path: Path) -> None:
    put_mnist(tmp_path / "in", "test", np.ones((2, 28, 28), np.uint8), np.array([1, 2], np.uint8))
    for name in ("mnist", "fashion-mnist"):
        assert execute(["data", name, "--from", str(tmp_path / "in"), "-o", str(tmp_path / f"{name}.npz")]) == 0
        assert load_samples(tmp_path / f"{name}.npz")[0].shape == (2, 28, 28, 1)


# --- Digits ----------------------------------------------------------------------------------------------------------------


def test_digits_are_split_once_and_for_all() -> None:
    x, y = load_digits()
    assert (x.shape, x.dtype, x.max()) == ((1797, 8, 8, 1), np.uint8, 16)
    assert np.bincount(y).min() > 170
    for split, rows in (("train", slice(0, TRAIN_ROWS)), ("test", slice(TRAIN_ROWS, None))):
        part_x, part_y = load_digits(split)  # type: ignore[arg-type]
        np.testing.assert_array_equal(part_x, x[rows])
        np.testing.assert_array_equal(part_y, y[rows])
    assert y[:12].tolist() == [2, 8, 2, 6, 6, 7, 1, 9, 8, 5, 2, 8]


def test_the_committed_classifier_is_as_good_as_it_says(digits_onnx: Path, digits_npz: Path) -> None:
    x, y = load_samples(digits_npz)
    session = onnxruntime.InferenceSession(digits_onnx, providers=["CPUExecutionProvider"])
    inputs = Preprocessing("nhwc", (0,), (16,)).apply(x, (1, 8, 8))
    (probabilities,) = session.run(None, {"image": inputs})
    assert len(x) == 360
    assert (probabilities.argmax(axis=1) == y).mean() >= 0.97
    assert digits_onnx.stat().st_size < 100_000
