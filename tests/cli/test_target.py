"""The value of --target: a class of the data, or the next one."""

from __future__ import annotations

import pytest

from securemnist.cli.options import target_of
from securemnist.errors import UsageError
from securemnist.input_spec import InputSpec
from tests.error_form import one_sentence

SPEC = InputSpec(1, 28, 28, 3, ("cat", "dog", "2"))


@pytest.mark.parametrize(("text", "target"), [("1", 1), ("dog", 1), ("2", 2), ("next", "next")])
def test_a_target_is_a_class_or_the_next_one(text: str, target: int | str) -> None:
    """A class is named by its number or its name."""
    assert target_of(text, SPEC) == target


def test_a_target_is_found_however_its_accents_are_stored() -> None:
    """A typed name finds the class of a folder that macOS has named."""
    spec = InputSpec(1, 28, 28, 2, ("Gras", "Gru\u0308n"))
    assert target_of("Gr\u00fcn", spec) == spec.label_of("Gr\u00fcn") == 1


@pytest.mark.parametrize("text", ["3", "-1", "owl", "²", "", "9" * 5_000], ids=len)
def test_other_targets_are_refused(text: str) -> None:
    """What is no class of the data is an error of one sentence, however long it is."""
    with pytest.raises(UsageError, match="expected --target as a class below 3") as caught:
        target_of(text, SPEC)
    one_sentence(caught.value)
