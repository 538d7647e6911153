"""`edgecomp data`: write public datasets, or data of the user's own, in the one form every other command reads."""

from typing import TYPE_CHECKING, Any

import click

from edgecomp.cli.options import NamingGroup, json_option, write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgecomp.data.npz import Array

SCHEMA = "edgecomp.data/1"
SPLITS = ("all", "train", "test")


@click.group("data", cls=NamingGroup, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Write a dataset as .npz for --data.

    The file holds samples x [N, ...] and the class of each, y [N].

    \b
    Example:
      edgecomp data digits --split test -o digits.npz
      edgecomp data mnist --from downloads/mnist -o mnist.npz
      edgecomp data images --from photos --size 32x32 -o photos.npz
    """


def image_size(text: str) -> tuple[int, int]:
    """Read `32x48` as (32, 48)."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} is not HEIGHTxWIDTH, such as 32x32")
    return int(parts[0]), int(parts[1])


def output_options(function: "Callable[..., Any]") -> "Callable[..., Any]":
    function = json_option(function)
    return click.option("-o", "--output", required=True, metavar="OUT.npz", help="File to write.")(function)


def from_option(help_text: str) -> "Callable[[Callable[..., Any]], Callable[..., Any]]":
    return click.option("--from", "source", required=True, metavar="PATH", help=help_text)


def split_option(default: str) -> "Callable[[Callable[..., Any]], Callable[..., Any]]":
    return click.option("--split", type=click.Choice(SPLITS), default=default, show_default=True, help="Which part of the dataset.")


def per_class_option(function: "Callable[..., Any]") -> "Callable[..., Any]":
    return click.option("--per-class", type=click.IntRange(min=1), metavar="N", help="Only the first N images of each class.")(function)


@command.command()
@split_option("all")
@output_options
def digits(split: Any, output: str, json_file: str | None) -> None:
    """scikit-learn's handwritten digits.

    x is uint8 [N, 8, 8, 1], values 0 to 16. Rows are shuffled once and for all: train is the first 1437, test the other 360, all
    both in that order. Needs scikit-learn (extra `data`).

    \b
    Example:
      edgecomp data digits --split test -o digits.npz
    """
    from edgecomp.data.digits import load_digits

    _write(output, json_file, *load_digits(split))


@command.command()
@from_option("Folder with the four IDX files, .gz or unpacked.")
@split_option("test")
@output_options
def mnist(source: str, split: Any, output: str, json_file: str | None) -> None:
    """MNIST's handwritten digits.

    x is uint8 [N, 28, 28, 1].

    \b
    Example:
      edgecomp data mnist --from downloads/mnist -o mnist.npz
    """
    from edgecomp.data.idx import load_idx_dataset

    _write(output, json_file, *load_idx_dataset(source, split))


@command.command("fashion-mnist")
@from_option("Folder with the four IDX files, .gz or unpacked.")
@split_option("test")
@output_options
def fashion_mnist(source: str, split: Any, output: str, json_file: str | None) -> None:
    """Fashion-MNIST's pieces of clothing.

    x is uint8 [N, 28, 28, 1].

    \b
    Example:
      edgecomp data fashion-mnist --from downloads/fashion --split train -o fashion.npz
    """
    from edgecomp.data.idx import load_idx_dataset

    _write(output, json_file, *load_idx_dataset(source, split))


@command.command()
@from_option("Folder of the unpacked binary version, or one .bin file of it.")
@split_option("test")
@output_options
def cifar10(source: str, split: Any, output: str, json_file: str | None) -> None:
    """CIFAR-10's photographs.

    x is uint8 [N, 32, 32, 3], red, green and blue. Only the binary version is read: the Python version holds pickles, which can
    run any code when read.

    \b
    Example:
      edgecomp data cifar10 --from cifar-10-batches-bin -o cifar10.npz
    """
    from edgecomp.data.cifar10 import load_cifar10

    _write(output, json_file, *load_cifar10(source, split))


