"""`.npz` files: reading them safely, checking what they hold, writing x and y."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecomp.artifacts import open_atomically
from edgecomp.errors import DataError

Array = NDArray[Any]


def read_npz(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read every array of an `.npz` file; arrays of Python objects are refused, as reading them could run code.

    Raises:
        DataError: the file is missing, is no `.npz`, is damaged or holds Python objects.
    """
    shown = os.fspath(path)
    try:
        archive = np.load(shown, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise DataError(f"{shown}: is a single .npy array, not an .npz file: write it with numpy.savez(file, x=..., y=...)")
        with archive:
            return {name: archive[name] for name in archive.files}
    except DataError:
        raise
    except OSError as error:
        if error.strerror is None:
            raise DataError(f"{shown}: {_npz_fault(shown, error)}") from error
        raise DataError(f"{shown}: cannot be read: {error.strerror}") from error
    except Exception as error:  # zipfile, zlib and numpy's header parser raise a dozen kinds on damaged files
        raise DataError(f"{shown}: {_npz_fault(shown, error)}") from error


def load_arrays(path: str | os.PathLike[str], x_name: str, y_name: str | None) -> tuple[Array, NDArray[np.int64] | None]:
    """Read samples from an `.npz` file that calls its arrays something other than x and y.

    Raises:
        DataError: the file cannot be read, lacks an array, or the arrays are not samples.
    """
    shown = os.fspath(path)
    arrays = read_npz(shown)
    for name in filter(None, (x_name, y_name)):
        if name not in arrays:
            raise DataError(f"{shown}: has no array {name}, only {described(arrays)}")
    x = checked_x(arrays[x_name], f"{shown}: {x_name}")
    return x, checked_y(arrays[y_name], len(x), f"{shown}: {y_name}") if y_name else None


def save_samples(path: str | os.PathLike[str], x: Array, y: NDArray[np.int64] | None, **more: Array) -> None:
    """Write an `.npz` file with x, y unless None, and `more` arrays; wholly or not at all, the same bytes for the same arrays.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays: dict[str, Any] = {"x": x, **({} if y is None else {"y": y}), **more}
    with open_atomically(path) as stream:
        np.savez_compressed(stream, **arrays)


def checked_x(x: Array, name: str) -> Array:
    """Return `x` after proving that it has rows and holds finite numbers; `name` is what the message calls it.

    Raises:
        DataError: it does not.
    """
    if x.dtype.kind not in "iuf":
        raise DataError(f"{name} is of type {x.dtype}: integers or floats are needed")
    if x.ndim == 0 or x.size == 0:
        raise DataError(f"{name} is empty, its shape is {x.shape}: at least one row [N, ...] is needed")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row = int(np.argmin(np.isfinite(x).reshape(len(x), -1).all(axis=1)))
        raise DataError(f"{name} holds NaN or infinity, first in row {row}: only finite numbers are allowed")
    return x


def checked_y(y: Array, row_count: int, name: str) -> NDArray[np.int64]:
    """Return `y` as int64 [N] after proving that it gives each of `row_count` rows a class, 0 or greater.

    Raises:
        DataError: it does not.
    """
    if y.shape not in ((row_count,), (row_count, 1)):
        raise DataError(f"{name} has shape {y.shape} where x has {row_count} rows: one class a row, shape ({row_count},), is needed")
    whole = y.dtype.kind in "iu" or (y.dtype.kind == "f" and bool(np.isfinite(y).all() and (y == np.rint(y)).all()))
    if not whole:
        raise DataError(f"{name} of type {y.dtype} holds something other than whole numbers: class numbers 0, 1, ... are needed")
    if y.min() < 0:
        raise DataError(f"{name} holds {y.min()}: class numbers start at 0")
    return y.reshape(row_count).astype(np.int64)


def described(arrays: Mapping[str, Array]) -> str:
    """The arrays with their shapes, for a message."""
    return ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "no array at all"


def conversion_command(shown: str, arrays: Mapping[str, Array]) -> str:
    """The command that makes x and y of the arrays found, as well as can be guessed."""
    images = next((name for name in ("x_test", "test_images", "images", "data") if name in arrays), "KEY")
    labels = next((name for name in ("y_test", "test_labels", "labels", "targets") if name in arrays), None)
    return f"`edgecomp data npz --from {shown} --x {images}{f' --y {labels}' if labels else ''} -o OUT.npz`"


def _npz_fault(shown: str, error: BaseException) -> str:
    if "pickle" in str(error) or "Object arrays" in str(error):
        with open(shown, "rb") as stream:
            if stream.read(2) == b"PK":
                return "holds Python objects, which are not read as they could run code: store plain number arrays"
        return "is not an .npz file: data is written with numpy.savez(file, x=..., y=...) or `edgecomp data`"
    if isinstance(error, EOFError) and os.path.getsize(shown) == 0:
        return "is empty, not an .npz file"
    return f"is a damaged or incomplete .npz file ({error}): write or copy it again"
