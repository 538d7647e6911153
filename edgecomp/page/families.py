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
