"""The table of docs/defences.md: every bundled defence on every network, and numbers that agree."""

from __future__ import annotations

import pytest

from benchmarks.defences import HEAD, NONE, ROWS, TRIED, kept
from securemnist.defences import DEFENCES, make_defence
from securemnist.defences.art_preprocessing import PREFIX
from securemnist.evaluation.ladders import parse_attack

NAMES = [cell.strip() for cell in HEAD.strip("|").split("|")]
HIDING = ("confidence-mask:decimals=0", "label-only")


def shares(row: tuple[str, str]) -> dict[str, float]:
    """The numbers of a row, by the heading of their column."""
    cells = [cell.strip() for cell in kept()[row].strip("|").split("|")]
    named = zip(NAMES, cells, strict=True)
    return {name: float(cell.split()[0]) for name, cell in named if cell and cell[0].isdigit()}


def test_every_defence_is_tried() -> None:
    """The table has each bundled defence, two of ART's, and no defence that a policy would refuse."""
    defences = [make_defence(parse_attack(text)) for text in TRIED if text != NONE]
    assert set(DEFENCES) <= {defence.name for defence in defences}
    assert sum(defence.name.startswith(PREFIX) for defence in defences) == 2


def test_the_page_states_every_row() -> None:
    """No row of the command is missing on the page."""
    assert set(kept()) == set(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_numbers_of_a_row_agree(row: tuple[str, str]) -> None:
    """An adaptive attack leaves no more than the clean accuracy and no less than what is proved."""
    found = shares(row)
    assert found["proved"] <= found["adaptive"] <= found["clean"]
    assert found["time"] > 0


@pytest.mark.parametrize("defence", HIDING)
def test_a_defence_that_hides_the_gradient_gains_nothing(defence: str) -> None:
    """Behind hidden confidence the undefended network looks robust, and keeps nothing."""
    found = shares(("baseline", defence))
    assert found["own gradient"] > 50
    assert found["adaptive"] == shares(("baseline", NONE))["adaptive"] == 0
