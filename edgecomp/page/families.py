"""What kind of work a kernel does: what colours follow on the page."""

from __future__ import annotations

from edgecomp.page.documents import Layer

FAMILIES = {
    "depthwise": ("depthwise",),
    "convolution": ("conv",),
    "dense": ("fully_connected", "matmul", "dense", "gemm"),
    "pooling": ("pool",),
    "elementwise": ("add", "mul", "lut", "rescale", "prelu", "softmax", "relu", "sub", "div"),
}
"""Family -> words in the name of a kernel or operator; the first that fits counts."""
OTHER = "other"


def family(layer: Layer) -> str:
    """One of FAMILIES, or OTHER."""
    for text in (layer.kernel, layer.op):
        for name, words in FAMILIES.items():
            if text and any(word in text.lower() for word in words):
                return name
    return OTHER


def short_kernel(kernel: str | None) -> str:
    """`ec_conv2d_s8_arm_dsp (arm_dsp)` as `conv2d arm_dsp`: the prefix, type and portable instruction set go without saying."""
    if not kernel:
        return ""
    symbol, _, isa = kernel.partition(" (")
    isa = isa.removesuffix(")")
    core = symbol.removeprefix("ec_").removesuffix(f"_{isa}").replace("_s8", "")
    return core if isa in ("", "portable") else f"{core} {isa}"
