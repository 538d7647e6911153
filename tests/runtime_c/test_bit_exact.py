"""Portable C equals the numpy reference, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgecomp.qops import QOPS
from tests.runtime_c.drawn import CASES
from tests.runtime_c.native import Kernels

EXHAUSTIVE = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def test_every_operator_is_drawn() -> None:
    assert CASES.keys() == QOPS.keys()


@pytest.mark.parametrize("kernel", sorted(QOPS))
@EXHAUSTIVE
@given(data=st.data())
def test_c_equals_numpy(kernel: str, kernels: Kernels, data: st.DataObject) -> None:
    case = data.draw(CASES[kernel])
    case.op.verify()
    expected = case.op.evaluate(*(x[None] for x in case.inputs))[0]
    assert expected.dtype == np.int8
    np.testing.assert_array_equal(kernels.run(case.op, *case.inputs, output_size=expected.size), expected)
    if case.op.in_place:
        for position, x in enumerate(case.inputs):
            if x.size == expected.size and position >= case.op.in_place_from:
                in_place = kernels.run(case.op, *case.inputs, output_size=expected.size, in_place=position)
                np.testing.assert_array_equal(in_place, expected)
