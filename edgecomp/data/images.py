"""A folder of images, one sub-folder a class, as samples."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgecomp.errors import DataError, ToolError

SUFFIXES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def load_images(
    folder: str | os.PathLike[str], size: tuple[int, int] | None = None, grey: bool = False
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """Read FOLDER/CLASS/IMAGE files: x uint8 [N, H, W, 3], or [N, H, W, 1] if `grey`; y [N]; the class names in the order of y.

    Classes and files are taken in the order of their names. `size` (height, width) scales every image; without it all must have the
    same size.

    Raises:
        DataError: there is no class or image, a file is no image, or sizes differ.
        ToolError: Pillow is not installed.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder: give a folder with one sub-folder of images a class")
    classes = tuple(sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")))
    files = [(file, label) for label, name in enumerate(classes) for file in image_files(root / name)]
    if not files:
        raise DataError(
            f"{root}: holds no image in a sub-folder: one sub-folder a class is needed, with files {', '.join(sorted(SUFFIXES))}"
        )
    x = [load_image(file, size, grey) for file, _ in files]
    for (file, _), image in zip(files, x, strict=True):
        if image.shape != x[0].shape:
            found, first = (f"{shape[1]}x{shape[0]}" for shape in (image.shape, x[0].shape))
            raise DataError(f"{file}: is {found} pixels where {files[0][0]} is {first}: give --size HEIGHTxWIDTH to scale all to one size")
    return np.stack(x), np.array([label for _, label in files], np.int64), classes


def image_files(folder: Path) -> list[Path]:
    """The images of a folder in the order of their names."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())


def load_image(file: Path, size: tuple[int, int] | None = None, grey: bool = False, crop: bool = False) -> NDArray[Any]:
    """One picture, uint8 [H, W, 3], or [H, W, 1] if `grey`; `size` (height, width) scales it, with `crop` the middle of it.

    Raises:
        DataError: the file is no image.
        ToolError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        cure = "pip install 'edgecomp[data]' (in a checkout: make setup)"
        raise ToolError(f"images are read by Pillow, which is not installed: {cure}") from error
    try:
        with Image.open(file) as image:
            converted = image.convert("L" if grey else "RGB")
            if size is not None:
                box = _middle(converted.size, size) if crop else None
                converted = converted.resize((size[1], size[0]), Image.Resampling.BILINEAR, box)
            pixels = np.asarray(converted, np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{file}: is not an image that can be read ({error}): repair or remove it") from error
    return pixels[..., np.newaxis] if grey else pixels


def _middle(found: tuple[int, int], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest box in the middle of a picture of `found` (width, height) that has the proportions of `size` (height, width).

    Returns its left, upper, right and lower edge.
    """
    width, height = found
    scale = min(width / size[1], height / size[0])
    left, upper = (width - scale * size[1]) / 2, (height - scale * size[0]) / 2
    return left, upper, left + scale * size[1], upper + scale * size[0]