@command.command()
@from_option("Folder of the unpacked binary version.")
@split_option("test")
@output_options
def stl10(source: str, split: Any, output: str, json_file: str | None) -> None:
    """STL-10's photographs.

    x is uint8 [N, 96, 96, 3], red, green and blue; labels 1 to 10 become 0 to 9. Images without labels are left out.

    \b
    Example:
      edgecomp data stl10 --from stl10_binary -o stl10.npz
    """
    from edgecomp.data.stl10 import load_stl10

    _write(output, json_file, *load_stl10(source, split))


@command.command("tiny-imagenet")
@from_option("Folder of the unpacked tiny-imagenet-200.zip.")
@split_option("test")
@per_class_option
@output_options
def tiny_imagenet(source: str, split: Any, per_class: int | None, output: str, json_file: str | None) -> None:
    """Tiny ImageNet's 200 classes of photographs.

    x is uint8 [N, 64, 64, 3]; y counts the class ids in the order of their names, which the array `classes` holds. The test split is
    what the dataset calls val. Needs Pillow (extra `data`).

    \b
    Example:
      edgecomp data tiny-imagenet --from tiny-imagenet-200 -o tiny.npz
    """
    import numpy as np

    from edgecomp.data.imagenet import load_tiny_imagenet

    x, y, classes = load_tiny_imagenet(source, split, per_class)
    _write(output, json_file, x, y, classes=np.array(classes))


@command.command()
@from_option("Folder with train/CLASS/IMAGE and val/CLASS/IMAGE.")
@split_option("test")
@click.option("--size", type=image_size, default="224x224", show_default=True, metavar="HxW", help="Height and width of every image.")
@per_class_option
@output_options
def imagenet(source: str, split: Any, size: tuple[int, int], per_class: int | None, output: str, json_file: str | None) -> None:
    """ImageNet as folders, one a class.

    x is uint8 [N, H, W, 3], scaled without distortion and cut to the middle; y counts the classes' folders in the order of their names,
    which the array `classes` holds. The test split is val. Needs Pillow (extra `data`).

    \b
    Example:
      edgecomp data imagenet --from imagenet --per-class 10 -o imagenet.npz
    """
    import numpy as np

    from edgecomp.data.imagenet import load_imagenet

    x, y, classes = load_imagenet(source, split, size, per_class)
    _write(output, json_file, x, y, classes=np.array(classes))


@command.command()
@from_option("The .npz file.")
@click.option("--x", "x_name", required=True, metavar="NAME", help="Array that holds the samples.")
@click.option("--y", "y_name", metavar="NAME", help="Array that holds the class of each sample.")
@output_options
def npz(source: str, x_name: str, y_name: str | None, output: str, json_file: str | None) -> None:
    """An .npz file of other array names.

    Checks the arrays and writes them as x and y.

    \b
    Example:
      edgecomp data npz --from mnist.npz --x x_test --y y_test -o test.npz
    """
    from edgecomp.data.npz import load_arrays

    _write(output, json_file, *load_arrays(source, x_name, y_name))


@command.command()
@from_option("Folder with one sub-folder of images a class.")
@click.option("--size", type=image_size, metavar="HxW", help="Scale every image to this height and width.")
@click.option("--grey", is_flag=True, help="One channel instead of red, green and blue.")
@output_options
def images(source: str, size: tuple[int, int] | None, grey: bool, output: str, json_file: str | None) -> None:
    """A folder of images by class.

    x is uint8 [N, H, W, 3], or [N, H, W, 1] with --grey; y counts the sub-folders in the order of their names, which the array
    `classes` holds. Needs Pillow (extra `data`).

    \b
    Example:
      edgecomp data images --from photos --size 32x32 -o photos.npz
    """
    import numpy as np

    from edgecomp.data.images import load_images

    x, y, classes = load_images(source, size, grey)
    _write(output, json_file, x, y, classes=np.array(classes))


def _write(output: str, json_file: str | None, x: "Array", y: "Array | None", **more: "Array") -> None:
    from edgecomp.data.npz import save_samples

    save_samples(output, x, y, **more)
    classes = None if y is None else int(y.max()) + 1
    write_json(json_file, {"schema": SCHEMA, "file": output, "shape": list(x.shape), "dtype": str(x.dtype), "classes": classes})
    labels = "no y" if y is None else f"y with {classes} classes"
    click.echo(f"wrote {output}: x {x.dtype} {list(x.shape)}, {labels}", err=json_file == "-")
