"""RV32 timing against figures read from the manuals of Hazard3 and of SiFive's E31."""

import pytest

from edgecomp.run.cycles import TIMING_MODELS
from edgecomp.run.disassembly import Instruction
from edgecomp.run.timing import BlockCycles


def cycles(model: str, *lines: str) -> BlockCycles:
    split = [line.partition(" ") for line in lines]
    return TIMING_MODELS[model].block_cycles([Instruction(mnemonic, operands) for mnemonic, _, operands in split])


@pytest.mark.parametrize(
    ("lines", "base", "taken_extra"),
    [  # Hazard3 documentation, "Instruction Cycle Counts"
        (("add a0,a1,a2",), 1, 0),
        (("mul a0,a1,a2",), 1, 0),
        (("mulh a0,a1,a2",), 1, 0),
        (("divu a0,a1,a2",), 18, 0),
        (("lw a0,0(a1)", "add a2,a3,a4"), 2, 0),
        (("lw a0,0(a1)", "add a2,a0,a4"), 3, 0),
        (("lw a0,0(a1)", "add a2,a3,a4", "add a2,a0,a4"), 3, 0),
        (("lb a0,0(a1)", "sb a0,0(a2)"), 2, 0),  # stored data is read a stage later
        (("lw a0,0(a1)", "lw a2,0(a0)"), 3, 0),  # an address is not
        (("lw a0,0(a1)", "sw a2,0(a0)"), 3, 0),
        (("lw a0,0(a1)", "bnez a0,80000010"), 3, 1),
        (("beq a0,a1,80000010",), 1, 1),
        (("bltu a0,a1,80000010",), 1, 1),
        (("j 80000010",), 1, 1),
        (("jal 80000010",), 1, 1),
        (("ret",), 1, 1),
    ],
)
def test_hazard3(lines: tuple[str, ...], base: int, taken_extra: int) -> None:
    assert cycles("hazard3", *lines) == BlockCycles(base, taken_extra)


@pytest.mark.parametrize(
    ("lines", "base", "taken_extra"),
    [  # E31 Core Complex Manual, "Execution Pipeline"
        (("lw a0,0(a1)", "add a2,a0,a4"), 3, 0),
        (("lbu a0,0(a1)", "add a2,a0,a4"), 4, 0),
        (("lbu a0,0(a1)", "add a5,a6,a7", "add a2,a0,a4"), 4, 0),
        (("mul a0,a1,a2", "add a3,a0,a4"), 6, 0),
        (("mul a0,a1,a2", "add a3,a5,a4"), 2, 0),
        (("mul a0,a1,a2", "mul a3,a5,a4"), 6, 0),  # the multiplier works on one product at a time
        (("rem a0,a1,a2",), 17, 0),
        (("bne a0,a1,80000010",), 1, 0),
    ],
)
def test_e31(lines: tuple[str, ...], base: int, taken_extra: int) -> None:
    assert cycles("e31", *lines) == BlockCycles(base, taken_extra)
