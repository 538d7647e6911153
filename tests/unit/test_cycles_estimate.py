"""From counted blocks to estimated cycles by layer."""

from pathlib import Path

import pytest

from edgecomp.errors import RunError, TargetError
from edgecomp.run.cycles import estimate_cycles, find_timing_model
from edgecomp.run.disassembly import Disassembly, Instruction
from edgecomp.run.profile import BlockCount, Profile, read_profile


def program() -> Disassembly:
    """ldr, add, bne at 0, 2, 4; then one more add at 6."""
    instructions = {
        0: Instruction("ldr", "r0, [r1]"),
        2: Instruction("adds", "r0, #1"),
        4: Instruction("bne", "0"),
        6: Instruction("adds", "r0, #1"),
    }
    return Disassembly(instructions, {0: 2, 2: 4, 4: 6})


def test_blocks_are_cut_from_the_disassembly() -> None:
    assert [item.mnemonic for item in program().block(2, 2)] == ["adds", "bne"]
    assert len(program().block(4, 9)) == 2
    assert program().block(100, 1) == []


def test_cycles_are_summed_by_layer_and_divided_by_samples() -> None:
    model = find_timing_model("cortex-m4", "board.toml")
    assert model is not None
    blocks = (
        BlockCount(address=0, instructions=3, section=0, executed=20, taken=18),  # 2 + 1 + 1, taken 2 more
        BlockCount(address=6, instructions=1, section=1, executed=4, taken=0),
        BlockCount(address=6, instructions=1, section=2, executed=2, taken=0),  # behind the last layer
        BlockCount(address=6, instructions=1, section=3, executed=1000, taken=0),  # outside the model
    )
    profile = Profile(blocks, layers=2, samples=2)
    estimate = estimate_cycles(profile, program(), model)
    assert estimate.layers == ((20 * 4 + 18 * 2) // 2, 2)
    assert estimate.whole == 58 + 2 + 1
    assert profile.section_instructions() == [60, 4, 2]


def test_an_unknown_timing_model_lists_those_there_are() -> None:
    assert find_timing_model("none", "board.toml") is None
    with pytest.raises(TargetError, match=r'board\.toml: run\.timing_model is "m4"; allowed: cortex-m0plus, .*hazard3, none'):
        find_timing_model("m4", "board.toml")


def test_a_profile_is_read(tmp_path: Path) -> None:
    (tmp_path / "profile.txt").write_text("marks 8\nblock 1f0 3 1 7 2\n")
    assert read_profile(tmp_path, layers=2, samples=2) == Profile((BlockCount(0x1F0, 3, 1, 7, 2),), layers=2, samples=2)


@pytest.mark.parametrize("text", ["", "marks\n", "marks 8\nblock xyz 1 1 1 1\n", "marks 8\nblock 0 1\n"])
def test_a_broken_profile_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "profile.txt").write_text(text)
    with pytest.raises(RunError, match=r"no valid profile\.txt"):
        read_profile(tmp_path, layers=2, samples=2)


def test_marks_that_do_not_match_the_layers_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "profile.txt").write_text("marks 10\n")
    with pytest.raises(RunError, match="called its observer 3 times an inference; it has 2 layers"):
        read_profile(tmp_path, layers=2, samples=2)
