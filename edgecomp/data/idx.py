"""IDX files, the form MNIST and Fashion-MNIST come in.

Format: two zero bytes, a type code, the number of axes, one big-endian uint32 length an axis, then the values, big-endian
(Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits).
"""

import gzip
import os
import zlib
from math import prod
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edgecomp.errors import DataError

Split = Literal["all", "train", "test"]

TYPES: Final = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_BYTES: Final = 1 << 32
"""Size of values above which a header is taken for damaged, not for a description of data."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_FILE_STEMS: Final = {"train": ("train-images", "train-labels"), "test": ("t10k-images", "t10k-labels")}


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Read one IDX file, plain or gzipped, as an array in the machine's byte order.

    Raises:
        DataError: the file is missing, is no IDX file, or is longer or shorter than its header says.
    """
    shown = os.fspath(path)
    try:
        with open(shown, "rb") as plain:
            gzipped = plain.read(2) == _GZIP_MAGIC
            plain.seek(0)
            if not gzipped:
                return _parse(plain, shown)
            with gzip.open(plain) as unpacked:
                return _parse(unpacked, shown)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{shown}: is a damaged or incomplete gzip file ({error}): download it again") from error
    except OSError as error:
        raise DataError(f"{shown}: cannot be read: {error.strerror}") from error


def load_idx_dataset(folder: str | os.PathLike[str], split: Split) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read images x uint8 [N, H, W, 1] and labels y [N] of a dataset named as MNIST is: `train-images-idx3-ubyte`, `t10k-...`, or `.gz`.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not belong together.
    """
    if split == "all":
        parts = [load_idx_dataset(folder, "train"), load_idx_dataset(folder, "test")]
        return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    images_file, labels_file = (_find(Path(folder), stem) for stem in _FILE_STEMS[split])
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or images.dtype != np.uint8 or not images.size:
        raise DataError(f"{images_file}: holds {images.dtype} of shape {images.shape}: images are uint8 [N, height, width]")
    if labels.dtype != np.uint8 or labels.shape != (len(images),):
        raise DataError(f"{labels_file}: holds {labels.dtype} of shape {labels.shape}: uint8 [{len(images)}] is needed, one label an image")
    return images[..., np.newaxis], labels.astype(np.int64)


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def _parse(stream: _Readable, shown: str) -> NDArray[Any]:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in TYPES or head[3] == 0:
        raise DataError(
            f"{shown}: is not an IDX file: it starts with {head.hex(' ') or 'nothing'}, not with 00 00, a type and a number of axes"
        )
    lengths = stream.read(4 * head[3])
    if len(lengths) < 4 * head[3]:
        raise DataError(f"{shown}: is incomplete: it ends within its header")
    shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
    dtype = np.dtype(TYPES[head[2]])
    wanted = prod(shape) * dtype.itemsize
    if wanted > MAX_BYTES or len(shape) > 8:
        raise DataError(f"{shown}: its header asks for shape {shape}, which cannot be right: download it again")
    values = stream.read(wanted + 1)
    if len(values) != wanted:
        found = "more" if len(values) > wanted else str(len(values))
        raise DataError(f"{shown}: shape {shape} needs {wanted} bytes, the file has {found}: download it again")
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _find(folder: Path, stem: str) -> Path:
    axes = "idx3" if stem.endswith("images") else "idx1"
    candidates = [folder / f"{stem}{dash}{axes}-ubyte{end}" for dash in "-." for end in ("", ".gz")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DataError(f"{folder}: has no {candidates[0].name} or {candidates[1].name}: download the dataset's four files into one folder")
