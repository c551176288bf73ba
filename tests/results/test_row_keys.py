"""One spelling of each key of a row, and fractions as numbers."""

from __future__ import annotations

import pytest

from securemnist import measures
from securemnist.errors import PolicyError
from tests.policies import CLEAN, ROBUST, check, table


def test_former_key_is_read_as_images() -> None:
    """A row with `digits` equals one with `images`, in a policy and in the settings of a measure."""
    former, present = (check(table(CLEAN, **{key: "60"})) for key in ("digits", "images"))
    assert former.requirements == present.requirements
    assert measures.bind("clean_accuracy", {"digits": 60}).model_dump()["images"] == 60


def test_both_names_of_a_key_are_refused() -> None:
    """A row with `digits` and `images` is refused in one sentence that names the row."""
    with pytest.raises(PolicyError, match="row CLEAN-01: expected `images` once, got `digits`"):
        check(table(CLEAN, digits="60", images="60"))


def test_fractions_of_a_row_are_numbers() -> None:
    """Threat, curve and attack take "8/255", and a policy holds the numbers."""
    text = table(
        ROBUST,
        threat='{ norm = "linf", eps = "8/255" }',
        curve='[0.0, "4/255"]',
        attack='{ use = "PGD", steps = 10, step_size = "2/255" }',
    )
    settings = check(text).requirements[0].settings
    assert settings["threat"]["eps"] == 8 / 255
    assert settings["curve"] == [0.0, 4 / 255]
    assert settings["attack"] == {"use": "PGD", "steps": 10, "step_size": 2 / 255}


@pytest.mark.parametrize("eps", ["8/0", "many", "1/2/3"])
def test_text_that_is_no_fraction_is_refused(eps: str) -> None:
    """Another text as eps is refused in a sentence that shows how to write one."""
    with pytest.raises(
        PolicyError, match=r'expected eps as a number, got .*write eps = 0.1 or "8/255"'
    ):
        check(table(ROBUST, threat=f'{{ norm = "linf", eps = "{eps}" }}'))
