"""edgecomp: a trained network in ONNX becomes verified int8 firmware for a microcontroller.

    import edgecomp

    model = edgecomp.load("model.onnx")
    report = model.quantize(x).run("qemu_cortex_m4", x, y)

`load` is imported on first use, so that `import edgecomp` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecomp.pipeline import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]

_LAZY = {"load": "edgecomp.pipeline"}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
