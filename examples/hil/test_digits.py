"""Gates for the digit classifier: the same tests on this computer, in QEMU and on the board on the desk."""

import numpy as np
import pytest

BASELINE = "baseline"


def test_computes_what_the_reference_computes(measured):
    measured.assert_matches_reference()


def test_is_accurate(measured):
    measured.assert_within(BASELINE, min_accuracy=97, max_accuracy_loss=0.5)


def test_fits_its_memory(measured):
    measured.assert_within(BASELINE, max_ram="8KiB", max_flash="40KiB", max_stack="+64")


def test_is_no_slower_than_before(measured):
    measured.assert_within(BASELINE, max_instructions="+2%", max_cycles="+2%", max_layer_instructions="+5%", max_flash="+2%")


@pytest.mark.edgecomp_counts("cycles")
def test_answers_within_five_milliseconds(measured):
    assert measured.latency_s < 0.005


def test_the_dense_layer_is_not_what_takes_the_time(measured):
    counts = [layer.instructions or layer.cycles for layer in measured.layers]
    if None in counts:
        pytest.skip("this board counts nothing")
    dense = measured.layer("dense")
    assert (dense.instructions or dense.cycles) < 0.05 * sum(counts)


@pytest.mark.parametrize("shade", [0, 16], ids=["white", "black"])
def test_blank_images_are_computed_like_any_other(digits, shade):
    result = digits.infer(np.full((1, 8, 8, 1), shade, np.uint8))
    result.assert_matches_reference()
    assert result.outputs_float.sum() == pytest.approx(1, abs=0.05)


def test_a_digit_does_not_depend_on_the_one_before(digits, held_out):
    alone = [digits.infer(held_out.x[row : row + 1]).outputs[0] for row in (3, 4)]
    together = digits.infer(held_out.x[3:5]).outputs
    assert (together == alone).all()
