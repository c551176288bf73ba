"""Progress of rows of extraction_agreement: all trainings of a row are one piece of work."""

from __future__ import annotations

import pytest
import torch

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, extraction_copy, take_measurement
from securemnist.models import loading
from tests.measures.test_extraction import Changed, at_random, digits, network  # noqa: F401

UPDATES = 51  # of each training, by 128 images


def test_trainings_of_a_row_are_counted_together(
    digits: DataSet,  # noqa: F811
    network: torch.nn.Module,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Updates of the control, its copy and that of the model; a second copy of the model adds its own."""
    monkeypatch.setattr(extraction_copy, "TAKEN", UPDATES * 128)
    reported: list[tuple[int, int]] = []

    def progress(label: str, done: int, total: int) -> None:
        if label == "copy":
            reported.append((done, total))

    model = Changed(network, at_random(0.6)).eval()
    context = Context(loading.from_model(model, name="it"), digits, progress=progress)
    take_measurement(
        context, "extraction_agreement", bind("extraction_agreement", {"queries": 600}), 0
    )
    every = [k + j for k in range(0, 4 * UPDATES, UPDATES) for j in (0, 50)]
    assert [done for done, _ in reported] == every
    totals = [total for _, total in reported]
    assert totals == [3 * UPDATES] * 6 + [4 * UPDATES] * 2
