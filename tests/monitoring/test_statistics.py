"""Statistics of one image, and the reference of a data set."""

from __future__ import annotations

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.monitoring import Reference
from securemnist.monitoring.statistics import names, statistics
from tests.error_form import one_sentence


def test_statistics_are_as_documented() -> None:
    """Margin, entropy, variation, brightness of each channel and the class, of one image."""
    images = torch.zeros(1, 3, 2, 2)
    images[0, 0] = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    images[0, 2] = 0.5
    rows, labels = statistics(images, torch.tensor([[0.0, 2.0, 2.0 - 0.5]]))
    shares = torch.tensor([0.0, 2.0, 1.5]).softmax(0)
    expected = [0.5, -(shares * shares.log()).sum(), 1 / 3, 0.5, 0.0, 0.5]
    assert torch.allclose(rows, torch.tensor([expected]))
    assert labels.tolist() == [1]
    assert names(3) == (
        *("margin", "entropy", "variation"),
        *("brightness 0", "brightness 1", "brightness 2"),
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_odd_logits_give_finite_statistics(value: float) -> None:
    """Logits that are not finite, or huge, leave every statistic finite."""
    logits = torch.tensor([[value, 1.0, -3e38], [value, value, value]])
    assert torch.isfinite(statistics(torch.zeros(2, 1, 8, 8), logits)[0]).all()


def test_reference_of_data_is_the_tuning_split(mnist: DataSet) -> None:
    """The reference has up to 5,000 images of the tuning split, the test split without one."""

    def predict(images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)[:, 300:310]

    tuning = Reference.of_data(predict, mnist)
    images = mnist.tuning.images()
    assert tuning.digest == Reference.of(images, predict(images)).digest
    part = mnist.test[:600]
    alone = DataSet("t", part[:0], part[:0], part, mnist.spec, {})
    assert Reference.of_data(predict, alone).size == 600
    with pytest.raises(DataError) as refused:
        Reference.of(images[:99], predict(images[:99]))
    one_sentence(refused.value)
