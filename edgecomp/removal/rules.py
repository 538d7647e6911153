"""The rule of every integer operator, by the name of its kernel. One without a rule, as those a plan joins, keeps all its channels."""

from __future__ import annotations

from collections.abc import Mapping

from edgecomp.removal import elementwise, movement, spatial, weighted
from edgecomp.removal.channels import Bind, fixed

RULES: Mapping[str, Bind] = {
    "conv2d_s8": weighted.conv2d,
    "depthwise_conv2d_s8": weighted.depthwise_conv2d,
    "conv_transpose2d_s8": weighted.conv_transpose2d,
    "fully_connected_s8": weighted.fully_connected,
    "matmul_s8": fixed,
    "add_s8": elementwise.add,
    "mul_s8": elementwise.mul,
    "lut_s8": elementwise.lut,
    "prelu_s8": elementwise.prelu,
    "softmax_s8": fixed,
    "log_softmax_s8": fixed,
    "max_pool2d_s8": spatial.max_pool2d,
    "avg_pool2d_s8": spatial.avg_pool2d,
    "copy_s8": movement.copy,
    "concat_s8": movement.concat,
    "resize_nearest_s8": spatial.resize,
    "resize_bilinear_s8": spatial.resize,
}
