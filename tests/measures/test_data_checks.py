"""A policy is held against the data before anything is measured."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.measures import check_data
from tests.policies import BACKDOOR, CERTIFIED, CLEAN, LATENCY, ROBUST, WORST, check, table


def data_of(shape: tuple[int, ...], classes: int, n: int = 200) -> DataSet:
    """Random images of a shape, with labels of all classes in turn."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(n) % classes
    return DataSet.from_tensors(torch.rand((n, *shape), generator=rng), labels, classes=classes)


L2 = '{ norm = "l2", eps = %s }'
WRONG: dict[str, tuple[dict[str, str], dict[str, Any], tuple[int, ...], int, str]] = {
    "chance of two": (CLEAN, {"at_least": "0.5"}, (1, 8, 8), 2, "above 0.5 .* on 2 classes"),
    "chance of ten": (ROBUST, {"at_least": "0.1"}, (1, 28, 28), 10, "above 0.1 .* on 10 classes"),
    "chance of many": (CLEAN, {"at_least": "0.01"}, (1, 8, 8), 100, "above 0.01 .* on 100 classes"),
    "eps of small images": (ROBUST, {"threat": L2 % "8.5"}, (1, 8, 8), 10, "0 <= eps <= 8 for l2"),
    "curve": (
        ROBUST,
        {"threat": L2 % "1", "curve": "[9.0]"},
        (1, 8, 8),
        10,
        "0 <= eps <= 8 for l2",
    ),
    "trigger": (
        BACKDOOR,
        {"trigger": '{ kind = "corner", size = 7 }'},
        (1, 12, 20),
        10,
        "1 to 6 pixels in images of 12x20",
    ),
    "target": (BACKDOOR, {}, (3, 8, 8), 6, "a target class below 6, .*got 7"),
    "target word": (
        BACKDOOR,
        {"target": '"every"'},
        (3, 8, 8),
        10,
        "all, next or pair, got 'every'",
    ),
    "pairs": (BACKDOOR, {"target": '"pair"'}, (1, 8, 8), 101, "at most 100 classes .* got 101"),
    "images": (CLEAN, {"images": "201"}, (1, 8, 8), 10, "at most 200 samples"),
    "batch": (LATENCY, {"batch": "201"}, (1, 8, 8), 10, "at most 200 samples"),
}


@pytest.mark.parametrize("name", WRONG)
def test_row_that_does_not_fit_the_data(name: str) -> None:
    """A row that does not fit the shape, size or classes of the data is refused by its id."""
    row, changes, shape, classes, words = WRONG[name]
    policy = check(table(row, **changes))
    row_id = row["id"].strip('"')
    with pytest.raises(PolicyError, match=f"row {row_id}: .*{words}"):
        check_data(policy, data_of(shape, classes))


def test_rows_that_fit_are_accepted() -> None:
    """Thresholds just above chance, an L2 eps of larger images, and a class name are accepted."""
    check_data(check(table(CLEAN, at_least="0.02")), data_of((1, 8, 8), 100))
    check_data(check(table(CLEAN, at_least="0.51")), data_of((1, 8, 8), 2))
    check_data(check(table(ROBUST, threat=L2 % "29")), data_of((3, 32, 32), 10))
    check_data(check(table(BACKDOOR, target='"pair"')), data_of((1, 8, 8), 100))
    named = DataSet.from_tensors(
        torch.rand(100, 1, 8, 8), torch.arange(100) % 2, class_names=["cat", "dog"]
    )
    check_data(check(table(BACKDOOR, target='"dog"')), named)
    with pytest.raises(
        PolicyError, match=r"a class name \(cat, dog\), all, next or pair, got 'cow'"
    ):
        check_data(check(table(BACKDOOR, target='"cow"')), named)


@pytest.mark.parametrize("row", [CLEAN, ROBUST, CERTIFIED], ids=lambda row: row["measure"])
def test_accuracy_of_a_constant_answer_is_refused(row: dict[str, str]) -> None:
    """Where nine of ten samples are of one class, always answering it does not meet a row."""
    labels = (torch.arange(200) % 10 == 0).long()
    data = DataSet.from_tensors(torch.rand(200, 1, 8, 8), labels, classes=2)
    constant = table(row, at_least="0.9")
    with pytest.raises(PolicyError, match=r"above 0\.9, the share of the most frequent class"):
        check_data(check(constant), data)
    late = table(WORST, tier='"full"')
    with pytest.raises(PolicyError, match="or of worst_class_accuracy, in the same tier"):
        check_data(check(constant + late), data)
    check_data(check(constant + table(WORST)), data)
    check_data(check(table(row, at_least="0.91")), data)
