"""Terms of the loss and augmentation against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra `edgecomp[train]`)")

from edgecomp.train.augment import augments, flipped_and_shifted  # noqa: E402
from edgecomp.train.losses import classification, hoyer_square, imitation  # noqa: E402


def test_hoyer_square_is_the_share_of_equal_values_whatever_their_scale() -> None:
    values = torch.zeros(4, 25)
    values[:, :10] = 3.0
    assert hoyer_square(values).item() == pytest.approx(0.4)
    assert hoyer_square(values * 1000).item() == pytest.approx(0.4)
    assert hoyer_square(values * 0).item() == 0


def test_the_gradient_of_hoyer_square_is_that_of_its_definition() -> None:
    values = torch.rand(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (values.sum() ** 2 / values.square().sum() / values.numel() * 2.5).backward()
    expected, values.grad = values.grad, None
    (hoyer_square(values) * 2.5).backward()
    torch.testing.assert_close(values.grad, expected)


def test_classification_mixes_labels_and_teacher() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, teacher = torch.randn(6, 4, generator=generator), torch.randn(6, 4, generator=generator)
    labels = torch.arange(6) % 4
    hard = torch.nn.functional.cross_entropy(logits, labels)
    assert classification(logits, labels, None, 0.9, 2.0) == hard
    assert classification(logits, labels, teacher, 0.0, 2.0) == hard
    chances = torch.softmax(teacher / 2, 1)
    soft = (chances * (chances.log() - torch.log_softmax(logits / 2, 1))).sum(1).mean()
    torch.testing.assert_close(classification(logits, labels, teacher, 0.25, 2.0), 0.75 * hard + 0.25 * 4 * soft)
    torch.testing.assert_close(classification(teacher, labels, teacher, 1.0, 3.0), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_imitation_is_in_units_of_the_teachers_variance() -> None:
    teacher = torch.tensor([[0.0, 2.0], [4.0, 6.0]])
    assert imitation(teacher, teacher) == 0
    assert imitation(teacher + 1, teacher).item() == pytest.approx(1 / teacher.var().item())


def test_images_are_mirrored_and_moved_within_their_border() -> None:
    images = torch.arange(64 * 3 * 16 * 16, dtype=torch.float32).reshape(64, 3, 16, 16)
    made = flipped_and_shifted(images, torch.Generator().manual_seed(0))
    again = flipped_and_shifted(images, torch.Generator().manual_seed(0))
    assert made.shape == images.shape and torch.equal(made, again)
    most = 2
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (most, most), (most, most)), mode="reflect")
    found = set()
    for original, result in zip(padded, made.numpy(), strict=True):
        found.update(
            (top, left, mirrored)
            for top in range(2 * most + 1)
            for left in range(2 * most + 1)
            for mirrored in (False, True)
            if np.array_equal(original[:, top : top + 16, left : left + 16][:, :, :: -1 if mirrored else 1], result)
        )
    assert len({place[2] for place in found}) == 2 and len({place[:2] for place in found}) > 10


@pytest.mark.parametrize(("shape", "is_photograph"), [((3, 32, 32), True), ((1, 28, 28), False), ((3, 8, 8), False), ((640,), False)])
def test_only_photographs_are_augmented(shape: tuple[int, ...], is_photograph: bool) -> None:
    assert augments(shape) is is_photograph
