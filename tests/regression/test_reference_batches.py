"""The reference gives a sample the same bits alone, among others, and however numpy lays the batch out in memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.qops import QOPS
from tests.runtime_c.drawn import CASES

SAMPLES = 3


def scattered(batch: np.ndarray) -> np.ndarray:
    """The same values [N, size] with neighbouring elements far apart in memory."""
    return np.asfortranarray(batch)


@pytest.mark.parametrize("kernel", sorted(QOPS))
@settings(max_examples=25)
@given(data=st.data())
def test_a_batch_is_its_samples(kernel: str, data: st.DataObject) -> None:
    case = data.draw(CASES[kernel])
    batches = [np.stack([np.roll(x.reshape(-1), shift) for shift in range(SAMPLES)]) for x in case.inputs]
    alone = np.stack([case.op.evaluate(*(batch[row : row + 1] for batch in batches)).reshape(-1) for row in range(SAMPLES)])
    np.testing.assert_array_equal(case.op.evaluate(*batches).reshape(SAMPLES, -1), alone)
    np.testing.assert_array_equal(case.op.evaluate(*map(scattered, batches)).reshape(SAMPLES, -1), alone)
