"""Progress of rows of extraction_agreement: all trainings of a row are one piece of work."""

from __future__ import annotations

import pytest
import torch

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, extraction_copy, take_measurement
from securemnist.models import loading
from tests.measures.test_extraction import Changed, at_random, digits, network  # noqa: F401

SEEN = 13_000  # images of each training: 101 updates of 128


@pytest.mark.parametrize(("model", "copies"), [("honest", 1), ("at random", 2)])
def test_trainings_of_a_row_are_counted_together(
    model: str,
    copies: int,
    digits: DataSet,  # noqa: F811
    network: torch.nn.Module,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Updates of the control, its copy and the copies of the model; a further copy adds its own."""
    monkeypatch.setattr(extraction_copy, "TAKEN", SEEN)
    reported: list[tuple[int, int]] = []

    def progress(label: str, done: int, total: int) -> None:
        if label == "copy":
            reported.append((done, total))

    measured_model = network if model == "honest" else Changed(network, at_random(0.6))
    context = Context(
        loading.from_model(measured_model.eval(), name="it"), digits, progress=progress
    )
    take_measurement(
        context, "extraction_agreement", bind("extraction_agreement", {"queries": 600}), 0
    )
    every = [k + j for k in range(0, (2 + copies) * 101, 101) for j in (0, 50, 100)]
    assert [done for done, _ in reported] == every
    assert [total for _, total in reported[:9]] == [303] * 9
    assert {total for _, total in reported[9:]} == ({404} if copies == 2 else set())
