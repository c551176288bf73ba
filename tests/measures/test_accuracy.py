"""The numbers of a clean measurement."""

from __future__ import annotations

import json

import pytest

import securemnist as sm
from securemnist.data import DataSet


@pytest.mark.parametrize("name", ["clean_accuracy", "worst_class_accuracy"])
def test_measurement_is_json(name: str, mnist: DataSet) -> None:
    """Value and number of images are builtin numbers, which JSON holds."""
    found = sm.measure(name, "baseline", mnist, images=200)
    again = json.loads(json.dumps(found.to_json()))
    assert (again["value"], again["n"]) == (found.value, found.n)
    assert found.value == round(found.value * found.n) / found.n
