"""The numbers of a clean measurement."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import torch

import securemnist as sm
from securemnist.data import DataSet
from securemnist.results.findings import Requirement, Verdict
from tests.stubs import FunctionModel


@pytest.mark.parametrize("name", ["clean_accuracy", "worst_class_accuracy"])
def test_measurement_is_json(name: str, mnist: DataSet) -> None:
    """Value and number of images are builtin numbers, which JSON holds."""
    few = dataclasses.replace(mnist, test=mnist.test[:300])
    found = sm.measure(name, "baseline", few, images=200)
    again = json.loads(json.dumps(found.to_json()))
    assert (again["value"], again["n"]) == (found.value, found.n)
    assert found.value == round(found.value * found.n) / found.n


def first_pixel(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 2): class 1 where the first pixel is bright."""
    bright = x[:, 0, 0, :1]
    return torch.cat([1 - bright, bright], 1)


@pytest.mark.parametrize(("second", "passes"), [(2, False), (99, True), (150, True)])
@pytest.mark.parametrize("images", [None, 1])
def test_worst_class_has_enough_images(second: int, passes: bool, images: int | None) -> None:
    """A class with few images does not pass by a perfect share: its bound decides, in full sets too."""
    labels = torch.cat([torch.zeros(200), torch.ones(second)]).long()
    x = torch.rand((len(labels), 1, 8, 8), generator=torch.Generator().manual_seed(0))
    x[:, 0, 0, 0] = labels.float()
    settings: dict[str, Any] = {} if images is None else {"images": len(labels) - images}
    found = sm.measure(
        "worst_class_accuracy", FunctionModel(first_pixel), (x, labels), progress=False, **settings
    )
    assert found.value == 1
    assert found.complete is (images is None and second >= 100)
    row = Requirement(id="W", measure="worst_class_accuracy", because="-", at_least=0.9)
    judged = row.judge(found.result)
    assert judged.verdict is (Verdict.PASS if passes else Verdict.INCONCLUSIVE)
    assert passes or "more images of the smallest class" in judged.reason
