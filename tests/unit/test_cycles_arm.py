"""Cortex-M timing against figures read from the Technical Reference Manuals."""

import pytest

from edgecomp.run.cycles import TIMING_MODELS
from edgecomp.run.disassembly import Instruction
from edgecomp.run.timing import BlockCycles


def cycles(model: str, *lines: str) -> BlockCycles:
    """Of a block written as "mnemonic operands" lines."""
    block = [Instruction(*(line + " ").split(" ", 1)) for line in lines]
    return TIMING_MODELS[model].block_cycles([Instruction(item.mnemonic, item.operands.strip()) for item in block])


@pytest.mark.parametrize(
    ("line", "base", "taken_extra"),
    [  # Cortex-M0+ TRM r0p1, table 3-1
        ("adds r0, r0, r1", 1, 0),
        ("muls r0, r1", 1, 0),
        ("ldr r0, [r1, #4]", 2, 0),
        ("ldrsb r0, [r1, r2]", 2, 0),
        ("strb r0, [r1, #0]", 2, 0),
        ("ldmia r0!, {r1, r2, r3}", 4, 0),
        ("stmia r0!, {r1, r2}", 3, 0),
        ("push {r4, r5, r6, lr}", 5, 0),
        ("pop {r4, r5}", 3, 0),
        ("pop {r4, r5, r6, pc}", 5, 2),  # 3 + N, PC being one of the N
        ("bne 1234", 1, 1),
        ("b 1234", 1, 1),
        ("bl 1234", 1, 2),
        ("bx lr", 1, 1),
        ("blx r3", 1, 1),
        ("mov pc, r3", 1, 1),
        ("mrs r0, PRIMASK", 3, 0),
    ],
)
def test_cortex_m0plus(line: str, base: int, taken_extra: int) -> None:
    assert cycles("cortex-m0plus", line) == BlockCycles(base, taken_extra)


@pytest.mark.parametrize(
    ("line", "base", "taken_extra"),
    [  # Cortex-M4 TRM r0p1, table 3-1 and table 7-1
        ("add r0, r1, r2, lsl #2", 1, 0),
        ("mla r0, r1, r2, r3", 1, 0),
        ("smlad r0, r1, r2, r3", 1, 0),
        ("smlal r0, r1, r2, r3", 1, 0),
        ("smull r0, r1, r2, r3", 1, 0),
        ("ssat r0, #8, r0", 1, 0),
        ("sdiv r0, r1, r2", 7, 0),
        ("ldr r0, [r1], #4", 2, 0),
        ("ldrd r0, r1, [r2]", 3, 0),
        ("str r0, [r1, #4]", 1, 0),
        ("strb r0, [r1, r2]", 2, 0),
        ("ldmia r0!, {r1, r2, r3, r4}", 5, 0),
        ("stmdb sp!, {r4, r5, lr}", 4, 0),
        ("pop {r4, pc}", 3, 2),
        ("ldmia sp!, {r4, r5, pc}", 4, 2),
        ("ldr pc, [r0, #4]", 2, 3),
        ("b 1234", 1, 2),
        ("bls 1234", 1, 2),
        ("blt 1234", 1, 2),
        ("bl 1234", 1, 2),
        ("cbz r0, 1234", 1, 2),
        ("tbb [pc, r3]", 2, 2),
        ("bic r0, r0, #1", 1, 0),
        ("cmp r0, #0", 1, 0),
        ("vmov s0, r0", 1, 0),
        ("vmov r0, r1, d0", 2, 0),
        ("vldr s0, [r0]", 2, 0),
        ("vldr d0, [r0]", 3, 0),
        ("vpush {d8-d9}", 5, 0),
        ("vpop {s16}", 2, 0),
        ("vadd.f32 s0, s1, s2", 1, 0),
        ("vfma.f32 s0, s1, s2", 3, 0),
        ("vdiv.f32 s0, s1, s2", 14, 0),
    ],
)
def test_cortex_m4(line: str, base: int, taken_extra: int) -> None:
    assert cycles("cortex-m4", line) == BlockCycles(base, taken_extra)
    assert cycles("cortex-m33", line) == BlockCycles(base, taken_extra)


@pytest.mark.parametrize(
    ("line", "base"),
    [  # Cortex-M3 TRM r2p1, table 3-1
        ("mul r0, r1, r2", 1),
        ("mla r0, r1, r2, r3", 2),
        ("mls r0, r1, r2, r3", 2),
        ("smull r0, r1, r2, r3", 4),
        ("umlal r0, r1, r2, r3", 5),
        ("ldr r0, [r1]", 2),
    ],
)
def test_cortex_m3(line: str, base: int) -> None:
    assert cycles("cortex-m3", line) == BlockCycles(base, 0)


@pytest.mark.parametrize(
    ("lines", "base"),
    [  # Cortex-M3 and M4 TRM, 3.3.2: the examples and rules of "Load/store timings"
        (("ldr r0, [r1]", "ldr r1, [r2]"), 3),
        (("ldr r0, [r1, r2]", "str r0, [r3, #20]"), 3),
        (("ldr r0, [r1, r2]", "str r1, [r3, r2]"), 3),
        (("ldr r0, [r1, r5]", "ldr r1, [r2]", "ldr r2, [r3, #4]"), 4),
        (("ldr r0, [r1]", "ldr r2, [r0]"), 4),  # the address is what was loaded
        (("str r0, [r1]", "ldr r2, [r3]"), 3),  # nothing overlaps with a store
        (("ldr r0, [r1]", "adds r3, r3, r4", "ldr r2, [r5]"), 5),
    ],
)
def test_neighbouring_loads_and_stores_overlap(lines: tuple[str, ...], base: int) -> None:
    assert cycles("cortex-m4", *lines).base == base


def test_an_empty_block_takes_no_time() -> None:
    assert cycles("cortex-m4") == BlockCycles(0, 0)
    assert cycles("cortex-m0plus") == BlockCycles(0, 0)
