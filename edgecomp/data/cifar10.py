"""CIFAR-10 in its binary version: records of one label byte and 3072 pixel bytes, red, green and blue plane, 32 rows of 32.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images; `cifar-10-binary.tar.gz`, unpacked.
"""

import os
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgecomp.errors import DataError

Split = Literal["all", "train", "test"]

IMAGE_BYTES: Final = 3 * 32 * 32
RECORD_BYTES: Final = 1 + IMAGE_BYTES
CLASSES: Final = 10
_TRAIN_FILES: Final = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_FILES: Final = {"train": _TRAIN_FILES, "test": ("test_batch.bin",), "all": (*_TRAIN_FILES, "test_batch.bin")}


def load_cifar10(source: str | os.PathLike[str], split: Split) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read x uint8 [N, 32, 32, 3] RGB and y [N] from the folder of the binary version, or from one of its `.bin` files whatever the split.

    Raises:
        DataError: a file is missing, damaged, or of the Python version (pickles, which can run code when read).
    """
    path = Path(source)
    if path.is_dir():
        folder = path / "cifar-10-batches-bin" if (path / "cifar-10-batches-bin").is_dir() else path
        parts = [_read_batch(folder / name) for name in _FILES[split]]
    else:
        parts = [_read_batch(path)]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    _refuse_pickles(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: is missing: unpack cifar-10-binary.tar.gz and give its folder") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    if not content or len(content) % RECORD_BYTES:
        raise DataError(
            f"{path}: has {len(content)} bytes, not a multiple of {RECORD_BYTES}, the size of a CIFAR-10 record: unpack it again"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= CLASSES:
        row = int(np.argmax(labels >= CLASSES))
        raise DataError(f"{path}: record {row} has label {labels[row]}: CIFAR-10 has labels 0 to {CLASSES - 1}")
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def _refuse_pickles(path: Path) -> None:
    folder, pickled = (path.parent, path.with_suffix("")) if path.suffix == ".bin" else (path.parent, path)
    is_pickle = not path.exists() and pickled.is_file()
    if path.is_file():
        with path.open("rb") as stream:
            is_pickle = stream.read(2) in (b"\x80\x02", b"\x80\x03", b"\x80\x04") and path.suffix != ".bin"
    if is_pickle:
        why = "holds the Python version of CIFAR-10, pickles, which can run any code when read"
        raise DataError(f"{folder}: {why}: download the binary version, cifar-10-binary.tar.gz")
