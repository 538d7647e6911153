"""scikit-learn's handwritten digits: 1797 images of 8x8 pixels, ten classes, with a fixed split for training and testing.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository; shipped with scikit-learn.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgecomp.errors import ToolError

Split = Literal["all", "train", "test"]

TRAIN_ROWS = 1437
"""Rows for training; the 360 after them are held out for testing."""
_SHUFFLE_SEED = 0


def load_digits(split: Split = "all") -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return x uint8 [N, 8, 8, 1], values 0..16, and y [N], the digit of each row.

    Rows are shuffled once and for all; `train` is the first 1437, `test` the other 360, `all` both in that order.

    Raises:
        ToolError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as sklearn_digits
    except ImportError as error:
        cure = "pip install 'edgecomp[data]' (in a checkout: make setup)"
        raise ToolError(f"the digits come with scikit-learn, which is not installed: {cure}") from error
    digits: Any = sklearn_digits()
    # RandomState's stream is frozen for good, unlike that of numpy's newer generators
    order = np.random.RandomState(_SHUFFLE_SEED).permutation(len(digits.target))
    rows = {"all": order, "train": order[:TRAIN_ROWS], "test": order[TRAIN_ROWS:]}[split]
    return digits.images[rows].astype(np.uint8)[..., np.newaxis], digits.target[rows].astype(np.int64)
