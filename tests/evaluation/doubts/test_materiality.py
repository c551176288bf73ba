"""A doubt counts only if it can change the number."""

from __future__ import annotations

import pytest
import torch

from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.models import loading
from securemnist.threats import Linf


@pytest.mark.parametrize(
    ("survived", "hits", "n", "matters"),
    [(0.9, 20, 128, True), (0.9, 1, 128, False), (0.002, 1, 1, False), (0.002, 20, 20, False)],
)
def test_doubt_about_few_survivors_is_ignored(
    survived: float, hits: int, n: int, matters: bool
) -> None:
    """Where nearly every image is certified, the last survivors are no reason for a doubt."""
    x, y = torch.zeros(1, 1, 28, 28), torch.zeros(1, dtype=torch.long)
    subject = loading.resolve("baseline")
    case = SearchCase(subject, subject.model, Linf(0.3), x, y, survived=survived)
    assert case.matters(hits, n, 0.01) is matters
