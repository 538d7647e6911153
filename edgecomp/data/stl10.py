"""STL-10 in its binary version: 96x96 colour images, each plane column by column, and labels 1 to 10 in a file of their own.

Source: A. Coates, H. Lee, A. Ng, An Analysis of Single Layer Networks in Unsupervised Feature Learning; `stl10_binary.tar.gz`, unpacked.
"""

import os
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgecomp.errors import DataError

Split = Literal["all", "train", "test"]

SIDE: Final = 96
IMAGE_BYTES: Final = 3 * SIDE * SIDE
CLASSES: Final = 10
_PARTS: Final = {"train": ("train",), "test": ("test",), "all": ("train", "test")}


def load_stl10(source: str | os.PathLike[str], split: Split) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read x uint8 [N, 96, 96, 3] RGB and y [N], 0 to 9, from the folder of the binary version; the unlabelled images are left out.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not belong together.
    """
    path = Path(source)
    folder = path / "stl10_binary" if (path / "stl10_binary").is_dir() else path
    parts = [_read_part(folder, part) for part in _PARTS[split]]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _read_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images_file, labels_file = folder / f"{part}_X.bin", folder / f"{part}_y.bin"
    pixels, labels = _read(images_file), _read(labels_file)
    if not pixels.size or pixels.size % IMAGE_BYTES:
        raise DataError(
            f"{images_file}: has {pixels.size} bytes, not a multiple of {IMAGE_BYTES}, the size of an STL-10 image: unpack it again"
        )
    count = pixels.size // IMAGE_BYTES
    if labels.size != count:
        raise DataError(f"{labels_file}: has {labels.size} labels where {images_file.name} has {count} images: unpack both again")
    wrong = np.flatnonzero((labels < 1) | (labels > CLASSES))
    if wrong.size:
        raise DataError(f"{labels_file}: label {wrong[0]} is {labels[wrong[0]]}: STL-10 has labels 1 to {CLASSES}")
    return np.ascontiguousarray(pixels.reshape(count, 3, SIDE, SIDE).transpose(0, 3, 2, 1)), labels.astype(np.int64) - 1


def _read(file: Path) -> NDArray[np.uint8]:
    try:
        return np.frombuffer(file.read_bytes(), np.uint8)
    except FileNotFoundError as error:
        raise DataError(f"{file}: is missing: unpack stl10_binary.tar.gz and give its folder") from error
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error
