"""Convolutions at some positions: every output is the plain one's at its source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgecomp.plan.instruction_sets import KERNELS
from edgecomp.qops import Conv2DPerforated
from edgecomp.qops.conv2d_perforated import PATCH_BYTES, block_positions
from tests.runtime_c.drawn import CASES, Case


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(case=CASES["conv2d_perforated_s8"])
def test_every_position_takes_the_output_of_its_source(case: Case) -> None:
    op = case.op
    assert isinstance(op, Conv2DPerforated)
    x = np.stack([case.inputs[0], np.roll(case.inputs[0], 1)])
    dense = op.convolution.evaluate(x).reshape(2, -1, op.output_c)
    np.testing.assert_array_equal(op.evaluate(x).reshape(dense.shape), dense[:, np.asarray(op.source, int)])
    positions = len(set(np.asarray(op.source).tolist()))
    assert op.executed_macs(x) == 2 * op.work.macs * positions // (op.output_h * op.output_w)
    whole = replace(op, source=np.arange(op.output_h * op.output_w))
    np.testing.assert_array_equal(whole.evaluate(x).reshape(dense.shape), dense)


@settings(max_examples=30, derandomize=True, deadline=None, database=None)
@given(case=CASES["conv2d_perforated_s8"], tile=st.integers(1, 6))
def test_blocks_are_whole_tiles_within_bounds(case: Case, tile: int) -> None:
    op = case.op
    assert isinstance(op, Conv2DPerforated)
    count = block_positions(op, tile)
    assert count % tile == 0
    assert count == tile or count * op.patch_bytes <= PATCH_BYTES


@settings(max_examples=30, derandomize=True, deadline=None, database=None)
@given(case=CASES["conv2d_perforated_s8"])
def test_every_set_with_a_convolution_of_its_own_packs_it(case: Case) -> None:
    op = case.op
    for kernels in KERNELS.values():
        kernel = kernels.get(op.kernel)
        if kernel and kernel.supports(op):
            packed = kernel.pack(op)
            assert isinstance(packed, Conv2DPerforated)
            assert kernel.scratch_bytes(op) >= packed.block_positions * packed.patch_bytes
