"""ImageNet as folders, one a class, and Tiny ImageNet as it is distributed.

Sources: O. Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, 2015; Tiny ImageNet, Stanford CS231n,
`tiny-imagenet-200.zip`, unpacked.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgecomp.data.images import image_files, load_image
from edgecomp.errors import DataError

Split = Literal["all", "train", "test"]
Labelled = tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]

TINY_SIDE: Final = 64
_FOLDERS: Final = {"train": ("train",), "test": ("val",), "all": ("train", "val")}
_ANNOTATIONS: Final = "val_annotations.txt"


def load_imagenet(
    source: str | os.PathLike[str], split: Split, size: tuple[int, int] = (224, 224), per_class: int | None = None
) -> Labelled:
    """Read FOLDER/train/CLASS/IMAGE and FOLDER/val/CLASS/IMAGE (the test split): x uint8 [N, *size, 3] RGB, y [N], the class names.

    Classes and images are taken in the order of their names, of each class the first `per_class` images of a part, all for None. Each
    image is scaled to `size` (height, width) and what stands over on two sides is cut off.

    Raises:
        DataError: a part is missing or has no folders of classes, the parts have different classes, or a file is no image.
        ToolError: Pillow is not installed.
    """
    root = Path(source)
    parts = [_part_folder(root, name) for name in _FOLDERS[split]]
    classes = _classes(parts[0])
    for part in parts[1:]:
        if _classes(part) != classes:
            raise DataError(f"{part}: has other classes than {parts[0]}: give a folder whose train and val have the same sub-folders")
    files = [(file, label) for part in parts for label, name in enumerate(classes) for file in image_files(part / name)[:per_class]]
    x = [load_image(file, size, crop=True) for file, _ in files]
    return np.stack(x), np.array([label for _, label in files], np.int64), classes


def _part_folder(root: Path, name: str) -> Path:
    if not (root / name).is_dir():
        raise DataError(f"{root}: has no folder {name}: ImageNet's images are expected in {name}/CLASS/IMAGE")
    return root / name


def _classes(part: Path) -> tuple[str, ...]:
    """Names of the folders of a part, each of which holds an image."""
    names = tuple(sorted(entry.name for entry in part.iterdir() if entry.is_dir() and not entry.name.startswith(".")))
    if not names:
        loose = f"{len(image_files(part))} images lie in it" if image_files(part) else "it is empty"
        raise DataError(f"{part}: has no sub-folder of a class, {loose}: move every image into a folder named after its class")
    empty = [name for name in names if not image_files(part / name)]
    if empty:
        raise DataError(f"{part / empty[0]}: holds no image: unpack it again, or remove the folder")
    return names


def load_tiny_imagenet(source: str | os.PathLike[str], split: Split, per_class: int | None = None) -> Labelled:
    """Read x uint8 [N, 64, 64, 3] RGB, y [N] and the 200 class ids, sorted, from the unpacked folder.

    The test split is `val`, as the labels of `test` were never published. Of each class the first `per_class` images of a part are taken.

    Raises:
        DataError: a file is missing or damaged, or names an unknown class.
        ToolError: Pillow is not installed.
    """
    path = Path(source)
    root = path / "tiny-imagenet-200" if (path / "tiny-imagenet-200").is_dir() else path
    classes = tuple(sorted(_lines(root / "wnids.txt")))
    files: list[tuple[Path, int]] = []
    for part in _FOLDERS[split]:
        files += _first(_train_files(root, classes) if part == "train" else _val_files(root, classes), per_class)
    images = [_tiny_image(file) for file, _ in files]
    return np.stack(images), np.array([label for _, label in files], np.int64), classes


def _first(files: Iterable[tuple[Path, int]], per_class: int | None) -> list[tuple[Path, int]]:
    """The first files of each class, all for None."""
    taken: Counter[int] = Counter()
    kept = []
    for file, label in files:
        if per_class is None or taken[label] < per_class:
            taken[label] += 1
            kept.append((file, label))
    return kept


def _train_files(root: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    found = []
    for label, name in enumerate(classes):
        folder = root / "train" / name / "images"
        files = image_files(folder) if folder.is_dir() else []
        if not files:
            raise DataError(f"{folder}: holds no image of a class that wnids.txt names: unpack tiny-imagenet-200.zip again")
        found += [(file, label) for file in files]
    return found


def _val_files(root: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    file = root / "val" / _ANNOTATIONS
    numbers = {name: label for label, name in enumerate(classes)}
    found = []
    for number, line in enumerate(_lines(file), start=1):
        name, label, *_ = (*line.split("\t"), "")
        if label not in numbers or os.path.basename(name) != name:
            raise DataError(f"{file}: line {number} is {line[:60]!r}: an image's name, a tab and a class of wnids.txt are needed")
        found.append((root / "val" / "images" / name, numbers[label]))
    return found


def _tiny_image(file: Path) -> NDArray[np.uint8]:
    pixels = load_image(file)
    if pixels.shape != (TINY_SIDE, TINY_SIDE, 3):
        raise DataError(
            f"{file}: is {pixels.shape[1]}x{pixels.shape[0]} pixels: Tiny ImageNet's images are {TINY_SIDE}x{TINY_SIDE}: unpack it again"
        )
    return pixels


def _lines(file: Path) -> list[str]:
    """Lines of a text that are not empty."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"{file}: is missing: unpack tiny-imagenet-200.zip and give its folder") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as text ({error}): unpack it again") from error
    found = [line.strip() for line in lines if line.strip()]
    if not found:
        raise DataError(f"{file}: is empty: unpack tiny-imagenet-200.zip again")
    return found
