"""Scores and labels of answers in several forms; everything else is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from securemnist.endpoint.answers import Reader
from securemnist.errors import ModelError
from tests.error_form import one_sentence

NAMES = ("cat", "dog", "owl")
SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
NAMED = [[{"n": "owl", "s": 0.1}, {"n": "cat", "s": 0.7}, {"n": "dog", "s": 0.2}]]
NAMED += [[{"n": "owl", "s": 0.6}, {"n": "dog", "s": 0.3}, {"n": "cat", "s": 0.1}]]
FORMS: dict[str, tuple[Any, str | None, str | None]] = {
    "lists": ({"p": SCORES.tolist()}, "$.p", None),
    "each": ({"p": [{"v": row} for row in SCORES.tolist()]}, "$.p[*].v", None),
    "maps of one pixel": ({"p": SCORES.reshape(1, 2, 3, 1).tolist()}, "$.p", None),
    "one list": ({"p": SCORES.reshape(-1).tolist()}, "$.p", None),
    "by name": ([dict(zip(NAMES, row, strict=True)) for row in SCORES.tolist()], "$[*]", None),
    "with labels": (NAMED, "$[*][*].s", "$[*][*].n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_found(form: str) -> None:
    """Scores as lists, as one list, by name and in any order give the same table."""
    answer, scores, labels = FORMS[form]
    reader = Reader("h", scores, labels, NAMES)
    np.testing.assert_array_equal(reader.read(json.dumps(answer).encode(), 2), SCORES)


@pytest.mark.parametrize("found", [["dog", "owl"], [1, 2], ["1", 2.0], [["dog"], [2]]], ids=str)
def test_labels_are_found(found: list[Any]) -> None:
    """Labels are names or numbers of classes."""
    content = json.dumps({"labels": found}).encode()
    assert Reader("h", None, "$.labels", NAMES).read(content, 2).tolist() == [1, 2]


def test_numbers_that_are_names() -> None:
    """Numbers are names where the description lists them, and then they are never positions."""
    numbers = tuple(str(number) for number in range(1, 11))
    stated = Reader("h", None, "$", numbers, stated=True)
    assert stated.read(b'[1, "2", 3.0, 10]', 4).tolist() == [0, 1, 2, 9]
    of_data = Reader("h", None, "$", numbers)
    assert of_data.read(b'[1, "2", 0, 9]', 4).tolist() == [1, 1, 0, 9]
    for reader, label in ((stated, b"0"), (stated, b'"0"'), (of_data, b'"0"'), (of_data, b"10")):
        with pytest.raises(ModelError, match="list the names of its classes in `classes`"):
            reader.read(label, 1)


def test_the_best_classes_alone_are_no_scores() -> None:
    """Where the best classes alone are answered, the error says how they can be read."""
    best = [[{"n": "owl", "s": 0.6}, {"n": "dog", "s": 0.3}]]
    with pytest.raises(ModelError, match="leave out `scores`") as caught:
        Reader("h", "$[*][*].s", "$[*][*].n", NAMES).read(json.dumps(best).encode(), 1)
    one_sentence(caught.value)
    labels = Reader("h", None, "$[*][0].n", NAMES)
    assert labels.read(json.dumps(best).encode(), 1).tolist() == [2]


@pytest.mark.parametrize(
    ("answer", "scores", "labels"),
    [
        ({"p": SCORES[:1].tolist()}, "$.p", None),
        ({"l": ["cat"]}, None, "$.l"),
        (NAMED[:1], "$[*][*].s", "$[*][*].n"),
    ],
)
def test_answer_to_the_first_image_alone(
    answer: Any, scores: str | None, labels: str | None
) -> None:
    """A service that answers one image of several is no fit for a batch, and the error says so."""
    with pytest.raises(ModelError, match="set batch = 1 where it answers one image") as caught:
        Reader("h", scores, labels, NAMES).read(json.dumps(answer).encode(), 3)
    one_sentence(caught.value)


def test_names_are_found_however_their_accents_are_stored() -> None:
    """A letter with an accent is one sign or two, in labels and in names of scores."""
    names = ("Gras", "Gr\u00fcn")
    label = json.dumps({"labels": ["Gru\u0308n"]}).encode()
    assert Reader("h", None, "$.labels", names).read(label, 1).tolist() == [1]
    scores = json.dumps([{"Gru\u0308n": 0.8, "Gras": 0.2}]).encode()
    assert Reader("h", "$[*]", None, names).read(scores, 1).tolist() == [[0.2, 0.8]]
    both = json.dumps([{"Gru\u0308n": 0.8, "Gr\u00fcn": 0.8, "Gras": 0.2}]).encode()
    with pytest.raises(ModelError, match="a score for each class by its name"):
        Reader("h", "$[*]", None, names).read(both, 1)


@pytest.mark.parametrize(
    ("images", "answer"),
    [
        (2, SCORES.T.tolist()),
        (6, np.zeros((3, 6)).tolist()),
        (2, [[0.7, 0.2, 0.1, 0.1], [0.3, 0.6]]),
        (2, [0.7, [0.2, 0.1, 0.1, 0.3, 0.6]]),
    ],
    ids=["by class", "many images by class", "ragged", "a number beside a list"],
)
def test_lists_that_are_not_of_one_image_are_refused(images: int, answer: Any) -> None:
    """As many scores as expected in other lists would be read as those of other images."""
    with pytest.raises(ModelError, match="expected a list of 3 scores for each image") as caught:
        Reader("h", "$.p", None, NAMES).read(json.dumps({"p": answer}).encode(), images)
    one_sentence(caught.value)


WRONG: dict[str, tuple[bytes, str | None, str | None]] = {
    "no JSON": (b"<html>", "$.p", None),
    "no UTF-8": (b"\xff\xfe\x00", "$.p", None),
    "NaN": (b'{"p": [NaN, 0.5, 0.5]}', "$.p", None),
    "infinite": (b'{"p": [1e999, 0.5, 0.5]}', "$.p", None),
    "null": (b'{"p": [null, 0.5, 0.5]}', "$.p", None),
    "truth": (b'{"p": [true, false, false]}', "$.p", None),
    "text": (b'{"p": ["0.1", "0.2", "0.7"]}', "$.p", None),
    "nothing there": (b'{"q": [0.1, 0.2, 0.7]}', "$.p", None),
    "too few": (b'{"p": [0.5, 0.5]}', "$.p", None),
    "too many": (b'{"p": [0.1, 0.2, 0.3, 0.4]}', "$.p", None),
    "other names": (b'[{"cat": 1, "dog": 0, "emu": 0}]', "$[*]", None),
    "a name twice": (
        b'[{"s":1,"n":"cat"},{"s":0,"n":"cat"},{"s":0,"n":"owl"}]',
        "$[*].s",
        "$[*].n",
    ),
    "unknown label": (b'{"l": "emu"}', None, "$.l"),
    "label of no class": (b'{"l": 3}', None, "$.l"),
    "label of many digits": (b'{"l": "' + b"9" * 5_000 + b'"}', None, "$.l"),
    "negative label": (b'{"l": -1}', None, "$.l"),
    "half a label": (b'{"l": 1.5}', None, "$.l"),
    "two labels": (b'{"l": [0, 1]}', None, "$.l"),
    "deep": (b"[" * 100 + b"]" * 100, "$..*", None),
    "duplicate key": (b'{"p": [1, 0, 0], "p": [0, 0, 1]}', "$.p", None),
}


@pytest.mark.parametrize("name", WRONG)
def test_other_answers_are_refused(name: str) -> None:
    """An answer of another form is an error of one sentence, and never a prediction."""
    content, scores, labels = WRONG[name]
    with pytest.raises(ModelError) as caught:
        Reader("h", scores, labels, NAMES).read(content, 1)
    one_sentence(caught.value)
