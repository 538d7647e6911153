"""Integer operators, one file each, named as the C kernel that computes it."""

from __future__ import annotations

from edgecomp.qgraph import QOp
from edgecomp.qops.conv2d import Conv2D

QOPS: dict[str, type[QOp]] = {kind.kernel: kind for kind in (Conv2D,)}
