"""What is left out of a layer, decided when the model is compiled: one frozen rule a layer, stored in the artifact as metadata.

A rule is kept under the name of the integer tensor it is judged on: the output of a convolution with its ReLU, or of the residual sum
behind it. Thresholds are integers of the accumulator that ends in that tensor, so that a file comes back to the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from edgecomp.qgraph import IntArray


@dataclass(frozen=True, eq=False)
class Spatial:
    """Cross-neuron zero prediction (Shomron and Weiser, "Exploiting Spatial Correlation in Convolutional Neural Networks").

    The output map is cut into `patch` x `patch` patches from the top left; those at the right and lower border are cut off by it.
    `masks` is uint16 [patch rows or 1, patch columns or 1, channels or 1]: bit y * patch + x of a mask says that the position is always
    computed; all bits set is a dense patch. The others are computed where at least one accumulator at a mask position (within the map)
    is larger than `thresholds`[channel], int32; else they are the output's zero point. Positions of the mask keep what was computed.
    """

    patch: int
    masks: IntArray
    thresholds: IntArray


@dataclass(frozen=True, eq=False)
class ZeroInput:
    """Products with an input that is zero, or at most `span` steps above it, are left out: exact for span 0.

    `density` is the calibrated share of products that remain, `bias_shift` int32 [channels] the mean of what is left out, which biases
    give back (the correction of Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2,
    with another cause); empty where they do not.
    """

    density: float
    span: int = 0
    bias_shift: IntArray = field(default_factory=lambda: np.zeros(0, np.int32))


@dataclass(frozen=True, eq=False)
class Early:
    """Early termination of a sum (Akhlaghi et al., "SnaPEA: Predictive Early Activation for Reducing Computation in Deep Convolutional
    Neural Networks", 2018).

    `order` [channels, taps] is the order in which a channel's weights (kernel_h, kernel_w, input_c flattened) are multiplied. From
    `exact_from`[channel] products on, a sum that has fallen to or below its ReLU bound can only fall further (inputs are proved
    non-negative and the remaining weights are not positive), so it ends there: exact. In the predictive mode a sum that is not above
    `thresholds`[channel] after `prefix`[channel] products is taken as zero; prefix 0 predicts nothing.
    """

    order: IntArray
    exact_from: IntArray
    prefix: IntArray
    thresholds: IntArray


@dataclass(frozen=True, eq=False)
class Perforated:
    """Perforated convolution (Figurnov et al., "PerforatedCNNs: Acceleration through Elimination of Redundant Convolutions", 2016).

    `source` is uint16 [output_h, output_w]: the flat index of the position whose output is taken; a position that names itself is computed.
    """

    source: IntArray


Rule = Spatial | ZeroInput | Early | Perforated
Rules = Mapping[str, Rule]
"""By the name of the integer tensor the rule is judged on."""
