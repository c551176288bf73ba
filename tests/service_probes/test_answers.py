"""Answers of a service: read strictly, with the figures that were sent."""

from __future__ import annotations

import pytest

from securemnist.errors import MeasureError
from securemnist.service_probes.answers import read
from securemnist.service_probes.reply import Reply

LABELS = '{"datatype": "INT64", "shape": [2], "data": [1, 0]}'


def reply(scores: str, around: str = "") -> Reply:
    """An answer for two images with these scores, whose labels are given as well."""
    output = f'{{"datatype": "FP64", "shape": [2, 2], "data": {scores}}}'
    return Reply(200, f'{{{around}"outputs": [{LABELS}, {output}]}}')


def test_scores_keep_their_figures() -> None:
    """Scores are the texts that were sent, so that their figures can be counted."""
    found = read(reply("[0.250, 0.75, 1, 0]"), 2)
    assert found.labels == [1, 0]
    assert found.scores == [["0.250", "0.75"], ["1", "0"]]


@pytest.mark.parametrize(
    "scores", ["[0.2, NaN, 1, 0]", "[0.2, 1e999, 1, 0]", '[0.2, "NaN", 1, 0]', "[0.2, true, 1, 0]"]
)
def test_scores_that_are_no_finite_numbers_are_refused(scores: str) -> None:
    """A score that cannot be compared is an error, also where the labels fit."""
    with pytest.raises(MeasureError, match="expected labels or scores"):
        read(reply(scores), 2)


@pytest.mark.parametrize("around", ['"outputs": [], ', '"a": ' + "[" * 99 + "]" * 99 + ", "])
def test_answers_that_parsers_read_differently_are_refused(around: str) -> None:
    """A duplicate key and deep nesting are refused as in every other file from outside."""
    with pytest.raises(MeasureError, match="expected labels or scores"):
        read(reply("[0.2, 0.8, 1, 0]", around), 2)
